// `resize`: changes the CPU and memory that containers of a running pod ask for and may use. Nothing else of the pod changes
// here, whatever the body says.

import type { Container, Pod, ResourceRequirements } from '../../../generated/schemas/core-v1.ts';
import type { FieldError } from '../../../machinery/errors.ts';
import type { Subresource } from '../../../machinery/resource.ts';
import { deepEqual } from '../../../machinery/validation.ts';
import { Problems } from '../../problems.ts';
import { podQosClass } from './qos.ts';
import { keepPod, raiseGeneration } from './update.ts';
import { isMirror, validatePod } from './validation.ts';

type Quantities = Readonly<Record<string, string>> | undefined;
const kinds = ['containers', 'initContainers'] as const;

function prepareForUpdate(pod: Pod, old: Pod): void {
  const wanted = kinds.map((kind) => pod.spec?.[kind] ?? []);
  keepPod(pod, old);
  kinds.forEach((kind, k) => {
    const present: Container[] = pod.spec[kind] ?? [];
    for (const { name, resources, resizePolicy } of wanted[k] ?? []) {
      const container = present.find((one) => one.name === name);
      if (!container) continue;
      container.resources = resources ?? {};
      if (resizePolicy === undefined) delete container.resizePolicy;
      else container.resizePolicy = resizePolicy;
    }
  });
  raiseGeneration(pod, old);
}

/** Pods that are never resized, and why. */
function refusal(pod: Pod, old: Pod): string | undefined {
  const ofPod = ({ spec: { resources } }: Pod): boolean =>
    Object.keys({ ...resources?.requests, ...resources?.limits }).length > 0;
  if (ofPod(old) || ofPod(pod)) return 'pods with pod-level resources cannot be resized';
  if (isMirror(old)) return 'static pods cannot be resized';
  return old.spec.os?.name === 'windows' ? 'windows pods cannot be resized' : undefined;
}

/** A node that cannot resize does not report the resources of what runs on it. */
function isSupported({ status }: Pod): boolean {
  const running = (status?.containerStatuses ?? []).find((container) => container.state?.running);
  return !running || running.resources !== undefined;
}

const removed = (now: Quantities, before: Quantities): boolean =>
  Object.keys(before ?? {}).some((name) => now?.[name] === undefined);

function validateKept(
  problems: Problems,
  path: string,
  now: ResourceRequirements | undefined,
  before: ResourceRequirements | undefined,
): void {
  for (const kind of ['requests', 'limits'] as const)
    if (removed(now?.[kind], before?.[kind]))
      problems.forbidden(`${path}.${kind}`, `resource ${kind} cannot be removed`);
}

/** The container with the CPU and memory that it had, where it had any such list. */
function withFormer(container: Container, old: Container): Container {
  const former = (now: Quantities, before: Quantities): Record<string, string> | undefined => {
    if (!before) return undefined;
    const { cpu: _cpu, memory: _memory, ...others } = now ?? {};
    const { cpu, memory } = before;
    return { ...others, ...(cpu === undefined ? {} : { cpu }), ...(memory === undefined ? {} : { memory }) };
  };
  const [now, before] = [container.resources, old.resources];
  return {
    ...container,
    resources: {
      limits: former(now?.limits, before?.limits),
      requests: former(now?.requests, before?.requests),
    } as ResourceRequirements,
  };
}

const isSidecar = (container: Container): boolean => container.restartPolicy === 'Always';

function validateContainers(problems: Problems, pod: Pod, old: Pod): void {
  for (const kind of ['initContainers', 'containers'] as const)
    (old.spec[kind] ?? []).forEach((before, i) => {
      if (kind === 'initContainers' && !isSidecar(before)) return;
      validateKept(problems, `spec.${kind}[${i}].resources`, pod.spec[kind]?.[i]?.resources, before.resources);
    });
  for (const kind of kinds)
    (pod.spec[kind] ?? []).forEach((container, i) => {
      const before = old.spec[kind]?.[i] as Container;
      const ordinary = kind === 'containers';
      const mutable = ordinary || isSidecar(container);
      if (deepEqual(mutable ? withFormer(container, before) : container, before)) return;
      if (ordinary) problems.forbidden('spec', 'only cpu and memory resources are mutable');
      else if (mutable) problems.forbidden('spec', 'only cpu and memory resources for sidecar containers are mutable');
      else problems.forbidden('spec', 'resources for non-sidecar init containers are immutable');
    });
}

function validateUpdate(pod: Pod, old: Pod): FieldError[] {
  const refused = refusal(pod, old);
  if (refused !== undefined) return [{ type: 'Forbidden', field: '', detail: refused }];
  const problems = new Problems();
  validatePod(problems, pod);
  if ((old.status?.qosClass ?? podQosClass(old.spec)) !== podQosClass(pod.spec))
    problems.invalid('spec', pod.status?.qosClass ?? '', 'Pod QOS Class may not change as a result of resizing');
  if (!isSupported(old)) problems.forbidden('spec', 'Pod running on node without support for resize');
  validateContainers(problems, pod, old);
  return problems.list;
}

export const resize: Subresource<Pod> = {
  name: 'resize',
  verbs: ['get', 'patch', 'update'],
  behaviour: {
    type: 'part',
    ownedFields: kinds.flatMap((kind) => [`spec.${kind}.*.resources`, `spec.${kind}.*.resizePolicy`]),
    prepareForUpdate,
    validateUpdate,
    warnings: () => [],
  },
};
