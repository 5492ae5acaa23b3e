// What tests of single pods are written with: manifests, and a suite that creates all its pods at once and then only looks.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, inject } from 'vitest';
import type { Container, Pod, PodSpec, Volume } from '../../src/generated/schemas/core-v1.ts';
import { apply, get, items, kubectl, podReady, tryKubectl, until } from './lib.ts';

export const forever = 'trap "exit 0" TERM; while :; do sleep 1000 & wait $!; done';
/** A web server on port 8080 that has /ok. */
export const www = 'mkdir /tmp/www; echo ok > /tmp/www/ok; httpd -p 8080 -h /tmp/www;';

export const sh = (name: string, script: string, more: Partial<Container> = {}): Container => ({
  name,
  image: 'tiffin.dev/busybox:1',
  command: ['sh', '-c', script],
  ...more,
});

/** Volumes mounted where their names say. */
export const mount = (...names: string[]) => names.map((name) => ({ name, mountPath: `/${name}` }));

/** `web` sleeps for ever unless `spec` brings containers. */
export function pod(name: string, spec: Partial<PodSpec>, metadata: object = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...metadata },
    spec: { terminationGracePeriodSeconds: 5, containers: [sh('web', forever)], ...spec },
  });
}

/** Runs `script` to its end; its log is what the test looks at. */
export const job = (
  name: string,
  script: string,
  container: Partial<Container> = {},
  spec: Partial<PodSpec> = {},
  metadata: object = {},
): string => pod(name, { restartPolicy: 'Never', containers: [sh('web', script, container)], ...spec }, metadata);

export function podSuite(ns: string) {
  const shared = inject('skip') ? '' : fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-pods-'));
  const manifests: string[] = [];
  const read = (name: string) => get<Pod>(`pod ${name} -n ${ns}`);
  const log = (name: string, container = 'web') => kubectl(`logs ${name} -c ${container} -n ${ns}`);
  const ended = (name: string) =>
    until(`${name} ended`, async () => {
      const p = await read(name);
      return p.status.phase === 'Succeeded' || p.status.phase === 'Failed' ? p : undefined;
    });
  return {
    /** A directory of this machine, which the nodes see too. */
    shared,
    hostVolume: { name: 'host', hostPath: { path: shared, type: 'Directory' } } satisfies Volume,
    add: (...pods: string[]) => void manifests.push(...pods),
    /** For beforeAll: creates `objects`, then all pods; its result ends them. */
    create: async (...objects: object[]) => {
      if (objects.length > 0) await apply(ns, ...objects.map((o) => JSON.stringify({ apiVersion: 'v1', ...o })));
      await apply(ns, ...manifests);
      return async () => {
        await tryKubectl(['delete', 'pods', '--all', '-n', ns, '--grace-period=1', '--timeout=60s']);
        fs.rmSync(shared, { recursive: true, force: true });
      };
    },
    read,
    log,
    ended,
    /** The log of a job that has to succeed. */
    said: async (name: string): Promise<string> => {
      const { phase, containerStatuses } = (await ended(name)).status;
      const text = await log(name);
      expect(phase, `${text}${JSON.stringify(containerStatuses)}`).toBe('Succeeded');
      return text;
    },
    ready: (name: string) =>
      until(`${name} ready`, async () => {
        const p = await read(name);
        return podReady(p) ? p : undefined;
      }),
    restarted: (name: string) =>
      until(
        `${name} restarted`,
        async () => ((await read(name)).status.containerStatuses?.[0]?.restartCount ?? 0) > 0,
        30_000,
      ),
    waiting: (name: string, reason: string) =>
      until(`${name} waiting: ${reason}`, async () => {
        const { waiting } = (await read(name)).status.containerStatuses?.[0]?.state ?? {};
        return waiting?.reason === reason ? waiting : undefined;
      }),
    /** Waits until the pod's events (`Reason: message`) say each of these; an event may come after the status that it tells of. */
    saysEvents: (name: string, ...expected: (string | RegExp)[]) =>
      until(`events of ${name}`, async () => {
        const list = `events -n ${ns} --field-selector involvedObject.name=${name}`;
        const events = await items<{ reason: string; message: string }>(list);
        const text = events.map((e) => `${e.reason}: ${e.message}`).join('\n');
        for (const one of expected) expect(text).toMatch(one);
        return true;
      }),
  };
}
