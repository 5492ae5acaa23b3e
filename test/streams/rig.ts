// What the torture of streams works on: the control plane as it is run locally, in a workerd of its own, and a real agent on the
// simulated runtime in this process. Both may be ended and begun again; the hop between them, and each client's, can be cut.
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Agent } from '../../node-agent/agent.ts';
import { simulatedParts } from '../../node-agent/build.ts';
import { nodeFetch } from '../../node-agent/link/http.ts';
import { gateOf, systemRandom, systemTimers } from '../../node-agent/platform.ts';
import type { SimulatedRuntime } from '../../node-agent/runtime-simulated/index.ts';
import { simulatedProcesses } from '../../node-agent/runtime-simulated/processes.ts';
import { type Dialer, webSocketDialer } from '../../node-agent/streams/dial.ts';
import type { Executed, Processes } from '../../node-agent/streams/processes.ts';
import type { ClientSocket } from '../../node-agent/streams/types.ts';
import { Api, localTarget } from '../../src/cli/api.ts';
import { createBootstrapToken } from '../../src/cli/bootstrap-token.ts';
import { controlPlaneComponent } from '../../src/cli/control-plane.ts';
import { listenAll, socketArguments } from '../../src/cli/listening.ts';
import { type StatePaths, statePaths } from '../../src/cli/paths.ts';
import type { Component } from '../../src/cli/processes.ts';
import { type ClusterSettings, writeSettings } from '../../src/cli/settings.ts';
import type { Fetch, Log } from '../../src/ports/index.ts';
import { Hop } from './proxy.ts';

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
const loud: Log = {
  ...silent,
  info: (message, fields) => console.log('agent:', message, fields ?? ''),
  warn: (message, fields) => console.log('agent:', message, fields ?? ''),
  error: (message, fields) => console.log('agent:', message, fields ?? ''),
};

/** Processes that were begun in containers, and whether their streams were let go of. */
export interface Begun {
  executed: Executed;
  over: boolean;
}

export const nodeName = 'torture-0';

export class Rig {
  readonly directory = fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-torture-'));
  readonly paths: StatePaths = statePaths(path.join(this.directory, 'state'));
  readonly logs = path.join(this.directory, 'pod-logs');
  readonly begun = new Set<Begun>();
  /** The agent's halves. */
  readonly halves = new Set<ClientSocket>();
  /** Between the agent and the control plane. */
  agentHop!: Hop;
  api!: Api;
  port = 0;
  ca = '';
  #component: Component | undefined;
  #workerd: ChildProcess | undefined;
  #agent: Agent | undefined;
  #runtime: SimulatedRuntime | undefined;
  #token = '';
  readonly #verbose: boolean;

  constructor(verbose = false) {
    this.#verbose = verbose;
  }

  async up(): Promise<void> {
    fs.mkdirSync(this.paths.dir, { recursive: true, mode: 0o700 });
    this.port = await freePort();
    const settings: ClusterSettings = {
      instance: 0,
      port: this.port,
      listen: '127.0.0.1',
      nodes: 0,
      simulatedNodes: 0,
    };
    writeSettings(this.paths, settings);
    for (const folder of [this.paths.pki, this.paths.worker]) fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#component = await controlPlaneComponent(this.paths, settings);
    this.ca = fs.readFileSync(path.join(this.paths.pki, 'ca.crt'), 'utf8');
    this.agentHop = await Hop.open(this.port);
    this.api = new Api(localTarget(this.paths));
    await this.startWorkerd();
    this.#token = (await createBootstrapToken(this.api, { ttlMs: 0, joins: 0 })).split('@')[0] ?? '';
    await this.startAgent();
  }

  async startWorkerd(): Promise<void> {
    const { command = [], listens = [] } = this.#component ?? {};
    const [program = '', ...args] = command;
    const output = fs.openSync(path.join(this.directory, 'workerd.log'), 'a');
    const sockets = await listenAll(listens);
    const stdio = ['ignore' as const, output, output, ...sockets.map(({ fd }) => fd)];
    this.#workerd = spawn(program, [...args, ...socketArguments(listens)], { stdio });
    fs.closeSync(output);
    for (const socket of sockets) socket.close();
    await this.api.waitReady(30_000);
  }

  async killWorkerd(): Promise<void> {
    const child = this.#workerd;
    this.#workerd = undefined;
    if (!child) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  /** Of workerd, in MiB. */
  workerdMiB(): number {
    const status = fs.readFileSync(`/proc/${this.#workerd?.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
  }

  /** The next answer to the agent's poll that bears offers is lost on its way. */
  losing = false;
  #lost = false;

  async startAgent(): Promise<void> {
    const fetch = this.#losing(nodeFetch(this.ca));
    const url = `https://127.0.0.1:${this.agentHop.port}`;
    const parts = simulatedParts(
      {
        nodeName: 'torture',
        url,
        stateDir: path.join(this.directory, 'agent'),
        runDir: path.join(this.directory, 'run'),
        bootstrapToken: this.#token,
        address: '127.0.0.1',
        networkId: 'torture',
        simulatedNodes: 1,
      },
      0,
      {
        timers: systemTimers,
        random: systemRandom,
        log: () => (this.#verbose ? loud : silent),
        fetch,
        dial: (node, credential) => this.#dialer(webSocketDialer(url, node, credential, this.ca, fetch)),
      },
      gateOf(10),
    );
    // Containers outlive the agent.
    this.#runtime ??= parts.runtime;
    const runtime = this.#runtime;
    const processes = this.#watched(simulatedProcesses(runtime, systemTimers, systemRandom));
    fs.mkdirSync(parts.stateDir, { recursive: true });
    fs.mkdirSync(path.join(this.directory, 'run'), { recursive: true });
    this.#agent = new Agent({ ...parts, runtime, processes, logsDirectory: this.logs });
    await this.#agent.start();
  }

  async stopAgent(): Promise<void> {
    await this.#agent?.stop();
    this.#agent = undefined;
  }

  async down(): Promise<void> {
    await this.stopAgent();
    await this.killWorkerd();
    this.api.close();
    this.agentHop.close();
    fs.rmSync(this.directory, { recursive: true, force: true });
  }

  #losing(inner: Fetch): Fetch {
    return async (request) => {
      const answer = await inner(request);
      if (!this.losing || !request.url.endsWith('/sync') || !answer.ok) return answer;
      const { streams } = (await answer.clone().json()) as { streams: unknown[] };
      // Not two in a row: the agent would wait longer and longer.
      if (streams.length === 0 || this.#lost) {
        this.#lost = false;
        return answer;
      }
      this.losing = false;
      this.#lost = true;
      throw new Error('the answer was lost');
    };
  }

  #dialer(inner: Dialer): Dialer {
    return {
      ...inner,
      dial: async (id, protocol) => {
        const half = await inner.dial(id, protocol);
        this.halves.add(half);
        const over = (): unknown => this.halves.delete(half);
        if (half.signal.aborted) over();
        half.signal.addEventListener('abort', over, { once: true });
        return half;
      },
    };
  }

  #watched(inner: Processes): Processes {
    return {
      ...inner,
      execute: async (...args) => {
        const executed = await inner.execute(...args);
        const begun: Begun = { executed, over: false };
        this.begun.add(begun);
        const over = (): void => {
          begun.over = true;
          this.begun.delete(begun);
        };
        void executed.exit.then(over);
        return {
          ...executed,
          close: () => {
            executed.close();
            over();
          },
        };
      },
    };
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
