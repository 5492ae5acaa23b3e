// Requests for streams, right and nearly so: each is answered with a stream of the very pod, Service or node that its path names, or
// with a Status that is no failure of the server. Seeded: a failure prints its seed and the request.
import { expect, test } from 'vitest';
import { openSql } from '../../../../test/harness/sql.ts';
import { SeededRandom } from '../../../../test/harness/time.ts';
import { streamOffer } from '../../../protocol/streams.ts';
import { core, server, socket } from './testing.ts';

const seed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 1e9));
const rounds = Number(process.env.FUZZ_ROUNDS ?? 3000);

const odd = [
  ...['', '0', '-1', '1', '65535', '65536', '1e3', '0x50', '080', '+80', '9'.repeat(30), 'NaN', 'true', 'TRUE', 'null'],
  ...['%00', '%0d%0ax: y', '%2e%2e', '%2f', '%252f', '%zz', '..', '.', '*', '%C3%28', '%F0%9F%98%80', 'a'.repeat(5000)],
  ...['__proto__', 'constructor', 'toString', '[::1]', '169.254.169.254', '127.0.0.1:6443', 'n1', 'p', 's', 'a'],
];
const parameters = [
  ...['container', 'command', 'stdin', 'stdout', 'stderr', 'tty', 'ports', 'port', 'follow', 'previous', 'tailLines'],
  ...['sinceSeconds', 'sinceTime', 'timestamps', 'limitBytes', 'stream', 'insecureSkipTLSVerifyBackend', 'pretty', 'x'],
];
const protocols = [
  ...['v5.channel.k8s.io', 'v4.channel.k8s.io', 'channel.k8s.io', 'base64.channel.k8s.io', 'v4.base64.channel.k8s.io'],
  ...[
    'SPDY/3.1+portforward.k8s.io',
    'portforward.k8s.io',
    'binary.k8s.io',
    'base64.binary.k8s.io',
    'v9',
    '',
    ' , ,',
    'é',
  ],
];
const names: readonly [string, string[]][] = [
  [`${core}/pods`, ['p', 'p:8080', 'https:p:8443', 'http:p:', 'unbound', 'absent', ':p:', 'p:x', 'p:0', 'ftp:p:1']],
  [`${core}/services`, ['s', 's:http', 'https:s:80', 's:other', 'lonely:http', 'elsewhere:http', 's:82', ':s:']],
  ['/api/v1/nodes', ['n1', 'n1:9100', 'https:n1:10250', 'n1:0', 'absent', 'n1:x']],
];
const values: Record<string, string[]> = {
  container: ['a', 'b'],
  command: ['sh', 'a%20b'],
  ports: ['80', '80,81'],
  sinceTime: ['2026-01-01T00:00:00Z'],
  stream: ['Stdout', 'All'],
};
const subresources = ['exec', 'attach', 'log', 'portforward', 'proxy', 'proxy/'];
const rests = ['', 'x', 'a%2Fb', '../../x', '%2e%2e/x', '/x', '//evil/x', 'x?y=%41', 'x#y', '%0d%0a', ';p=1', '?', '%'];
/** In front of a whole path: nothing of it names another host. */
const fronts = ['//evil', '//evil/x', '/\\evil', '//', '/.', '/..', '/%2e'];
/** What a client may send along, and none of which says anything about where the stream goes. */
const others: [string, string][] = [
  ...['host', 'x-forwarded-host', 'x-original-url', 'x-rewrite-url'].map((of): [string, string] => [of, 'evil']),
  ['cookie', 'a=b; CF_Authorization=secret'],
  ['cookie', ';;=;'],
  ['connection', 'authorization, x'],
  ['transfer-encoding', 'chunked'],
  ['content-length', '-1'],
  ['impersonate-extra-x', 'y'],
  ['tiffin-stream', '{"node":"n2"}'],
  ['cf-access-jwt-assertion', 'secret'],
  ['accept', 'application/json;as=Table;v=v1;g=meta.k8s.io'],
  ['x', 'é'],
];
const upgrades = ['websocket', 'WebSocket', 'SPDY/3.1', 'h2c', 'websocket, SPDY/3.1', ''];

test(`whatever is asked for, seed ${seed}`, async () => {
  const random = new SeededRandom(seed);
  const pick = <T>(of: readonly T[]): T => random.pick(of)!;
  const { call, uid } = await server(openSql());
  const counts: Record<string, number> = {};
  for (let round = 0; round < rounds; round++) {
    const [collection, known] = pick(names);
    const name = random.chance(0.85) ? pick(known) : pick(odd);
    const subresource = pick(subresources);
    const rest = subresource === 'proxy/' ? pick(rests) : '';
    const query = Array.from({ length: random.int(6) }, () => {
      const key = random.chance(0.9) ? pick(parameters) : pick(odd);
      const right = values[key] ?? ['true', '1'];
      return `${key}=${random.chance(0.6) ? pick(right) : pick(odd)}`;
    });
    const front = random.chance(0.03) ? pick(fronts) : '';
    const path = `${front}${collection}/${name}/${subresource}${rest}${query.length > 0 ? `${rest.includes('?') ? '&' : '?'}${query.join('&')}` : ''}`;
    const method = random.chance(0.7) ? 'GET' : pick(['POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'QUERY']);
    const offered = Array.from({ length: 1 + random.int(3) }, () => pick(protocols)).join(', ');
    const headers: Record<string, string> = random.chance(0.3)
      ? {}
      : random.chance(0.5)
        ? { ...socket }
        : { upgrade: pick(upgrades), ...(random.chance(0.8) ? { 'sec-websocket-protocol': encodeURI(offered) } : {}) };
    const more = Object.fromEntries(Array.from({ length: random.int(3) }, () => pick(others)));
    for (const [of, value] of Object.entries(more)) headers[of] ??= value;
    const told = `seed ${seed}, round ${round}: ${method} ${path} ${JSON.stringify(headers)}`;
    // A path that is none at all is refused before any server sees it.
    if (!URL.canParse(`https://host${path}`)) continue;
    const { code, json, text, headers: answered } = await call(method, path, undefined, headers);
    counts[code] = (counts[code] ?? 0) + 1;
    if (code === 301) {
      // The same path with a slash, on this host, whatever it is called.
      const { pathname, search } = new URL(`https://host${path}`);
      const to = answered.get('location') ?? '';
      expect([subresource, to], told).toEqual(['proxy', `${pathname}/${search}`]);
      expect(new URL(to, 'https://host').host, told).toBe('host');
      expect(to, told).toMatch(/^\/api\/v1\//);
      continue;
    }
    // Only dots in front of a path are passed over, as in any URL.
    if (front !== '' && !/(\.|%2e)$/.test(front)) {
      expect([400, 404], told).toContain(code);
      continue;
    }
    if (code !== 200) {
      // Of a Service without endpoints, or without the port, 503 is upstream's.
      const none = /^no (endpoints available for|service port -?\d+ found for) service "[a-z]+"$/;
      const refused = collection.endsWith('/services') && (method === 'HEAD' || none.test(json?.message ?? ''));
      const allowed = code >= 400 && (code < 500 || (code === 503 && refused));
      expect(allowed, `${told}: ${code} ${text}`).toBe(true);
      if (method !== 'HEAD') expect(json, told).toMatchObject({ kind: 'Status', status: 'Failure', code });
      continue;
    }
    // The log of a pod that is nowhere is empty, as upstream's.
    if (name === 'unbound' && subresource === 'log' && text === '') continue;
    if (json?.offer === undefined) expect.fail(`${told}: no stream, but ${text.slice(0, 200)}`);
    const offer = streamOffer.parse(json.offer);
    expect(json.node, told).toBe('n1');
    if (offer.kind !== 'http') {
      expect([offer.pod, offer.podUid], told).toEqual(['p', uid]);
      if (offer.kind !== 'portforward') expect(['a', 'b'], told).toContain(offer.container);
      else for (const port of offer.ports) expect(port > 0 && port < 65536, told).toBe(true);
      continue;
    }
    expect(offer.path, told).toMatch(/^\/[\x21-\x7e]*$/);
    for (const [name, value] of offer.headers) {
      expect(name, told).not.toMatch(/^(authorization$|impersonate-|tiffin-|cf-access-|sec-websocket-)/i);
      expect(value, told).not.toMatch(/[\r\n]|secret/);
    }
    const { target } = offer;
    if (target.type === 'pod') expect(target.podUid, told).toBe(uid);
    if (target.type === 'address') expect(['192.0.2.1', '203.0.113.7'], told).toContain(target.address);
  }
  // It has to reach what it is about.
  expect(counts[200], JSON.stringify(counts)).toBeGreaterThan(rounds / 50);
  expect(counts[400], JSON.stringify(counts)).toBeGreaterThan(rounds / 50);
}, 120_000);
