// What may change in a pod that exists (core/validation: ValidatePodUpdate).

import type {
  Affinity,
  Container,
  NodeSelectorTerm,
  Pod,
  PodSpec,
  Toleration,
} from '../../../generated/schemas/core-v1.ts';
import { goFormDiff, goFormOf } from '../../../machinery/diff.ts';
import { deepEqual } from '../../../machinery/validation.ts';
import { Problems } from '../../problems.ts';
import { keepAllBut } from '../../subresources.ts';
import { goMap, goPodSpec, nodeSelectorTermForm } from '../go-forms.ts';
import { validateAnnotationChanges, validateSpecificAnnotations } from '../podspec/annotations.ts';
import { trimmedImage } from '../podspec/containers.ts';
import { validateTolerations } from '../podspec/scheduling.ts';

const updatable = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
].join(',');

/** False when the lists do not correspond, which ends validation. */
function validateImages(
  problems: Problems,
  path: string,
  after: readonly Container[],
  before: readonly Container[],
): boolean {
  if (after.length !== before.length) {
    problems.forbidden(path, 'pod updates may not add or remove containers');
    return false;
  }
  after.forEach((container, i) => {
    if (!container.image) problems.required(`${path}[${i}].image`);
    trimmedImage(problems, `${path}[${i}]`, container);
  });
  return true;
}

/** Every old toleration must still be there; its seconds may differ. */
function validateKeptTolerations(
  problems: Problems,
  after: readonly Toleration[],
  before: readonly Toleration[],
): void {
  const content = ({ key, operator, value, effect }: Toleration) =>
    JSON.stringify([key || '', operator || '', value || '', effect || '']);
  const present = new Set(after.map(content));
  const kept = before.every((old) => present.has(content(old)));
  if (kept) validateTolerations(problems, 'spec.tolerations', after);
  else problems.forbidden('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds');
}

function validateGates(problems: Problems, spec: PodSpec, old: PodSpec): void {
  const before = new Set((old.schedulingGates ?? []).map((gate) => gate.name));
  (spec.schedulingGates ?? []).forEach((gate, i) => {
    if (!before.has(gate.name))
      problems.forbidden(
        `spec.schedulingGates[${i}].name`,
        `only deletion is allowed, but found new scheduling gate '${gate.name}'`,
      );
  });
}

/** The new spec with all that may change put back, to be compared with the old one. */
function withoutAllowedChanges(problems: Problems, spec: PodSpec, old: PodSpec): PodSpec {
  const oldImages = (after: readonly Container[] | undefined, before: readonly Container[] | undefined) =>
    after?.map((container, i) => ({ ...container, image: before?.[i]?.image }));
  const munged: PodSpec = {
    ...spec,
    containers: oldImages(spec.containers, old.containers) ?? [],
    initContainers: oldImages(spec.initContainers, old.initContainers),
    activeDeadlineSeconds: old.activeDeadlineSeconds,
    schedulingGates: old.schedulingGates,
    tolerations: old.tolerations,
  };
  if ((old.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1)
    munged.terminationGracePeriodSeconds = old.terminationGracePeriodSeconds;
  // A pod that no scheduler has seen yet may still be steered more narrowly.
  if (old.schedulingGates?.length) {
    if (Object.entries(old.nodeSelector ?? {}).some(([key, value]) => spec.nodeSelector?.[key] !== value))
      problems.invalid(
        'spec.nodeSelector',
        goMap(spec.nodeSelector),
        'only additions to spec.nodeSelector are allowed (no mutations or deletions)',
      );
    munged.nodeSelector = old.nodeSelector;
    validateGatedAffinity(problems, spec, old);
    munged.affinity = withNodeAffinity(munged.affinity, old.affinity);
  }
  return munged;
}

/** The new affinity with the old rules about nodes; none when it says nothing else, and neither does the old one. */
function withNodeAffinity(affinity: Affinity | undefined, old: Affinity | undefined): Affinity | undefined {
  if (deepEqual(affinity?.nodeAffinity, old?.nodeAffinity)) return affinity;
  if (!old && !affinity?.podAffinity && !affinity?.podAntiAffinity) return undefined;
  return { ...affinity, nodeAffinity: old?.nodeAffinity };
}

const shown = (term: NodeSelectorTerm): object => goFormOf(nodeSelectorTermForm, term);

function validateGatedAffinity(problems: Problems, spec: PodSpec, old: PodSpec): void {
  const terms = (of: PodSpec) =>
    of.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const before = terms(old);
  const after = terms(spec);
  const path = 'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms';
  if (before.length === 0) return;
  if (before.length !== after.length) {
    problems.invalid(
      path,
      after.length > 0 ? after.map(shown) : null,
      'no additions/deletions to non-empty NodeSelectorTerms list are allowed',
    );
    return;
  }
  before.forEach((term, i) => {
    const now = after[i] ?? {};
    const grown = (['matchExpressions', 'matchFields'] as const).every((kind) =>
      deepEqual((now[kind] ?? []).slice(0, term[kind]?.length ?? 0), term[kind] ?? []),
    );
    const wasEmpty = !term.matchExpressions?.length && !term.matchFields?.length;
    const filled = Boolean(now.matchExpressions?.length || now.matchFields?.length);
    if (!grown || (wasEmpty && filled))
      problems.invalid(`${path}[${i}]`, shown(now), 'only additions are allowed (no mutations or deletions)');
  });
}

/** Annotations in an update: those that may not change, and once more what each says. */
export function validatePodAnnotations(problems: Problems, pod: Pod, old: Pod): void {
  const path = 'metadata.annotations';
  validateAnnotationChanges(problems, path, pod.metadata.annotations, old.metadata.annotations);
  validateSpecificAnnotations(problems, path, pod.metadata.annotations, pod.spec);
}

/** Puts back all of a pod but its identity, for subresources that write a part of its spec. */
export function keepPod(pod: Pod, old: Pod): void {
  const { name, namespace, uid, resourceVersion, managedFields } = pod.metadata;
  const { managedFields: _former, ...kept } = structuredClone(old.metadata);
  pod.metadata = { ...kept, name, ...(namespace ? { namespace } : {}), uid, resourceVersion };
  if (managedFields) pod.metadata.managedFields = managedFields;
  keepAllBut(pod, structuredClone(old), []);
}

/** The generation rises with the spec, whichever subresource wrote it. */
export function raiseGeneration(pod: Pod, old: Pod): void {
  if (!deepEqual(pod.spec, old.spec)) pod.metadata.generation = (old.metadata.generation ?? 0) + 1;
}

/** Beside the validation of the pod itself. */
export function validatePodUpdate(pod: Pod, old: Pod): Problems {
  const problems = new Problems();
  validatePodAnnotations(problems, pod, old);
  const { spec } = pod;
  if (!validateImages(problems, 'spec.containers', spec.containers ?? [], old.spec.containers ?? [])) return problems;
  if (!validateImages(problems, 'spec.initContainers', spec.initContainers ?? [], old.spec.initContainers ?? []))
    return problems;
  const deadline = spec.activeDeadlineSeconds;
  const oldDeadline = old.spec.activeDeadlineSeconds;
  if (deadline === undefined && oldDeadline !== undefined)
    problems.invalid('spec.activeDeadlineSeconds', null, 'must not update from a positive integer to nil value');
  if (deadline !== undefined && (deadline < 0 || deadline > 2147483647)) {
    problems.invalid('spec.activeDeadlineSeconds', deadline, 'must be between 0 and 2147483647, inclusive');
    return problems;
  }
  if (deadline !== undefined && oldDeadline !== undefined && oldDeadline < deadline) {
    problems.invalid('spec.activeDeadlineSeconds', deadline, 'must be less than or equal to previous value');
    return problems;
  }
  validateKeptTolerations(problems, spec.tolerations ?? [], old.spec.tolerations ?? []);
  validateGates(problems, spec, old.spec);
  // Upstream tells a struct without fields from none, which the form does too.
  const before = goPodSpec(old.spec);
  if (deepEqual(goPodSpec(spec), before)) return problems;
  const munged = goPodSpec(withoutAllowedChanges(problems, spec, old.spec));
  if (!deepEqual(munged, before))
    problems.forbidden(
      'spec',
      `pod updates may not change fields other than ${updatable}\n${goFormDiff(before, munged)}`,
    );
  return problems;
}
