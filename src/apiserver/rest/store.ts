// The one place where objects enter and leave the ledger.
import { ApiError, errors } from '../../machinery/errors.ts';
import type { KubeObject } from '../../machinery/meta.ts';
import type { AnyResource } from '../../machinery/resource.ts';
import { decodeWritten, encode, encodeValue, storedMetadata, written } from '../storage/codec.ts';
import { keyOf } from '../storage/read.ts';
import type { WriteScope, Written } from './scope.ts';

/** As upstream's etcd refuses requests above 1.5 MiB. */
export const objectBytesMax = 1.5 * 1024 * 1024;

function isTooLarge(text: string): boolean {
  // A JavaScript string's length bounds its UTF-8 length from below and, times three, from above.
  if (text.length * 3 <= objectBytesMax) return false;
  return text.length > objectBytesMax || new TextEncoder().encode(text).length > objectBytesMax;
}

/** What `object` is stored as; what is too large loses its managed fields first, unless it is applied. */
function fitting<C extends { value: string }>(
  scope: WriteScope,
  object: KubeObject,
  encoded: (object: KubeObject) => C,
): C {
  const whole = encoded(object);
  if (!isTooLarge(whole.value)) return whole;
  const { managedFields, ...metadata } = object.metadata;
  if (managedFields && !scope.applied) {
    const bare = encoded({ ...object, metadata });
    if (!isTooLarge(bare.value)) return bare;
  }
  throw new ApiError('RequestEntityTooLarge', 'etcdserver: request is too large');
}

/** An object that was stored, parsed when somebody looks at it: most answers are the text itself. */
class Stored implements Written {
  readonly value: string;
  readonly created: boolean;
  readonly deleted: boolean;
  readonly #definition: AnyResource;
  #object: KubeObject | undefined;

  constructor(definition: AnyResource, value: string, { created = false, deleted = false } = {}) {
    this.#definition = definition;
    this.value = value;
    this.created = created;
    this.deleted = deleted;
  }

  get object(): KubeObject {
    this.#object ??= decodeWritten(this.#definition, this.value);
    return this.#object;
  }
}

/** Stores `object` over the live revision `current` (0: it must be absent). */
export function put(scope: WriteScope, object: KubeObject, current: number): Written {
  const created = current === 0;
  const { definition, tx, core } = scope;
  const key = keyOf(definition, scope.namespace, object.metadata.name);
  if (scope.dryRun) {
    const { kind, apiVersion, metadata, ...rest } = written(object);
    const kept = storedMetadata(metadata, current);
    if (current === 0) delete (kept as Partial<typeof kept>).resourceVersion;
    fitting(scope, object, (one) => encodeValue(one, current));
    return { object: { kind, apiVersion, metadata: kept, ...rest }, created };
  }
  let stored = '';
  const lifetime = definition.timeToLiveMs?.(core.config);
  const expires = lifetime === undefined ? undefined : core.clock.now() + lifetime;
  const result = tx.put(
    key,
    (revision) => {
      const content = fitting(scope, object, (one) => encode(definition, one, revision, expires));
      stored = content.value;
      return content;
    },
    { revision: current },
  );
  if (!result.ok) {
    if (result.reason === 'exists') throw errors.alreadyExists(scope.requested, object.metadata.name);
    if (result.reason === 'absent') throw errors.notFound(scope.requested, object.metadata.name);
    throw conflict(scope, object.metadata.name);
  }
  return new Stored(definition, stored, { created });
}

/** Deletes `object`, leaving it as the final state that watchers see. */
export function remove(scope: WriteScope, object: KubeObject, current: number): Written {
  const { definition, tx } = scope;
  if (scope.dryRun) return { object: written(object), deleted: true };
  let stored = '';
  const result = tx.delete(
    keyOf(definition, scope.namespace, object.metadata.name),
    (revision) => {
      const content = encode(definition, object, revision);
      stored = content.value;
      return content;
    },
    { revision: current },
  );
  if (!result.ok) throw conflict(scope, object.metadata.name);
  return new Stored(definition, stored, { deleted: true });
}

export function conflict(scope: WriteScope, name: string): ApiError {
  return errors.conflict(
    scope.requested,
    name,
    'the object has been modified; please apply your changes to the latest version and try again',
  );
}
