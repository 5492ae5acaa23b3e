// AdmissionConfiguration: configurations of admission plugins in one object, as upstream's API server takes them. Each is what it
// would be as a document of its own. No file is read, and no plugin is turned on or off by it.
import type { FieldError } from '../machinery/errors.ts';
import { isJsonObject } from '../machinery/schema/json.ts';
import { duplicate, forbidden, invalid, notSupported } from '../machinery/validation.ts';
import { Fields } from './fields.ts';

/** Plugins that can be configured, and the group of their kind. */
const groups: Readonly<Record<string, string>> = {
  EventRateLimit: 'eventratelimit.admission.k8s.io',
  PodSecurity: 'pod-security.admission.config.k8s.io',
};

export function isAdmissionConfiguration(document: object): boolean {
  const { apiVersion, kind } = document as { apiVersion?: unknown; kind?: unknown };
  return kind === 'AdmissionConfiguration' && apiVersion === 'apiserver.config.k8s.io/v1';
}

/** The configurations in it, by where they stand. */
export function pluginConfigurations(document: object, problems: FieldError[]): { at: string; document: object }[] {
  const fields = new Fields(document, '', ['apiVersion', 'kind', 'plugins'], problems);
  const values = fields.list('plugins');
  const seen = new Set<string>();
  return fields.children('plugins', ['name', 'path', 'configuration']).flatMap((plugin, index) => {
    const name = plugin.text('name');
    if (seen.has(name)) problems.push(duplicate(plugin.path('name'), name));
    seen.add(name);
    const group = Object.hasOwn(groups, name) ? groups[name] : undefined;
    if (group === undefined) {
      problems.push(notSupported(plugin.path('name'), name, Object.keys(groups)));
      return [];
    }
    if (plugin.has('path'))
      problems.push(forbidden(plugin.path('path'), 'no file is read: put its content into configuration'));
    if (!plugin.has('configuration')) return [];
    const at = plugin.path('configuration');
    const { configuration } = values[index] as { configuration: unknown };
    if (isJsonObject(configuration)) {
      const { apiVersion } = configuration as { apiVersion?: unknown };
      if (String(apiVersion).startsWith(`${group}/`)) return [{ at, document: configuration }];
      problems.push(invalid(`${at}.apiVersion`, apiVersion ?? '', `must be of the group ${group}`));
    } else problems.push(invalid(at, configuration, 'must be an object'));
    return [];
  });
}
