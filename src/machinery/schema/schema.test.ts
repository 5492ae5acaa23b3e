import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { definitions } from '../../generated/schemas/definitions.ts';
import { protobuf } from '../../generated/schemas/protobuf.ts';
import { ApiError } from '../errors.ts';
import { coerce, decodeJson, decodeProtobuf, decodeYaml, encodeProtobuf, Schemas, strictProblems } from './index.ts';

const schemas = new Schemas(definitions());
const messages = protobuf();
const pod = 'io.k8s.api.core.v1.Pod';
const deployment = 'io.k8s.api.apps.v1.Deployment';
const schemaOf = (apiVersion: string, kind: string): string | undefined => {
  const [version, group = ''] = apiVersion.split('/').reverse() as [string, string?];
  return schemas.ofKind(group, version, kind)?.name;
};

describe('JSON', () => {
  it('reads what JSON.parse reads', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(undefined, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(decodeJson(text)).toEqual({ value: JSON.parse(text), duplicates: [] });
      }),
    );
  });
  it('refuses what JSON.parse refuses, with ApiError', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"',
      'a',
      ':',
      ',',
      '1',
      '-',
      '.',
      'e',
      '0',
      'true',
      'null',
      ' ',
      '\\',
      '\\u00',
      '\n',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 10 }), (pieces) => {
        const text = pieces.join('');
        let expected: unknown;
        try {
          expected = JSON.parse(text);
        } catch {
          expect(() => decodeJson(text)).toThrow(ApiError);
          return;
        }
        expect(decodeJson(text).value).toEqual(expected);
      }),
      { numRuns: 1000 },
    );
  });
  it('names duplicates by path', () => {
    expect(decodeJson('{"a":1,"b":[{"c":1,"c":2}],"a":3}')).toEqual({
      value: { a: 3, b: [{ c: 2 }] },
      duplicates: ['b[0].c', 'a'],
    });
  });
  it('keeps hostile keys as data', () => {
    const { value } = decodeJson('{"__proto__":{"x":1},"constructor":2}') as { value: Record<string, unknown> };
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor']);
    expect((value as { x?: number }).x).toBeUndefined();
  });
  it.each([
    ['', 'unexpected end of JSON input'],
    ['{', 'unexpected end of JSON input'],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b"}', `invalid character '"' after object key:value pair`],
    ['{a:1}', "invalid character 'a' looking for beginning of object key string"],
    ['[1 2]', "invalid character '2' after array element"],
    ['[1]x', "invalid character 'x' after top-level value"],
    ['tru', 'unexpected end of JSON input'],
    ['trux', "invalid character 'x' in literal true (expecting 'e')"],
    ['"a\nb"', "invalid character '\\n' in string literal"],
    ['kind: Pod', "invalid character 'k' looking for beginning of value"],
    ['['.repeat(5000), 'exceeded max depth'],
  ])('%j: %s', (text, message) => expect(() => decodeJson(text)).toThrow(message));
});

describe('YAML', () => {
  it('reads as sigs.k8s.io/yaml does', () => {
    const text = 'a: yes\nb: "yes"\nc: 0644\nd: 1:30\ne: 2001-01-01\n1: x\nf: &x {g: 1}\nh: *x\ni:\n  <<: *x\n  j: ~\n';
    expect(decodeYaml(text).value).toEqual({
      1: 'x',
      a: true,
      b: 'yes',
      c: 420,
      d: '1:30',
      e: '2001-01-01',
      f: { g: 1 },
      h: { g: 1 },
      i: { g: 1, j: null },
    });
    expect(decodeYaml('a: 1\nb:\n  c: 1\n  c: 2\n').duplicates).toEqual(['b.c']);
    expect(decodeYaml('{"a": [1, "x"]}').value).toEqual({ a: [1, 'x'] });
    expect(decodeYaml('').value).toBeNull();
  });
  it('refuses the rest with ApiError', () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x,x]\n${'bcdefghij'
      .split('')
      .map((c, i) => `${c}: &${c} [${`*${'abcdefghi'[i]},`.repeat(10)}]`)
      .join('\n')}`;
    for (const text of ['a: [', 'a: *x', bomb, '? {a: 1}\n: 2', 'a: .inf', '\t- a: b: c'])
      expect(() => decodeYaml(text), text.slice(0, 20)).toThrow(ApiError);
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          decodeYaml(text);
        } catch (error) {
          expect(error).toBeInstanceOf(ApiError);
        }
      }),
    );
  });
});

describe('coerce', () => {
  it('brings a pod into canonical form', () => {
    const { value, unknown } = coerce(schemas, pod, {
      spec: {
        foo: 1,
        hostNetwork: false,
        terminationGracePeriodSeconds: 0,
        volumes: [],
        nodeSelector: {},
        priority: null,
        containers: [
          {
            name: 'a',
            bar: { x: 1 },
            resources: { requests: { cpu: 0.5, memory: '1024Mi' } },
            ports: [{ containerPort: 80 }],
            livenessProbe: { httpGet: { port: 'http' } },
          },
        ],
      },
      metadata: { name: 'x', labels: { a: 'b' }, creationTimestamp: null },
      apiVersion: 'v1',
      kind: 'Pod',
    });
    expect(unknown).toEqual(['spec.containers[0].bar', 'spec.foo']);
    expect(JSON.stringify(value)).toBe(
      JSON.stringify({
        kind: 'Pod',
        apiVersion: 'v1',
        metadata: { labels: { a: 'b' }, name: 'x' },
        spec: {
          containers: [
            {
              livenessProbe: { httpGet: { port: 'http' } },
              name: 'a',
              ports: [{ containerPort: 80 }],
              resources: { requests: { cpu: '500m', memory: '1Gi' } },
            },
          ],
          terminationGracePeriodSeconds: 0,
        },
        status: {},
      }),
    );
    expect(coerce(schemas, pod, value)).toEqual({ value, unknown: [] });
  });
  it('takes lists of numbers for bytes', () => {
    const secret = (a: unknown) => coerce(schemas, 'io.k8s.api.core.v1.Secret', { data: { a } }).value;
    expect(secret([104, null, 105])).toMatchObject({ data: { a: btoa('h\0i') } });
    const refused = (a: unknown, found: string) =>
      expect(() => secret(a)).toThrow(`json: cannot unmarshal ${found} into Go struct field Secret.data of type uint8`);
    refused(['x'], 'string');
    refused([256], 'number 256');
    refused([1.5], 'number 1.5');
  });
  it('adds what Go always serialises, lists aside', () => {
    expect(coerce(schemas, deployment, {}).value).toEqual({
      metadata: {},
      spec: { strategy: {}, template: { metadata: {}, spec: {} } },
      status: {},
    });
    expect(coerce(schemas, 'io.k8s.api.core.v1.Service', { spec: { ports: [{ port: 80 }] } }).value).toEqual({
      metadata: {},
      spec: { ports: [{ port: 80, targetPort: 0 }] },
      status: { loadBalancer: {} },
    });
  });
  it.each([
    [
      { spec: { replicas: 'x' } },
      'json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
    ],
    [
      { spec: { replicas: 1.5 } },
      'json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32',
    ],
    [
      { spec: { replicas: 2 ** 31 } },
      'json: cannot unmarshal number 2147483648 into Go struct field DeploymentSpec.spec.replicas of type int32',
    ],
    [
      { metadata: { labels: { a: 1 } } },
      'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string',
    ],
    [
      { spec: { template: { spec: { containers: 'x' } } } },
      'json: cannot unmarshal string into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container',
    ],
    [
      { spec: { template: { spec: { containers: [{ env: [{ name: 'a', value: true }] }] } } } },
      'json: cannot unmarshal bool into Go struct field EnvVar.spec.template.spec.containers.env.value of type string',
    ],
    [{ metadata: 'x' }, 'json: cannot unmarshal string into Go struct field Deployment.metadata of type v1.ObjectMeta'],
    [
      { spec: { template: { spec: { containers: [{ resources: { limits: { cpu: 'x' } } }] } } } },
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
    [
      { metadata: { deletionTimestamp: 'now' } },
      'parsing time "now" as "2006-01-02T15:04:05Z07:00": cannot parse "now" as "2006"',
    ],
    [[], 'json: cannot unmarshal array into Go value of type v1.Deployment'],
  ])('%j', (value, message) => {
    expect(() => coerce(schemas, deployment, value)).toThrow(
      expect.objectContaining({ reason: 'BadRequest', message }),
    );
  });
  it('checks base64', () => {
    const secret = 'io.k8s.api.core.v1.Secret';
    expect(coerce(schemas, secret, { data: { a: 'aGk=', b: null, __proto__x: '' } }).value.data).toEqual({
      a: 'aGk=',
      b: '',
      __proto__x: '',
    });
    expect(() => coerce(schemas, secret, { data: { a: 'a?b=' } })).toThrow('illegal base64 data at input byte 1');
    expect(() => coerce(schemas, secret, { data: { a: 'aGk' } })).toThrow('illegal base64 data at input byte');
  });
  it('words strict problems', () => {
    expect(strictProblems({ spec: { a: 1, foo: [] } }, ['spec.foo'], ['spec.a'])).toEqual([
      'duplicate field "spec.a"',
      'unknown field "spec.foo"',
    ]);
  });
  it('never fails otherwise than with ApiError, and is idempotent', () => {
    const names = [
      'metadata',
      'spec',
      'status',
      'name',
      'labels',
      'containers',
      'template',
      'replicas',
      'env',
      'resources',
      'limits',
      '__proto__',
      'x',
    ];
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 6, withCrossShrink: true },
        fc.constantFrom(null, 'a', '', 1, 0, -1, 1.5, true, false, '1Gi'),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...names), tie('tree'), { maxKeys: 5 }),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        try {
          const once = coerce(schemas, deployment, value).value;
          expect(coerce(schemas, deployment, once)).toEqual({ value: once, unknown: [] });
        } catch (error) {
          expect(error).toBeInstanceOf(ApiError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('protobuf', () => {
  const samples: Record<string, unknown>[] = [
    { kind: 'Namespace', apiVersion: 'v1', metadata: { name: 'a', labels: { b: '' } }, spec: {}, status: {} },
    {
      kind: 'Secret',
      apiVersion: 'v1',
      data: { a: 'aGk=', b: '' },
      immutable: false,
      metadata: { name: 'ä' },
      type: 'Opaque',
    },
    {
      kind: 'Deployment',
      apiVersion: 'apps/v1',
      metadata: {
        creationTimestamp: '2026-01-02T03:04:05Z',
        generation: 3,
        managedFields: [{ fieldsV1: { 'f:spec': {} }, time: '2026-01-02T03:04:05Z' }],
        name: 'x',
      },
      spec: {
        replicas: 0,
        selector: { matchLabels: { a: 'b' } },
        strategy: { rollingUpdate: { maxSurge: '25%', maxUnavailable: 1 }, type: 'RollingUpdate' },
        template: {
          metadata: {},
          spec: {
            containers: [
              {
                image: 'i',
                livenessProbe: { httpGet: { path: '/', port: 80 }, periodSeconds: 10 },
                name: 'c',
                resources: { limits: { cpu: '500m' } },
              },
            ],
            volumes: [{ emptyDir: {}, name: 'v' }],
          },
        },
      },
      status: {},
    },
    {
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: {},
      spec: { audiences: ['a'], expirationSeconds: 600 },
      status: { expirationTimestamp: '2026-01-02T03:04:05Z', token: 't' },
    },
    {
      kind: 'Lease',
      apiVersion: 'coordination.k8s.io/v1',
      metadata: { name: 'l' },
      spec: { renewTime: '2026-01-02T03:04:05.123456Z' },
    },
    {
      kind: 'SelfSubjectAccessReview',
      apiVersion: 'authorization.k8s.io/v1',
      metadata: {},
      spec: { resourceAttributes: { resource: 'pods', verb: 'get' } },
      status: { allowed: false },
    },
  ];
  it.each(samples.map((sample) => [sample.kind, sample] as const))('round trips a %s', (_, sample) => {
    const schema = schemaOf(sample.apiVersion as string, sample.kind as string) as string;
    const decoded = decodeProtobuf(messages, encodeProtobuf(messages, schema, sample), schemaOf);
    expect(decoded.kind).toBe(sample.kind);
    const { value, unknown } = coerce(schemas, schema, decoded.value);
    expect(unknown).toEqual([]);
    expect(value).toEqual(sample);
  });
  it('has a message for every kind', () => {
    for (const [name, { k }] of Object.entries(schemas.table)) if (k) expect(messages, name).toHaveProperty([name]);
  });
  it('never fails otherwise than with ApiError', () => {
    const good = encodeProtobuf(messages, deployment, samples[2] as Record<string, unknown>);
    const attempt = (bytes: Uint8Array): void => {
      try {
        const decoded = decodeProtobuf(messages, bytes, schemaOf);
        if (decoded.value) coerce(schemas, schemaOf(decoded.apiVersion, decoded.kind) as string, decoded.value);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
      }
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) =>
        attempt(Uint8Array.from([0x6b, 0x38, 0x73, 0, ...bytes])),
      ),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.nat(good.length),
        (edits, cut) => {
          const bytes = good.slice();
          for (const [at, byte] of edits) bytes[at] = byte;
          attempt(bytes);
          attempt(good.slice(0, cut));
        },
      ),
      { numRuns: 300 },
    );
  });
});
