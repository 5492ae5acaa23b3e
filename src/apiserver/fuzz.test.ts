// Bad input of every kind, from a seed: the answer is never a 5xx (but the 504 of a future revision), and nothing
// unexpected is thrown.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openSql } from '../../test/harness/sql.ts';
import { mutated, preparation, queryNames } from './fuzzing.ts';
import { testServer } from './testing.ts';

const seed = 20260102;
const words = [
  'api',
  'apis',
  'v1',
  'apps',
  'namespaces',
  'default',
  'pods',
  'p',
  'services',
  'kubernetes',
  'deployments',
  'd',
  'status',
  'scale',
  'binding',
  'log',
  'token',
  'serviceaccounts',
  'configmaps',
  'nodes',
  'finalize',
  'events',
  'secrets',
  '%2F',
  '%00',
  '%',
  '..',
  'watch',
  'authorization.k8s.io',
  'selfsubjectaccessreviews',
  'subjectaccessreviews',
  'authentication.k8s.io',
  'tokenreviews',
  'openapi',
  'v3',
  'é',
  'A_B',
  '__proto__',
  'constructor',
];
const values = fc.oneof(
  fc.constantFrom(
    '',
    '0',
    '1',
    '-1',
    'true',
    'false',
    'All',
    'Exact',
    'NotOlderThan',
    'a=b',
    'a in (b',
    '!',
    'metadata.name=p',
    'spec.nodeName!=x',
    '99999999999999999999',
    'Strict',
    'Foreground',
    'x',
  ),
  fc.string({ maxLength: 12 }),
);
const path = fc.array(fc.constantFrom(...words), { maxLength: 8 }).map((segments) => `/${segments.join('/')}`);
const knownPath = fc.constantFrom(
  '/api/v1/namespaces',
  '/api/v1/namespaces/default',
  '/api/v1/namespaces/default/pods',
  '/api/v1/namespaces/default/pods/p',
  '/api/v1/namespaces/default/pods/p/status',
  '/api/v1/namespaces/default/pods/p/binding',
  '/api/v1/namespaces/default/pods/p/log',
  '/api/v1/namespaces/default/services',
  '/api/v1/namespaces/default/services/kubernetes',
  '/api/v1/nodes',
  '/api/v1/nodes/n',
  '/apis/apps/v1/namespaces/default/deployments',
  '/apis/apps/v1/namespaces/default/deployments/d',
  '/apis/apps/v1/namespaces/default/deployments/d/scale',
  '/api/v1/namespaces/default/serviceaccounts/default/token',
  '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
  '/apis/authorization.k8s.io/v1/subjectaccessreviews',
  '/apis/authentication.k8s.io/v1/tokenreviews',
  '/api/v1/namespaces/default/secrets',
  '/api/v1/namespaces/default/events',
  '/api/v1/namespaces/default/configmaps',
  '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices',
  '/apis/coordination.k8s.io/v1/namespaces/default/leases',
  '/api/v1/namespaces/default/endpoints',
);
const keys = fc.constantFrom(
  'metadata',
  'name',
  'namespace',
  'labels',
  'annotations',
  'finalizers',
  'ownerReferences',
  'resourceVersion',
  'uid',
  'spec',
  'status',
  'containers',
  'template',
  'selector',
  'matchLabels',
  'replicas',
  'ports',
  'volumes',
  'data',
  'kind',
  'apiVersion',
  'target',
  'type',
  'strategy',
  'rollingUpdate',
  'taints',
  'conditions',
  'items',
  'token',
  'resourceAttributes',
  'image',
  'generateName',
  'clusterIP',
  'nodeName',
  'tolerations',
  'initContainers',
  'env',
  'resources',
  'limits',
  'requests',
  'cpu',
  'livenessProbe',
  'securityContext',
  '$patch',
  '$setElementOrder/containers',
  '__proto__',
  'deletionTimestamp',
  'involvedObject',
  'endpoints',
  'addressType',
);
const { tree: body } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 6, depthSize: 'small' },
    fc.constantFrom<unknown>(null, true, false, 0, -1, 1.5, 1e300, '', 'p', 'x', '1Gi', '2020-01-01T00:00:00Z', [], {}),
    fc.dictionary(keys, tie('tree'), { maxKeys: 6 }),
    fc.array(tie('tree'), { maxLength: 3 }),
  ),
}));
const method = fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS');
const contentType = fc.constantFrom(
  'application/json',
  'application/yaml',
  'application/vnd.kubernetes.protobuf',
  'application/merge-patch+json',
  'application/json-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
  'text/plain',
);
const accept = fc.constantFrom(
  '*/*',
  'application/json',
  'application/yaml',
  'application/json;as=Table;v=v1;g=meta.k8s.io',
  'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
  'x;;=',
);

async function prepared() {
  const server = await testServer(openSql());
  const { call } = server;
  await call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
  const containers = [{ name: 'c', image: 'i' }];
  await call('POST', '/api/v1/namespaces/default/pods', { metadata: { name: 'p' }, spec: { containers } });
  const labels = { a: 'b' };
  const spec = { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } };
  await call('POST', '/apis/apps/v1/namespaces/default/deployments', { metadata: { name: 'd' }, spec });
  await call('POST', '/api/v1/nodes', { metadata: { name: 'n' } });
  return server;
}

test('no request makes the server fail', async () => {
  const { call, log } = await prepared();
  const query = fc.array(fc.tuple(fc.constantFrom(...queryNames), values), { maxLength: 3 });
  const wire = fc.oneof(
    { weight: 6, arbitrary: body.map((value) => JSON.stringify(value)) },
    { weight: 1, arbitrary: fc.string() },
    {
      weight: 1,
      arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => new Uint8Array([0x6b, 0x38, 0x73, 0, ...bytes])),
    },
  );
  await fc.assert(
    fc.asyncProperty(
      method,
      fc.oneof(knownPath, knownPath, path),
      query,
      contentType,
      accept,
      wire,
      async (verb, where, pairs, type, wanted, sent) => {
        const search = new URLSearchParams(pairs.filter(([name]) => name !== 'watch'));
        const bodyless = verb === 'GET' || verb === 'HEAD';
        const answer = await call(verb, `${where}?${search}`, bodyless ? undefined : sent, {
          'content-type': type,
          accept: wanted,
        });
        if (answer.code === 504) expect(answer.text).toContain(tooLarge);
        else if (answer.code === 503) expect(where).toMatch(/log$/);
        else expect(answer.code, answer.text).toBeLessThan(500);
        if (answer.code >= 400 && verb !== 'HEAD' && answer.code !== 404) expect(answer.text).toMatch(status);
      },
    ),
    { numRuns: 3000, seed },
  );
  expect(log.errors).toEqual([]);
}, 60_000);

test('no field of a plausible object makes the server fail', async () => {
  const { call, log } = await prepared();
  const valid: Record<string, object> = {
    '/api/v1/namespaces/default/pods': {
      metadata: { name: 'q' },
      spec: {
        containers: [
          {
            name: 'c',
            image: 'i',
            ports: [{ containerPort: 80 }],
            env: [{ name: 'A', value: 'b' }],
            livenessProbe: { httpGet: { port: 80 } },
          },
        ],
        volumes: [{ name: 'v', emptyDir: {} }],
      },
    },
    '/api/v1/namespaces/default/services': {
      metadata: { name: 's' },
      spec: { selector: { a: 'b' }, ports: [{ port: 80, targetPort: 'http' }] },
    },
    '/apis/apps/v1/namespaces/default/deployments': {
      metadata: { name: 'e' },
      spec: {
        selector: { matchLabels: { a: 'b' } },
        strategy: { type: 'RollingUpdate' },
        template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      },
    },
    '/api/v1/nodes': {
      metadata: { name: 'm' },
      spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] },
      status: { conditions: [{ type: 'Ready', status: 'True' }] },
    },
  };
  const replace = (value: unknown, at: number, by: unknown): unknown => {
    let count = 0;
    const walk = (node: unknown): unknown => {
      if (count++ === at) return by;
      if (Array.isArray(node)) return node.map(walk);
      if (typeof node !== 'object' || node === null) return node;
      return Object.fromEntries(Object.entries(node).map(([key, child]) => [key, walk(child)]));
    };
    return walk(value);
  };
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...Object.keys(valid)),
      fc.nat(30),
      body,
      fc.boolean(),
      async (where, at, by, keep) => {
        const sent = replace(valid[where], at, by);
        const answer = await call('POST', `${where}${keep ? '' : '?dryRun=All'}`, sent);
        expect(answer.code, answer.text).toBeLessThan(500);
        const { name } = answer.json?.metadata ?? {};
        if (answer.code === 201 && keep) await call('DELETE', `${where}/${name}?gracePeriodSeconds=0`);
      },
    ),
    { numRuns: 3000, seed },
  );
  expect(log.errors).toEqual([]);
}, 60_000);

/** Requests of one server, which fills up meanwhile. */
const batch = 2_000;
const hangMs = 5_000;

/** FUZZ_RUNS=50000 for more, FUZZ_SEED=123 for that one; both: so many from there. */
test('no mutation of a valid request makes the server fail', async () => {
  const { FUZZ_SEED, FUZZ_RUNS } = process.env;
  const first = Number(FUZZ_SEED ?? 0);
  const end = first + Number(FUZZ_RUNS ?? (FUZZ_SEED === undefined ? 4_000 : 1));
  for (let from = first; from < end; from += batch) {
    const { call, server, log } = await testServer(openSql());
    for (const { method: verb, path: where, body: sent } of preparation)
      expect((await call(verb, where, sent)).code).toBe(201);
    for (let number = from; number < Math.min(end, from + batch); number++) {
      const request = mutated(number);
      if (!request) continue;
      const said = `FUZZ_SEED=${number} ${request.method} ${request.url}`;
      const { watch } = Object.fromEntries(new URL(request.url).searchParams);
      let timer: ReturnType<typeof setTimeout> | undefined;
      const hang = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`hangs: ${said}`)), hangMs);
      });
      const answer = await Promise.race([server.fetch(request), hang]);
      const endless = answer.ok && (watch !== undefined || request.url.includes('/watch/'));
      const text = endless ? '' : await Promise.race([answer.text(), hang]);
      if (endless) await answer.body?.cancel();
      clearTimeout(timer);
      expect(log.errors, said).toEqual([]);
      checkAnswer(request, answer, text, said);
    }
    expect(server.watches).toBe(0);
    for (const { group, version, plural } of server.core.registry.definitions) {
      const { code, json } = await call('GET', `${group === '' ? '/api' : `/apis/${group}`}/${version}/${plural}`);
      expect([code, Array.isArray(json?.items)]).toEqual([200, true]);
    }
  }
}, 600_000);

/** In JSON, on one line or many, in YAML, in protobuf. */
const status = /"kind": ?"Status"|kind: Status|^k8s[\s\S]*Status/;
const tooLarge = 'Timeout: Too large resource version';

function checkAnswer(request: Request, answer: Response, text: string, said: string): void {
  const path = new URL(request.url).pathname;
  if (answer.status < 400 || request.method === 'HEAD') return;
  // What is not served at all is a page, as upstream has it.
  if (answer.status === 404 && text === '404 page not found\n') return;
  // Upstream's answer there has no body.
  if (answer.status === 406 && path.startsWith('/openapi/')) return;
  expect(text, said).toMatch(status);
  if (answer.status < 500) return;
  if (answer.status === 504) expect(text, said).toContain(tooLarge);
  // Streams and logs need somebody who carries them.
  else expect([answer.status, /is not (available here|served yet)/.test(text)], `${said} ${text}`).toEqual([503, true]);
}
