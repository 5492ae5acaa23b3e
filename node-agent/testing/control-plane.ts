// A stand-in for the control plane's side of the node protocol, for tests of the agent alone: it holds objects, answers syncs
// with everything that is newer, takes reports, grants tokens. Not a model of the real one's checks.

import type { Fetch } from '../../src/ports/index.ts';
import type { NodeChange, NodeWrite, SyncRequest } from '../../src/protocol/node.ts';
import type { StreamOffer } from '../../src/protocol/streams.ts';

type Stored = Record<string, unknown> & {
  metadata: Record<string, unknown> & { name: string; namespace?: string; uid?: string; resourceVersion?: string };
};

export class FakeControlPlane {
  revision = 1;
  epoch = 'e1';
  away = false;
  heartbeatMs = 1000;
  drained: string[] = [];
  streams: StreamOffer[] = [];
  readonly writes: NodeWrite[] = [];
  readonly events: { reason: string; message: string; count: number }[] = [];
  readonly syncs: SyncRequest[] = [];
  readonly #objects = new Map<string, { resource: string; object: Stored; revision: number; deleted: boolean }>();
  #waiters: (() => void)[] = [];
  onDrain: ((uid: string) => void) | undefined;

  put(resource: string, object: object): void {
    const stored = object as Stored;
    const revision = ++this.revision;
    const fresh = { ...stored, metadata: { ...stored.metadata, resourceVersion: String(revision) } };
    this.#objects.set(`${resource}/${stored.metadata.namespace ?? ''}/${stored.metadata.name}`, {
      resource,
      object: fresh,
      revision,
      deleted: false,
    });
    this.#wake();
  }

  remove(resource: string, namespace: string, name: string): void {
    const found = this.#objects.get(`${resource}/${namespace}/${name}`);
    if (!found) return;
    found.deleted = true;
    found.revision = ++this.revision;
    this.#wake();
  }

  get<T>(resource: string, namespace: string, name: string): T | undefined {
    const found = this.#objects.get(`${resource}/${namespace}/${name}`);
    return found && !found.deleted ? (found.object as T) : undefined;
  }

  /** Marks a pod as being deleted. */
  deletePod(namespace: string, name: string, graceSeconds: number): void {
    const pod = this.get<Stored>('pods', namespace, name)!;
    this.put('pods', {
      ...pod,
      metadata: {
        ...pod.metadata,
        deletionTimestamp: new Date().toISOString(),
        deletionGracePeriodSeconds: graceSeconds,
      },
    });
  }

  wake(): void {
    this.#wake();
  }

  readonly fetch: Fetch = async (request) => {
    if (this.away) throw new Error('connect ECONNREFUSED');
    const path = new URL(request.url).pathname;
    const body = (await request.json()) as never;
    if (path.endsWith('/join')) {
      return json({
        credential: 'c',
        cluster: {
          clusterDomain: 'cluster.local',
          podCidr: '10.244.0.0/16',
          serviceCidr: '10.96.0.0/16',
          ca: '',
          heartbeatMs: this.heartbeatMs,
          longPoll: 'always',
        },
      });
    }
    if (path.endsWith('/sync')) return json(await this.#sync(body, request.signal));
    if (path.endsWith('/report'))
      return json({ results: (body as { writes: NodeWrite[] }).writes.map((w) => this.#write(w)) });
    if (path.endsWith('/token'))
      return json({
        status: {
          token: `token-${path.split('/')[6]}`,
          expirationTimestamp: new Date(Date.now() + 3600_000).toISOString(),
        },
      });
    return json({ message: 'not found' }, 404);
  };

  #wake(): void {
    for (const w of this.#waiters.splice(0)) w();
  }

  async #sync(request: SyncRequest, signal: AbortSignal): Promise<unknown> {
    this.syncs.push(request);
    const news = (): boolean =>
      request.epoch !== this.epoch ||
      this.revision > request.since ||
      this.streams.length > 0 ||
      this.drained.length > 0;
    if (!news() && request.waitMs > 0) {
      await new Promise<void>((resolve) => {
        this.#waiters.push(resolve);
        setTimeout(resolve, request.waitMs);
        signal.addEventListener('abort', () => resolve());
      });
    }
    if (this.away) throw new Error('socket hang up');
    const reset = request.epoch !== this.epoch || request.since === 0;
    const changes: NodeChange[] = [];
    for (const { resource, object, revision, deleted } of this.#objects.values()) {
      if (!reset && revision <= request.since) continue;
      if (deleted && reset) continue;
      const { namespace, name } = object.metadata;
      changes.push({
        type: deleted ? 'delete' : 'put',
        resource,
        ...(namespace ? { namespace } : {}),
        name,
        ...(deleted ? {} : { object }),
      });
    }
    return {
      epoch: this.epoch,
      revision: this.revision,
      reset,
      changes,
      streams: this.streams.splice(0),
      drained: this.drained.splice(0),
      nextPollMs: 0,
    };
  }

  #write(w: NodeWrite): { code: number } {
    this.writes.push(w);
    if (w.type === 'event') this.events.push(w.object as never);
    if (w.type === 'node') this.put('nodes', { ...w.object, spec: { podCIDR: '10.244.250.0/24' } });
    if (w.type === 'podStatus' || w.type === 'podGone') {
      const pod = this.get<Stored>('pods', w.namespace, w.name);
      if (!pod || pod.metadata.uid !== w.uid) return { code: 404 };
      if (w.type === 'podGone') this.remove('pods', w.namespace, w.name);
      else this.put('pods', { ...pod, status: w.status });
    }
    return { code: 200 };
  }
}

const json = (value: unknown, status = 200): Response =>
  new Response(JSON.stringify(value), { status, headers: { 'content-type': 'application/json' } });
