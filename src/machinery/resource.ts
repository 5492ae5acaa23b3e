// One definition per kind: routes, discovery, OpenAPI, validation, defaults, table columns, indexes all derive from what
// `defineResource` is given and from the schema facts. Nothing else in the tree switches on a kind.

import type { Clock, ClusterConfig, Random } from '../ports/index.ts';
import type { FieldError } from './errors.ts';
import type { KubeObject, New, ObjectMeta, ResourceToken } from './meta.ts';
import type { Rule } from './policy-rules.ts';
import type { UsageReader } from './usage.ts';

/** What whoever asks may do, for kinds by which users give to others what they have themselves (see {@link Strategy.authorize}). */
export interface Authority {
  /** The name in the request's path; '' of a create. */
  readonly requestName: string;
  may(what: { verb: string; group: string; resource: string; namespace: string; name: string }): boolean;
  /** What RBAC lets them do in the namespace of the request, and everywhere. */
  readonly rules: readonly Rule[];
  /** Why there may be more of these. */
  readonly errors: readonly string[];
}

/** What the hooks of a strategy may see besides the object. Synchronous: it runs inside the ledger's transaction. */
export interface StrategyContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly config: ClusterConfig;
  /** The object as the transaction sees it now; undefined when absent. Never mutate it. */
  get<T extends KubeObject>(resource: ResourceToken<T>, namespace: string | undefined, name: string): T | undefined;
  /** Whether any live object carries this index tag (see `indexes`), for unique allocation such as cluster addresses. */
  tagged(resource: ResourceToken, tag: string): boolean;
  /** Absent: a part of the control plane itself, or an administrator, who may do everything. */
  readonly authority?: Authority;
  /** What `inspect` has found. */
  readonly inspected?: readonly FieldError[];
  /** Tells the client (RFC 7234 Warning headers) what `warnings` could not see any more. */
  warn?(message: string): void;
  /** The verb under way: 'create', 'update' (also patches) or 'delete'. */
  readonly operation: 'create' | 'update' | 'delete';
  /** '' for the object itself. */
  readonly subresource: string;
  /** What the request names: the resource itself, or another version of it (see {@link Conversion}). */
  readonly requested: { readonly group: string; readonly version: string };
  /** authentication/v1 UserInfo. */
  readonly user: {
    readonly name: string;
    readonly uid?: string;
    readonly groups: readonly string[];
    readonly extra?: Readonly<Record<string, readonly string[]>>;
  };
}

/**
 * What is particular to a kind when it is written. Objects have been decoded by schema and defaulted by `defaults`
 * before any other hook; hooks may mutate `object`, never `old`. Metadata is validated generically.
 */
export interface Strategy<T extends KubeObject> {
  /** Upstream's defaulting functions (SetDefaults_*): idempotent, no context, also run over embedded templates. */
  defaults?(object: T): void;
  /**
   * What else whoever writes it must be allowed, by what the object is to say: throws Forbidden. Asked with an authority only,
   * before validation.
   */
  authorize?(object: T, old: T | undefined, context: StrategyContext, authority: Authority): void;
  /** Clears what a client may not set on create (status), allocates addresses. */
  prepareForCreate?(object: T, context: StrategyContext): void;
  /** Keeps what a client may not change on update (status, allocated fields); generation is kept generically. */
  prepareForUpdate?(object: T, old: T, context: StrategyContext): void;
  validate?(object: T, context: StrategyContext): FieldError[];
  /**
   * What takes time to find out about an object that somebody wants to create: asked before the transaction, of the body
   * as it came, and handed to `validate` in its context.
   */
  inspect?(object: T): Promise<FieldError[]>;
  validateUpdate?(object: T, old: T, context: StrategyContext): FieldError[];
  /** Warnings for the client (RFC 7234 Warning headers), as upstream words them. */
  warnings?(object: T, old: T | undefined): string[];
  /** Paths that a write puts back to what they were, so that nobody comes to own them; default: `status`, where there is one. */
  resetFields?: readonly string[];
  /** PUT of an absent name creates it. */
  allowCreateOnUpdate?: boolean;
  /** PUT without resourceVersion overwrites; default true, as in upstream. */
  allowUnconditionalUpdate?: boolean;
  /** Fields whose change raises metadata.generation; default: everything but metadata and status. False: no generation at all. */
  generation?: false;
  /** Seconds of grace of a DELETE that names none; undefined: delete at once. May look at the object (a pending pod: 0). */
  gracePeriodSeconds?(object: T, requested: number | undefined): number | undefined;
  /** Called when a graceful or held-back deletion begins, with deletionTimestamp set: what else changes (a Namespace's phase). */
  prepareForDelete?(object: T, context: StrategyContext): void;
  /** Finalizers beside metadata's that hold a deletion back (a Namespace's spec.finalizers). */
  finalizers?(object: T): readonly string[];
  /** DELETE answers with the object that was deleted (pods, services, serviceaccounts); default: a Status. */
  returnDeletedObject?: boolean;
  /** A DELETE that names no propagation policy leaves what this object owns without owner (replication controllers, jobs). */
  orphansDependents?: true;
  /** Warns whoever deletes without naming a propagation policy. */
  deletionWarning?: string;
  /** Its update validation looks at metadata as its create validation does, so that what is wrong there is said once more. */
  revalidatesMetadata?: boolean;
  /** What is created, and deleted, with it. Pure. */
  companions?(object: T): readonly Companion[];
  /** Name check; default DNS subdomain. Returns upstream's messages, empty when fine. `prefix`: a generateName. */
  validateName?(name: string, prefix: boolean): string[];
}

/** An object beside another one (see {@link Strategy.companions}), as it is created. */
export interface Companion {
  readonly resource: ResourceToken;
  readonly object: New<KubeObject>;
}

/** What an action may do besides changing its object, all of it in the transaction of its request. */
export interface ActionContext extends StrategyContext {
  readonly dryRun: boolean;
  /** The objects of the action's namespace. Yours to keep. */
  list<T extends KubeObject>(resource: ResourceToken<T>): T[];
  /** Puts another object, read through this context, in its place. Nothing happens on a dry run. */
  store<T extends KubeObject>(resource: ResourceToken<T>, object: T): void;
  /** Deletes the object, once the action's changes to it are stored. `options`: a DeleteOptions body. */
  delete(options: object): void;
}

/** A subresource that reads and writes a part of, or something beside, its object. */
export interface Subresource<T extends KubeObject = KubeObject> {
  /** `status`, `scale`, `binding`, `log`, `token` … */
  name: string;
  verbs: readonly ('get' | 'update' | 'patch' | 'create' | 'delete')[];
  /** Kind and group/version of its body, where it is not the parent's (Scale, Binding, TokenRequest), and what else is taken. */
  kind?: { group: string; version: string; otherVersions?: readonly string[]; kind: string; schema: string };
  /** Of an action: the collection that takes the same bodies, which then name the object (`bindings`). */
  collection?: string;
  /**
   * `status`-like: same object, other hooks. `project`-like: another form of the object (scale). `action`: a create that
   * does something (binding). Streams and tokens (`log`, `token`) are handled by the API server, which finds them by name.
   */
  behaviour:
    | {
        type: 'part';
        /** As in {@link Strategy}; default: none. */
        resetFields?: readonly string[];
        /** The only paths that a write comes to own (`*`: any element), where that says it better. */
        ownedFields?: readonly string[];
        prepareForUpdate(object: T, old: T, context: StrategyContext): void;
        validateUpdate?(object: T, old: T, context: StrategyContext): FieldError[];
        /** Instead of the strategy's, which are about the whole object. */
        warnings?(object: T, old: T): string[];
      }
    | {
        type: 'projection';
        read(object: T): Record<string, unknown>;
        write(object: T, body: Record<string, unknown>, context: StrategyContext): FieldError[];
      }
    | {
        type: 'action';
        /** Whether the body itself asks for a dry run. */
        dryRun?(body: Record<string, unknown>): boolean;
        apply(object: T, body: Record<string, unknown>, context: ActionContext): FieldError[];
      }
    | { type: 'connect' };
}

/** One column of `kubectl get`; a cell is a string, number or boolean. Priority 0 is always shown, 1 with -o wide. */
export interface Column<T> {
  name: string;
  type: 'string' | 'integer' | 'boolean' | 'date' | 'number';
  format?: string;
  description?: string;
  /** In place of a description of its own: the field whose description it is, by its type (`core.v1.PodStatus.podIP`). */
  doc?: string;
  priority?: number;
  /**
   * Pure in the object. An age is given as { since: RFC 3339 } and printed as a duration when read, between `prefix` and
   * `suffix` (`3 (5m ago)`); the cell is stored beside the row, so it may not depend on the time otherwise.
   */
  cell(object: T): string | number | boolean | null | { since: string | undefined; prefix?: string; suffix?: string };
}

/**
 * Of a resource that is another version of stored objects (autoscaling/v1 beside v2, events.k8s.io beside v1): its objects
 * are converted at the rim, and everything but decoding and defaulting is the stored resource's. Both conversions are pure,
 * take ownership of nothing, and lose nothing that the other version knows (upstream keeps such fields in annotations).
 */
export interface Conversion<T extends KubeObject> {
  readonly resource: ResourceToken;
  // biome-ignore lint/suspicious/noExplicitAny: the stored type is known to the definition's own file only
  toStored(object: T): any;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  fromStored(stored: any): T;
  /** Field selectors of this version by the stored resource's; absent: they are called the same. */
  readonly fieldLabels?: Readonly<Record<string, string>>;
}

/** How the parts of the control plane are, by name: undefined is fine, a text says what is wrong. */
export type ControlPlaneParts = Readonly<Record<string, () => string | undefined>>;

/** What is computed when it is read is made of this. Nothing here may be changed. */
export interface Computing {
  readonly clock: Clock;
  readonly parts: ControlPlaneParts;
  /** All that is served, the core group as ''. */
  readonly groupVersions: readonly { readonly group: string; readonly version: string }[];
  readonly usage: UsageReader;
  /** The one name that is asked for; '': a list is. */
  readonly name: string;
  get<T extends KubeObject>(resource: ResourceToken<T>, namespace: string | undefined, name: string): T | undefined;
  /**
   * For objects that stand for stored ones of the same names and labels: those of them that the request is about, by its
   * namespace, name and selectors. Metadata, and what field selectors may name.
   */
  selected(resource: ResourceToken): { metadata: ObjectMeta; fields: Readonly<Record<string, string>> }[];
}

/** What every cluster holds of a kind; put in place when the server starts, by a user in system:masters. */
export interface Bootstrap<T extends KubeObject> {
  objects(config: ClusterConfig): readonly New<T>[];
  /** The field manager that writes them; default: the server itself. */
  manager?: string;
  /** What `live` (a copy) must become to agree with `wanted`; undefined (or no hook): it is left as it is. */
  reconcile?(live: T, wanted: New<T>): T | undefined;
  /** Whether `live` can never agree with `wanted`: it is deleted, and made anew. */
  replaces?(live: T, wanted: New<T>): boolean;
  /** Whether an object that is not among them is what an earlier release put there, and is deleted. */
  leftOver?(live: T): boolean;
  /** Whether what is changed, deleted or left over is put right within a minute, not only at the next start. */
  maintained?: true;
  /** Whether deleting it brings it back at once, not only at the next start. */
  restored?(namespace: string, name: string): boolean;
}

export interface ResourceDefinition<T extends KubeObject = KubeObject> extends ResourceToken<T> {
  readonly singular: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  /** Name of its type in the schema facts: `io.k8s.api.core.v1.Pod`. */
  readonly schema: string;
  /** Default: create delete deletecollection get list patch update watch. */
  readonly verbs?: readonly string[];
  readonly strategy: Strategy<T>;
  readonly columns: readonly Column<T>[];
  /** Order of a table's rows, by their cells; default: as in lists. Such tables are held whole: for kinds with few objects. */
  rowOrder?(a: readonly unknown[], b: readonly unknown[]): number;
  /** Fields that a field selector may name, beside metadata.name and metadata.namespace. */
  readonly selectableFields?: Readonly<Record<string, (object: T) => string>>;
  /** Other names of these in selectors, by which old clients know them. */
  readonly fieldAliases?: Readonly<Record<string, string>>;
  /** How a selector by a field that is not among them is refused; default: `field label not supported: <label>`. */
  fieldRefusal?(label: string): string;
  /** Index tags of hot paths, beside `owner=<uid>` which every object gets: e.g. `node=n1`. At most a handful: each is a row. */
  indexes?(object: T): string[];
  readonly subresources?: readonly Subresource<T>[];
  /** What is never written but filled in when the object is read: signs of life of the node that it tells of. */
  heartbeat?: {
    /** Undefined: the object of this name tells of no node. */
    node(namespace: string, name: string): string | undefined;
    fill(object: T, lastContactMs: number): void;
  };
  /** Present: this is no stored resource but another version of one. */
  readonly conversion?: Conversion<T>;
  readonly bootstrap?: Bootstrap<T>;
  /**
   * Objects that are never stored but made when they are read; such a resource has get and list only. More than what is asked
   * for does no harm; what is asked for by name and is not among them is not found.
   */
  computed?(computing: Computing): readonly New<T>[] | Promise<readonly New<T>[]>;
  /** Warns whoever uses this version of the resource, whatever for. */
  readonly deprecation?: string;
  /** Objects are deleted this long after their last write (events); read once per start. */
  timeToLiveMs?(config: ClusterConfig): number;
}

// biome-ignore lint/suspicious/noExplicitAny: a registry holds definitions of all kinds, whose hooks are contravariant
export type AnyResource = ResourceDefinition<any>;

export function defineResource<T extends KubeObject>(definition: ResourceDefinition<T>): ResourceDefinition<T> {
  return definition;
}
