// What is particular to pods in validation: annotations, operating systems, hosts' names, and what a status may say.

import { describe, expect, test } from 'vitest';
import type { Pod } from '../../../generated/schemas/core-v1.ts';
import { fieldErrorText } from '../../../machinery/errors.ts';
import { createOf, updateOf } from '../../testing.ts';
import pods from './definition.ts';
import { validatePodStatus } from './status.ts';

const container = { name: 'c', image: 'x' };
const appArmor = 'container.apparmor.security.beta.kubernetes.io/';

test.each<[string, object, object, string[]]>([
  [
    'annotations that mean something',
    {
      'kubernetes.io/config.mirror': 'x',
      'controller.kubernetes.io/pod-deletion-cost': '01',
      'seccomp.security.alpha.kubernetes.io/pod': 'magic',
      [`${appArmor}nobody`]: 'magic',
    },
    {},
    [
      'metadata.annotations[kubernetes.io/config.mirror]: Invalid value: "x": must set spec.nodeName if mirror pod annotation is set',
      'metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "01": must be a 32bit integer',
      'metadata.annotations.seccomp.security.alpha.kubernetes.io/pod: Invalid value: "magic": must be a valid seccomp profile',
      `metadata.annotations[${appArmor}nobody]: Invalid value: "nobody": container not found`,
      `metadata.annotations[${appArmor}nobody]: Invalid value: "magic": invalid AppArmor profile name: "magic"`,
    ],
  ],
  [
    'annotations and fields that disagree',
    { 'seccomp.security.alpha.kubernetes.io/pod': 'localhost/a', [`${appArmor}c`]: 'unconfined' },
    {
      securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: 'b' } },
      containers: [{ ...container, securityContext: { appArmorProfile: { type: 'RuntimeDefault' } } }],
    },
    [
      'spec.securityContext.seccompProfile.localhostProfile: Forbidden: seccomp profile in annotation and field must match',
      'spec.containers[0].securityContext.appArmorProfile.type: Forbidden: apparmor type in annotation and field must match',
    ],
  ],
  [
    'tolerations as an annotation',
    { 'scheduler.alpha.kubernetes.io/tolerations': '[{"effect":"Magic","operator":"Exists"}]' },
    {},
    [
      'metadata.annotations.scheduler.alpha.kubernetes.io/tolerations[0].effect: Unsupported value: "Magic": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
    ],
  ],
  [
    'a Windows pod',
    {},
    {
      os: { name: 'windows' },
      hostPID: true,
      hostIPC: false,
      securityContext: { runAsUser: 1 },
      containers: [{ ...container, securityContext: { privileged: false } }],
    },
    [
      'spec.hostPID: Forbidden: cannot be set for a windows pod',
      'spec.securityContext.runAsUser: Forbidden: cannot be set for a windows pod',
      'spec.containers[0].securityContext.privileged: Forbidden: cannot be set for a windows pod',
    ],
  ],
  [
    'a Linux pod with options of Windows, processes of a host',
    {},
    { os: { name: 'linux' }, securityContext: { windowsOptions: { hostProcess: true } } },
    [
      'spec.hostNetwork: Invalid value: false: hostNetwork must be true if pod contains any hostProcess containers',
      'spec.securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod',
    ],
  ],
  [
    'a hostname of its own',
    {},
    { hostnameOverride: 'a_b', setHostnameAsFQDN: true, hostNetwork: true },
    [
      'spec.hostnameOverride: Forbidden: may not be specified when setHostnameAsFQDN is true',
      'spec.hostnameOverride: Forbidden: may not be specified when hostNetwork is true',
      expect.stringContaining('spec.hostnameOverride: Invalid value: "a_b": a lowercase RFC 1123 subdomain') as never,
    ],
  ],
  [
    'a variable from a file',
    {},
    {
      volumes: [{ name: 'v', hostPath: { path: '/x' } }],
      containers: [
        { ...container, env: [{ name: 'A', valueFrom: { fileKeyRef: { volumeName: 'v', path: '../p', key: 'k' } } }] },
      ],
    },
    [
      'spec.containers[0].env[0].valueFrom.fileKeyRef.path: Invalid value: "../p": must not contain \'..\'',
      'spec.containers[0].env[0].valueFrom.fileKeyRef.volumeName: Invalid value: "v": referenced volume must be of type emptyDir',
    ],
  ],
  [
    'rules of a sidecar',
    {},
    {
      initContainers: [
        {
          ...container,
          name: 'i',
          restartPolicy: 'Always',
          restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [1] } }],
        },
      ],
    },
    [
      'spec.initContainers[0].restartPolicyRules: Forbidden: restartPolicyRules are not allowed for init containers with restart policy Always',
    ],
  ],
])('a new pod: %s', (_name, annotations, spec, problems) => {
  expect(createOf(pods, { metadata: { annotations }, spec: { containers: [container], ...spec } }).problems).toEqual(
    problems,
  );
});

test('annotations that stay', () => {
  const parts = (annotations: object) => ({ metadata: { annotations }, spec: { containers: [container] } });
  const old = createOf(pods, parts({ [`${appArmor}c`]: 'unconfined' })).object;
  expect(updateOf(pods, old, parts({ 'kubernetes.io/config.mirror': 'x' })).problems).toContain(
    `metadata.annotations[${appArmor}c]: Forbidden: may not remove or update AppArmor annotations`,
  );
  expect(updateOf(pods, old, parts({ 'kubernetes.io/config.mirror': 'x' })).problems).toContain(
    'metadata.annotations[kubernetes.io/config.mirror]: Forbidden: may not add mirror pod annotation',
  );
});

describe('a status', () => {
  const ended = (exitCode: number) => [{ name: 'c', state: { terminated: { exitCode } } }];
  const again = [{ name: 'c', state: { running: {} } }];
  const write = (spec: object, before: object, now: object): string[] => {
    const { object } = createOf(pods, { spec: { containers: [container], ...spec } });
    const withStatus = (status: object): Pod => ({ ...object, status: { ...object.status, ...status } });
    return validatePodStatus(withStatus(now), withStatus(before)).map(fieldErrorText);
  };
  const ruled = (restartPolicy: string, action = 'Restart') => ({
    restartPolicy: 'Never',
    containers: [
      { ...container, restartPolicy, restartPolicyRules: [{ action, exitCodes: { operator: 'In', values: [42] } }] },
    ],
  });

  test.each<[string, object, number, boolean]>([
    ['always', {}, 0, true],
    ['never', { restartPolicy: 'Never' }, 1, false],
    ['on failure, that was one', { restartPolicy: 'OnFailure' }, 1, true],
    ['on failure, that was none', { restartPolicy: 'OnFailure' }, 0, false],
    ['by a rule', ruled('Never'), 42, true],
    ['by no rule', ruled('Never'), 1, false],
    ['by the container’s policy', ruled('Always'), 1, true],
  ])('a container comes back: %s', (_name, spec, exitCode, allowed) => {
    const problems = write(spec, { containerStatuses: ended(exitCode) }, { containerStatuses: again });
    expect(problems).toEqual(
      allowed ? [] : ['status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state'],
    );
  });

  test.each<[string, object, object, string[]]>([
    [
      'numbers',
      {},
      { observedGeneration: -1, conditions: [{ type: 'x y', status: 'True', observedGeneration: -1 }] },
      [
        'status.conditions[0].observedGeneration: Invalid value: -1: must be a non-negative integer',
        expect.stringMatching(/^status\.conditions\[0\]\.Type: Invalid value: "x y": name part must/) as never,
        'status.observedGeneration: Invalid value: -1: must be a non-negative integer',
      ],
    ],
    [
      'a nomination of what is bound',
      { nodeName: 'n' },
      { nominatedNodeName: 'm' },
      ['status.nominatedNodeName: Forbidden: may not be set on pods that are already bound to a node'],
    ],
    [
      'claims',
      {},
      { resourceClaimStatuses: [{ name: 'a' }] },
      [
        'status.resourceClaimStatuses[0].name: Invalid value: "a": must match the name of an entry in `spec.resourceClaims`',
      ],
    ],
    [
      'addresses',
      {},
      { podIPs: [{ ip: '1.2.3.4' }, { ip: '1.2.3.5' }], hostIP: '1.1.1.1', hostIPs: [{ ip: '2.2.2.2' }] },
      [
        'status.podIPs: Invalid value: [{"IP":"1.2.3.4"},{"IP":"1.2.3.5"}]: may specify no more than one IP for each IP family',
        'status.hostIPs[0].ip: Invalid value: "2.2.2.2": must be equal to `hostIP`',
      ],
    ],
    [
      'what containers have',
      {},
      {
        containerStatuses: [
          {
            name: 'c',
            user: { linux: { uid: -1, gid: 0 } },
            allocatedResourcesStatus: [{ name: 'cpu', resources: [{ resourceID: 'a', health: 'Fine' }] }],
          },
        ],
      },
      [
        'status.containerStatuses[0].user.linux.uid: Invalid value: -1: must be between 0 and 2147483647, inclusive',
        'status.containerStatuses[0].allocatedResourcesStatus[0].name: Invalid value: "cpu": must match one of the container\'s resource requests',
        'status.containerStatuses[0].allocatedResourcesStatus[0].resources[0].health: Unsupported value: "Fine": supported values: "Healthy", "Unhealthy", "Unknown"',
      ],
    ],
  ])('%s', (_name, spec, status, problems) => {
    expect(write(spec, {}, status)).toEqual(problems);
  });
});

test('keys of spread constraints become expressions, and are the client’s no more', () => {
  const spec = (labelSelector: object) => ({
    containers: [container],
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'zone',
        whenUnsatisfiable: 'DoNotSchedule',
        matchLabelKeys: ['a', 'b'],
        labelSelector,
      },
    ],
  });
  const create = (labelSelector: object) =>
    createOf(pods, { metadata: { labels: { a: 'x' } }, spec: spec(labelSelector) });
  const { object, problems } = create({});
  expect(problems).toEqual([]);
  expect(object.spec.topologySpreadConstraints?.[0]?.labelSelector).toEqual({
    matchExpressions: [{ key: 'a', operator: 'In', values: ['x'] }],
  });
  expect(create({ matchLabels: { a: 'x' } }).problems).toEqual([
    'spec.topologySpreadConstraints[0][0]: Invalid value: "a": exists in both matchLabelKeys and labelSelector',
  ]);
});
