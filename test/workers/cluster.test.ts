// The whole Worker in workerd: the gateway, the four objects, and an agent that is a few calls of fetch.
import {
  abortAllDurableObjects,
  evictDurableObject,
  listDurableObjectIds,
  reset,
  runDurableObjectAlarm,
  runInDurableObject,
} from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { afterEach, describe, expect, it } from 'vitest';
import type { SyncResponse } from '../../src/protocol/node.ts';
import type { Env } from '../../workers/env.ts';

const bindings = env as unknown as Env;
const worker = (exports as unknown as { default: Fetcher }).default;
const apiServer = () => bindings.API_SERVER.get(bindings.API_SERVER.idFromName('main'));
const admin = 'test-admin';

interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers of any shape, looked at field by field
  body: any;
}

async function call(method: string, path: string, body?: unknown, token: string | null = admin): Promise<Answer> {
  const response = await worker.fetch(`https://tiffin.test${path}`, {
    method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text };
}

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  for (let i = 0; i < 600; i++) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited in vain for ${what}`);
}

/** An agent: joins, registers a Ready node, polls. */
class Agent {
  readonly name: string;
  credential = '';
  since = 0;
  epoch = '';

  constructor(name: string) {
    this.name = name;
  }

  static async join(name: string): Promise<Agent> {
    const agent = new Agent(name);
    await call('POST', '/api/v1/namespaces/kube-system/secrets', {
      metadata: { name: 'bootstrap-token-abcdef' },
      type: 'bootstrap.kubernetes.io/token',
      stringData: {
        'token-id': 'abcdef',
        'token-secret': '0123456789abcdef',
        'usage-bootstrap-authentication': 'true',
      },
    });
    const joined = await call(
      'POST',
      '/tiffin.dev/v1/join',
      { token: 'abcdef.0123456789abcdef', nodeName: name },
      null,
    );
    expect(joined.status).toBe(200);
    agent.credential = joined.body.credential;
    const resources = { cpu: '4', memory: '8Gi', pods: '110' };
    const reported = await agent.report([
      {
        type: 'node',
        object: {
          metadata: { name, labels: { 'kubernetes.io/hostname': name } },
          status: {
            addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
            capacity: resources,
            allocatable: resources,
            conditions: [
              {
                type: 'Ready',
                status: 'True',
                reason: 'KubeletReady',
                message: '',
                lastTransitionTime: '2026-01-01T00:00:00Z',
              },
            ],
          },
        },
      },
    ]);
    expect(reported.body).toEqual({ results: [{ code: 200 }] });
    return agent;
  }

  report(writes: unknown[]): Promise<Answer> {
    return call('POST', `/tiffin.dev/v1/nodes/${this.name}/report`, { session: 's', writes }, this.credential);
  }

  async sync(waitMs: number): Promise<SyncResponse> {
    const request = { since: this.since, epoch: this.epoch, serviceRevision: this.since, waitMs, session: 's' };
    const answer = await call('POST', `/tiffin.dev/v1/nodes/${this.name}/sync`, request, this.credential);
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
    this.since = answer.body.revision;
    this.epoch = answer.body.epoch;
    return answer.body as SyncResponse;
  }

  /** Polls until a change of this object comes. */
  async sees(resource: string, name: string): Promise<SyncResponse['changes'][number]> {
    for (let i = 0; i < 50; i++) {
      const found = (await this.sync(1000)).changes.find(
        (change) => change.resource === resource && change.name === name,
      );
      if (found) return found;
    }
    throw new Error(`${resource} ${name} never came`);
  }
}

const pod = (name: string, spec: object = {}): object => ({
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'tiffin.dev/busybox:1' }], ...spec },
});
const pods = '/api/v1/namespaces/default/pods';
const ready = (): Promise<unknown> =>
  until('the default service account', async () => {
    const { status } = await call('GET', '/api/v1/namespaces/default/serviceaccounts/default');
    return status === 200 ? true : undefined;
  });

afterEach(async () => {
  await reset();
});

describe('the gateway', () => {
  it('serves the API, and answers what it does not know with a Status', async () => {
    expect((await call('GET', '/version', undefined, null)).body.minor).toBe('36');
    expect((await call('GET', '/api/v1/namespaces')).body.items.length).toBeGreaterThanOrEqual(4);
    expect(await call('GET', '/api/v1/namespaces', undefined, 'wrong')).toMatchObject({
      status: 401,
      body: { kind: 'Status' },
    });
    expect((await call('GET', '/tiffin.dev/v1/nonsense')).status).toBe(404);
  });

  it('refuses a join without a live token, and a node that speaks for another', async () => {
    const bad = await call('POST', '/tiffin.dev/v1/join', { token: 'abcdef.0123456789abcdef', nodeName: 'n1' }, null);
    expect(bad).toMatchObject({ status: 401, body: { kind: 'Status', reason: 'Unauthorized' } });
    for (const token of [null, 'x', 'tiffin-node.x'])
      expect(await call('POST', '/tiffin.dev/v1/nodes/nobody/sync', {}, token)).toMatchObject({ status: 401 });
    const stranger = await Agent.join('door');
    expect(await call('POST', '/tiffin.dev/v1/nodes/nobody/sync', {}, stranger.credential)).toMatchObject({
      status: 403,
    });
    // Nothing was made under that name.
    const ids = (await listDurableObjectIds(bindings.NODE_LINK as DurableObjectNamespace)).map(String);
    expect(ids).toContain(bindings.NODE_LINK.idFromName('door').toString());
    expect(ids).not.toContain(bindings.NODE_LINK.idFromName('nobody').toString());
    const long = { token: 'x'.repeat(100_000), nodeName: 'n' };
    expect(await call('POST', '/tiffin.dev/v1/join', long, null)).toMatchObject({ status: 413 });
    expect((await call('POST', '/tiffin.dev/v1/join', { token: 1 }, null)).status).toBe(400);
    const agent = await Agent.join('n1');
    const other = await call('POST', '/tiffin.dev/v1/nodes/n2/sync', {}, agent.credential);
    expect(other).toMatchObject({ status: 403, body: { reason: 'Forbidden' } });
    expect((await call('POST', '/tiffin.dev/v1/nodes/n1/sync', {}, agent.credential)).status).toBe(400);
    expect((await call('GET', '/tiffin.dev/v1/nodes/n1/sync', undefined, agent.credential)).status).toBe(405);
  });

  it('lets nobody join as a node that is alive; one that is not Ready gets a credential that replaces the first', async () => {
    const first = await Agent.join('n1');
    await first.sync(0);
    const bootstrap = { token: 'abcdef.0123456789abcdef', nodeName: 'n1' };
    expect(await call('POST', '/tiffin.dev/v1/join', bootstrap, null)).toMatchObject({
      status: 409,
      body: { kind: 'Status', reason: 'AlreadyExists' },
    });
    await first.sync(0);
    const conditions = [{ type: 'Ready', status: 'False' }];
    await first.report([{ type: 'nodeStatus', status: { conditions } }]);
    const second = await Agent.join('n1');
    await expect(first.sync(0)).rejects.toThrow('Unauthorized');
    await second.sync(0);
  });
});

describe('a node', () => {
  it('is told at a held poll of the pod that was scheduled to it, and reports it running', async () => {
    const agent = await Agent.join('n1');
    await ready();
    expect(await agent.sync(0)).toMatchObject({ reset: true });
    await call('POST', '/api/v1/namespaces/default/configmaps', { metadata: { name: 'settings' }, data: { a: '1' } });
    const seen = agent.sees('pods', 'p');
    const created = await call('POST', pods, pod('p', { volumes: [{ name: 'v', configMap: { name: 'settings' } }] }));
    expect(created.status).toBe(201);
    const change = await seen;
    expect(change.object).toMatchObject({ spec: { nodeName: 'n1' } });

    const { uid } = created.body.metadata;
    const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }], podIP: '10.244.0.2' };
    const own = { type: 'podStatus', namespace: 'default', name: 'p', uid, status };
    expect((await agent.report([own, { ...own, uid: 'other' }])).body.results).toMatchObject([
      { code: 200 },
      { code: 409 },
    ]);
    expect((await call('GET', `${pods}/p`)).body.status).toMatchObject({ phase: 'Running', podIP: '10.244.0.2' });

    await call('PATCH', '/api/v1/namespaces/default/configmaps/settings', { data: { a: '2' } });
    const gone = { type: 'podGone', namespace: 'default', name: 'p', uid };
    expect((await agent.report([gone])).body.results).toMatchObject([{ code: 403 }]);
    await call('DELETE', `${pods}/p`);
    expect((await agent.sees('pods', 'p')).object).toMatchObject({ metadata: { deletionGracePeriodSeconds: 30 } });
    expect((await agent.report([gone])).body.results).toMatchObject([{ code: 200 }]);
    expect((await call('GET', `${pods}/p`)).status).toBe(404);
    expect((await agent.sees('pods', 'p')).type).toBe('delete');
    expect((await agent.report([own])).body.results).toMatchObject([{ code: 404 }]);
  });

  it('gets a certificate for the API inside pods, whatever names its request asks for', async () => {
    const agent = await Agent.join('n1');
    const path = '/tiffin.dev/v1/nodes/n1/certificate';
    expect((await call('POST', path, { csr: 'nonsense' }, agent.credential)).status).toBe(400);
  });

  it('carries a log stream from the agent to the client', async () => {
    const agent = await Agent.join('n1');
    await ready();
    await agent.sync(0);
    await call('POST', pods, pod('p'));
    await agent.sees('pods', 'p');
    const log = call('GET', `${pods}/p/log?tailLines=5`);
    const offer = await until('the offer', async () => (await agent.sync(1000)).streams[0]);
    expect(offer).toMatchObject({ kind: 'log', pod: 'p', container: 'c', options: { tailLines: '5' } });
    const response = await worker.fetch(`https://tiffin.test/tiffin.dev/v1/nodes/n1/streams/${offer.id}`, {
      headers: { upgrade: 'websocket', authorization: `Bearer ${agent.credential}` },
    });
    const socket = response.webSocket!;
    socket.accept();
    socket.send(JSON.stringify({ head: { status: 200, headers: [['content-type', 'text/plain']] } }));
    socket.send(new TextEncoder().encode('hello '));
    socket.send(new TextEncoder().encode('world\n'));
    socket.send('{"end":{}}');
    expect(await log).toEqual({ status: 200, body: 'hello world\n' });
  });

  it('is Unknown after the grace period of silence', async () => {
    const agent = await Agent.join('n1');
    await agent.sync(0);
    const link = bindings.NODE_LINK.get(bindings.NODE_LINK.idFromName('n1'));
    await until('silence', async () => {
      await runDurableObjectAlarm(link);
      const node = (await call('GET', '/api/v1/nodes/n1')).body;
      const condition = node.status?.conditions?.find((one: { type: string }) => one.type === 'Ready');
      await new Promise((resolve) => setTimeout(resolve, 100));
      return condition?.status === 'Unknown' ? true : undefined;
    });
    // It is told so, and would report itself again.
    expect((await agent.sees('nodes', 'n1')).object).toMatchObject({ metadata: { name: 'n1' } });
  });
});

describe('the API server object', () => {
  it('keeps everything over an eviction, and its revisions go on', async () => {
    const created = await call('POST', '/api/v1/namespaces/default/configmaps', {
      metadata: { name: 'kept' },
      data: { a: '1' },
    });
    await evictDurableObject(apiServer());
    const read = await call('GET', '/api/v1/namespaces/default/configmaps/kept');
    expect(read.body.data).toEqual({ a: '1' });
    expect(read.body.metadata.resourceVersion).toBe(created.body.metadata.resourceVersion);
    const next = await call('POST', '/api/v1/namespaces/default/configmaps', { metadata: { name: 'next' } });
    expect(Number(next.body.metadata.resourceVersion)).toBeGreaterThan(Number(read.body.metadata.resourceVersion));
  });

  it('repairs a poke that got lost, by its alarm', async () => {
    const agent = await Agent.join('n1');
    await ready();
    // The scheduler cannot be reached, then the API server's object dies with all that it had in mind.
    const scheduler = bindings.SCHEDULER.get(bindings.SCHEDULER.idFromName('main'));
    // What was under way must be over first: a run that still reads the feed would find the pod by itself.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await runInDurableObject(scheduler, async (object) => {
      await object.poke(0);
      Object.assign(object, {
        poke: () => Promise.reject(new Error('lost')),
        nudge: () => Promise.reject(new Error('lost')),
      });
    });
    expect((await call('POST', pods, pod('lost'))).status).toBe(201);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect((await call('GET', `${pods}/lost`)).body.spec.nodeName).toBeUndefined();
    await abortAllDurableObjects();
    // From here on nothing is written that could poke the scheduler but the repair's alarm, due by now or run here.
    await runDurableObjectAlarm(apiServer());
    await until('the binding', async () => (await call('GET', `${pods}/lost`)).body.spec.nodeName);
    expect((await agent.sees('pods', 'lost')).object).toMatchObject({ spec: { nodeName: 'n1' } });
  });
});
