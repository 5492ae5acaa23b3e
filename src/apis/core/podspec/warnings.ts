// Warnings that a client gets for a pod spec that is valid and yet likely a mistake (api/pod: warningsForPodSpecAndMeta).

import type { PodSpec } from '../../../generated/schemas/core-v1.ts';

export function podWarnings(path: string, spec: PodSpec): string[] {
  const out: string[] = [];
  const aliases = new Map<string, string>();
  (spec.hostAliases ?? []).forEach((alias, i) => {
    if (aliases.has(alias.ip)) out.push(`${path}.hostAliases[${i}].ip: duplicate ip "${alias.ip}"`);
    aliases.set(alias.ip, alias.ip);
  });
  (spec.imagePullSecrets ?? []).forEach((reference, i, all) => {
    if (!reference.name) out.push(`${path}.imagePullSecrets[${i}].name: invalid empty name "${reference.name ?? ''}"`);
    else if (all.findIndex((one) => one.name === reference.name) < i)
      out.push(`${path}.imagePullSecrets[${i}].name: duplicate name "${reference.name}"`);
  });
  for (const kind of ['initContainers', 'containers'] as const)
    (spec[kind] ?? []).forEach((container, c) => {
      const at = `${path}.${kind}[${c}]`;
      const seen = new Map<string, string>();
      (container.env ?? []).forEach((variable, i) => {
        const earlier = seen.get(variable.name);
        // A later value that builds on the earlier one of the same name is meant.
        if (earlier !== undefined && !variable.value?.includes(`$(${variable.name})`))
          out.push(
            `${at}.env[${i}]: hides previous definition of "${variable.name}", which may be dropped when using apply`,
          );
        seen.set(variable.name, variable.name);
      });
      for (const [name, quantity] of Object.entries(container.resources?.requests ?? {}))
        if (name === 'memory' && /m$/.test(quantity))
          out.push(
            `${at}.resources.requests[${name}]: fractional byte value "${quantity}" is invalid, must be an integer`,
          );
      for (const [name, quantity] of Object.entries(container.resources?.limits ?? {}))
        if (name === 'memory' && /m$/.test(quantity))
          out.push(
            `${at}.resources.limits[${name}]: fractional byte value "${quantity}" is invalid, must be an integer`,
          );
    });
  if (spec.terminationGracePeriodSeconds !== undefined && spec.terminationGracePeriodSeconds < 0)
    out.push(
      `${path}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`,
    );
  return out;
}
