// Requests about every kind that is served, made up from its schema and a random number: bodies whose fields have the right
// types and values that now and then mean something. For fuzzing.ts.
import { resources } from '../generated/resources.ts';
import { definitions } from '../generated/schemas/definitions.ts';
import { apiVersion } from '../machinery/meta.ts';
import type { AnyResource } from '../machinery/resource.ts';
import { type Field, Schemas, type StructType, type Type } from '../machinery/schema/types.ts';
import type { Random } from '../ports/index.ts';

export interface MadeUp {
  method: string;
  path: string;
  body?: unknown;
  type?: string;
  schema?: string;
}

const schemas = new Schemas(definitions());
const depthMax = 7;

const pick = <T>(random: Random, from: readonly T[]): T => from[random.int(from.length)] as T;

const texts = [
  ...[
    'a',
    'b',
    'x',
    'p',
    'd',
    'n',
    'default',
    'kube-system',
    'http',
    'TCP',
    'v1',
    'apps/v1',
    'Pod',
    'Deployment',
    'Always',
  ],
  ...[
    '100m',
    '1Gi',
    '50%',
    '0',
    '1',
    '80',
    '10.0.0.1',
    'fd00::1',
    '10.0.0.0/24',
    'a.b.c',
    'example.com/x',
    'a/b',
    '*',
    '',
  ],
  ...[
    'In',
    'Exists',
    'Equal',
    'NoSchedule',
    'ReadWriteOnce',
    'Delete',
    'Retain',
    'Local',
    'Cluster',
    'get',
    'pods',
    'User',
  ],
  ...['2026-01-02T03:04:05Z', '*/5 * * * *', 'rbac.authorization.k8s.io', 'A_B', '__proto__', 'constructor'],
];
const numbers = [0, 1, 2, 3, 10, 80, 443, 65535, 65536, -1, 600, 2 ** 31 - 1];
const keys = ['a', 'b', 'cpu', 'memory', 'pods', 'example.com/x', 'app', '__proto__', 'constructor', 'a b', ''];

function value(type: Type, field: Field | undefined, random: Random, depth: number): unknown {
  switch (type.kind) {
    case 'string': {
      const allowed = field?.table.e;
      return allowed && random.int(5) > 0 ? pick(random, allowed) : pick(random, texts);
    }
    case 'int32':
    case 'int64':
      return pick(random, numbers);
    case 'double':
      return pick(random, [...numbers, 0.5]);
    case 'boolean':
      return random.int(2) === 0;
    case 'bytes':
      return pick(random, ['', 'AQI=', 'e30=']);
    case 'quantity':
      return pick(random, ['0', '1', '100m', '1Gi', '-1', '1e3', 5]);
    case 'time':
      return '2026-01-02T03:04:05Z';
    case 'microTime':
      return '2026-01-02T03:04:05.000006Z';
    case 'duration':
      return pick(random, ['1s', '1h2m', '0s', '-1s']);
    case 'intOrString':
      return pick(random, [0, 1, 80, -1, '50%', 'http', 'x']);
    case 'raw':
      return pick<unknown>(random, [{}, { a: 1 }, null, [], 'x']);
    case 'list':
      return Array.from({ length: random.int(depth > 4 ? 2 : 3) }, () => value(type.item, field, random, depth + 1));
    case 'map':
      return Object.fromEntries(
        Array.from({ length: random.int(3) }, () => [
          pick(random, keys),
          value(type.item, undefined, random, depth + 1),
        ]),
      );
    case 'struct':
      return struct(type, random, depth + 1);
  }
}

/** Deep down few fields are there, so that the whole stays small. */
function struct(type: StructType, random: Random, depth: number): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  if (depth > depthMax) return out;
  for (const field of type.ordered) {
    const likely = field.required ? 6 : depth < 3 ? 4 : depth < 5 ? 2 : 1;
    if (random.int(7) < likely) out[field.name] = value(field.type, field, random, depth);
  }
  return out;
}

const patchTypes = [
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
  'application/json-patch+json',
];

/** A request about some kind: a create, update, patch, delete or read of objects called x, or of one of its subresources. */
export function madeUp(random: Random): MadeUp {
  const definition: AnyResource = pick(random, resources);
  const { group, namespaced, plural } = definition;
  const version = apiVersion(definition);
  const collection = `/${group === '' ? 'api' : 'apis'}/${version}${namespaced ? '/namespaces/default' : ''}/${plural}`;
  const subresource = random.int(4) === 0 ? pick(random, definition.subresources ?? [undefined]) : undefined;
  const name = pick(random, ['x', 'x', 'p', 'd', 'n', 'default']);
  const item = `${collection}/${name}${subresource ? `/${subresource.name}` : ''}`;
  const schema = subresource?.kind?.schema ?? definition.schema;
  const type = schemas.struct(schema);
  const body: Record<string, unknown> = {
    ...(type ? struct(type, random, 0) : {}),
    kind: subresource?.kind?.kind ?? definition.kind,
    apiVersion: subresource?.kind ? apiVersion(subresource.kind) : version,
  };
  const labels = { a: 'b' };
  body.metadata = random.int(6) === 0 ? body.metadata : { name, ...(random.int(2) === 0 ? { labels } : {}) };
  switch (random.int(6)) {
    case 0:
    case 1:
      return { method: 'POST', path: subresource ? item : collection, body, schema };
    case 2:
      return { method: 'PUT', path: item, body, schema };
    case 3:
    case 4: {
      const patch = pick(random, patchTypes);
      const path = `${item}?fieldManager=${pick(random, ['a', 'b'])}${random.int(2) === 0 ? '' : '&force=true'}`;
      if (patch !== 'application/json-patch+json') return { method: 'PATCH', path, type: patch, body };
      const operations = Object.keys(body).map((key) => ({ op: 'add', path: `/${key}`, value: body[key] }));
      return { method: 'PATCH', path: item, type: patch, body: operations };
    }
    default:
      return { method: pick(random, ['GET', 'DELETE', 'DELETE']), path: random.int(3) === 0 ? collection : item };
  }
}
