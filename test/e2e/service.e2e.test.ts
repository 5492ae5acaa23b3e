// A Service answers throughout a rolling update: not one failed request in a steady stream, on new connections and on kept
// ones, without any preStop in the pod. And the API answers inside pods.
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { beforeAll, expect, inject, test } from 'vitest';
import type { Pod, Service } from '../../src/generated/schemas/core-v1.ts';
import { apply, cluster, deployment, get, items, kubectl, podReady, sleep, tiffin, until } from './lib.ts';
import { buildNodeImage, nodeImage } from './node-image.ts';

/** Asks `url` again and again until stopped; every failure is kept with its time. */
function stream(
  url: string,
  agent: http.Agent,
  everyMs: number,
): { stop(): Promise<{ answers: Map<string, number>; failures: string[] }> } {
  const answers = new Map<string, number>();
  const failures: string[] = [];
  let going = true;
  const ask = () =>
    new Promise<void>((resolve) => {
      const request = http.get(url, { agent, timeout: 5_000 }, (response) => {
        let body = '';
        response.on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () => {
          if (response.statusCode !== 200) failures.push(`status ${response.statusCode}`);
          answers.set(body.trim(), (answers.get(body.trim()) ?? 0) + 1);
          resolve();
        });
        response.on('error', (error) => {
          failures.push(`answer: ${error.message}`);
          resolve();
        });
      });
      request.on('timeout', () => request.destroy(new Error('no answer in 5 s')));
      request.on('error', (error) => {
        failures.push(`${new Date().toISOString()} ${error.message}`);
        resolve();
      });
    });
  const loop = (async () => {
    while (going) {
      await ask();
      await sleep(everyMs);
    }
  })();
  return {
    stop: async () => {
      going = false;
      await loop;
      agent.destroy();
      return { answers, failures };
    },
  };
}

cluster('service', (ns) => {
  beforeAll(async () => {
    const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-image-')), 'node.tar');
    await buildNodeImage(file, inject('kubectl'));
    const imported = await tiffin('image', 'import', file);
    fs.rmSync(path.dirname(file), { recursive: true });
    expect(imported.code, imported.stderr).toBe(0);
  });

  test('a rolling update drops nothing', async () => {
    const version = (v: string) =>
      deployment('web', {
        replicas: 3,
        image: nodeImage,
        extra: {
          args: ['/programs/server.cjs'],
          env: [{ name: 'VERSION', value: v }],
          readinessProbe: { httpGet: { port: 8080 }, periodSeconds: 1 },
        },
        strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      });
    await apply(
      ns,
      version('one'),
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'web' },
        spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
      }),
    );
    await kubectl(`rollout status deployment/web -n ${ns} --timeout=60s`);
    const ip = (await get<Service>(`service web -n ${ns}`)).spec.clusterIP;
    const url = `http://${ip}/`;
    const streams = [
      ...Array.from({ length: 3 }, () => stream(url, new http.Agent({ keepAlive: false }), 5)),
      ...Array.from({ length: 3 }, () => stream(url, new http.Agent({ keepAlive: true, maxSockets: 1 }), 20)),
    ];
    await sleep(1_000);
    await apply(ns, version('two'));
    await kubectl(`rollout status deployment/web -n ${ns} --timeout=100s`);
    await until(
      'only new pods',
      async () => (await items<Pod>(`pods -n ${ns} -l app=web`)).filter(podReady).length === 3,
    );
    await until('the old pods gone', async () => (await items<Pod>(`pods -n ${ns} -l app=web`)).length === 3);
    await sleep(500);
    const results = await Promise.all(streams.map((s) => s.stop()));
    const asked = results.flatMap((r) => [...r.answers.values()]).reduce((a, b) => a + b, 0);
    expect(results.flatMap((r) => r.failures)).toEqual([]);
    expect(asked).toBeGreaterThan(300);
    const versions = new Set(results.flatMap((r) => [...r.answers.keys()].map((a) => a.split(' ')[1])));
    expect([...versions].sort()).toEqual(['one', 'two']);
  });

  test('inside a pod, the in-cluster configuration lists and watches the API', async () => {
    await kubectl(`create serviceaccount reader -n ${ns}`);
    await kubectl(`create rolebinding reader --clusterrole=view --serviceaccount=${ns}:reader -n ${ns}`);
    await kubectl(`create configmap first -n ${ns}`);
    await apply(
      ns,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'client' },
        spec: {
          serviceAccountName: 'reader',
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: 'c',
              image: nodeImage,
              args: ['/programs/in-cluster.cjs'],
              env: [{ name: 'NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } }],
            },
          ],
        },
      }),
    );
    const log = () => kubectl(`logs client -n ${ns}`);
    await until('its list', async () => (await log()).includes('listed first,kube-root-ca.crt'), 30_000);
    await until('its refusal', async () => (await log()).includes('refused 403'), 30_000);
    await kubectl(`create configmap second -n ${ns}`);
    await until('its watch event', async () => (await log()).includes('watched ADDED second'), 10_000);
    expect(await log()).toMatch(/server https:\/\/10\.\d+\.0\.1:443/);
    await kubectl(`delete pod client -n ${ns} --now`);
  });

  test('so does client-go: kubectl in a pod, without any configuration', async () => {
    await apply(
      ns,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'gopher' },
        spec: {
          serviceAccountName: 'reader',
          restartPolicy: 'Never',
          containers: [{ name: 'c', image: nodeImage, command: ['/usr/bin/kubectl', 'get', 'configmaps,pods'] }],
        },
      }),
    );
    await until('its end', async () => (await get<Pod>(`pod gopher -n ${ns}`)).status.phase === 'Succeeded', 30_000);
    expect(await kubectl(`logs gopher -n ${ns}`)).toMatch(/configmap\/kube-root-ca.crt[\s\S]*pod\/gopher/);
  });
});
