// What controllers and the scheduler see of the cluster: linearizable reads, batched writes, a feed of changes behind a
// durable cursor. Work is keyed by object, never by event.

import type { Status } from '../machinery/errors.ts';
import type { KubeObject, New, ObjectMeta, ResourceToken } from '../machinery/meta.ts';
import type { Clock, ClusterConfig, Log, Random } from '../ports/index.ts';
import type { Interest } from './interest.ts';

export interface ListQuery {
  namespace?: string;
  /** Upstream's selector syntax: `app=web,tier in (a,b)`. */
  labelSelector?: string;
  /** `spec.nodeName=n1`; indexed where the kind says so. */
  fieldSelector?: string;
  /** Only objects with an owner reference to this uid (indexed). */
  ownerUid?: string;
  /** Of each object its metadata, and nothing else; not with selectors. */
  metadataOnly?: boolean;
}

export interface Owned {
  resource: ResourceToken;
  object: KubeObject;
}

/** Reads of the ledger as it is now. Several calls may be answered in one round trip: issue them together. */
export interface Reader {
  get<T extends KubeObject>(
    resource: ResourceToken<T>,
    namespace: string | undefined,
    name: string,
  ): Promise<T | undefined>;
  list<T extends KubeObject>(resource: ResourceToken<T>, query?: ListQuery): Promise<T[]>;
  /** Objects of any kind with an owner reference to this uid, each in the version that is stored (indexed). */
  owned(ownerUid: string): Promise<Owned[]>;
}

/** One write, plain data. Writes carry preconditions: updates by `object.metadata.resourceVersion`, deletes by uid and resourceVersion. */
export type Write =
  | {
      verb: 'create';
      resource: ResourceToken;
      namespace?: string;
      name?: string;
      subresource?: string;
      object: New<KubeObject> | Record<string, unknown>;
      /** Who owns what it sets; default: the caller. */
      manager?: string;
    }
  | { verb: 'update'; resource: ResourceToken; subresource?: string; object: KubeObject; manager?: string }
  | {
      verb: 'patch';
      resource: ResourceToken;
      namespace?: string;
      name: string;
      subresource?: string;
      type: 'json' | 'merge' | 'strategic';
      patch: unknown;
    }
  | {
      /** Server-side apply of what `object` says, which names what it is about. Takes fields over only with `force`. */
      verb: 'apply';
      resource: ResourceToken;
      subresource?: string;
      manager: string;
      force?: boolean;
      /** With a uid, nothing else of that name is meant, and nothing is created. */
      object: Record<string, unknown> & { metadata: Pick<ObjectMeta, 'name' | 'namespace'> & { uid?: string } };
    }
  | {
      verb: 'delete';
      resource: ResourceToken;
      namespace?: string;
      name: string;
      uid?: string;
      resourceVersion?: string;
      gracePeriodSeconds?: number;
      propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
    };

export type WriteOutcome = { ok: true; object: KubeObject } | { ok: false; status: Status };

export interface Writer {
  /** Executes in order, each atomic by itself, in one round trip; a failure does not stop the rest. */
  write(writes: readonly Write[]): Promise<WriteOutcome[]>;
}

/** One change as a consumer sees it; `previous` where the row was there before and is not compacted. */
export interface ObjectChange<T extends KubeObject = KubeObject> {
  type: 'put' | 'delete';
  resource: ResourceToken<T>;
  revision: number;
  object: T;
  previous?: T;
}

export interface Feed {
  /**
   * Changes after the cursor of what is wanted. `reset`: the cursor was compacted,
   * or is of another ledger, relist. `life`: what an earlier answer named; a cursor is that with the revision. Without it
   * nobody notices that the ledger was replaced by an older copy.
   */
  changes(
    after: number,
    interest: Interest,
    limit: number,
    life?: string,
  ): Promise<{ changes: ObjectChange[]; through: number; reset: boolean; current: number; life?: string }>;
}

export interface Client extends Reader, Writer {}

/** Records core/v1 Events with upstream's aggregation (same object, reason and message: a count). */
export interface EventRecorder {
  record(object: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): void;
}

export interface ReconcileContext {
  readonly client: Client;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly random: Random;
  readonly config: ClusterConfig;
  readonly log: Log;
}

export interface Result {
  /** Look again after this long, even if nothing changes: a durable deadline. */
  requeueAfterMs?: number;
}

/** A source of work: which keys of a controller a change concerns. `keys` may read. */
export interface WorkSource<T extends KubeObject = KubeObject> {
  resource: ResourceToken<T>;
  keys(change: ObjectChange<T>, reader: Reader): string[] | Promise<string[]>;
  /** Only such changes can ask for work (see {@link Interest}); absent: any. Others may be shown all the same. */
  only?: 'ends' | { name: string };
}

export interface Controller {
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: sources of several kinds in one list
  readonly sources: readonly WorkSource<any>[];
  /** Brings the object that `key` names one step nearer to its desired state. Throwing backs off per key. Must be idempotent. */
  reconcile(key: string, context: ReconcileContext): Promise<Result>;
}

/** Typed helper for {@link Controller.sources}. */
export function source<T extends KubeObject>(
  resource: ResourceToken<T>,
  keys: WorkSource<T>['keys'],
  only?: WorkSource<T>['only'],
): WorkSource<T> {
  return { resource, keys, only };
}
