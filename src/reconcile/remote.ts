// A Client and a Feed over calls to an API server elsewhere. Reads that are issued in the same turn travel together, and so
// do writes. It repeats nothing: whether a call that broke off may be made again is known to whoever makes the calls.
import type { KubeObject, ResourceToken } from '../machinery/meta.ts';
import { type Outcome, unwrap } from '../machinery/outcome.ts';
import type { Interest } from './interest.ts';
import type { Client, Feed, ListQuery, Owned, Write, WriteOutcome } from './types.ts';

export type Read =
  | { type: 'get'; resource: ResourceToken; namespace?: string; name: string }
  | { type: 'list'; resource: ResourceToken; query?: ListQuery; from?: ListFrom }
  | { type: 'owned'; ownerUid: string };

/** Where a list goes on: after a key, at the revision of its first page. */
export interface ListFrom {
  at: number;
  after: string;
}

/** As much of a list as one message may carry (32 MiB in all, whoever else asks with it). */
export interface ListPage {
  objects: KubeObject[];
  next?: ListFrom;
}

/** An object or nothing for a get, a page for a list. */
export type ReadResult = Outcome<KubeObject | ListPage | Owned[] | undefined>;

export type FeedPage = Awaited<ReturnType<Feed['changes']>>;

/** Who reads the feed, and is poked when it has more of interest. */
export type Follower = 'controller-manager' | 'scheduler';

/** The calls; plain data in and out. `user`: the identity under which the API server carries them out. */
export interface RemoteApi {
  read(user: string, reads: Read[]): Promise<ReadResult[]>;
  write(user: string, writes: Write[]): Promise<WriteOutcome[]>;
  feed(follower: Follower, after: number, interest: Interest, limit: number, life?: string): Promise<Outcome<FeedPage>>;
}

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

export function remoteClient(api: RemoteApi, user: string): Client {
  const reads = new Batcher<Read, ReadResult>((requests) => api.read(user, requests));
  const writes = new Batcher<readonly Write[], WriteOutcome[]>(async (requests) => {
    const outcomes = await api.write(user, requests.flat());
    let taken = 0;
    return requests.map((request) => {
      taken += request.length;
      return outcomes.slice(taken - request.length, taken);
    });
  });
  return {
    async get<T extends KubeObject>(resource: ResourceToken<T>, scope: string | undefined, name: string) {
      return unwrap(await reads.ask({ type: 'get', resource, namespace: scope, name })) as T | undefined;
    },
    async list<T extends KubeObject>(resource: ResourceToken<T>, query?: ListQuery) {
      const objects: KubeObject[] = [];
      for (let from: ListFrom | undefined; ; ) {
        const read: Read = { type: 'list', resource, query, ...(from ? { from } : {}) };
        const page = unwrap(await reads.ask(read)) as ListPage;
        for (const object of page.objects) objects.push(object);
        if (!page.next) return objects as T[];
        from = page.next;
      }
    },
    async owned(ownerUid) {
      return unwrap(await reads.ask({ type: 'owned', ownerUid })) as Owned[];
    },
    write: (requests) => (requests.length === 0 ? Promise.resolve([]) : writes.ask(requests)),
  };
}

export function remoteFeed(api: RemoteApi, follower: Follower): Feed {
  return {
    changes: async (after, interest, limit, life) => unwrap(await api.feed(follower, after, interest, limit, life)),
  };
}
