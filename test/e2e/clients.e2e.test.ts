// Programs written against a client library: an informer that loses its connection again and again, and two candidates for
// one Lease, as a controller with leader election has them.
import net from 'node:net';
import {
  ApiException,
  CoordinationV1Api,
  CoreV1Api,
  KubeConfig,
  ListWatch,
  type V1ConfigMap,
  V1MicroTime,
  Watch,
} from '@kubernetes/client-node';
import { afterAll, expect, test } from 'vitest';
import { cluster, kubeconfig, sleep, until } from './lib.ts';

/** A way to the API server that can be cut. */
async function cutter(server: URL): Promise<{ port: number; cut(): number; close(): void }> {
  const open = new Set<net.Socket>();
  const proxy = net.createServer((client) => {
    const upstream = net.connect(Number(server.port), server.hostname);
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on('close', () => open.delete(socket));
      socket.on('error', () => undefined);
    }
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    const { size } = open;
    for (const socket of open) socket.destroy();
    return size;
  };
  return {
    port: (proxy.address() as net.AddressInfo).port,
    cut,
    close: () => {
      cut();
      proxy.close();
    },
  };
}

function configured(): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  return config;
}

cluster('clients', (namespace) => {
  const closing: (() => void)[] = [];
  afterAll(() => {
    for (const close of closing) close();
  });

  test('an informer over a thousand objects ends equal to a list, however often it is cut off', async () => {
    const config = configured();
    const direct = config.makeApiClient(CoreV1Api);
    const address = new URL(config.getCurrentCluster()?.server ?? '');
    const way = await cutter(address);
    closing.push(way.close);
    const cuttable = new KubeConfig();
    cuttable.loadFromOptions({
      ...config,
      clusters: config.clusters.map((one) => ({ ...one, server: `https://127.0.0.1:${way.port}` })),
      users: config.users,
      contexts: config.contexts,
      currentContext: config.currentContext,
    });
    const throughCutter = cuttable.makeApiClient(CoreV1Api);
    const informer = new ListWatch<V1ConfigMap>(
      `/api/v1/namespaces/${namespace}/configmaps`,
      new Watch(cuttable),
      () => throughCutter.listNamespacedConfigMap({ namespace }),
      false,
      undefined,
      undefined,
      // Its own delay grows to half a minute.
      { delayFn: () => sleep(50) },
    );
    let errors = 0;
    let stopped = false;
    const deleted = new Set<string>();
    informer.on('delete', (object) => deleted.add(object.metadata?.name ?? ''));
    informer.on('error', () => {
      errors++;
      if (!stopped) setTimeout(() => void informer.start().catch(() => undefined), 50);
    });
    await informer.start();

    let cuts = 0;
    const cutting = setInterval(() => {
      cuts += way.cut() > 0 ? 1 : 0;
    }, 300);
    const name = (i: number) => `object-${i}`;
    const each = async (from: number, to: number, work: (i: number) => Promise<unknown>) => {
      let next = from;
      await Promise.all(
        Array.from({ length: 8 }, async () => {
          while (next < to) await work(next++);
        }),
      );
    };
    await each(0, 1000, (i) =>
      direct.createNamespacedConfigMap({ namespace, body: { metadata: { name: name(i) }, data: { round: '0' } } }),
    );
    await each(0, 300, (i) =>
      direct.replaceNamespacedConfigMap({
        namespace,
        name: name(i),
        body: { metadata: { name: name(i) }, data: { round: '1' } },
      }),
    );
    await each(900, 1000, (i) => direct.deleteNamespacedConfigMap({ namespace, name: name(i) }));
    await until('some cuts', () => cuts > 5);
    clearInterval(cutting);

    const versions = (objects: readonly V1ConfigMap[]) =>
      objects.map(({ metadata }) => `${metadata?.name} ${metadata?.resourceVersion}`).sort();
    const { items } = await direct.listNamespacedConfigMap({ namespace });
    expect(items.length).toBeGreaterThanOrEqual(900);
    await until(
      'the informer to have caught up',
      () => versions(informer.list()).join() === versions(items).join(),
      30_000,
    );
    expect(errors + cuts).toBeGreaterThan(5);
    stopped = true;
    await informer.stop();
  });

  test('two candidates for a Lease: one leads at a time, the other takes over when it stops renewing', async () => {
    const leases = configured().makeApiClient(CoordinationV1Api);
    const name = 'controller';
    const durationMs = 2000;
    /** Who led when, as the candidates themselves know. */
    const terms: { who: string; fromMs: number; toMs: number }[] = [];

    function candidate(who: string): { resign(): void; crash(): void; ended: Promise<void> } {
      let running = true;
      let graceful = false;
      const ended = (async () => {
        let term: (typeof terms)[number] | undefined;
        let seen = { version: '', atMs: 0 };
        while (running) {
          const nowMs = Date.now();
          try {
            const lease = await leases.readNamespacedLease({ namespace, name }).catch((error: unknown) => {
              if (!(error instanceof ApiException) || error.code !== 404) throw error;
              return leases.createNamespacedLease({ namespace, body: { metadata: { name, namespace }, spec: {} } });
            });
            const version = lease.metadata?.resourceVersion ?? '';
            if (version !== seen.version) seen = { version, atMs: nowMs };
            const holder = lease.spec?.holderIdentity ?? '';
            const expired = nowMs - seen.atMs > durationMs;
            if (holder === who || holder === '' || expired) {
              const time = new V1MicroTime(new Date().toISOString());
              await leases.replaceNamespacedLease({
                namespace,
                name,
                body: {
                  ...lease,
                  spec: {
                    holderIdentity: who,
                    leaseDurationSeconds: durationMs / 1000,
                    renewTime: time,
                    leaseTransitions: (lease.spec?.leaseTransitions ?? 0) + (holder === who ? 0 : 1),
                  },
                },
              });
              if (!term) {
                term = { who, fromMs: Date.now(), toMs: Date.now() };
                terms.push(term);
              }
              term.toMs = Date.now();
            } else term = undefined;
          } catch (error) {
            // The other was faster.
            if (!(error instanceof ApiException) || error.code !== 409) throw error;
          }
          await sleep(200);
        }
        if (!graceful || !term) return;
        const lease = await leases.readNamespacedLease({ namespace, name });
        await leases.replaceNamespacedLease({
          namespace,
          name,
          body: { ...lease, spec: { ...lease.spec, holderIdentity: '' } },
        });
      })();
      return {
        resign: () => {
          graceful = true;
          running = false;
        },
        crash: () => {
          running = false;
        },
        ended,
      };
    }

    const [a, b] = [candidate('a'), candidate('b')];
    await until('a leader', () => terms.length === 1);
    await sleep(1000);
    expect(terms).toHaveLength(1);
    const first = terms[0]?.who;
    const [leader, follower] = first === 'a' ? [a, b] : [b, a];
    leader.crash();
    await leader.ended;
    await until('the other to take over', () => terms.length === 2, 10_000);
    expect(terms[1]?.who).not.toBe(first);
    // Not before the lease was over.
    expect((terms[1]?.fromMs ?? 0) - (terms[0]?.toMs ?? 0)).toBeGreaterThan(durationMs - 300);
    follower.resign();
    await follower.ended;
    const c = candidate('c');
    await until('a third, at once', () => terms.length === 3, 1500);
    c.resign();
    await c.ended;
    const lease = await leases.readNamespacedLease({ namespace, name });
    expect(lease.spec?.leaseTransitions).toBe(3);
  });
});
