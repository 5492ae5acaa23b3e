import { describe, expect, it } from 'vitest';
import type { Deployment, ReplicaSet } from '../../generated/schemas/apps-v1.ts';
import type { Write } from '../../reconcile/types.ts';
import { deployment, meta, pod, startMs } from '../lib/testing.ts';
import { type Plan, plan, planCleanup } from './plan.ts';
import { maxSurge, maxUnavailable } from './rounding.ts';
import { conditionOf } from './status.ts';
import { replicaSetName, templateHash } from './template-hash.ts';

/** A Deployment with its ReplicaSets, stepped as the API would: writes are applied, pods follow at once when told. */
class Rollout {
  nowMs = startMs;
  sets: ReplicaSet[] = [];
  deployment: Deployment;
  log: string[] = [];
  constructor(start: Deployment) {
    this.deployment = start;
  }

  /** One reconcile. */
  step(): Plan {
    let next = this.#plan();
    if (next.create) {
      const created = next.create as ReplicaSet;
      const name = created.metadata.name;
      this.sets.push({
        ...created,
        apiVersion: 'apps/v1',
        kind: 'ReplicaSet',
        metadata: { ...meta(name), ...created.metadata },
        status: { replicas: 0 },
      });
      this.log.push(`create ${this.#nick(name)}=${created.spec.replicas}`);
    } else for (const write of next.writes) this.#apply(write);
    const annotations = {
      ...this.deployment.metadata.annotations,
      ...(next.revision ? { 'deployment.kubernetes.io/revision': next.revision } : {}),
    };
    this.deployment = {
      ...this.deployment,
      metadata: { ...this.deployment.metadata, annotations },
      status: next.status,
    };
    if (next.create) next = { ...next };
    return next;
  }

  /** Every ReplicaSet reaches its size; all pods become available unless it is listed as broken. */
  settle(broken: string[] = []): void {
    this.sets = this.sets.map((set) => {
      const replicas = set.spec.replicas ?? 0;
      const good = broken.includes(set.spec.template?.spec?.containers[0]?.image ?? '') ? 0 : replicas;
      return {
        ...set,
        status: {
          replicas,
          readyReplicas: good,
          availableReplicas: good,
          observedGeneration: set.metadata.generation ?? 1,
        },
      };
    });
  }

  run(steps = 20, broken: string[] = []): string[] {
    this.log = [];
    for (let i = 0; i < steps; i++) {
      this.step();
      this.settle(broken);
    }
    return this.log;
  }

  image(image: string): void {
    const { template } = deployment({}, {}, image).spec;
    this.deployment = {
      ...this.deployment,
      spec: { ...this.deployment.spec, template },
      metadata: { ...this.deployment.metadata, generation: (this.deployment.metadata.generation ?? 0) + 1 },
    };
  }
  spec(spec: Partial<Deployment['spec']>): void {
    this.deployment = {
      ...this.deployment,
      spec: { ...this.deployment.spec, ...spec },
      metadata: { ...this.deployment.metadata, generation: (this.deployment.metadata.generation ?? 0) + 1 },
    };
  }
  sizes(): Record<string, number> {
    return Object.fromEntries(this.sets.map((set) => [this.#nick(set.metadata.name), set.spec.replicas ?? 0]));
  }
  #plan(): Plan {
    return plan({ deployment: this.deployment, sets: this.sets, pods: [], nowMs: this.nowMs });
  }
  #nick(name: string): string {
    return this.sets.find((set) => set.metadata.name === name)?.spec.template?.spec?.containers[0]?.image ?? name;
  }
  #apply(write: Write): void {
    if (write.verb === 'delete') {
      this.log.push(`delete ${this.#nick(write.name)}`);
      this.sets = this.sets.filter((set) => set.metadata.name !== write.name);
    }
    if (write.verb !== 'update') return;
    const next = write.object as ReplicaSet;
    const before = this.sets.find((set) => set.metadata.name === next.metadata.name);
    if (before?.spec.replicas !== next.spec.replicas)
      this.log.push(`${this.#nick(next.metadata.name)} ${before?.spec.replicas}→${next.spec.replicas}`);
    this.sets = this.sets.map((set) => (set.metadata.name === next.metadata.name ? next : set));
  }
}

const reason = (d: Deployment, type = 'Progressing'): string | undefined =>
  conditionOf(d.status.conditions, type)?.reason;

describe('rounding', () => {
  it.each([
    [3, '25%', '25%', 1, 0],
    [4, '25%', '25%', 1, 1],
    [10, '25%', '25%', 3, 2],
    [1, 0, 0, 0, 1],
    [5, 0, '10%', 0, 1],
    [2, '100%', 5, 2, 2],
  ])('%i replicas, surge %s, unavailable %s', (replicas, surge, unavailable, wantSurge, wantUnavailable) => {
    const d = deployment({
      replicas,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: surge, maxUnavailable: unavailable } },
    });
    expect([maxSurge(d), maxUnavailable(d)]).toEqual([wantSurge, wantUnavailable]);
  });
});

describe('template hash', () => {
  it('is stable under the order of members and uses the safe alphabet', () => {
    const { template } = deployment().spec;
    const turned = { spec: template.spec, metadata: template.metadata } as typeof template;
    expect(templateHash(turned, undefined)).toBe(templateHash(template, undefined));
    expect(templateHash(template, undefined)).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]+$/);
    expect(templateHash(template, 1)).not.toBe(templateHash(template, undefined));
    expect(replicaSetName('a'.repeat(253), 'hash')).toHaveLength(253);
  });
});

describe('a first rollout', () => {
  it('creates one ReplicaSet of full size and reports upstream’s conditions', () => {
    const rollout = new Rollout(deployment());
    rollout.deployment.metadata.annotations = {
      'kubernetes.io/change-cause': 'first',
      'kubectl.kubernetes.io/last-applied-configuration': '{}',
    };
    const created = rollout.step().create as ReplicaSet;
    expect(created.spec.replicas).toBe(3);
    expect(created.metadata.annotations).toEqual({
      'kubernetes.io/change-cause': 'first',
      'deployment.kubernetes.io/revision': '1',
      'deployment.kubernetes.io/desired-replicas': '3',
      'deployment.kubernetes.io/max-replicas': '4',
    });
    const hash = created.metadata.labels?.['pod-template-hash'];
    expect(created.spec.selector.matchLabels).toEqual({ app: 'web', 'pod-template-hash': hash });
    expect(created.spec.template?.metadata?.labels).toEqual({ app: 'web', 'pod-template-hash': hash });
    expect(rollout.deployment.status).toMatchObject({ observedGeneration: 1, unavailableReplicas: 3 });
    expect(reason(rollout.deployment)).toBe('NewReplicaSetCreated');
    expect(conditionOf(rollout.deployment.status.conditions, 'Available')).toMatchObject({
      status: 'False',
      reason: 'MinimumReplicasUnavailable',
    });

    rollout.settle();
    rollout.step();
    expect(rollout.deployment.status).toMatchObject({
      replicas: 3,
      updatedReplicas: 3,
      readyReplicas: 3,
      availableReplicas: 3,
    });
    expect(rollout.deployment.status.unavailableReplicas).toBeUndefined();
    expect(reason(rollout.deployment)).toBe('NewReplicaSetAvailable');
    expect(conditionOf(rollout.deployment.status.conditions, 'Progressing')?.message).toBe(
      `ReplicaSet "${created.metadata.name}" has successfully progressed.`,
    );
    expect(rollout.deployment.metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('1');
    expect(rollout.run(3)).toEqual([]);
  });
});

describe('a rolling update', () => {
  it('never goes above surge or below availability', () => {
    const rollout = new Rollout(deployment({ replicas: 4 }));
    rollout.run();
    rollout.image('v2');
    rollout.log = [];
    for (let i = 0; i < 20; i++) {
      rollout.step();
      const total = rollout.sets.reduce((sum, set) => sum + (set.spec.replicas ?? 0), 0);
      expect(total).toBeLessThanOrEqual(5);
      const available = rollout.sets.reduce(
        (sum, set) => sum + Math.min(set.spec.replicas ?? 0, set.status.availableReplicas ?? 0),
        0,
      );
      expect(available).toBeGreaterThanOrEqual(3);
      rollout.settle();
    }
    expect(rollout.sizes()).toEqual({ v1: 0, v2: 4 });
    expect(reason(rollout.deployment)).toBe('NewReplicaSetAvailable');
  });

  it('takes upstream’s steps', () => {
    const rollout = new Rollout(deployment({ replicas: 3 }));
    rollout.run();
    rollout.image('v2');
    expect(rollout.run().map((line) => line.replace(/web-\w+/, 'v2'))).toEqual([
      'create v2=1',
      'v1 3→2',
      'v2 1→2',
      'v1 2→1',
      'v2 2→3',
      'v1 1→0',
    ]);
  });

  it('rolls back into the old ReplicaSet under a new revision', () => {
    const rollout = new Rollout(deployment());
    rollout.run();
    rollout.image('v2');
    rollout.run();
    rollout.image('v1');
    rollout.run();
    expect(rollout.sizes()).toEqual({ v1: 3, v2: 0 });
    const first = rollout.sets[0]?.metadata.annotations;
    expect(first?.['deployment.kubernetes.io/revision']).toBe('3');
    expect(first?.['deployment.kubernetes.io/revision-history']).toBe('1');
    expect(rollout.deployment.metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('3');
  });

  it.each([
    ['3546343826724305832', '3546343826724305833'],
    ['not a number', '1'],
    ['99999999999999999999', '1'],
  ])('counts revisions in 64 bits: after %s comes %s', (before, after) => {
    const rollout = new Rollout(deployment());
    rollout.run();
    Object.assign(rollout.sets[0]?.metadata.annotations ?? {}, { 'deployment.kubernetes.io/revision': before });
    rollout.image('v2');
    rollout.run();
    expect(rollout.sets[1]?.metadata.annotations?.['deployment.kubernetes.io/revision']).toBe(after);
  });

  it('stops at a broken template, times out, and cleans the broken pods up on rollback', () => {
    const rollout = new Rollout(deployment({ replicas: 4 }));
    rollout.run();
    rollout.image('bad');
    rollout.run(10, ['bad']);
    expect(rollout.sizes()).toEqual({ v1: 3, bad: 2 });
    rollout.nowMs += 601_000;
    rollout.step();
    expect(reason(rollout.deployment)).toBe('ProgressDeadlineExceeded');
    rollout.image('v1');
    rollout.run(20, ['bad']);
    expect(rollout.sizes()).toEqual({ v1: 4, bad: 0 });
  });

  it('keeps only as much history as asked for', () => {
    const rollout = new Rollout(deployment({ revisionHistoryLimit: 1 }));
    for (const image of ['v1', 'v2', 'v3', 'v4']) {
      rollout.image(image);
      rollout.run();
    }
    expect(Object.keys(rollout.sizes())).toEqual(['v3', 'v4']);
    const [old] = rollout.sets;
    expect(
      planCleanup(deployment({ revisionHistoryLimit: 0 }), [{ ...old, status: { replicas: 1 } } as ReplicaSet]),
    ).toEqual([]);
  });
});

describe('scaling', () => {
  it('sizes a settled Deployment without a rollout', () => {
    const rollout = new Rollout(deployment());
    rollout.run();
    rollout.spec({ replicas: 5 });
    expect(rollout.run()).toEqual(['v1 3→5']);
    expect(rollout.sets[0]?.metadata.annotations?.['deployment.kubernetes.io/desired-replicas']).toBe('5');
    rollout.spec({ replicas: 0 });
    expect(rollout.run()).toEqual(['v1 5→0']);
    rollout.spec({ replicas: 2 });
    expect(rollout.run()).toEqual(['v1 0→2']);
  });

  it('shares a difference in proportion in the middle of a rollout', () => {
    const rollout = new Rollout(
      deployment({
        replicas: 10,
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } },
      }),
    );
    rollout.run();
    rollout.image('bad');
    rollout.run(10, ['bad']);
    expect(rollout.sizes()).toEqual({ v1: 8, bad: 5 });
    rollout.spec({ replicas: 15 });
    rollout.step();
    expect(rollout.sizes()).toEqual({ v1: 11, bad: 7 });
  });

  it('adopts a changed minReadySeconds without touching sizes', () => {
    const rollout = new Rollout(deployment());
    rollout.run();
    rollout.spec({ minReadySeconds: 7 });
    expect(rollout.run()).toEqual([]);
    expect(rollout.sets[0]?.spec.minReadySeconds).toBe(7);
  });
});

describe('a pause', () => {
  it('holds the rollout, scales all the same, and resumes', () => {
    const rollout = new Rollout(deployment());
    rollout.run();
    rollout.spec({ paused: true });
    rollout.image('v2');
    expect(rollout.run()).toEqual([]);
    expect(reason(rollout.deployment)).toBe('DeploymentPaused');
    rollout.spec({ replicas: 4 });
    expect(rollout.run()).toEqual(['v1 3→4']);
    rollout.spec({ paused: false });
    rollout.step();
    rollout.settle();
    rollout.run();
    expect(rollout.sizes()).toEqual({ v1: 0, v2: 4 });
  });
});

describe('Recreate', () => {
  it('waits for the last old pod', () => {
    const rollout = new Rollout(deployment({ strategy: { type: 'Recreate' } }));
    rollout.run();
    rollout.image('v2');
    rollout.step();
    expect(rollout.sizes()).toEqual({ v1: 0 });
    rollout.settle();
    const [old] = rollout.sets;
    const ending = pod('old', { owner: old as ReplicaSet, deleted: true });
    const waiting = plan({ deployment: rollout.deployment, sets: rollout.sets, pods: [ending], nowMs: rollout.nowMs });
    expect(waiting.create).toBeUndefined();
    expect(rollout.step().create?.spec?.replicas).toBe(3);
  });
});
