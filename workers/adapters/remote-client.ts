// The Client and Feed of a controller or the scheduler over calls to the API server's object. A write that broke off is not
// repeated, since it may have taken effect.
import type { Outcome } from '../../src/machinery/outcome.ts';
import type { FeedPage, Follower, ReadResult, RemoteApi } from '../../src/reconcile/remote.ts';
import * as remote from '../../src/reconcile/remote.ts';
import type { Client, Feed, WriteOutcome } from '../../src/reconcile/types.ts';
import type { ApiServerObject } from '../api-server/object.ts';
import { mainObject } from '../env.ts';
import { callObject } from './stubs.ts';

const idempotent = { idempotent: true };

function remoteApi(namespace: DurableObjectNamespace<ApiServerObject>): RemoteApi {
  return {
    read: (user, reads) =>
      callObject(namespace, mainObject, async (stub) => (await stub.read(user, reads)) as ReadResult[], idempotent),
    write: (user, writes) =>
      callObject(namespace, mainObject, async (stub) => (await stub.write(user, writes)) as WriteOutcome[]),
    feed: (follower, after, interest, limit, life) =>
      callObject(
        namespace,
        mainObject,
        async (stub) => (await stub.feed(follower, after, interest, limit, life)) as Outcome<FeedPage>,
        idempotent,
      ),
  };
}

/** `user`: the identity under which the API server carries the calls out. */
export function remoteClient(namespace: DurableObjectNamespace<ApiServerObject>, user: string): Client {
  return remote.remoteClient(remoteApi(namespace), user);
}

export function remoteFeed(namespace: DurableObjectNamespace<ApiServerObject>, follower: Follower): Feed {
  return remote.remoteFeed(remoteApi(namespace), follower);
}
