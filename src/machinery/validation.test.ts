import { describe, expect, it } from 'vitest';
import { fieldErrorText } from './errors.ts';
import * as v from './validation.ts';

describe('names', () => {
  it.each([
    [v.isDns1123Label, 'my-name', []],
    [v.isDns1123Label, 'a.b', ['must not contain dots']],
    [
      v.isDns1123Label,
      'A',
      [
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
      ],
    ],
    [
      v.isDns1123Subdomain,
      'Foo_',
      [
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      ],
    ],
    [v.isDns1123Subdomain, 'a'.repeat(254), ['must be no more than 253 characters']],
    [v.isDns1035Label, 'a-1', []],
    [v.isQualifiedName, 'example.com/Name', []],
    [v.isQualifiedName, '/x', ['prefix part must be non-empty']],
    [
      v.isQualifiedName,
      'x/',
      [
        'name part must be non-empty',
        "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      ],
    ],
    [v.isLabelValue, '', []],
    [v.isLabelValue, 'x'.repeat(64), ['must be no more than 63 bytes']],
    [v.isConfigMapKey, '..', ["must not be '..'"]],
    [v.isConfigMapKey, '..a', ["must not start with '..'"]],
    [v.isPortName, 'http', []],
    [v.isPortName, '80', ['must contain at least one letter (a-z)']],
    [v.isRelaxedEnvVarName, 'a b', []],
    [v.isIp, '10.0.0.1', []],
    [v.isIp, '10.0.0', ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']],
    [v.isIp, '010.0.0.1', ['must not have leading 0s']],
    [v.isIp, '::1', []],
    [v.isIp, 'fe80::1%eth0', ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']],
    [v.isCidr, '10.0.0.0/8', []],
    [v.isCidr, '10.0.0.0/33', ['must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)']],
    [
      v.isPercent,
      '5',
      [
        "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
      ],
    ],
  ] as const)('%o %s', (by, value, messages) => expect(by(value)).toEqual(messages));

  it('lets a prefix end in a dash', () => {
    expect(v.nameIsDnsSubdomain('web-', true)).toEqual([]);
    expect(v.nameIsDnsSubdomain('web-', false)).toHaveLength(1);
  });
});

const texts = (problems: ReturnType<typeof v.validateObjectMeta>) => problems.map(fieldErrorText);

describe('object metadata', () => {
  it('is checked on create', () => {
    expect(texts(v.validateObjectMeta({ name: 'a', namespace: 'b' }, { namespaced: true }))).toEqual([]);
    expect(texts(v.validateObjectMeta({}, { namespaced: true }))).toEqual([
      'metadata.name: Required value: name or generateName is required',
      'metadata.namespace: Required value',
    ]);
    expect(texts(v.validateObjectMeta({ name: 'a', namespace: 'b' }, { namespaced: false }))).toEqual([
      'metadata.namespace: Forbidden: not allowed on this type',
    ]);
    const reference = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u', controller: true };
    expect(
      texts(
        v.validateObjectMeta(
          {
            name: 'a',
            annotations: { a: 'x'.repeat(300_000) },
            ownerReferences: [reference, { ...reference, name: 'q' }],
            finalizers: ['orphan', 'foregroundDeletion'],
          },
          { namespaced: false },
        ),
      ).map((text) => text.replace(/Invalid value: [[{].*[\]}]: /, '')),
    ).toEqual([
      'metadata.annotations: Too long: may not be more than 262144 bytes',
      'metadata.ownerReferences: Only one reference can have Controller set to true. Found "true" in references for Pod/p and Pod/q',
      'metadata.finalizers: finalizer orphan and foregroundDeletion cannot be both set',
    ]);
  });

  it('takes what a selector leaves out as empty', () => {
    const selector = { matchExpressions: [{} as never, { operator: 'In', values: ['-'] } as never] };
    expect(
      texts(v.validateLabelSelector(selector, 'spec')).map((text) => text.split(': ').slice(0, 3).join(': ')),
    ).toEqual([
      'spec.matchExpressions[0].operator: Invalid value: ""',
      'spec.matchExpressions[0].key: Invalid value: ""',
      'spec.matchExpressions[0].key: Invalid value: ""',
      'spec.matchExpressions[1].key: Invalid value: ""',
      'spec.matchExpressions[1].key: Invalid value: ""',
      'spec.matchExpressions[1].values[0]: Invalid value: "-"',
    ]);
    expect(v.isUserId(2 ** 31 - 1)).toEqual([]);
    expect(v.isGroupId(2 ** 31)).toEqual(['must be between 0 and 2147483647, inclusive']);
  });

  it('keeps what is immutable', () => {
    const old = {
      name: 'a',
      uid: '1',
      resourceVersion: '5',
      generation: 3,
      creationTimestamp: 't',
      deletionTimestamp: 'x',
      finalizers: ['f'],
    };
    expect(texts(v.validateObjectMetaUpdate({ ...old }, old))).toEqual([]);
    expect(
      texts(
        v.validateObjectMetaUpdate(
          { ...old, uid: '2', generation: 2, resourceVersion: '', finalizers: ['f', 'g'] },
          old,
        ),
      ),
    ).toEqual([
      'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"g"}',
      'metadata.resourceVersion: Invalid value: "": must be specified for an update',
      'metadata.generation: Invalid value: 2: must not be decremented',
      'metadata.uid: Invalid value: "2": field is immutable',
    ]);
  });

  it('compares JSON with empty and absent being one', () => {
    expect(v.deepEqual({ a: [], b: 1 }, { b: 1 })).toBe(true);
    expect(v.deepEqual({ a: [1] }, { a: [2] })).toBe(false);
    expect(v.deepEqual({ a: {} }, { a: null })).toBe(true);
    expect(v.deepEqual([], {})).toBe(true);
    expect(v.deepEqual([1], { 0: 1 })).toBe(false);
  });
});
