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

/** The former containers with what is wanted of them now; other containers as they come, for validation to refuse. */
function resized(wanted: Container[], former: Container[]): Container[] {
  if (wanted.some((container, i) => container.name !== former[i]?.name)) return wanted;
  return former.map(({ resizePolicy: _former, ...container }, i) => {
    const { resources = {}, resizePolicy } = wanted[i] as Container;
    return { ...container, resources, ...(resizePolicy === undefined ? {} : { resizePolicy }) };
  });
}

function prepareForUpdate(pod: Pod, old: Pod): void {
  const [containers, initContainers] = kinds.map((kind) => pod.spec?.[kind] ?? []) as [Container[], Container[]];
  keepPod(pod, old);
  const [former, formerInit] = kinds.map((kind) => pod.spec[kind] ?? []) as [Container[], Container[]];
  const same = containers.length === former.length && initContainers.length === formerInit.length;
  pod.spec.containers = same ? resized(containers, former) : containers;
  if (initContainers.length > 0) pod.spec.initContainers = same ? resized(initContainers, formerInit) : initContainers;
  else delete pod.spec.initContainers;
  raiseGeneration(pod, old);
}

/** False: the containers are not those of before. */
function validateOrder(problems: Problems, pod: Pod, old: Pod): boolean {
  const before = problems.list.length;
  for (const kind of kinds) {
    const [after, former] = [pod.spec[kind] ?? [], old.spec[kind] ?? []];
    if (after.length !== former.length)
      problems.forbidden(`spec.${kind}`, `${kind} may not be added or removed on resize`);
    else
      former.forEach(({ name }, i) => {
        if (after[i]?.name !== name)
          problems.forbidden(`spec.${kind}[${i}].name`, `${kind} may not be renamed or reordered on resize`);
      });
  }
  return problems.list.length === before;
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
  if (validateOrder(problems, pod, old)) validateContainers(problems, pod, old);
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
