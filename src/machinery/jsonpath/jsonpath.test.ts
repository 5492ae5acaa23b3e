import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { columnPath, JsonPath, JsonPathError } from './index.ts';

const nodes = {
  kind: 'NodeList',
  items: [
    {
      metadata: { name: 'a', labels: { 'topology/zone': 'z1', 'app.io': 'x' } },
      status: {
        capacity: { cpu: '4', memory: '8Gi' },
        addresses: [
          { type: 'InternalIP', address: '10.0.0.1' },
          { type: 'Hostname', address: 'a' },
        ],
        conditions: [{ type: 'Ready', status: 'True', heartbeat: null }],
      },
      spec: { taints: [], pods: 110, load: 0.5, ready: true },
    },
    {
      metadata: { name: 'b', labels: {} },
      status: {
        capacity: { cpu: '2', memory: '4Gi' },
        addresses: [{ type: 'InternalIP', address: '10.0.0.2' }],
        conditions: [{ type: 'Ready', status: 'False' }],
      },
      spec: { pods: 30, load: 1, ready: false },
    },
  ],
};

describe('templates', () => {
  it.each([
    ['', ''],
    ['no action', 'no action'],
    ['{.kind}', 'NodeList'],
    ['{$.kind}', 'NodeList'],
    ['{@.kind}', 'NodeList'],
    ['{ .kind }!', 'NodeList!'],
    ['kind: {.kind}, again {.kind}', 'kind: NodeList, again NodeList'],
    ['{"{}"}', '{}'],
    [String.raw`{"a\tb\n"}{'it\'s'}{"\u00e9\x41\101"}`, "a\tb\nit'séAA"],
    ['{1}{-2}{true}', '1-2true'],
    ['{.items[0].metadata.name}', 'a'],
    ['{.items[-1].metadata.name}', 'b'],
    ['{.items[*].metadata.name}', 'a b'],
    ['{.items[:].metadata.name}', 'a b'],
    ['{.items[0:1].metadata.name}', 'a'],
    ['{.items[1:].metadata.name}', 'b'],
    ['{.items[-1:].metadata.name}', 'b'],
    ['{.items[:-1].metadata.name}', 'a'],
    ['{.items[::2].metadata.name}', 'a'],
    ['{.items[0,1].metadata.name}', 'a b'],
    ["{.items[*]['metadata.name', 'status.capacity.cpu']}", 'a b 4 2'],
    ["{.items[0]['metadata']['name']}", 'a'],
    [String.raw`{.items[0].metadata.labels.app\.io}`, 'x'],
    ['{.items[0].metadata.labels.topology/zone}', 'z1'],
    [String.raw`{.items[0].metadata.labels['app\.io']}`, 'x'],
    ['{.items[*].status.capacity}', '{"cpu":"4","memory":"8Gi"} {"cpu":"2","memory":"4Gi"}'],
    ['{.items[0].status.capacity.*}', '4 8Gi'],
    ['{.items[0].spec.taints}', '[]'],
    ['{.items[0].spec.taints[0:0]}', ''],
    ['{.items[0].status.conditions[0].heartbeat}', 'null'],
    ['{..name}', 'a b'],
    ['{..addresses[0].address}', '10.0.0.1 10.0.0.2'],
    ['{.items[?(@.metadata.name=="b")].status.capacity.cpu}', '2'],
    ["{.items[?(@.metadata.name=='b')].status.capacity.cpu}", '2'],
    ['{.items[?(@.metadata.name!="b")].status.capacity.cpu}', '4'],
    ['{.items[?(@.spec.pods>50)].metadata.name}', 'a'],
    ['{.items[?(@.spec.pods>=30)].metadata.name}', 'a b'],
    ['{.items[?(@.spec.pods<50)].metadata.name}', 'b'],
    ['{.items[?(@.spec.pods<=29)].metadata.name}', ''],
    ['{.items[?(@.spec.ready==true)].metadata.name}', 'a'],
    ['{.items[?(@.spec.taints)].metadata.name}', 'a'],
    ['{.items[0].status.addresses[?(@.type=="InternalIP")].address}', '10.0.0.1'],
    ['{range .items[*]}{.metadata.name}={.status.capacity.cpu};{end}', 'a=4;b=2;'],
    [
      '{range .items[*]}{.metadata.name}:{range .status.addresses[*]} {.type}{end}{"\\n"}{end}done',
      'a: InternalIP Hostname\nb: InternalIP\ndone',
    ],
    ['{range .items[?(@.spec.pods>500)]}{.metadata.name}{end}none', 'none'],
    ['{range .items[*]}{.metadata.name}', 'ab'],
    ['{.items[*].spec.load}', '0.5 1'],
  ])('%s', (template, expected) => expect(new JsonPath(template).text(nodes)).toBe(expected));
});

describe('what is refused', () => {
  it.each([
    ['{.kind', 'unclosed action'],
    ['{', 'unclosed action'],
    ['{.items[}', 'unterminated array'],
    ['{.items[x]}', 'invalid array index x'],
    ['{.items[1-2]}', 'invalid array index 1-2'],
    ['{"x}', 'unterminated quoted string'],
    ['{.items[?(@.a}', 'unterminated filter'],
    ['{.items[?(@.a)}', 'unclosed array expect ]'],
    ['{#}', "unrecognized character in action: U+0023 '#'"],
    ['{....a}', 'invalid multiple recursive descent'],
    ['{1.2.3}', 'cannot parse number 1.2.3'],
  ])('%s does not parse', (template, message) => {
    expect(() => new JsonPath(template)).toThrow(new JsonPathError(message));
  });
  it.each([
    ['{.nope}', 'nope is not found'],
    ['{nope}', 'unrecognized identifier nope'],
    ['{.kind[0]}', 'string is not array or slice'],
    ['{.items[0][0]}', 'map[string]interface {} is not array or slice'],
    ['{.items[5]}', 'array index out of bounds: index 5, length 2'],
    ['{.items[0:5]}', 'array index out of bounds: index 4, length 2'],
    ['{.items[-9]}', 'array index out of bounds: index -7, length 2'],
    ['{.items[1:0]}', 'starting index 1 is greater than ending index 0'],
    ['{.items[0:2:0]}', 'step must be > 0'],
    ['{.items[?(@.spec.pods=="x")]}', 'incompatible types for comparison'],
    ['{.items[?(@.spec==1)]}', 'invalid type for comparison'],
    ['{.items[?(@.spec.pods<>1)]}', 'unrecognized filter operator <>'],
    ['{.items[?(@.spec.ready<true)]}', 'invalid type for comparison'],
    ['{.kind[?(@.a)]}', 'NodeList is not array or slice and cannot be filtered'],
    ['{end}', 'not in range, nothing to end'],
    ['{range .items[*]}{end}{end}', 'not in range, nothing to end'],
  ])('%s does not apply', (template, message) => {
    expect(() => new JsonPath(template).text(nodes)).toThrow(new JsonPathError(message));
  });
});

it('missing keys may be allowed', () => {
  const path = new JsonPath('a{.nope}{.items[*].nope.deeper}b', { allowMissingKeys: true });
  expect(path.text(nodes)).toBe('ab');
  expect(path.find(nodes)).toEqual([['a'], [], [], ['b']]);
});

it.each([
  ['.spec.replicas', 3],
  ['spec.replicas', 3],
  ['{.spec.replicas}', 3],
  ['.status.conditions[?(@.type=="Ready")].status', 'True'],
  ['.spec.nope', undefined],
  ['.metadata.annotations.a\\.b/c', 'x'],
])('a column reads %s', (path, expected) => {
  const object = {
    metadata: { annotations: { 'a.b/c': 'x' } },
    spec: { replicas: 3 },
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  };
  expect(columnPath(path).find(object)[0]?.[0]).toBe(expected);
});

it('inherited members are nobody`s fields', () => {
  const path = new JsonPath('{.constructor}{.__proto__}{.length}', { allowMissingKeys: true });
  expect(path.text({ a: [] })).toBe('');
});

it('nothing but a JsonPathError comes out of any template', () => {
  const pieces = [
    '{',
    '}',
    '[',
    ']',
    '.',
    '..',
    '*',
    '@',
    '$',
    '?(',
    ')',
    '"',
    "'",
    ',',
    ':',
    '-1',
    '0',
    'a',
    'range',
    ' end',
    '==',
    '\\',
    '\n',
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 14 }), fc.jsonValue(), (parts, value) => {
      try {
        new JsonPath(parts.join('')).text(value);
      } catch (error) {
        expect(error).toBeInstanceOf(JsonPathError);
      }
    }),
    { numRuns: 5000, seed: 7 },
  );
});
