import { expect, test } from 'vitest';
import { fieldErrorText } from '../../../machinery/errors.ts';
import { Problems } from '../../problems.ts';
import { validateVolumes } from './volumes.ts';

const label =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const subdomain =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const longPortal = 'a'.repeat(75);
const onlyOne = 'Forbidden: may not specify more than 1 volume type';

// As an API server answers, without the path of the volume.
test.each<[string, object, string[]]>([
  [
    'names of iSCSI',
    { iscsi: { targetPortal: 'a', iqn: 'x', lun: 300, initiatorName: 'y', secretRef: {} } },
    [
      'iscsi.iqn: Invalid value: "x": must be valid format starting with iqn, eui, or naa',
      'iscsi.lun: Invalid value: 300: must be between 0 and 255, inclusive',
      'iscsi.initiatorname: Invalid value: "y": must be valid format starting with iqn, eui, or naa',
    ],
  ],
  [
    'more of iSCSI',
    {
      iscsi: {
        targetPortal: longPortal,
        iqn: 'iqn.bad',
        lun: 0,
        initiatorName: 'iqn.2001-04.com.example:storage:diskarrays-sn-a8675309',
        chapAuthSession: true,
      },
    },
    [
      'iscsi.iqn: Invalid value: "iqn.bad": must be valid format',
      'iscsi.secretRef: Required value',
      'name: Invalid value: "v": Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.',
    ],
  ],
  [
    'a disk of GCE',
    { gcePersistentDisk: { partition: 300 } },
    [
      'persistentDisk.pdName: Required value',
      'persistentDisk.partition: Invalid value: 300: must be between 1 and 255, inclusive',
    ],
  ],
  [
    'Cinder',
    { cinder: { secretRef: {} } },
    ['cinder.volumeID: Required value', 'cinder.secretRef.name: Required value'],
  ],
  [
    'Quobyte',
    { quobyte: { registry: 'a,b:1', tenant: 'x' } },
    [
      'quobyte.registry: Invalid value: "a,b:1": must be a host:port pair or multiple pairs separated by commas',
      'quobyte.volume: Required value',
    ],
  ],
  [
    'a flexible volume',
    { flexVolume: { driver: '', options: { 'kubernetes.io/a': 'b' } } },
    [
      'flexVolume.driver: Required value',
      'flexVolume.options[kubernetes.io/a]: Invalid value: "kubernetes.io/a": kubernetes.io and k8s.io namespaces are reserved',
    ],
  ],
  [
    'fibre channel',
    { fc: { targetWWNs: ['a'] } },
    ['fc.lun: Required value: lun is required if targetWWNs is specified'],
  ],
  [
    'a disk of Azure',
    { azureDisk: { cachingMode: 'x', kind: 'y' } },
    [
      'azureDisk.diskName: Required value',
      'azureDisk.diskURI: Required value',
      'azureDisk.cachingMode: Unsupported value: "x": supported values: "None", "ReadOnly", "ReadWrite"',
      'azureDisk.kind: Unsupported value: "y": supported values: "Dedicated", "Managed", "Shared"',
      'azureDisk.diskURI: Unsupported value: "": supported values: "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"',
    ],
  ],
  [
    'StorageOS',
    { storageos: { volumeName: 'A', volumeNamespace: 'B', secretRef: {} } },
    [
      `storageos.volumeName: Invalid value: "A": ${label}`,
      `storageos.volumeNamespace: Invalid value: "B": ${label}`,
      'storageos.secretRef.name: Required value',
    ],
  ],
  [
    'CSI',
    { csi: { driver: 'A_b', nodePublishSecretRef: {} } },
    [`csi.driver: Invalid value: "A_b": ${subdomain}`, 'csi.nodePublishSecretRef .name: Required value'],
  ],
  [
    'CSI without a driver',
    { csi: { driver: '', nodePublishSecretRef: { name: 'A_' } } },
    [
      'csi.driver: Required value',
      `csi.driver: Invalid value: "": ${subdomain}`,
      `csi.name: Invalid value: "A_": ${subdomain}`,
    ],
  ],
  [
    'several',
    {
      gcePersistentDisk: { pdName: 'a' },
      hostPath: { path: '/' },
      cephfs: { monitors: ['a'] },
      flexVolume: { driver: 'a' },
    },
    [`gcePersistentDisk: ${onlyOne}`, `cephFS: ${onlyOne}`, `flexVolume: ${onlyOne}`],
  ],
  [
    'a claim of its own',
    {
      ephemeral: {
        volumeClaimTemplate: { metadata: { name: 'x' }, spec: { resources: { requests: { storage: '-1' } } } },
      },
    },
    [
      'ephemeral.volumeClaimTemplate.metadata.Name: Forbidden: cannot be set for an ephemeral volume',
      'ephemeral.volumeClaimTemplate.spec.accessModes: Required value: at least 1 access mode is required',
      'ephemeral.volumeClaimTemplate.spec.resources[storage]: Invalid value: "-1": must be greater than zero',
    ],
  ],
  ['an image', { image: { pullPolicy: 'Always' } }, ['image.reference: Required value']],
])('%s', (_name, source, expected) => {
  const problems = new Problems();
  validateVolumes(problems, 'volumes', [{ name: 'v', ...source }], 'pod');
  expect(problems.list.map((one) => fieldErrorText(one).replace('volumes[0].', ''))).toEqual(expected);
});

test.each([
  ['iqn.2001-04.com.example:storage', true],
  ['iqn.2001-04.com.example:a:b:', true],
  ['iqn.2001-04.com.example::', true],
  ['iqn x,iqn.2001-04.a:b', true],
  ['iqn.2001-04.com.example:', false],
  ['iqn.2001-04.com.example', false],
  ['iqn.2001-04.:a', false],
  ['iqn.2001-04.a_b:c', false],
  ['iqn.2001-04.a:b c', false],
])('%s names a target: %s', (iqn, valid) => {
  const volumes = [{ name: 'v', iscsi: { targetPortal: 'a', iqn, lun: 0 } }];
  const problems = new Problems();
  validateVolumes(problems, 'spec.volumes', volumes, undefined);
  expect(problems.list.some(({ field }) => field.endsWith('iscsi.iqn'))).toBe(!valid);
});
