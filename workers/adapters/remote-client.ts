// The Client and Feed of a controller or the scheduler over calls to the API server's object. Reads that are issued in
// the same turn travel together, and so do writes; a write that broke off is not repeated, since it may have taken effect.
import type { KubeObject, ResourceToken } from '../../src/machinery/meta.ts';
import type { Client, Feed, ListQuery, Write, WriteOutcome } from '../../src/reconcile/types.ts';
import type { ApiServerObject } from '../api-server/object.ts';
import { mainObject } from '../env.ts';
import { type Outcome, unwrap } from './outcome.ts';
import { callObject } from './stubs.ts';

export type Read =
  | { type: 'get'; resource: ResourceToken; namespace?: string; name: string }
  | { type: 'list'; resource: ResourceToken; query?: ListQuery };

/** An object or nothing for a get, a list for a list. */
export type ReadResult = Outcome<KubeObject | KubeObject[] | undefined>;

interface Waiting<Request, Result> {
  request: Request;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/** Collects what is asked in one turn and asks for all of it at once. */
class Batcher<Request, Result> {
  #waiting: Waiting<Request, Result>[] = [];
  readonly #send: (requests: Request[]) => Promise<Result[]>;

  constructor(send: (requests: Request[]) => Promise<Result[]>) {
    this.#send = send;
  }

  ask(request: Request): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.push({ request, resolve, reject }) === 1) queueMicrotask(() => void this.#flush());
    });
  }

  async #flush(): Promise<void> {
    const batch = this.#waiting;
    this.#waiting = [];
    try {
      const results = await this.#send(batch.map(({ request }) => request));
      for (const [i, { resolve, reject }] of batch.entries()) {
        const result = results[i];
        if (result === undefined) reject(new Error('an answer is missing'));
        else resolve(result);
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}

/** `user`: the identity under which the API server carries the calls out. */
export function remoteClient(namespace: DurableObjectNamespace<ApiServerObject>, user: string): Client {
  const reads = new Batcher<Read, ReadResult>((requests) =>
    callObject(namespace, mainObject, async (stub) => (await stub.read(user, requests)) as ReadResult[], {
      idempotent: true,
    }),
  );
  const writes = new Batcher<readonly Write[], WriteOutcome[]>((requests) =>
    callObject(namespace, mainObject, async (stub) => {
      const outcomes = (await stub.write(user, requests.flat())) as WriteOutcome[];
      let taken = 0;
      return requests.map((request) => {
        taken += request.length;
        return outcomes.slice(taken - request.length, taken);
      });
    }),
  );
  return {
    async get<T extends KubeObject>(resource: ResourceToken<T>, scope: string | undefined, name: string) {
      return unwrap(await reads.ask({ type: 'get', resource, namespace: scope, name })) as T | undefined;
    },
    async list<T extends KubeObject>(resource: ResourceToken<T>, query?: ListQuery) {
      return unwrap(await reads.ask({ type: 'list', resource, query })) as T[];
    },
    write: (requests) => (requests.length === 0 ? Promise.resolve([]) : writes.ask(requests)),
  };
}

export function remoteFeed(namespace: DurableObjectNamespace<ApiServerObject>): Feed {
  return {
    changes: (after, resources, limit) =>
      callObject(
        namespace,
        mainObject,
        async (stub) =>
          unwrap((await stub.feed(after, [...resources], limit)) as Outcome<Awaited<ReturnType<Feed['changes']>>>),
        { idempotent: true },
      ),
  };
}
