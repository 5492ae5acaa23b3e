// One write under way: what it is about, for whom, with which options, inside which transaction.
import type { WriteView } from '../../ledger/types.ts';
import type { FieldError } from '../../machinery/errors.ts';
import type { Applied } from '../../machinery/managed/index.ts';
import type { KubeObject, ObjectMeta, ResourceToken } from '../../machinery/meta.ts';
import type { AnyResource, Authority, StrategyContext, Subresource } from '../../machinery/resource.ts';
import type { AdmissionRequest } from '../admission/chain.ts';
import { type Core, strategyContext, type User } from '../core.ts';
import { decode } from '../storage/codec.ts';
import { keyRange } from '../storage/read.ts';
import { put } from './store.ts';

export interface WriteScope {
  readonly core: Core;
  readonly tx: WriteView;
  readonly user: User;
  /** The stored resource: whose strategy, rows and columns these are. */
  readonly definition: AnyResource;
  /** The resource that the request names: the stored one, or another version of it. Errors speak of it. */
  readonly requested: AnyResource;
  readonly namespace: string;
  /** '' on a create to a collection. */
  readonly name: string;
  readonly subresource?: Subresource;
  /** The projection that is written through: the object is replaced as a whole, admission sees what was asked for. */
  readonly through?: string;
  /** Throws where the user may not create what an update finds absent; absent: whoever may update may. */
  readonly mayCreate?: () => void;
  /** What the user may do, where the kind wants to know it; absent: everything. */
  readonly authority?: Authority;
  readonly dryRun: boolean;
  readonly warnings: string[];
  /** What the audit log is to say beside; absent: nobody keeps it. */
  readonly annotate?: (key: string, value: string) => void;
  /** What was found out before the transaction (see Strategy.inspect). */
  readonly inspected?: readonly FieldError[];
  /** Who is to own what changes (see fieldManager); absent: unknown. */
  readonly manager?: string;
  /** What server-side apply has found out already. */
  readonly applied?: Pick<Applied, 'managedFields'>;
}

/** The outcome of a write: the object as a client reads it. `deleted`: it is gone. */
/** What a write leaves. */
export interface Written {
  /** As clients read it. */
  readonly object: KubeObject;
  /** What was stored of it; absent where nothing was. */
  readonly value?: string;
  readonly created?: boolean;
  readonly deleted?: boolean;
}

/** An object on its way through a write: metadata not yet complete. */
export type Draft = KubeObject & { metadata: ObjectMeta };

export function contextOf(scope: WriteScope, operation: StrategyContext['operation']): StrategyContext {
  const { core, tx, user, subresource, requested, authority, inspected } = scope;
  return {
    ...strategyContext(core, tx, user, operation, subresource?.name ?? '', requested),
    ...(authority ? { authority } : {}),
    ...(inspected ? { inspected } : {}),
    warn: (message) => warn(scope, message),
  };
}

/** Throws Forbidden where the user gives to others what they have not themselves. */
export function authorizeContent(
  { definition }: WriteScope,
  context: StrategyContext,
  object: Draft,
  old?: KubeObject,
) {
  if (context.authority) definition.strategy.authorize?.(object, old, context, context.authority);
}

export function admissionRequest(
  scope: WriteScope,
  operation: AdmissionRequest['operation'],
  context: StrategyContext,
  objects: { object?: KubeObject; old?: KubeObject },
): AdmissionRequest {
  return {
    operation,
    definition: scope.definition,
    namespace: scope.definition.namespaced ? scope.namespace : '',
    name: scope.name || objects.object?.metadata.name || '',
    subresource: scope.subresource?.name ?? scope.through ?? '',
    user: scope.user,
    ...objects,
    context,
    view: scope.tx,
    dryRun: scope.dryRun,
    list<T extends KubeObject>(resource: ResourceToken<T>, namespace: string): T[] {
      const { group, version, plural } = resource;
      const definition = scope.core.registry.find(group, version, plural);
      if (!definition) return [];
      return scope.tx
        .range(keyRange(definition, namespace))
        .entries.map((entry) => decode<KubeObject>(definition, entry.value) as T);
    },
    listFirst<T extends KubeObject>(
      resource: ResourceToken<T>,
      namespace: string,
      { countMax, bytesMax }: { countMax: number; bytesMax: number },
    ) {
      const definition = scope.core.registry.require(resource);
      const range = keyRange(definition, namespace);
      const { entries } = scope.tx.range({ ...range, limit: countMax, bytesMax });
      const objects = entries.map((entry) => decode<KubeObject>(definition, entry.value) as T);
      return { objects, count: scope.tx.count(range) };
    },
    store(resource, object) {
      const { namespace = '', name, resourceVersion } = object.metadata;
      const { subresource: _none, ...rest } = scope;
      const definition = scope.core.registry.require(resource);
      put({ ...rest, definition, namespace, name }, object, Number(resourceVersion));
    },
    warn: (message) => warn(scope, message),
    ...(scope.annotate ? { annotate: scope.annotate } : {}),
  };
}

/** More than fit into the headers of an answer, however short they are. */
const warningsMax = 1000;

export function warn({ warnings }: WriteScope, message: string): void {
  if (warnings.length < warningsMax && !warnings.includes(message)) warnings.push(message);
}
