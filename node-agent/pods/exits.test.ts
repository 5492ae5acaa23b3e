// Ends that the runtime tells before its own records say so: seen at once, not with the next list of everything.
import { expect, test } from 'vitest';
import type { Pod, PodStatus } from '../../src/generated/schemas/core-v1.ts';
import { systemRandom } from '../platform.ts';
import { NoCgroups } from '../resources/cgroups.ts';
import type { ContainerRecord, RuntimeHint } from '../runtime.ts';
import { SimulatedRuntime, simulatedProber } from '../runtime-simulated/index.ts';
import { pod } from '../testing/seen.ts';
import { FakeTimers } from '../testing/timers.ts';
import { NoVolumes } from '../volumes/manager.ts';
import type { Node } from './context.ts';
import { PodManager } from './manager.ts';

const recordMs = 500;

/** Its containers end before their start has been answered; that they have, it says first in a hint, and later when asked. */
class Slow extends SimulatedRuntime {
  readonly #timers: FakeTimers;
  readonly #listeners: ((hint: RuntimeHint) => void)[] = [];
  started = '';

  constructor(timers: FakeTimers) {
    super({ timers, random: systemRandom, address: () => '198.18.0.1' });
    this.#timers = timers;
  }

  override watch(listener: (hint: RuntimeHint) => void): void {
    this.#listeners.push(listener);
  }

  override async startContainer(id: string): Promise<void> {
    await super.startContainer(id);
    this.started = id;
    this.hint();
    this.#timers.after(recordMs, () => this.crash(id, 0));
  }

  hint(): void {
    for (const listener of this.#listeners) listener({ type: 'container', id: this.started, event: 'exit' });
  }

  /** The next answer about a container is held back, and is what was true when it was asked for. */
  hold(): () => void {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { containerStatus } = this;
    this.containerStatus = async (id): Promise<ContainerRecord> => {
      this.containerStatus = containerStatus;
      const record = await this.containerStatus(id);
      await held;
      return record;
    };
    return release;
  }
}

function start(): { timers: FakeTimers; runtime: Slow; manager: PodManager; said: PodStatus[] } {
  const timers = new FakeTimers();
  const runtime = new Slow(timers);
  const said: PodStatus[] = [];
  const node = {
    runtime,
    timers,
    volumes: new NoVolumes(),
    cgroups: new NoCgroups(),
    prober: simulatedProber,
    images: {
      ensure: async () => ({ id: 'sha256:i', username: '' }),
      forget: () => {},
      backoffUntilMs: () => undefined,
    },
    objects: { configMap: () => undefined, secret: () => undefined, services: () => [], node: () => undefined },
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    gate: { run: <T>(work: () => Promise<T>) => work() },
    facts: () => ({ hostIp: '1.1.1.1', hostDns: { servers: [], searches: [], options: [] }, allocatable: {} }),
    logsDirectory: '',
    seccompDirectory: '',
    event: () => {},
    reportStatus: (_: Pod, status: PodStatus) => said.push(status),
    allocation: () => undefined,
    noteAllocation: () => {},
  } as unknown as Node;
  const manager = new PodManager(node);
  void manager.start([]).then(() => manager.reconcile([pod({ restartPolicy: 'Never' })], true));
  return { timers, runtime, manager, said };
}

test('a container that ends while it is being started', async () => {
  const { timers, said } = start();
  await timers.advance(100);
  expect(said.at(-1)?.phase).toBe('Running');
  await timers.advance(2 * recordMs);
  expect(said.at(-1)?.phase).toBe('Succeeded');
});

test('what was asked before the end and is answered after it does not bring it back', async () => {
  const { timers, runtime, manager, said } = start();
  await timers.advance(1);
  const release = runtime.hold();
  runtime.hint();
  await timers.advance(recordMs + 1);
  runtime.hint();
  await timers.advance(1);
  expect(said.at(-1)?.phase).toBe('Succeeded');
  release();
  await timers.advance(0);
  expect([...(manager.worker('u')?.state.containers.values() ?? [])].map((c) => c.state)).toEqual(['exited']);
});
