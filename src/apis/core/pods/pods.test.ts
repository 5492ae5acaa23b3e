import { describe, expect, test } from 'vitest';
import type { Pod } from '../../../generated/schemas/core-v1.ts';
import { contextOf, createOf, updateOf } from '../../testing.ts';
import pods from './definition.ts';

const web = { name: 'web', image: 'nginx' };
const podWith = (spec: object, metadata: object = {}): object => ({ metadata, spec: { containers: [web], ...spec } });
const withContainer = (container: object, spec: object = {}): object =>
  podWith({ ...spec, containers: [{ ...web, ...container }] });

describe('defaults', () => {
  test('of a minimal pod', () => {
    const { object, problems } = createOf(pods, podWith({}));
    expect(problems).toEqual([]);
    expect(object.spec).toEqual({
      containers: [
        {
          name: 'web',
          image: 'nginx',
          resources: {},
          imagePullPolicy: 'Always',
          terminationMessagePath: '/dev/termination-log',
          terminationMessagePolicy: 'File',
        },
      ],
      dnsPolicy: 'ClusterFirst',
      restartPolicy: 'Always',
      securityContext: {},
      terminationGracePeriodSeconds: 30,
      schedulerName: 'default-scheduler',
      enableServiceLinks: true,
    });
    expect(object.status).toEqual({ phase: 'Pending', qosClass: 'BestEffort' });
  });

  test.each([
    ['nginx', 'Always'],
    ['nginx:latest', 'Always'],
    ['nginx:1.27', 'IfNotPresent'],
    ['localhost:5000/nginx', 'Always'],
    ['localhost:5000/nginx:1', 'IfNotPresent'],
    [`nginx@sha256:${'a'.repeat(64)}`, 'IfNotPresent'],
  ])('pull policy of %s', (image, policy) => {
    expect(createOf(pods, withContainer({ image })).object.spec.containers[0]?.imagePullPolicy).toBe(policy);
  });

  test('of parts', () => {
    const { object, problems } = createOf(
      pods,
      podWith({
        hostNetwork: true,
        serviceAccount: 'robot',
        containers: [
          {
            ...web,
            ports: [{ containerPort: 80 }],
            env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
            livenessProbe: { httpGet: { port: 80 } },
            resources: { limits: { cpu: '1' } },
          },
        ],
        volumes: [
          { name: 'e' },
          { name: 's', secret: { secretName: 's' } },
          { name: 'h', hostPath: { path: '/x' } },
          { name: 'p', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } },
        ],
      }),
    );
    expect(problems).toEqual([]);
    const container = object.spec.containers[0];
    expect(object.spec.serviceAccountName).toBe('robot');
    expect(container?.ports).toEqual([{ containerPort: 80, hostPort: 80, protocol: 'TCP' }]);
    expect(container?.env?.[0]?.valueFrom?.fieldRef?.apiVersion).toBe('v1');
    expect(container?.livenessProbe).toEqual({
      httpGet: { port: 80, path: '/', scheme: 'HTTP' },
      timeoutSeconds: 1,
      periodSeconds: 10,
      successThreshold: 1,
      failureThreshold: 3,
    });
    expect(container?.resources).toEqual({ limits: { cpu: '1' }, requests: { cpu: '1' } });
    expect(object.spec.volumes).toEqual([
      { name: 'e', emptyDir: {} },
      { name: 's', secret: { secretName: 's', defaultMode: 420 } },
      { name: 'h', hostPath: { path: '/x', type: '' } },
      {
        name: 'p',
        projected: { defaultMode: 420, sources: [{ serviceAccountToken: { path: 'token', expirationSeconds: 3600 } }] },
      },
    ]);
  });

  test('are idempotent', () => {
    const { object } = createOf(
      pods,
      withContainer({ resources: { limits: { cpu: '1' } }, ports: [{ containerPort: 1 }] }),
    );
    const again = structuredClone(object);
    pods.strategy.defaults?.(again);
    expect(again).toEqual(object);
  });
});

describe('validation', () => {
  test.each<[string, object, string[]]>([
    ['no containers', podWith({ containers: [] }), ['spec.containers: Required value']],
    ['no image', podWith({ containers: [{ name: 'a' }] }), ['spec.containers[0].image: Required value']],
    [
      'container name',
      withContainer({ name: 'Web' }),
      [
        "spec.containers[0].name: Invalid value: \"Web\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
      ],
    ],
    ['duplicate names', podWith({ containers: [web, web] }), ['spec.containers[1].name: Duplicate value: "web"']],
    [
      'restart policy',
      podWith({ restartPolicy: 'Sometimes' }),
      ['spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"'],
    ],
    [
      'missing volume',
      withContainer({ volumeMounts: [{ name: 'x', mountPath: '/x' }] }),
      ['spec.containers[0].volumeMounts[0].name: Not found: "x"'],
    ],
    [
      'mount twice',
      withContainer(
        {
          volumeMounts: [
            { name: 'x', mountPath: '/x' },
            { name: 'x', mountPath: '/x' },
          ],
        },
        { volumes: [{ name: 'x' }] },
      ),
      ['spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/x": must be unique'],
    ],
    [
      'two sources',
      podWith({ volumes: [{ name: 'x', emptyDir: {}, configMap: { name: 'c' } }] }),
      ['spec.volumes[0].configMap: Forbidden: may not specify more than 1 volume type'],
    ],
    [
      'request above limit',
      withContainer({ resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } }),
      ['spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
    ],
    [
      'negative request',
      withContainer({ resources: { requests: { memory: '-1' } } }),
      ['spec.containers[0].resources.requests[memory]: Invalid value: "-1": must be greater than or equal to 0'],
    ],
    [
      'port range',
      withContainer({ ports: [{ containerPort: 70000 }] }),
      ['spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive'],
    ],
    [
      'protocol',
      withContainer({ ports: [{ containerPort: 1, protocol: 'XTP' }] }),
      ['spec.containers[0].ports[0].protocol: Unsupported value: "XTP": supported values: "SCTP", "TCP", "UDP"'],
    ],
    [
      'env without a source',
      withContainer({ env: [{ name: 'A', valueFrom: {} }] }),
      [
        'spec.containers[0].env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
      ],
    ],
    [
      'probe without a handler',
      withContainer({ readinessProbe: {} }),
      ['spec.containers[0].readinessProbe: Required value: must specify a handler type'],
    ],
    [
      'liveness threshold',
      withContainer({ livenessProbe: { tcpSocket: { port: 1 }, successThreshold: 2 } }),
      ['spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1'],
    ],
    [
      'probe of an init container',
      podWith({ initContainers: [{ name: 'i', image: 'a:1', livenessProbe: { tcpSocket: { port: 1 } } }] }),
      [
        'spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always',
      ],
    ],
    [
      'toleration',
      podWith({ tolerations: [{ operator: 'Equal', value: 'x' }] }),
      [
        'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all values and all keys"',
      ],
    ],
    [
      'negative grace',
      podWith({ activeDeadlineSeconds: 0 }),
      ['spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive'],
    ],
    [
      'projected token',
      podWith({
        volumes: [
          { name: 't', projected: { sources: [{ serviceAccountToken: { path: 't', expirationSeconds: 10 } }] } },
        ],
        serviceAccountName: 'a',
      }),
      [
        'spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 10: may not specify a duration less than 10 minutes',
      ],
    ],
    [
      'run as a negative user',
      podWith({ securityContext: { runAsUser: -1 } }),
      ['spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive'],
    ],
    [
      'node affinity',
      podWith({
        affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } } },
      }),
      [
        'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term',
      ],
    ],
    [
      'image with spaces',
      withContainer({ image: ' a:1' }),
      ['spec.containers[0].image: Invalid value: " a:1": must not have leading or trailing whitespace'],
    ],
    ['no spec', {}, ['spec.containers: Required value']],
  ])('%s', (_name, pod, problems) => {
    expect(createOf(pods, pod).problems).toEqual(problems);
  });
});

test.each([
  ['a', 'Always'],
  ['a:latest', 'Always'],
  ['registry:5000/a/b', 'Always'],
  ['A.example/b', 'Always'],
  ['a:1', 'IfNotPresent'],
  [`a@sha256:${'0'.repeat(64)}`, 'IfNotPresent'],
  ['a__b', 'Always'],
  // What is no reference has no tag.
  ['A', 'IfNotPresent'],
  ['-1', 'IfNotPresent'],
  ['a/', 'IfNotPresent'],
  ['a'.repeat(64), 'IfNotPresent'],
  [`r.example/${'x'.repeat(255)}`, 'Always'],
  ['x'.repeat(254), 'IfNotPresent'],
])('when %s is pulled', (image, policy) => {
  expect(createOf(pods, withContainer({ image })).object.spec.containers[0]?.imagePullPolicy).toBe(policy);
});

test('warnings', () => {
  const { object } = createOf(
    pods,
    withContainer({
      env: [
        { name: 'A', value: '1' },
        { name: 'A', value: '2' },
        { name: 'A', value: '$(A)3' },
      ],
      ports: [{ containerPort: 80 }, { containerPort: 80 }],
      resources: { limits: { memory: '100m' } },
    }),
  );
  expect(pods.strategy.warnings?.(object, undefined)).toEqual([
    'spec.containers[0].resources.limits[memory]: fractional byte value "100m" is invalid, must be an integer',
    'spec.containers[0].resources.requests[memory]: fractional byte value "100m" is invalid, must be an integer',
    'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply',
    'spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]',
  ]);
});

describe('update', () => {
  const { object: old } = createOf(pods, podWith({ containers: [{ ...web, image: 'a:1' }] }));
  test('of an image', () => {
    expect(
      updateOf(pods, old, podWith({ containers: [{ ...web, image: 'a:2', imagePullPolicy: 'IfNotPresent' }] }))
        .problems,
    ).toEqual([]);
  });
  test('of what may not change', () => {
    const { problems } = updateOf(pods, old, podWith({ containers: [{ ...web, image: 'a:1' }], hostname: 'other' }));
    expect(problems).toEqual([
      [
        'spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
        '@@ -64,7 +64,7 @@',
        '   "SELinuxChangePolicy": null',
        '  },',
        '  "ImagePullSecrets": null,',
        '- "Hostname": "",',
        '+ "Hostname": "other",',
        '  "Subdomain": "",',
        '  "SetHostnameAsFQDN": null,',
        '  "Affinity": null,',
        '',
      ].join('\n'),
    ]);
  });
  test.each<[string, before: object, after: object, problems: (string | RegExp)[]]>([
    [
      'an empty struct where there was none',
      {},
      { containers: [{ ...web, image: 'a:1', lifecycle: {} }] },
      [/- {3}"Lifecycle": null,\n\+ {3}"Lifecycle": \{\n\+ {4}"PostStart": null/],
    ],
    [
      'an empty list where there was none',
      {},
      { containers: [{ ...web, image: 'a:1', args: [] }], hostAliases: [] },
      [],
    ],
    [
      'a container without an image',
      {},
      { containers: [{ ...web, image: '', imagePullPolicy: 'IfNotPresent' }] },
      ['spec.containers[0].image: Required value', 'spec.containers[0].image: Required value'],
    ],
    [
      'padded images',
      {},
      { containers: [{ ...web, image: 'a ', imagePullPolicy: 'IfNotPresent' }] },
      Array(2).fill('spec.containers[0].image: Invalid value: "a ": must not have leading or trailing whitespace'),
    ],
    ['a shorter deadline', { activeDeadlineSeconds: 9 }, { activeDeadlineSeconds: 8 }, []],
    [
      'a longer deadline',
      { activeDeadlineSeconds: 9 },
      { activeDeadlineSeconds: 10 },
      ['spec.activeDeadlineSeconds: Invalid value: 10: must be less than or equal to previous value'],
    ],
    [
      'a negative deadline',
      {},
      { activeDeadlineSeconds: -1, hostname: 'other' },
      [
        'spec.activeDeadlineSeconds: Invalid value: -1: must be between 1 and 2147483647, inclusive',
        'spec.activeDeadlineSeconds: Invalid value: -1: must be between 0 and 2147483647, inclusive',
      ],
    ],
    [
      'a new toleration that is wrong',
      { tolerations: [{ key: 'a', operator: 'Exists' }] },
      {
        tolerations: [
          { key: 'a', operator: 'Exists' },
          { key: 'b', operator: 'Odd' },
        ],
      },
      Array(2).fill('spec.tolerations[1].operator: Unsupported value: "Odd": supported values: "Equal", "Exists"'),
    ],
  ])('to %s', (_, before, after, problems) => {
    const containers = [{ ...web, image: 'a:1' }];
    const found = updateOf(
      pods,
      createOf(pods, podWith({ containers, ...before })).object,
      podWith({ containers, ...after }),
    );
    expect(found.problems).toEqual(problems.map((one) => (typeof one === 'string' ? one : expect.stringMatching(one))));
  });

  test('of a pod with gates: where it may run can be narrowed', () => {
    const term = (...values: string[]) => ({ key: 'a', operator: 'In', values });
    const affinity = (...matchExpressions: object[]) => ({
      nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions }] } },
    });
    const gated = (parts: object) =>
      podWith({ containers: [{ ...web, image: 'a:1' }], schedulingGates: [{ name: 'x.example/g' }], ...parts });
    const update = (before: object, after: object) =>
      updateOf(pods, createOf(pods, gated(before)).object, gated(after)).problems;
    expect(update({}, { affinity: affinity(term('1')) })).toEqual([]);
    expect(update({}, { containers: [{ ...web, image: 'a:2', imagePullPolicy: 'IfNotPresent' }] })).toEqual([]);
    expect(update({ affinity: {} }, { affinity: affinity(term('1')) })).toEqual([]);
    expect(update({ affinity: affinity(term('1')) }, { affinity: affinity(term('1'), term('2')) })).toEqual([]);
    expect(update({ affinity: affinity(term('1')) }, {})).toEqual([
      'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Invalid value: null: no additions/deletions to non-empty NodeSelectorTerms list are allowed',
    ]);
  });

  test('of the number of containers', () => {
    const { problems } = updateOf(
      pods,
      old,
      podWith({
        containers: [
          { ...web, image: 'a:1' },
          { name: 'b', image: 'b:1' },
        ],
      }),
    );
    expect(problems).toEqual(['spec.containers: Forbidden: pod updates may not add or remove containers']);
  });
});

describe('binding', () => {
  const bind = (pod: Pod, body: object) => {
    const behaviour = pods.subresources?.find((one) => one.name === 'binding')?.behaviour;
    if (behaviour?.type !== 'action') throw new Error('no binding');
    return behaviour.apply(pod, body as Record<string, unknown>, contextOf());
  };
  test('sets node and condition once', () => {
    const { object } = createOf(pods, podWith({}));
    expect(bind(object, { metadata: { annotations: { a: 'b' } }, target: { kind: 'Node', name: 'n1' } })).toEqual([]);
    expect(object.spec.nodeName).toBe('n1');
    expect(object.metadata.annotations).toEqual({ a: 'b' });
    expect(object.status.conditions).toEqual([
      { type: 'PodScheduled', status: 'True', lastTransitionTime: '2026-01-02T03:04:05Z' },
    ]);
    expect(() => bind(object, { target: { name: 'n2' } })).toThrow(
      'Operation cannot be fulfilled on pods/binding "x": pod x is already assigned to node "n1"',
    );
  });
  test('needs a target', () => {
    expect(bind(createOf(pods, podWith({})).object, { metadata: {} })).toEqual([
      { type: 'Required', field: 'target.name', detail: '' },
    ]);
  });
});

test.each<[object, string]>([
  [podWith({}), 'BestEffort'],
  [withContainer({ resources: { limits: { cpu: '1', memory: '1Gi' } } }), 'Guaranteed'],
  [withContainer({ resources: { requests: { cpu: '1' }, limits: { cpu: '1', memory: '1Gi' } } }), 'Guaranteed'],
  [withContainer({ resources: { requests: { cpu: '500m' }, limits: { cpu: '1', memory: '1Gi' } } }), 'Burstable'],
  [withContainer({ resources: { requests: { cpu: '1' } } }), 'Burstable'],
])('quality of service %#', (pod, expected) => {
  expect(createOf(pods, pod).object.status.qosClass).toBe(expected);
});

test.each<[object, number | undefined, number | undefined]>([
  [podWith({}), undefined, 0],
  [podWith({ nodeName: 'n' }), undefined, 30],
  [podWith({ nodeName: 'n' }), 5, 5],
  [podWith({ nodeName: 'n' }), -1, 1],
])('grace %#', (pod, requested, expected) => {
  expect(pods.strategy.gracePeriodSeconds?.(createOf(pods, pod).object, requested)).toBe(expected);
});
