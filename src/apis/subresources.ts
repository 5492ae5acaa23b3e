// The forms of subresource that many kinds share: `status`, which writes nothing else, and `scale`.

import type { FieldError } from '../machinery/errors.ts';
import type { KubeObject, LabelSelector } from '../machinery/meta.ts';
import type { StrategyContext, Subresource } from '../machinery/resource.ts';
import { type Selector, selectorFromObject, selectorText } from '../machinery/selectors.ts';
import { isNegativeMessage } from './problems.ts';

/** Puts back every member of `old` but metadata and those named. */
export function keepAllBut<T extends KubeObject>(object: T, old: T, written: readonly string[]): void {
  const into = object as unknown as Record<string, unknown>;
  const from = old as unknown as Record<string, unknown>;
  for (const key of new Set([...Object.keys(into), ...Object.keys(from)])) {
    if (key === 'kind' || key === 'apiVersion' || key === 'metadata' || written.includes(key)) continue;
    if (from[key] === undefined) delete into[key];
    else into[key] = from[key];
  }
}

/** Of kinds whose status may not be a way to write metadata: what clients set there stays as it is (ResetObjectMetaForStatus). */
export function resetMetadata(object: KubeObject, old: KubeObject): void {
  const into = object.metadata as unknown as Record<string, unknown>;
  const from = old.metadata as unknown as Record<string, unknown>;
  for (const key of ['labels', 'annotations', 'finalizers', 'ownerReferences']) {
    if (from[key] === undefined) delete into[key];
    else into[key] = from[key];
  }
}

interface StatusHooks<T extends KubeObject> {
  /** Beside the spec: see Strategy. */
  resetFields?: readonly string[];
  prepare?(object: T, old: T, context: StrategyContext): void;
  validate?(object: T, old: T, context: StrategyContext): FieldError[];
  warnings?(object: T, old: T): string[];
}

/** `status`: writes the status and, as upstream, metadata. */
export function statusSubresource<T extends KubeObject>(hooks: StatusHooks<T> = {}): Subresource<T> {
  return {
    name: 'status',
    verbs: ['get', 'update', 'patch'],
    behaviour: {
      type: 'part',
      resetFields: ['spec', ...(hooks.resetFields ?? [])],
      prepareForUpdate(object, old, context) {
        keepAllBut(object, old, ['status']);
        hooks.prepare?.(object, old, context);
      },
      ...(hooks.validate ? { validateUpdate: hooks.validate } : {}),
      ...(hooks.warnings ? { warnings: hooks.warnings } : {}),
    },
  };
}

type Scaled = KubeObject & { spec: { replicas?: number }; status?: { replicas?: number } };
type Selecting = Scaled & { spec: { selector?: LabelSelector } };

/** autoscaling/v1 Scale over spec.replicas. */
export function scaleSubresource<T extends Selecting>(): Subresource<T> {
  return scaleBy<T>((object) => selectorFromObject(object.spec.selector));
}

/** As {@link scaleSubresource}, with the selector that tells which pods count. */
export function scaleBy<T extends Scaled>(selectorOf: (object: T) => Selector): Subresource<T> {
  return {
    name: 'scale',
    verbs: ['get', 'update', 'patch'],
    kind: { group: 'autoscaling', version: 'v1', kind: 'Scale', schema: 'io.k8s.api.autoscaling.v1.Scale' },
    behaviour: {
      type: 'projection',
      read(object) {
        const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
        const selector = selectorText(selectorOf(object));
        return {
          kind: 'Scale',
          apiVersion: 'autoscaling/v1',
          metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
          spec: object.spec.replicas ? { replicas: object.spec.replicas } : {},
          status: { replicas: object.status?.replicas ?? 0, ...(selector === '' ? {} : { selector }) },
        };
      },
      write(object, body) {
        const replicas = (body.spec as { replicas?: number } | undefined)?.replicas ?? 0;
        if (replicas < 0)
          return [{ type: 'Invalid', field: 'spec.replicas', badValue: replicas, detail: isNegativeMessage }];
        object.spec = { ...object.spec, replicas };
        return [];
      },
    },
  };
}

/** A stream, or whatever else is not an object: found by name, and handed to whoever carries it out. */
export const connectSubresource = (name: string, options: string, verbs: Subresource['verbs']): Subresource => ({
  name,
  verbs,
  kind: { group: '', version: 'v1', kind: options, schema: `io.k8s.api.core.v1.${options}` },
  behaviour: { type: 'connect' },
});

/** Passes requests on, with whatever path follows its own. */
export const proxySubresource = (options: string): Subresource =>
  connectSubresource('proxy', options, ['create', 'delete', 'get', 'patch', 'update']);
