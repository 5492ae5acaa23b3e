// Admission: what the cluster demands of a write beyond the kind's own rules. Plugins are synchronous and run inside the
// ledger's transaction, so that what they check still holds when the write is made. They refuse by throwing ApiError.
import type { ReadView } from '../../ledger/types.ts';
import type { KubeObject, ResourceToken } from '../../machinery/meta.ts';
import type { AnyResource, StrategyContext } from '../../machinery/resource.ts';
import type { User } from '../core.ts';
import type { Family } from '../metrics/families.ts';

export interface AdmissionRequest {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  readonly definition: AnyResource;
  readonly namespace: string;
  /** '' while a name is still to be generated. */
  readonly name: string;
  readonly subresource: string;
  readonly user: User;
  /** The new object, or the body of an action subresource; absent for a delete. Plugins may change it in `admit`. */
  readonly object?: KubeObject;
  readonly old?: KubeObject;
  readonly context: StrategyContext;
  readonly view: ReadView;
  readonly dryRun: boolean;
  /** The objects of a namespace ('': of all) as the transaction sees them; none of what is not served. Yours to keep. */
  list<T extends KubeObject>(resource: ResourceToken<T>, namespace: string): T[];
  /** The first of them by name, within bounds, and how many there are in all. */
  listFirst<T extends KubeObject>(
    resource: ResourceToken<T>,
    namespace: string,
    bounds: { countMax: number; bytesMax: number },
  ): { objects: T[]; count: number };
  /** Puts another object, read in this transaction, in its place. Nothing happens on a dry run. */
  store<T extends KubeObject>(resource: ResourceToken<T>, object: T): void;
  readonly warn: (message: string) => void;
  /** Adds to what the audit log says of this request; absent: nobody keeps it. */
  readonly annotate?: (key: string, value: string) => void;
}

export interface AdmissionPlugin {
  readonly name: string;
  /** May change the object. */
  admit?(request: AdmissionRequest): void;
  /** Sees the object as it will be stored. */
  validate?(request: AdmissionRequest): void;
  /** What it counts, for /metrics. */
  readonly families?: readonly Family[];
}

export class AdmissionChain {
  readonly #plugins: readonly AdmissionPlugin[];

  constructor(plugins: readonly AdmissionPlugin[]) {
    this.#plugins = plugins;
  }

  admit(request: AdmissionRequest): void {
    for (const plugin of this.#plugins) plugin.admit?.(request);
  }

  validate(request: AdmissionRequest): void {
    for (const plugin of this.#plugins) plugin.validate?.(request);
  }
}
