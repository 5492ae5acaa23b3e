import { beforeEach, describe, expect, it } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import type { PodStatus } from '../../generated/schemas/core-v1.ts';
import { createLedger } from '../../ledger/ledger.ts';
import type { Change, Ledger } from '../../ledger/types.ts';
import { defaultClusterConfig } from '../../ports/index.ts';
import type { NodeChange } from '../../protocol/node.ts';
import { TestRandom } from '../testing.ts';
import { concernOf, nodeChanges } from './changes.ts';
import { DrainTracker } from './drain.ts';
import { forbiddenLabels } from './labels.ts';
import { RecentChanges } from './recent.ts';
import { ReferenceIndex, referencesIn } from './reference-index.ts';
import { mergeNodeStatus, mergePodStatus } from './writes.ts';

let ledger: Ledger;
let heard: Change[][];
let recent: RecentChanges;

beforeEach(() => {
  const clock = { now: () => 0 };
  ledger = createLedger({ sql: openSql(), clock, config: defaultClusterConfig });
  heard = [];
  recent = new RecentChanges(ledger.revision, referencesIn(ledger));
  ledger.subscribe((changes) => {
    heard.push([...changes]);
    recent.observe(ledger, changes);
  });
});

async function put(
  key: string,
  rest: Record<string, unknown>,
  tags: string[] = [],
  metadata: object = {},
): Promise<number> {
  const [, first = '', second] = key.split('/');
  const name = second === undefined ? { name: first } : { name: second, namespace: first };
  await ledger.commit((tx) =>
    tx.put(key, (revision) => ({
      value: `"metadata":${JSON.stringify({ ...name, uid: `uid-${key}`, resourceVersion: String(revision), ...metadata })},${JSON.stringify(rest).slice(1)}`,
      side: '',
      tags,
    })),
  );
  return ledger.revision;
}

const remove = (key: string): Promise<unknown> =>
  ledger.commit((tx) => tx.delete(key, (_revision, current) => ({ value: current.value, side: '' })));
const putPod = (name: string, node: string | undefined, spec: object = {}, metadata: object = {}): Promise<number> =>
  put(
    `pods/default/${name}`,
    { spec: { containers: [{ name: 'c' }], ...(node ? { nodeName: node } : {}), ...spec }, status: {} },
    node ? [`node=${node}`] : [],
    metadata,
  );
const putNode = (name: string, address: string, ready = 'True'): Promise<number> =>
  put(`nodes/${name}`, {
    spec: { podCIDR: '10.244.0.0/24' },
    status: { addresses: [{ type: 'InternalIP', address }], conditions: [{ type: 'Ready', status: ready }] },
  });
const slice = (ready: boolean | undefined): Promise<number> =>
  put('endpointslices.discovery.k8s.io/default/s', {
    endpoints:
      ready === undefined
        ? []
        : [{ addresses: ['1'], conditions: { ready }, targetRef: { uid: 'uid-pods/default/p' } }],
  });
const lines = (changes: readonly NodeChange[]): string[] =>
  changes.map(
    (change) => `${change.type} ${change.resource}/${change.namespace ? `${change.namespace}/` : ''}${change.name}`,
  );
/** From the ledger; what is kept of recent commits must say the same. */
const told = (since: number, node = 'n1'): string[] => {
  const { changes } = nodeChanges(ledger, node, since);
  expect(lines(nodeChanges(ledger, node, since, recent).changes).sort()).toEqual(lines(changes).sort());
  return lines(changes);
};
const mounts = { volumes: [{ name: 'v', secret: { secretName: 's' } }], serviceAccountName: 'default' };

describe('what a node is told', () => {
  it('gives its pods, what they refer to, and routing; nothing of other nodes', async () => {
    await put('secrets/default/s', { data: {} });
    await put('secrets/default/other', { data: {} });
    await put('serviceaccounts/default/default', { x: 1 });
    await put('services/default/web', { spec: {} });
    await putNode('n1', '1');
    await putNode('n2', '2');
    await putPod('mine', 'n1', mounts);
    await putPod('theirs', 'n2', { volumes: [{ name: 'v', secret: { secretName: 'other' } }] });
    await putPod('nobodys', undefined);
    const all = nodeChanges(ledger, 'n1', 0);
    expect(all).toMatchObject({ reset: true, revision: ledger.revision });
    expect(told(0).sort()).toEqual([
      'put nodes/n1',
      'put nodes/n2',
      'put pods/default/mine',
      'put secrets/default/s',
      'put serviceaccounts/default/default',
      'put services/default/web',
    ]);
    const trimmed = all.changes.find((change) => change.name === 'n2')?.object;
    expect(trimmed).toMatchObject({ spec: { podCIDR: '10.244.0.0/24' }, status: { addresses: [{ address: '2' }] } });
    expect(trimmed).not.toHaveProperty('status.conditions');
  });

  it('follows the worked example of its top comment', async () => {
    const start = await putNode('n1', '1');
    await put('secrets/default/s', { data: { a: '1' } });
    const { volumes } = mounts;
    await putPod('p', undefined, { volumes });
    const bound = await putPod('p', 'n1', { volumes });
    expect(told(start)).toEqual(['put secrets/default/s', 'put pods/default/p']);
    await put('secrets/default/s', { data: { a: '2' } });
    const later = await put('secrets/default/t', { data: {} });
    expect(told(bound)).toEqual(['put secrets/default/s']);
    await remove('pods/default/p');
    expect(told(later)).toEqual(['delete pods/default/p']);
    expect(told(ledger.revision)).toEqual([]);
  });

  it('announces a pod that was replaced under its name by one elsewhere as deleted', async () => {
    const since = await putPod('p', 'n1');
    await remove('pods/default/p');
    await putPod('p', 'n2');
    expect(told(since)).toEqual(['delete pods/default/p']);
    expect(told(since, 'n2')).toEqual(['put pods/default/p']);
  });

  it('tells nothing of another node whose routing stays, but all of its own', async () => {
    await putNode('n1', '1');
    const since = await putNode('n2', '2');
    await putNode('n1', '1', 'Unknown');
    await putNode('n2', '2', 'Unknown');
    expect(told(since)).toEqual(['put nodes/n1']);
    expect(told(since, 'n2')).toEqual(['put nodes/n2']);
    expect(told(since, 'n3')).toEqual([]);
  });

  it('starts over when the cursor is of the future or compacted', async () => {
    const since = await putPod('p', 'n1');
    await putPod('q', 'n1');
    await putPod('r', 'n1');
    expect(nodeChanges(ledger, 'n1', 99).reset).toBe(true);
    ledger.compact(since + 1);
    expect(nodeChanges(ledger, 'n1', since).reset).toBe(true);
    expect(nodeChanges(ledger, 'n1', since + 1)).toMatchObject({ reset: false });
  });

  it('says that what a new pod refers to is gone, since an earlier pod may have left it on the node', async () => {
    await put('secrets/default/s', { data: {} });
    await putPod('p', 'n1', mounts);
    await remove('pods/default/p');
    await remove('secrets/default/s');
    const since = await putPod('q', undefined, mounts);
    await putPod('q', 'n1', mounts);
    expect(told(since)).toEqual([
      'delete serviceaccounts/default/default',
      'delete secrets/default/s',
      'put pods/default/q',
    ]);
  });

  it('leaves an agent with the same state, whether asked of the ledger or of recent commits', async () => {
    const chance = new TestRandom(7);
    const name = (prefix: string): string => `${prefix}${chance.int(3)}`;
    /** What an agent holds that takes every answer, asking at random moments. */
    const agents = ['n0', 'n1'].flatMap((node) =>
      [undefined, recent].map((from) => ({ node, from, since: 0, held: new Map<string, string>() })),
    );
    const ask = (): void => {
      for (const agent of agents) {
        const answer = nodeChanges(ledger, agent.node, agent.since, agent.from);
        if (answer.reset) agent.held.clear();
        for (const change of answer.changes) {
          const [key] = lines([{ ...change, type: 'put' }]) as [string];
          const { metadata, ...rest } = (change.object ?? {}) as { metadata?: { uid?: string } };
          if (change.type === 'delete') agent.held.delete(key);
          else agent.held.set(key, JSON.stringify([metadata?.uid, rest]));
        }
        agent.since = answer.revision;
      }
    };
    for (let i = 0; i < 400; i++) {
      const action = chance.int(8);
      if (action === 0) await put(`secrets/default/${chance.int(2) ? 's' : 't'}`, { data: { i } });
      else if (action === 1) await put(`services/default/${name('web')}`, { spec: { i } });
      else if (action === 2) await putNode(name('n'), String(chance.int(3)), chance.int(2) ? 'True' : 'Unknown');
      else if (action === 3 && ledger.revision > 0) await remove(`services/default/${name('web')}`);
      else if (action === 4) await remove(`pods/default/${name('p')}`);
      else if (action === 5) await remove(`secrets/default/s`);
      else await putPod(name('p'), chance.int(3) ? name('n') : undefined, chance.int(2) ? mounts : {});
      if (chance.int(4) > 0) continue;
      ask();
      for (const node of ['n0', 'n1']) {
        const [one, other] = agents.filter((agent) => agent.node === node).map(({ held }) => held);
        const needed = (held: Map<string, string> | undefined) =>
          [...(held ?? [])].filter(([key]) => !key.includes('secrets/')).sort();
        expect(needed(other)).toEqual(needed(one));
      }
    }
  });

  it('says whom a commit concerns', async () => {
    const index = new ReferenceIndex();
    let told = 0;
    const last = (): { all: boolean; names: string[] } => {
      for (; told < heard.length; told++) for (const change of heard[told] ?? []) index.observe(change);
      const [change] = heard.at(-1) ?? [];
      const { all, names } = concernOf(ledger, change as Change, index);
      return { all, names: [...names] };
    };
    await putPod('p', undefined, mounts);
    expect(last()).toEqual({ all: false, names: [] });
    await putPod('p', 'n1', mounts);
    expect(last()).toEqual({ all: false, names: ['n1'] });
    await put('secrets/default/s', {});
    expect(last()).toEqual({ all: false, names: ['n1'] });
    await put('secrets/other/s', {});
    expect(last()).toEqual({ all: false, names: [] });
    await putPod('q', 'n2', mounts);
    last();
    await put('secrets/default/s', {});
    expect(last().names.sort()).toEqual(['n1', 'n2']);
    await remove('pods/default/q');
    last();
    await put('secrets/default/s', {});
    expect(last().names).toEqual(['n1']);
    await put('services/default/web', {});
    expect(last().all).toBe(true);
    await putNode('n1', '1');
    expect(last().all).toBe(true);
    await putNode('n1', '1', 'Unknown');
    expect(last()).toEqual({ all: false, names: ['n1'] });
    await put('events/default/e', {});
    expect(last()).toEqual({ all: false, names: [] });
  });
});

describe('the drain tracker', () => {
  const deleted = { deletionTimestamp: '2026-01-01T00:00:00Z' };

  it('waits for the slice, then for every Ready node', async () => {
    const tracker = new DrainTracker();
    ledger.subscribe((changes) => tracker.observe(changes));
    await putNode('n1', '1');
    await putNode('n2', '2');
    await putNode('lost', '3', 'Unknown');
    await slice(true);
    await putPod('p', 'n1');
    expect(tracker.drained(ledger, 'n1')).toEqual([]);
    await putPod('p', 'n1', {}, deleted);
    tracker.acknowledge('n1', ledger.revision);
    tracker.acknowledge('n2', ledger.revision);
    expect(tracker.drained(ledger, 'n1')).toEqual([]);
    const unready = await slice(false);
    expect(tracker.drained(ledger, 'n1')).toEqual([]);
    expect(tracker.acknowledge('n1', unready)).toEqual(['n1']);
    expect(tracker.drained(ledger, 'n1')).toEqual([]);
    // A later change of the slice asks for nothing more.
    await slice(false);
    expect(tracker.acknowledge('n2', unready)).toEqual(['n1']);
    expect(tracker.drained(ledger, 'n1')).toEqual(['uid-pods/default/p']);
    expect(tracker.drained(ledger, 'n2')).toEqual([]);
  });

  it('lets a pod go at once that no slice has ever named', async () => {
    const tracker = new DrainTracker();
    await putNode('n1', '1');
    await putPod('p', 'n1', {}, deleted);
    expect(tracker.drained(ledger, 'n1')).toEqual(['uid-pods/default/p']);
  });

  it('needs fresh acknowledgements after a restart', async () => {
    await putNode('n1', '1');
    const unready = await slice(false);
    await putPod('p', 'n1', {}, deleted);
    const tracker = new DrainTracker();
    expect(tracker.drained(ledger, 'n1')).toEqual([]);
    tracker.acknowledge('n1', unready);
    expect(tracker.drained(ledger, 'n1')).toEqual(['uid-pods/default/p']);
  });
});

describe('what a node writes', () => {
  it('keeps pod conditions that others own', () => {
    const old = {
      phase: 'Pending',
      qosClass: 'BestEffort',
      conditions: [
        { type: 'Ready', status: 'False' },
        { type: 'DisruptionTarget', status: 'True' },
        { type: 'PodScheduled', status: 'True' },
      ],
    };
    const merged = mergePodStatus(
      old as PodStatus,
      { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } as PodStatus,
    );
    expect(merged.phase).toBe('Running');
    expect(merged.qosClass).toBe('BestEffort');
    expect(merged.conditions?.map(({ type, status }) => `${type}=${status}`).sort()).toEqual([
      'DisruptionTarget=True',
      'PodScheduled=True',
      'Ready=True',
    ]);
  });

  it('lets go of pod conditions that are over', () => {
    const condition = (type: string) => ({ type, status: 'True' as const });
    const old = { conditions: ['PodResizePending', 'PodResizeInProgress', 'Ready', 'x.y/z'].map(condition) };
    const types = (...reported: string[]) =>
      mergePodStatus(old, { conditions: reported.map(condition) })
        .conditions?.map(({ type }) => type)
        .sort();
    expect(types('PodResizeInProgress', 'Ready')).toEqual(['PodResizeInProgress', 'Ready', 'x.y/z']);
    expect(types('Ready')).toEqual(['Ready', 'x.y/z']);
  });

  it('stores no heartbeat, and no new transition of what stays', () => {
    const at = (lastTransitionTime: string, status = 'True') => ({
      type: 'Ready',
      status: status as 'True',
      lastTransitionTime,
      lastHeartbeatTime: 'now',
    });
    const first = mergeNodeStatus(undefined, { conditions: [at('t1')] });
    expect(first.conditions).toEqual([{ type: 'Ready', status: 'True', lastTransitionTime: 't1' }]);
    expect(mergeNodeStatus(first, { conditions: [at('t2')] })).toEqual(first);
    expect(mergeNodeStatus(first, { conditions: [at('t2', 'False')] }).conditions?.[0]).toMatchObject({
      lastTransitionTime: 't2',
    });
  });

  it('may not label itself with what others rely on', () => {
    expect(
      forbiddenLabels([
        'kubernetes.io/hostname',
        'node.kubernetes.io/x',
        'team',
        'example.com/x',
        'node-role.kubernetes.io/control-plane',
        'node-restriction.kubernetes.io/x',
        'x.k8s.io/y',
      ]),
    ).toEqual(['node-restriction.kubernetes.io/x', 'node-role.kubernetes.io/control-plane', 'x.k8s.io/y']);
  });
});
