// kill -9 of workerd, an agent and a containerd, one at a time, under a rolling update: the update completes, nothing that was
// acknowledged is lost, and no container runs twice.
import fs from 'node:fs';
import { expect, test } from 'vitest';
import type { Deployment } from '../../src/generated/schemas/apps-v1.ts';
import type { ConfigMap, Node, Pod } from '../../src/generated/schemas/core-v1.ts';
import {
  apply,
  cluster,
  componentPid,
  deployment,
  get,
  items,
  kubectl,
  nodeReady,
  podReady,
  rolledOut,
  sleep,
  tryKubectl,
  until,
} from './lib.ts';

/** Processes on this machine whose environment names this pod's uid marker, by marker. */
function running(marker: string): number {
  let count = 0;
  for (const pid of fs.readdirSync('/proc').filter((e) => /^\d+$/.test(e))) {
    try {
      if (
        fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(marker) &&
        /^NSpid:.*\t1$/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))
      )
        count++;
    } catch {
      // It ended while we looked.
    }
  }
  return count;
}

cluster('faults', (ns) => {
  const nodes = async () => (await items<Node>('nodes')).map((n) => n.metadata.name).sort();
  test.each(['workerd', 'agent', 'containerd'])(
    'kill -9 of %s under a rolling update',
    async (victim) => {
      const marker = `marker-${victim}`;
      const generation = (n: number) =>
        deployment(`under-${victim}`, {
          replicas: 4,
          image: 'tiffin.dev/busybox:1',
          command: ['sh', '-c', `trap "exit 0" TERM; : ${marker} ${n}; while :; do sleep 0.2; done`],
        });
      await apply(ns, generation(1));
      await kubectl(`rollout status deployment/under-${victim} -n ${ns} --timeout=90s`);
      // Writes that are acknowledged while things break must all be there at the end.
      const acknowledged: string[] = [];
      let writing = true;
      const writer = (async () => {
        for (let i = 0; writing; i++) {
          const name = `${victim}-${i}`;
          if (
            (
              await tryKubectl([
                'create',
                'configmap',
                name,
                '-n',
                ns,
                `--from-literal=i=${i}`,
                '--request-timeout=10s',
              ])
            ).code === 0
          )
            acknowledged.push(name);
          await sleep(50);
        }
      })();
      await apply(ns, generation(2));
      await sleep(700);
      const name = victim === 'workerd' ? 'workerd' : `${victim}-${(await nodes()).at(-1)}`;
      const pid = componentPid(name);
      process.kill(pid, 'SIGKILL');
      await until(
        `${name} running again`,
        () => componentPid(name) !== pid && fs.existsSync(`/proc/${componentPid(name)}`),
        30_000,
      );
      await until(
        'the update completed',
        async () => rolledOut(await get<Deployment>(`deployment under-${victim} -n ${ns}`)),
        90_000,
      );
      writing = false;
      await writer;
      const present = new Set((await items<ConfigMap>(`configmaps -n ${ns}`)).map((c) => c.metadata.name));
      expect(acknowledged.filter((n) => !present.has(n))).toEqual([]);
      expect(acknowledged.length).toBeGreaterThan(3);
      await until(
        'the old pods gone',
        async () =>
          (await items<Pod>(`pods -n ${ns} -l app=under-${victim}`)).filter(podReady).length === 4 &&
          (await items<Pod>(`pods -n ${ns} -l app=under-${victim}`)).length === 4,
        60_000,
      );
      await until('exactly one process per pod', () => running(marker) === 4, 20_000);
      expect((await items<Node>('nodes')).every(nodeReady)).toBe(true);
      await kubectl(`delete deployment under-${victim} -n ${ns}`);
    },
    240_000,
  );
});
