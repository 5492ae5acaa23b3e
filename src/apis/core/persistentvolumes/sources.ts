// The sources of a PersistentVolume: one check each (core/validation: validate…PersistentVolumeSource), their defaults, and
// their internal form, in which upstream shows that one has changed.

import type { PersistentVolumeSpec, SecretReference } from '../../../generated/schemas/core-v1.ts';
import { isDns1123Label, isDns1123Subdomain } from '../../../machinery/names.ts';
import type { Problems } from '../../problems.ts';
import { validateDriverName } from '../../storage/validation.ts';
import { validateNoBacksteps } from '../podspec/paths.ts';
import {
  type Check,
  iscsiNameTooLong,
  isIscsiNameTooLong,
  namedSecret,
  needs,
  sharedChecks,
  sourcePath,
  validateIscsi,
} from '../volume-sources.ts';

const secret = 'secretRef{Name:name=s Namespace:namespace=s}';

/** In the order of upstream's struct; see machinery/diff.ts. */
export const sourceForm = [
  'GCEPersistentDisk:gcePersistentDisk{PDName:pdName=s FSType:fsType=s Partition:partition=i ReadOnly:readOnly=b}',
  'AWSElasticBlockStore:awsElasticBlockStore{VolumeID:volumeID=s FSType:fsType=s Partition:partition=i ReadOnly:readOnly=b}',
  'HostPath:hostPath{Path:path=s Type:type=p}',
  'Glusterfs:glusterfs{EndpointsName:endpoints=s Path:path=s ReadOnly:readOnly=b EndpointsNamespace:endpointsNamespace=p}',
  'NFS:nfs{Server:server=s Path:path=s ReadOnly:readOnly=b}',
  `RBD:rbd{CephMonitors:monitors=p RBDImage:image=s FSType:fsType=s RBDPool:pool=s RadosUser:user=s Keyring:keyring=s SecretRef:${secret} ReadOnly:readOnly=b}`,
  'Quobyte:quobyte{Registry:registry=s Volume:volume=s ReadOnly:readOnly=b User:user=s Group:group=s Tenant:tenant=s}',
  `ISCSI:iscsi{TargetPortal:targetPortal=s IQN:iqn=s Lun:lun=i ISCSIInterface:iscsiInterface=s FSType:fsType=s ReadOnly:readOnly=b Portals:portals=p DiscoveryCHAPAuth:chapAuthDiscovery=b SessionCHAPAuth:chapAuthSession=b SecretRef:${secret} InitiatorName:initiatorName=p}`,
  `FlexVolume:flexVolume{Driver:driver=s FSType:fsType=s SecretRef:${secret} ReadOnly:readOnly=b Options:options=p}`,
  `Cinder:cinder{VolumeID:volumeID=s FSType:fsType=s ReadOnly:readOnly=b SecretRef:${secret}}`,
  `CephFS:cephfs{Monitors:monitors=p Path:path=s User:user=s SecretFile:secretFile=s SecretRef:${secret} ReadOnly:readOnly=b}`,
  'FC:fc{TargetWWNs:targetWWNs=p Lun:lun=p FSType:fsType=s ReadOnly:readOnly=b WWIDs:wwids=p}',
  'Flocker:flocker{DatasetName:datasetName=s DatasetUUID:datasetUUID=s}',
  'AzureFile:azureFile{SecretName:secretName=s ShareName:shareName=s ReadOnly:readOnly=b SecretNamespace:secretNamespace=p}',
  'VsphereVolume:vsphereVolume{VolumePath:volumePath=s FSType:fsType=s StoragePolicyName:storagePolicyName=s StoragePolicyID:storagePolicyID=s}',
  'AzureDisk:azureDisk{DiskName:diskName=s DataDiskURI:diskURI=s CachingMode:cachingMode=p FSType:fsType=p ReadOnly:readOnly=p Kind:kind=p}',
  'PhotonPersistentDisk:photonPersistentDisk{PdID:pdID=s FSType:fsType=s}',
  'PortworxVolume:portworxVolume{VolumeID:volumeID=s FSType:fsType=s ReadOnly:readOnly=b}',
  `ScaleIO:scaleIO{Gateway:gateway=s System:system=s SecretRef:${secret} SSLEnabled:sslEnabled=b ProtectionDomain:protectionDomain=s StoragePool:storagePool=s StorageMode:storageMode=s VolumeName:volumeName=s FSType:fsType=s ReadOnly:readOnly=b}`,
  'Local:local{Path:path=s FSType:fsType=p}',
  'StorageOS:storageos{VolumeName:volumeName=s VolumeNamespace:volumeNamespace=s FSType:fsType=s ReadOnly:readOnly=b SecretRef:secretRef{Kind:kind=s Namespace:namespace=s Name:name=s UID:uid=s APIVersion:apiVersion=s ResourceVersion:resourceVersion=s FieldPath:fieldPath=s}}',
  `CSI:csi{Driver:driver=s VolumeHandle:volumeHandle=s ReadOnly:readOnly=b FSType:fsType=s VolumeAttributes:volumeAttributes=p ${[
    'ControllerPublishSecretRef:controllerPublish',
    'NodeStageSecretRef:nodeStage',
    'NodePublishSecretRef:nodePublish',
    'ControllerExpandSecretRef:controllerExpand',
    'NodeExpandSecretRef:nodeExpand',
  ]
    .map((name) => `${name}S${secret.slice(1)}`)
    .join(' ')}}`,
].join(' ');

type Sources = Pick<
  PersistentVolumeSpec,
  | 'hostPath'
  | 'gcePersistentDisk'
  | 'awsElasticBlockStore'
  | 'glusterfs'
  | 'flocker'
  | 'nfs'
  | 'rbd'
  | 'quobyte'
  | 'cephfs'
  | 'iscsi'
  | 'cinder'
  | 'fc'
  | 'flexVolume'
  | 'azureFile'
  | 'vsphereVolume'
  | 'photonPersistentDisk'
  | 'portworxVolume'
  | 'azureDisk'
  | 'scaleIO'
  | 'local'
  | 'storageos'
  | 'csi'
>;

function validateSecret(problems: Problems, at: string, reference: SecretReference | undefined): void {
  if (!reference) return;
  if (!reference.name) problems.required(`${at}.name`);
  else problems.invalidAll(`${at}.name`, reference.name, isDns1123Subdomain(reference.name));
  if (!reference.namespace) problems.required(`${at}.namespace`);
  else problems.invalidAll(`${at}.namespace`, reference.namespace, isDns1123Label(reference.namespace));
}

const { hostPath, gcePersistentDisk, awsElasticBlockStore, flocker, nfs, rbd, quobyte, cephfs, fc } = sharedChecks;
const { flexVolume, vsphereVolume, photonPersistentDisk, portworxVolume, azureDisk, scaleIO } = sharedChecks;

/** In the order in which upstream looks: a second source is refused by its name. */
const checks: { readonly [Name in keyof Sources]-?: Check<NonNullable<Sources[Name]>> } = {
  hostPath,
  gcePersistentDisk,
  awsElasticBlockStore,
  glusterfs(problems, at, source) {
    sharedChecks.glusterfs(problems, at, source);
    const namespace = source.endpointsNamespace;
    const path = `${at}.endpointsNamespace`;
    if (namespace === '')
      problems.invalid(path, '', 'if the endpointnamespace is set, it must be a valid namespace name');
    else if (namespace !== undefined) problems.invalidAll(path, namespace, isDns1123Label(namespace));
  },
  flocker,
  nfs,
  rbd,
  quobyte,
  cephfs,
  iscsi(problems, at, source, volumeName) {
    needs('targetPortal')(problems, at, source);
    if (isIscsiNameTooLong(volumeName, source))
      problems.invalid(`${at}.targetportal`, source.targetPortal, iscsiNameTooLong);
    validateIscsi(problems, at, source, false, 'name');
  },
  cinder(problems, at, source) {
    sharedChecks.cinder(problems, at, source);
    namedSecret(problems, at, source.secretRef, 'name', 'namespace');
  },
  fc,
  flexVolume,
  azureFile(problems, at, source) {
    sharedChecks.azureFile(problems, at, source);
    if (source.secretNamespace === '') problems.required(`${at}.secretNamespace`);
  },
  vsphereVolume,
  photonPersistentDisk,
  portworxVolume,
  azureDisk,
  scaleIO,
  local(problems, at, source) {
    if (!source.path) problems.required(`${at}.path`);
    else validateNoBacksteps(problems, `${at}.path`, source.path);
  },
  storageos(problems, at, source) {
    sharedChecks.storageos(problems, at, source);
    namedSecret(problems, at, source.secretRef, 'name', 'namespace');
  },
  csi(problems, at, source) {
    validateDriverName(problems, `${at}.driver`, source.driver);
    needs('volumeHandle')(problems, at, source);
    for (const name of ['controllerPublish', 'controllerExpand', 'nodePublish', 'nodeExpand'] as const)
      validateSecret(problems, `${at}.${name}SecretRef`, source[`${name}SecretRef`]);
  },
};
const sourceNames = Object.keys(checks) as (keyof Sources)[];

/** Exactly one source. `spec` is the path of the PersistentVolumeSpec; `afterLocal`: what follows a local volume's own check. */
export function validateSources(
  problems: Problems,
  path: string,
  spec: PersistentVolumeSpec,
  volumeName: string,
  afterLocal: () => void,
): void {
  let count = 0;
  for (const name of sourceNames) {
    const source = spec[name];
    if (source === undefined) continue;
    // Upstream counts a second flexVolume, but does not refuse it.
    if (count++ > 0 && name !== 'flexVolume') {
      problems.forbidden(sourcePath(path, name), 'may not specify more than 1 volume type');
      continue;
    }
    // The key and the check belong together by construction; the compiler cannot follow the correlation.
    (checks[name] as Check<unknown>)(problems, `${path}.${name}`, source, volumeName);
    if (name === 'local') afterLocal();
  }
  if (count === 0) problems.required(path, 'must specify a volume type');
}

const defaults: { readonly [Name in keyof Sources]?: Sources[Name] extends infer S ? Partial<NonNullable<S>> : never } =
  {
    hostPath: { type: '' },
    rbd: { pool: 'rbd', user: 'admin', keyring: '/etc/ceph/keyring' },
    iscsi: { iscsiInterface: 'default' },
    azureDisk: { cachingMode: 'ReadWrite', fsType: 'ext4', readOnly: false, kind: 'Shared' },
    scaleIO: { storageMode: 'ThinProvisioned', fsType: 'xfs' },
  };

export function defaultSources(spec: PersistentVolumeSpec): void {
  for (const [name, values] of Object.entries(defaults)) {
    const source = spec[name as keyof Sources] as Record<string, unknown> | undefined;
    if (source) for (const [field, value] of Object.entries(values)) source[field] ??= value;
  }
}

/** Sources that no longer do anything, and since when (pkg/api/persistentvolume). */
const deadSources: Readonly<Partial<Record<keyof Sources, readonly [path: string, why: string]>>> = {
  cephfs: ['cephfs', 'deprecated in v1.28, non-functional in v1.31+'],
  photonPersistentDisk: ['photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'],
  scaleIO: ['scaleIO', 'deprecated in v1.16, non-functional in v1.22+'],
  storageos: ['storageOS', 'deprecated in v1.22, non-functional in v1.25+'],
  glusterfs: ['glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
  rbd: ['rbd', 'deprecated in v1.28, non-functional in v1.31+'],
};

export const sourceWarnings = (spec: PersistentVolumeSpec): string[] =>
  Object.entries(deadSources).flatMap(([name, [path, why]]) =>
    spec[name as keyof Sources] === undefined ? [] : [`spec.${path}: ${why}`],
  );
