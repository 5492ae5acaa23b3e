// The sources of a PersistentVolume: one check each (core/validation: validate…PersistentVolumeSource), their defaults, and
// their internal form, in which upstream shows that one has changed.

import type { PersistentVolumeSpec, SecretReference } from '../../../generated/schemas/core-v1.ts';
import { isDns1123Label, isDns1123Subdomain } from '../../../machinery/names.ts';
import { keyed, type Problems } from '../../problems.ts';
import { validateDriverName } from '../../storage/validation.ts';
import { validateNoBacksteps } from '../podspec/paths.ts';

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
type Check<Source> = (problems: Problems, at: string, source: Source, volumeName: string) => void;

/** Members that may not be empty. */
const needs =
  (...fields: string[]) =>
  (problems: Problems, at: string, source: object): void => {
    for (const field of fields) {
      const value = (source as Record<string, unknown>)[field];
      if (value === undefined || value === '' || (Array.isArray(value) && value.length === 0))
        problems.required(`${at}.${field}`);
    }
  };

const inRange = (problems: Problems, at: string, value: number | undefined, message: string): void => {
  if (value !== undefined && (value < 0 || value > 255)) problems.invalid(at, value, message);
};
const partition = (problems: Problems, at: string, value: number | undefined): void =>
  inRange(problems, `${at}.partition`, value, 'must be between 1 and 255, inclusive');
const lun = (problems: Problems, at: string, value: number | undefined): void =>
  inRange(problems, `${at}.lun`, value, 'must be between 0 and 255, inclusive');

const namedSecret = (
  problems: Problems,
  at: string,
  reference: SecretReference | undefined,
  ...fields: string[]
): void => {
  if (reference) needs(...fields)(problems, `${at}.secretRef`, reference);
};

function validateSecret(problems: Problems, at: string, reference: SecretReference | undefined): void {
  if (!reference) return;
  if (!reference.name) problems.required(`${at}.name`);
  else problems.invalidAll(`${at}.name`, reference.name, isDns1123Subdomain(reference.name));
  if (!reference.namespace) problems.required(`${at}.namespace`);
  else problems.invalidAll(`${at}.namespace`, reference.namespace, isDns1123Label(reference.namespace));
}

/** iqn, eui and naa: the names that iSCSI initiators and targets may have. */
const initiatorFormats = {
  iqn: /iqn\.\d{4}-\d{2}\.[A-Za-z0-9.-]+:[^,;*&$|\s]+$/,
  eui: /^eui.[A-Za-z0-9]{16}$/,
  naa: /^naa.[A-Za-z0-9]{32}$/,
};
function isInitiatorName(name: string): boolean {
  const prefix = name.slice(0, 3);
  return (
    Object.hasOwn(initiatorFormats, prefix) && initiatorFormats[prefix as keyof typeof initiatorFormats].test(name)
  );
}

const hostPathTypes = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];

/** In the order in which upstream looks: a second source is refused by its name. */
const checks: { readonly [Name in keyof Sources]-?: Check<NonNullable<Sources[Name]>> } = {
  hostPath(problems, at, source) {
    if (!source.path) {
      problems.required(`${at}.path`);
      return;
    }
    validateNoBacksteps(problems, `${at}.path`, source.path);
    if (source.type !== undefined && !hostPathTypes.includes(source.type))
      problems.notSupported(`${at}.type`, source.type, hostPathTypes);
  },
  gcePersistentDisk(problems, field, source) {
    // The path of upstream's messages.
    const at = field.replace(/gcePersistentDisk$/, 'persistentDisk');
    needs('pdName')(problems, at, source);
    partition(problems, at, source.partition);
  },
  awsElasticBlockStore(problems, at, source) {
    needs('volumeID')(problems, at, source);
    partition(problems, at, source.partition);
  },
  glusterfs(problems, at, source) {
    needs('endpoints', 'path')(problems, at, source);
    const namespace = source.endpointsNamespace;
    const path = `${at}.endpointsNamespace`;
    if (namespace === '')
      problems.invalid(path, '', 'if the endpointnamespace is set, it must be a valid namespace name');
    else if (namespace !== undefined) problems.invalidAll(path, namespace, isDns1123Label(namespace));
  },
  flocker(problems, at, source) {
    if (!source.datasetName && !source.datasetUUID)
      problems.required(at, 'one of datasetName and datasetUUID is required');
    if (source.datasetName && source.datasetUUID)
      problems.invalid(at, 'resource', 'datasetName and datasetUUID can not be specified simultaneously');
    if (source.datasetName?.includes('/'))
      problems.invalid(`${at}.datasetName`, source.datasetName, "must not contain '/'");
  },
  nfs(problems, at, source) {
    needs('server', 'path')(problems, at, source);
    if (!source.path?.startsWith('/')) problems.invalid(`${at}.path`, source.path ?? '', 'must be an absolute path');
  },
  rbd: needs('monitors', 'image'),
  quobyte(problems, at, source) {
    const pairs = 'must be a host:port pair or multiple pairs separated by commas';
    if (!source.registry) problems.required(`${at}.registry`, pairs);
    else if ((source.tenant?.length ?? 0) >= 65)
      problems.required(`${at}.tenant`, 'must be a UUID and may not exceed a length of 64 characters');
    else
      for (const pair of source.registry.split(','))
        if (!/^(\[[^[\]]*\]|[^:[\]]*):[^:[\]]*$/.test(pair)) problems.invalid(`${at}.registry`, source.registry, pairs);
    needs('volume')(problems, at, source);
  },
  cephfs: needs('monitors'),
  iscsi(problems, at, source, volumeName) {
    needs('targetPortal')(problems, at, source);
    const { initiatorName, iqn } = source;
    if (initiatorName !== undefined && `${volumeName}:${source.targetPortal}`.length > 64)
      problems.invalid(
        `${at}.targetportal`,
        source.targetPortal,
        'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.',
      );
    if (!iqn) problems.required(`${at}.iqn`);
    else if (!isInitiatorName(iqn)) problems.invalid(`${at}.iqn`, iqn, 'must be valid format');
    lun(problems, at, source.lun);
    if ((source.chapAuthDiscovery || source.chapAuthSession) && !source.secretRef) problems.required(`${at}.secretRef`);
    namedSecret(problems, at, source.secretRef, 'name');
    if (initiatorName !== undefined && !isInitiatorName(initiatorName))
      problems.invalid(`${at}.initiatorname`, initiatorName, 'must be valid format');
  },
  cinder(problems, at, source) {
    needs('volumeID')(problems, at, source);
    namedSecret(problems, at, source.secretRef, 'name', 'namespace');
  },
  fc(problems, at, source) {
    const [wwns, ids] = [source.targetWWNs ?? [], source.wwids ?? []];
    const path = `${at}.targetWWNs`;
    if (wwns.length + ids.length === 0)
      problems.required(path, 'must specify either targetWWNs or wwids, but not both');
    if (wwns.length > 0 && ids.length > 0)
      problems.invalid(path, wwns, 'targetWWNs and wwids can not be specified simultaneously');
    if (wwns.length > 0 && source.lun === undefined)
      problems.required(`${at}.lun`, 'lun is required if targetWWNs is specified');
    else if (wwns.length > 0) lun(problems, at, source.lun);
  },
  flexVolume(problems, at, source) {
    needs('driver')(problems, at, source);
    for (const key of Object.keys(source.options ?? {}))
      if (/(^|\.)(kubernetes|k8s)\.io$/i.test(key.split('/', 1)[0] ?? ''))
        problems.invalid(keyed(`${at}.options`, key), key, 'kubernetes.io and k8s.io namespaces are reserved');
  },
  azureFile(problems, at, source) {
    needs('secretName', 'shareName')(problems, at, source);
    if (source.secretNamespace === '') problems.required(`${at}.secretNamespace`);
  },
  vsphereVolume: needs('volumePath'),
  photonPersistentDisk: needs('pdID'),
  portworxVolume: needs('volumeID'),
  azureDisk(problems, at, source) {
    needs('diskName', 'diskURI')(problems, at, source);
    const { cachingMode, kind, diskURI = '' } = source;
    if (cachingMode !== undefined)
      problems.oneOf(`${at}.cachingMode`, cachingMode, ['None', 'ReadOnly', 'ReadWrite'], 'unsupported');
    if (kind === undefined) return;
    problems.oneOf(`${at}.kind`, kind, ['Dedicated', 'Managed', 'Shared'], 'unsupported');
    const [prefix, example] =
      kind === 'Managed'
        ? [
            '/subscriptions/',
            '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}',
          ]
        : ['https://', 'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd'];
    if (!diskURI.startsWith(prefix)) problems.notSupported(`${at}.diskURI`, diskURI, [example]);
  },
  scaleIO: needs('gateway', 'system', 'volumeName'),
  local(problems, at, source) {
    if (!source.path) problems.required(`${at}.path`);
    else validateNoBacksteps(problems, `${at}.path`, source.path);
  },
  storageos(problems, at, source) {
    const { volumeName, volumeNamespace } = source;
    if (!volumeName) problems.required(`${at}.volumeName`);
    else problems.invalidAll(`${at}.volumeName`, volumeName, isDns1123Label(volumeName));
    if (volumeNamespace) problems.invalidAll(`${at}.volumeNamespace`, volumeNamespace, isDns1123Label(volumeNamespace));
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
      problems.forbidden(`${path}.${name === 'cephfs' ? 'cephFS' : name}`, 'may not specify more than 1 volume type');
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
