// Valid requests and what may go wrong with them, from a seed: for fuzz.test.ts. One seed is one request, so that a failure
// is repeated by its number alone.
import { stringify } from 'yaml';
import { protobuf } from '../generated/schemas/protobuf.ts';
import { encodeProtobuf } from '../machinery/schema/protobuf-writer.ts';
import { madeUp } from './fuzz-kinds.ts';
import corpus from './testdata/requests.json' with { type: 'json' };
import { adminToken, TestRandom } from './testing.ts';

type Json = Record<string, unknown>;

const protobufTable = protobuf();

interface Valid {
  method: string;
  path: string;
  body?: unknown;
  type?: string;
  /** Name of the body's type, where it may be sent as protobuf. */
  schema?: string;
}

const requests: readonly Valid[] = corpus.requests;
/** Brings a server into the state that the requests speak of. */
export const preparation: readonly Valid[] = corpus.preparation;

const merge = 'application/merge-patch+json';
const strategic = 'application/strategic-merge-patch+json';
const junkTexts = [
  '',
  '0',
  '-1',
  'true',
  'null',
  'NaN',
  '1e400',
  '99999999999999999999',
  'a'.repeat(300),
  '\u0000',
  'é\u202e',
  '😀',
  '\ud800',
  '../..',
  '%',
  '__proto__',
  'constructor',
  '*',
  '$(x)',
  ' ',
  '\n',
  '10.0.0.256',
  '::1',
  '1Gi',
  '-1m',
  '1e-30',
  '2026-13-01T00:00:00Z',
  'a=b,c!=d',
  'a in (',
  '!',
  'metadata.name=x',
  'Orphan',
  'All',
  'Strict',
];
const junkValues: readonly unknown[] = [
  ...junkTexts,
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 31,
  2 ** 53,
  1e300,
  -0,
  [],
  {},
  [[]],
  [null],
  { '': '' },
  { __proto__: 1, constructor: {} },
];
/** Query parameters that mean something to some request. */
export const queryNames = [
  'watch',
  'limit',
  'continue',
  'resourceVersion',
  'resourceVersionMatch',
  'labelSelector',
  'fieldSelector',
  'dryRun',
  'fieldValidation',
  'fieldManager',
  'force',
  'gracePeriodSeconds',
  'propagationPolicy',
  'orphanDependents',
  'sendInitialEvents',
  'timeoutSeconds',
  'includeObject',
  'tailLines',
  'limitBytes',
  'sinceSeconds',
  'previous',
  'sinceTime',
  'container',
  'allowWatchBookmarks',
  'pretty',
  'x',
];
const contentTypes = [
  'application/json',
  'application/yaml',
  'application/vnd.kubernetes.protobuf',
  merge,
  strategic,
  'application/json-patch+json',
  'application/apply-patch+yaml',
  'application/cbor',
  'text/plain',
  'application/json; charset=utf-16',
  'application/json;;',
  ';',
  '',
];
const accepts = [
  '*/*',
  'application/json',
  'application/yaml',
  'application/vnd.kubernetes.protobuf',
  'application/json;as=Table;v=v1;g=meta.k8s.io',
  'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json',
  'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
  'application/json;q=2',
  'x;;=',
  ',',
  'image/png',
];
const segments = [
  'api',
  'apis',
  'v1',
  'v2',
  'apps',
  'namespaces',
  'default',
  'nope',
  'pods',
  'p',
  'status',
  'log',
  'exec',
  'scale',
  'token',
  'finalize',
  'watch',
  '%2F',
  '%00',
  '%zz',
  '%C3%28',
  '..',
  '',
  'A_B',
  '__proto__',
  'x'.repeat(300),
];

interface Draft extends Valid {
  headers: Record<string, string>;
  bytes?: Uint8Array;
}

type Random = TestRandom;
type Mutation = (draft: Draft, random: Random) => void;

const pick = <T>(random: Random, from: readonly T[]): T => from[random.int(from.length)] as T;

/** A random place within a JSON value: whoever holds it, and under which key. */
function place(value: unknown, random: Random): { holder: Json; key: string } | undefined {
  const all: { holder: Json; key: string }[] = [];
  const walk = (holder: unknown): void => {
    if (typeof holder !== 'object' || holder === null || all.length > 2000) return;
    for (const key of Object.keys(holder)) {
      all.push({ holder: holder as Json, key });
      walk((holder as Json)[key]);
    }
  };
  walk(value);
  return all.length === 0 ? undefined : pick(random, all);
}

function at(change: (holder: Json, key: string, draft: Draft, random: Random) => void): Mutation {
  return (draft, random) => {
    const found = place(draft.body, random);
    if (found) change(found.holder, found.key, draft, random);
  };
}

function nested(depth: number, random: Random): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = random.int(2) === 0 ? [value] : { a: value };
  return value;
}

const inBody: readonly Mutation[] = [
  at((holder, key, _draft, random) => {
    holder[key] = structuredClone(pick(random, junkValues));
  }),
  at((holder, key) => {
    delete holder[key];
  }),
  at((holder, key) => {
    holder[key] = [holder[key], structuredClone(holder[key])];
  }),
  at((holder, key) => {
    holder[key] = { [key]: holder[key] };
  }),
  at((holder, key, _draft, random) => {
    if (!Array.isArray(holder)) holder[pick(random, junkTexts)] = structuredClone(holder[key]);
  }),
  at((holder, key, _draft, random) => {
    if (Array.isArray(holder[key]))
      for (let i = random.int(200); i > 0; i--) (holder[key] as unknown[]).push((holder[key] as unknown[])[0]);
  }),
  at((holder, key, draft, random) => {
    const other = place(draft.body, random);
    if (other) holder[key] = structuredClone(other.holder[other.key]);
  }),
  at((holder, key, _draft, random) => {
    holder[key] = nested(random.int(40), random);
  }),
  at((holder, key, _draft, random) => {
    const value = holder[key];
    if (typeof value === 'string') holder[key] = value + pick(random, junkTexts);
    else if (typeof value === 'number') holder[key] = pick(random, [String(value), -value, value + 0.5, value * 1e12]);
    else if (typeof value === 'boolean') holder[key] = String(value);
  }),
  (draft, random) => {
    draft.body = structuredClone(pick(random, junkValues));
  },
];

const around: readonly Mutation[] = [
  (draft, random) => {
    const value = pick(random, [...junkTexts, '1', 'a'.repeat(5000)]);
    const pair = `${pick(random, queryNames)}=${random.int(8) === 0 ? value.replace(/[#\s]/g, '') : encodeURIComponent(value.toWellFormed())}`;
    draft.path += (draft.path.includes('?') ? '&' : '?') + pair;
  },
  (draft, random) => {
    const [path = '', query] = draft.path.split('?');
    const parts = path.split('/');
    const index = 1 + random.int(parts.length);
    parts.splice(index, random.int(3), ...(random.int(2) === 0 ? [] : [pick(random, segments)]));
    draft.path = (parts.join('/').replace(/^\/*/, '/') || '/') + (query === undefined ? '' : `?${query}`);
  },
  (draft, random) => {
    draft.method = pick(random, ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY']);
  },
  (draft, random) => {
    draft.headers['content-type'] = pick(random, contentTypes);
  },
  (draft, random) => {
    const name = pick(random, [
      'authorization',
      'if-none-match',
      'content-encoding',
      'accept-encoding',
      'impersonate-user',
      'x-http-method-override',
      'upgrade',
      'range',
      'accept',
    ]);
    draft.headers[name] = pick(random, [
      'Bearer ',
      'Bearer x.y.z',
      'Basic eDp5',
      '*',
      '"x"',
      'gzip',
      'system:admin',
      'DELETE',
      'websocket',
      'bytes=0-1',
      ',;=',
    ]);
  },
];

const onBytes: readonly Mutation[] = [
  (draft, random) => {
    draft.bytes = draft.bytes?.slice(0, random.int(draft.bytes.length + 1));
  },
  (draft, random) => {
    const bytes = draft.bytes;
    if (bytes?.length) for (let i = 1 + random.int(4); i > 0; i--) bytes[random.int(bytes.length)] = random.int(256);
  },
  (draft) => {
    draft.bytes = new Uint8Array([0xef, 0xbb, 0xbf, ...(draft.bytes ?? [])]);
  },
  (draft) => {
    const text = new TextDecoder().decode(draft.bytes);
    draft.bytes = Uint8Array.from({ length: text.length * 2 }, (_, i) =>
      i % 2 === 0 ? text.charCodeAt(i / 2) & 0xff : text.charCodeAt((i - 1) / 2) >> 8,
    );
  },
  (draft) => {
    const text = new TextDecoder().decode(draft.bytes);
    draft.bytes = new TextEncoder().encode(text.replace(/"(\w+)":/, '"$1":0,"$1":'));
  },
  (draft, random) => {
    draft.headers['content-type'] = 'application/yaml';
    const bomb =
      'a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d]\n';
    const text = stringify(draft.body);
    draft.bytes = new TextEncoder().encode(
      pick(random, [
        text,
        `${bomb}${text}`,
        `${text}---\n${text}`,
        `\t${text}`,
        `!!binary x\n${text}`,
        `<<: *x\n${text}`,
      ]),
    );
  },
  (draft, random) => {
    const depth = pick(random, [200, 20_000]);
    draft.bytes = new TextEncoder().encode(`${'[{"a":'.repeat(depth)}1${'}]'.repeat(depth)}`);
  },
  (draft, random) => {
    if (random.int(10) === 0) draft.bytes = new Uint8Array(pick(random, [1_600_000, 3_200_000])).fill(0x20);
  },
  (draft, random) => {
    draft.headers['content-type'] = 'application/vnd.kubernetes.protobuf';
    const bytes = protobufOf(draft);
    for (let i = random.int(4); i > 0; i--) bytes[random.int(bytes.length)] = random.int(256);
    draft.bytes = random.int(3) === 0 ? bytes.slice(0, random.int(bytes.length)) : bytes;
  },
];

/** The body as protobuf; where it does not fit its type any more, what is only its beginning. */
function protobufOf({ body, schema }: Draft): Uint8Array {
  try {
    if (schema) return encodeProtobuf(protobufTable, schema, body as Json).slice();
  } catch {}
  return new Uint8Array([0x6b, 0x38, 0x73, 0, 0x0a, 4, 0x0a, 2, 0x76, 0x31, 0x12, 3, 1, 2, 3]);
}

/** The request of this number. Undefined: no client could send it. */
export function mutated(seed: number): Request | undefined {
  const random = new TestRandom(Math.imul(seed + 1, 2654435761));
  for (let i = 0; i < 4; i++) random.int(2);
  const draft: Draft = {
    ...structuredClone(random.int(2) === 0 ? pick(random, requests) : madeUp(random)),
    headers: {
      authorization: `Bearer ${adminToken}`,
      accept: random.int(6) === 0 ? pick(random, accepts) : 'application/json',
    },
  };
  const rounds = random.int(4);
  for (let round = 0; round < rounds; round++) {
    const kinds = draft.body === undefined ? around : random.int(3) === 0 ? around : inBody;
    pick(random, kinds)(draft, random);
  }
  if (draft.body !== undefined) {
    draft.headers['content-type'] ??= draft.type ?? 'application/json';
    draft.bytes ??= new TextEncoder().encode(JSON.stringify(draft.body) ?? '');
    if (random.int(6) === 0) pick(random, onBytes)(draft, random);
  }
  try {
    const bodyless = draft.method === 'GET' || draft.method === 'HEAD';
    return new Request(new URL(`https://cluster.test${draft.path}`), {
      method: draft.method,
      headers: draft.headers,
      ...(bodyless || !draft.bytes ? {} : { body: draft.bytes as Uint8Array<ArrayBuffer> }),
    });
  } catch {
    return undefined;
  }
}
