// Validation of a pod's volumes (core/validation: ValidateVolumes, validateVolumeSource). Projected sources are in
// projected.ts; sources of in-tree cloud and storage drivers are checked for their required parts.

import type { KeyToPath, Volume } from '../../../generated/schemas/core-v1.ts';
import { isDns1123Label, isDns1123Subdomain } from '../../../machinery/names.ts';
import { compareQuantities } from '../../../machinery/quantity.ts';
import type { Problems } from '../../problems.ts';
import { validateDescendingPath, validateNoBacksteps, validateNonReservedPath } from './paths.ts';
import { validateDownwardFile, validateProjected } from './projected.ts';

export const fileModeMessage = 'must be a number between 0 and 0777 (octal), both inclusive';

export function validateFileMode(problems: Problems, path: string, mode: number | undefined): void {
  if (mode !== undefined && (mode < 0 || mode > 0o777)) problems.invalid(path, mode, fileModeMessage);
}

export function validateKeyToPath(problems: Problems, path: string, item: KeyToPath): void {
  if (!item.key) problems.required(`${path}.key`);
  if (!item.path) problems.required(`${path}.path`);
  validateNonReservedPath(problems, `${path}.path`, item.path ?? '');
  validateFileMode(problems, `${path}.mode`, item.mode);
}

function validateItems(problems: Problems, path: string, items: readonly KeyToPath[] | undefined): void {
  (items ?? []).forEach((item, i) => {
    validateKeyToPath(problems, `${path}[${i}]`, item);
  });
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

type Checks = {
  readonly [Source in keyof Omit<Volume, 'name'>]: (
    problems: Problems,
    at: string,
    source: NonNullable<Volume[Source]>,
  ) => void;
};

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

const absolutePath = (problems: Problems, at: string, path: string | undefined): void => {
  if (!(path ?? '').startsWith('/')) problems.invalid(at, path ?? '', 'must be an absolute path');
};

/** One check per source, in the order in which upstream looks: a second source of a volume is refused by its name. */
const checks: Checks = {
  emptyDir(problems, at, source) {
    if (source.sizeLimit !== undefined && compareQuantities(source.sizeLimit, '0') < 0)
      problems.forbidden(`${at}.sizeLimit`, 'SizeLimit field must be a valid resource quantity');
  },
  hostPath(problems, at, source) {
    if (!source.path) {
      problems.required(`${at}.path`);
      return;
    }
    validateNoBacksteps(problems, `${at}.path`, source.path);
    if (source.type !== undefined && !hostPathTypes.includes(source.type))
      problems.notSupported(`${at}.type`, source.type, hostPathTypes);
  },
  gitRepo(problems, at, source) {
    needs('repository')(problems, at, source);
    validateDescendingPath(problems, `${at}.directory`, source.directory ?? '');
  },
  gcePersistentDisk: needs('pdName'),
  awsElasticBlockStore: needs('volumeID'),
  secret(problems, at, source) {
    needs('secretName')(problems, at, source);
    validateFileMode(problems, `${at}.defaultMode`, source.defaultMode);
    validateItems(problems, `${at}.items`, source.items);
  },
  nfs(problems, at, source) {
    needs('server', 'path')(problems, at, source);
    absolutePath(problems, `${at}.path`, source.path);
  },
  iscsi(problems, at, source) {
    needs('targetPortal', 'iqn')(problems, at, source);
    if (source.iqn && !/^(iqn|eui|naa)/.test(source.iqn))
      problems.invalid(`${at}.iqn`, source.iqn, 'must be valid format starting with iqn, eui, or naa');
    if ((source.lun ?? 0) < 0 || (source.lun ?? 0) > 255)
      problems.invalid(`${at}.lun`, source.lun, 'must be between 0 and 255, inclusive');
    if ((source.chapAuthDiscovery || source.chapAuthSession) && !source.secretRef) problems.required(`${at}.secretRef`);
  },
  glusterfs: needs('endpoints', 'path'),
  flocker(problems, at, source) {
    if (!source.datasetName && !source.datasetUUID)
      problems.required(at, 'one of datasetName and datasetUUID is required');
    if (source.datasetName && source.datasetUUID)
      problems.invalid(at, 'resource', 'datasetName and datasetUUID can not be specified simultaneously');
    if (source.datasetName?.includes('/'))
      problems.invalid(`${at}.datasetName`, source.datasetName, "must not contain '/'");
  },
  persistentVolumeClaim: needs('claimName'),
  rbd: needs('monitors', 'image'),
  cinder: needs('volumeID'),
  cephfs: needs('monitors'),
  quobyte: needs('registry', 'volume'),
  downwardAPI(problems, at, source) {
    validateFileMode(problems, `${at}.defaultMode`, source.defaultMode);
    for (const file of source.items ?? []) validateDownwardFile(problems, at, file);
  },
  fc(problems, at, source) {
    if (!source.targetWWNs?.length && !source.wwids?.length)
      problems.required(`${at}.targetWWNs`, 'must specify either targetWWNs or wwids, but not both');
    if (source.targetWWNs?.length && source.wwids?.length)
      problems.invalid(
        `${at}.targetWWNs`,
        source.targetWWNs,
        'targetWWNs and wwids can not be specified simultaneously',
      );
  },
  flexVolume: needs('driver'),
  configMap(problems, at, source) {
    needs('name')(problems, at, source);
    validateFileMode(problems, `${at}.defaultMode`, source.defaultMode);
    validateItems(problems, `${at}.items`, source.items);
  },
  azureFile: needs('secretName', 'shareName'),
  vsphereVolume: needs('volumePath'),
  photonPersistentDisk: needs('pdID'),
  portworxVolume: needs('volumeID'),
  azureDisk: needs('diskName', 'diskURI'),
  storageos(problems, at, source) {
    needs('volumeName')(problems, at, source);
    if (source.volumeName)
      problems.invalidAll(`${at}.volumeName`, source.volumeName, isDns1123Label(source.volumeName));
  },
  projected: validateProjected,
  scaleIO: needs('gateway', 'system', 'volumeName'),
  csi(problems, at, source) {
    needs('driver')(problems, at, source);
    if (source.driver && source.driver.length > 63) problems.tooLong(`${at}.driver`, 63);
    if (source.driver)
      problems.invalidAll(`${at}.driver`, source.driver, isDns1123Subdomain(source.driver.toLowerCase()));
    if (source.nodePublishSecretRef && !source.nodePublishSecretRef.name)
      problems.required(`${at}.nodePublishSecretRef.name`);
  },
  ephemeral(problems, at, source) {
    const template = source.volumeClaimTemplate;
    if (!template) {
      problems.required(`${at}.volumeClaimTemplate`);
      return;
    }
    const spec = `${at}.volumeClaimTemplate.spec`;
    if (!template.spec?.accessModes?.length)
      problems.required(`${spec}.accessModes`, 'at least 1 access mode is required');
    if (template.spec?.resources?.requests?.storage === undefined) problems.required(`${spec}.resources[storage]`);
  },
  image(problems, at, source) {
    problems.oneOf(`${at}.pullPolicy`, source.pullPolicy, ['Always', 'IfNotPresent', 'Never'], 'required');
  },
};

function validateSource(problems: Problems, path: string, volume: Volume): void {
  let sources = 0;
  for (const name of Object.keys(checks) as (keyof Checks)[]) {
    const source = volume[name];
    if (source === undefined) continue;
    if (sources++ > 0) problems.forbidden(`${path}.${name}`, 'may not specify more than 1 volume type');
    // The key and the check belong together by construction; the compiler cannot follow the correlation.
    else
      (checks[name] as (problems: Problems, at: string, source: unknown) => void)(problems, `${path}.${name}`, source);
  }
  if (sources === 0) problems.required(path, 'must specify a volume type');
}

/** `podName`: of a pod itself, undefined within templates. Returns the volumes without a problem, which mounts may name. */
export function validateVolumes(
  problems: Problems,
  path: string,
  volumes: readonly Volume[] | undefined,
  podName: string | undefined,
): Map<string, Volume> {
  const valid = new Map<string, Volume>();
  const created = new Set(
    (volumes ?? []).filter((one) => one.ephemeral && podName).map((one) => `${podName}-${one.name}`),
  );
  (volumes ?? []).forEach((volume, i) => {
    const at = `${path}[${i}]`;
    const before = problems.list.length;
    validateSource(problems, at, volume);
    if (volume.ephemeral && podName && volume.name)
      for (const message of isDns1123Subdomain(`${podName}-${volume.name}`))
        problems.invalid(`${at}.name`, volume.name, `PVC name "${podName}-${volume.name}": ${message}`);
    if (!volume.name) problems.required(`${at}.name`);
    else problems.invalidAll(`${at}.name`, volume.name, isDns1123Label(volume.name));
    if (valid.has(volume.name)) problems.duplicate(`${at}.name`, volume.name);
    if (problems.list.length === before) valid.set(volume.name, volume);
    const claim = volume.persistentVolumeClaim?.claimName;
    if (claim !== undefined && created.has(claim))
      problems.invalid(
        `${at}.persistentVolumeClaim.claimName`,
        claim,
        'must not reference a PVC that gets created for an ephemeral volume',
      );
  });
  return valid;
}
