import { expect, test } from 'vitest';
import type { Pod } from '../../../generated/schemas/core-v1.ts';
import { objectOf } from '../../testing.ts';
import pods from '../pods/definition.ts';
import { podTemplateWarnings, podWarnings } from './warnings.ts';

const container = { name: 'c', image: 'x' };
const podOf = (spec: object, annotations?: object): Pod =>
  objectOf(pods, { metadata: { ...(annotations ? { annotations } : {}) }, spec: { containers: [container], ...spec } });
const ports = (...list: object[]) => ({
  containers: [{ ...container, ports: list.map((port) => ({ containerPort: 80, protocol: 'TCP', ...port })) }],
});
const none = 'a null labelSelector results in matching no pod';
const expression = { key: 'beta.kubernetes.io/os', operator: 'In', values: ['a b'] };

test.each<[string, Pod, string[]]>([
  ['nothing', podOf({}), []],
  [
    'node labels',
    podOf({
      nodeSelector: { 'beta.kubernetes.io/arch': 'x' },
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [expression] }] },
        },
      },
      topologySpreadConstraints: [{ topologyKey: 'failure-domain.beta.kubernetes.io/zone' }],
    }),
    [
      'spec.nodeSelector[beta.kubernetes.io/arch]: deprecated since v1.14; use "kubernetes.io/arch" instead',
      'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].key: beta.kubernetes.io/os is deprecated since v1.14; use "kubernetes.io/os" instead',
      'spec.topologySpreadConstraints[0].topologyKey: failure-domain.beta.kubernetes.io/zone is deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
      `spec.topologySpreadConstraints[0].labelSelector: ${none}`,
    ],
  ],
  [
    'annotations',
    podOf(
      {},
      { 'scheduler.alpha.kubernetes.io/critical-pod': '', 'seccomp.security.alpha.kubernetes.io/pod': 'unconfined' },
    ),
    [
      'metadata.annotations[scheduler.alpha.kubernetes.io/critical-pod]: non-functional in v1.16+; use the "priorityClassName" field instead',
      'metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: non-functional in v1.27+; use the "seccompProfile" field instead',
    ],
  ],
  [
    'volumes that do nothing',
    podOf({
      volumes: [
        { name: 'a', storageos: {} },
        { name: 'b', cephfs: {} },
      ],
    }),
    [
      'spec.volumes[0].storageOS: deprecated in v1.22, non-functional in v1.25+',
      'spec.volumes[1].cephfs: deprecated in v1.28, non-functional in v1.31+',
    ],
  ],
  [
    'files on files',
    podOf({
      volumes: [
        {
          name: 'a',
          configMap: {
            name: 'm',
            items: [
              { key: 'k', path: 'x' },
              { key: 'l', path: 'x/y' },
            ],
          },
        },
        {
          name: 'b',
          projected: {
            sources: [
              { secret: { name: 's', items: [{ key: 'k', path: 't' }] } },
              { serviceAccountToken: { path: 't' } },
              {},
            ],
          },
        },
      ],
    }),
    [
      'volume "a" (ConfigMap "m"): overlapping paths: "x/y" with "x"',
      'volume "b" (Projected) has no sources provided',
      'volume "b" (Projected): overlapping paths: "t" (ServiceAccountToken) with "t" (Secret "s")',
    ],
  ],
  [
    'fractions of bytes, in order of resources',
    podOf({
      containers: [
        {
          ...container,
          resources: { limits: { 'ephemeral-storage': '1m', memory: '1m' }, requests: { memory: '100m' } },
        },
      ],
    }),
    [
      'spec.containers[0].resources.limits[memory]: fractional byte value "1m" is invalid, must be an integer',
      'spec.containers[0].resources.requests[memory]: fractional byte value "100m" is invalid, must be an integer',
      'spec.containers[0].resources.limits[ephemeral-storage]: fractional byte value "1m" is invalid, must be an integer',
    ],
  ],
  [
    'the same port twice',
    podOf(ports({}, {})),
    ['spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]'],
  ],
  [
    'a host address without port',
    podOf(ports({ hostIP: '127.0.0.1' })),
    [
      'spec.containers[0].ports[0]: hostIP set without hostPort: {Name: HostPort:0 ContainerPort:80 Protocol:TCP HostIP:127.0.0.1}',
    ],
  ],
  [
    'the same name twice',
    podOf({
      containers: [{ ...container, ports: [{ name: 'h', containerPort: 1 }] }],
      initContainers: [{ ...container, name: 'i', ports: [{ name: 'h', containerPort: 2 }] }],
    }),
    [
      'spec.containers[0].ports[0]: duplicate port name "h" with spec.initContainers[0].ports[0], services and probes that select ports by name will use spec.initContainers[0].ports[0]',
    ],
  ],
  [
    'addresses',
    podOf({ dnsConfig: { nameservers: ['2001:DB8::1'] }, hostAliases: [{ ip: '1.2.3.4' }, { ip: '1.2.3.4' }] }),
    [
      'spec.hostAliases[1].ip: duplicate ip "1.2.3.4"',
      'spec.dnsConfig.nameservers[0]: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")',
    ],
  ],
])('%s', (_name, pod, warnings) => {
  expect(podWarnings(pod)).toEqual(warnings);
});

test('a template has its own path, and is told of AppArmor', () => {
  const template = {
    metadata: { annotations: { 'container.apparmor.security.beta.kubernetes.io/c': 'unconfined' } },
    spec: { containers: [container], terminationGracePeriodSeconds: -1 },
  };
  expect(podTemplateWarnings('spec.template', template as never)).toEqual([
    'spec.template.metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: deprecated since v1.30; use the "appArmorProfile" field instead',
    'spec.template.spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1',
  ]);
});
