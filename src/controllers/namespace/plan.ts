// What a terminating namespace still holds, and the conditions that tell so. Pure.
// Condition types, reasons and messages are upstream's.
import type { Namespace, NamespaceCondition } from '../../generated/schemas/core-v1.ts';
import type { KubeObject, ResourceToken } from '../../machinery/meta.ts';
import { formatTime } from '../../machinery/time.ts';

export const finalizer = 'kubernetes';

export interface Contents {
  resource: ResourceToken;
  objects: readonly KubeObject[];
}

export function isTerminating(namespace: Namespace | undefined): namespace is Namespace {
  return namespace?.metadata.deletionTimestamp !== undefined && (namespace.spec?.finalizers ?? []).includes(finalizer);
}

/** What it is about now: pods alone while there are any, so that what they use outlives them. */
function due(contents: readonly Contents[]): readonly Contents[] {
  const pods = contents.filter(
    ({ resource, objects }) => resource.group === '' && resource.plural === 'pods' && objects.length > 0,
  );
  return pods.length > 0 ? pods : contents;
}

export function nextToDelete(contents: readonly Contents[]): { resource: ResourceToken; object: KubeObject }[] {
  return due(contents).flatMap(({ resource, objects }) =>
    objects.filter((object) => object.metadata.deletionTimestamp === undefined).map((object) => ({ resource, object })),
  );
}

const wellReasons: Record<string, [reason: string, message: string]> = {
  NamespaceDeletionDiscoveryFailure: ['ResourcesDiscovered', 'All resources successfully discovered'],
  NamespaceDeletionGroupVersionParsingFailure: ['ParsedGroupVersions', 'All legacy kube types successfully parsed'],
  NamespaceDeletionContentFailure: [
    'ContentDeleted',
    'All content successfully deleted, may be waiting on finalization',
  ],
  NamespaceContentRemaining: ['ContentRemoved', 'All content successfully removed'],
  NamespaceFinalizersRemaining: ['ContentRemoved', 'All content successfully removed'],
};

export function conditionsOf(
  before: readonly NamespaceCondition[],
  contents: readonly Contents[],
  failures: readonly string[],
  nowMs: number,
): NamespaceCondition[] {
  const bad = badConditions(contents, failures);
  const ours = Object.entries(wellReasons).map(([type, [reason, message]]): NamespaceCondition => {
    const found = bad.get(type);
    const status = found ? 'True' : 'False';
    const current = before.find((condition) => condition.type === type);
    const lastTransitionTime = current?.status === status ? current.lastTransitionTime : formatTime(nowMs);
    return { type, status, lastTransitionTime, reason: found?.reason ?? reason, message: found?.message ?? message };
  });
  return [...before.filter(({ type }) => !(type in wellReasons)), ...ours];
}

function badConditions(
  contents: readonly Contents[],
  failures: readonly string[],
): Map<string, { reason: string; message: string }> {
  const bad = new Map<string, { reason: string; message: string }>();
  if (failures.length > 0) {
    const message = `Failed to delete all resource types, ${failures.length} remaining: ${[...failures].sort().join(', ')}`;
    bad.set('NamespaceDeletionContentFailure', { reason: 'ContentDeletionFailed', message });
  }
  const left = due(contents).filter(({ objects }) => objects.length > 0);
  if (left.length > 0) {
    const counts = left.map(
      ({ resource, objects }) => `${resource.plural}.${resource.group} has ${objects.length} resource instances`,
    );
    bad.set('NamespaceContentRemaining', {
      reason: 'SomeResourcesRemain',
      message: `Some resources are remaining: ${counts.sort().join(', ')}`,
    });
  }
  const finalizers = new Map<string, number>();
  for (const object of left.flatMap(({ objects }) => objects)) {
    for (const name of object.metadata.finalizers ?? []) finalizers.set(name, (finalizers.get(name) ?? 0) + 1);
  }
  if (finalizers.size > 0) {
    const counts = [...finalizers].map(([name, count]) => `${name} in ${count} resource instances`);
    bad.set('NamespaceFinalizersRemaining', {
      reason: 'SomeFinalizersRemain',
      message: `Some content in the namespace has finalizers remaining: ${counts.sort().join(', ')}`,
    });
  }
  return bad;
}
