// Calls to other Durable Objects. A stub is made for every call and made again when it broke: an object that was evicted,
// restarted or redeployed answers the next one. Only calls that the runtime says never took effect are repeated, unless
// the caller says that repeating is harmless.

const attemptsMax = 4;
const firstDelayMs = 20;

/** An id is a keyed hash of the name: made once. */
const ids = new WeakMap<object, Map<string, DurableObjectId>>();
const idsMax = 10_000;

function idOf(namespace: DurableObjectNamespace<never>, name: string): DurableObjectId {
  const known = ids.get(namespace) ?? new Map<string, DurableObjectId>();
  if (known.size === 0 || known.size > idsMax) {
    known.clear();
    ids.set(namespace, known);
  }
  let id = known.get(name);
  if (!id) {
    id = namespace.idFromName(name);
    known.set(name, id);
  }
  return id;
}

interface RuntimeError {
  retryable?: boolean;
  overloaded?: boolean;
}

export async function callObject<T extends Rpc.DurableObjectBranded, R>(
  namespace: DurableObjectNamespace<T>,
  name: string,
  call: (stub: DurableObjectStub<T>) => Promise<R>,
  options: { idempotent?: boolean } = {},
): Promise<R> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call(namespace.get(idOf(namespace as DurableObjectNamespace<never>, name)));
    } catch (error) {
      const { retryable, overloaded } = error as RuntimeError;
      const broken = retryable === true || (options.idempotent === true && isDisconnect(error));
      if (!broken || overloaded === true || attempt >= attemptsMax) throw error;
      await new Promise((resolve) => setTimeout(resolve, firstDelayMs * 2 ** attempt * (0.5 + Math.random())));
    }
  }
}

/** The object went away under the call; whether the call took effect is not known. */
function isDisconnect(error: unknown): boolean {
  const text = String(error);
  return /disconnected|broken|reset|aborted|connection lost|hibernat|evict/i.test(text);
}
