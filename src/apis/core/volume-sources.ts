// What pods' volumes and PersistentVolumes share of their sources (core/validation: validate…VolumeSource): one check each.
// Where the two differ (secrets, names of iSCSI, claims, files of the API), each has its own.

import type { PersistentVolumeSpec, Volume } from '../../generated/schemas/core-v1.ts';
import { isDns1123Label } from '../../machinery/names.ts';
import { keyed, type Problems } from '../problems.ts';
import { validateNoBacksteps } from './podspec/paths.ts';

export type Check<Source> = (problems: Problems, at: string, source: Source, volumeName: string) => void;
type Shared = Extract<keyof Volume, keyof PersistentVolumeSpec>;

/** Members that may not be empty. */
export const needs =
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

/** What a reference to a secret, where there is one, must name. */
export const namedSecret = (
  problems: Problems,
  at: string,
  reference: { name?: string; namespace?: string } | undefined,
  ...fields: string[]
): void => {
  if (reference) needs(...fields)(problems, `${at}.secretRef`, reference);
};

/**
 * Whether it ends with `iqn.YYYY-MM.domain:anything`, where anything has none of `,;*&$|` and no space. In parts, since one expression
 * for the whole of it takes time with the square of its length.
 */
function endsWithIqn(name: string): boolean {
  const parts = (name.split(/[,;*&$|\s]/).at(-1) as string).split(':');
  if (parts.at(-1) === '') parts.pop();
  return parts.slice(0, -1).some((part) => /iqn\.\d{4}-\d{2}\../.test(part.split(/[^A-Za-z0-9.-]/).at(-1) as string));
}

const initiatorPrefixes = new Set(['iqn', 'eui', 'naa']);

/** iqn, eui and naa: the names that iSCSI initiators and targets may have. */
function isInitiatorName(name: string): boolean {
  if (name.startsWith('iqn')) return endsWithIqn(name);
  return /^eui.[A-Za-z0-9]{16}$/.test(name) || /^naa.[A-Za-z0-9]{32}$/.test(name);
}

/** What is wrong with the name of an initiator or a target. `told`: what it may begin with is said. */
export function initiatorProblem(name: string, told: boolean): string | undefined {
  if (isInitiatorName(name)) return undefined;
  const known = initiatorPrefixes.has(name.slice(0, 3));
  return known || !told ? 'must be valid format' : 'must be valid format starting with iqn, eui, or naa';
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

type SharedChecks = { readonly [Name in Shared]?: Check<NonNullable<Volume[Name] & PersistentVolumeSpec[Name]>> };

export const sharedChecks = {
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
  glusterfs: needs('endpoints', 'path'),
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
  cinder: needs('volumeID'),
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
  azureFile: needs('secretName', 'shareName'),
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
  storageos(problems, at, { volumeName, volumeNamespace }) {
    if (!volumeName) problems.required(`${at}.volumeName`);
    else problems.invalidAll(`${at}.volumeName`, volumeName, isDns1123Label(volumeName));
    if (volumeNamespace) problems.invalidAll(`${at}.volumeNamespace`, volumeNamespace, isDns1123Label(volumeNamespace));
  },
} satisfies SharedChecks;

/** iSCSI but for where too long a name is told. `told`: see {@link initiatorProblem}; `secret`: what a secret must name. */
export function validateIscsi(
  problems: Problems,
  at: string,
  source: NonNullable<Volume['iscsi'] | PersistentVolumeSpec['iscsi']>,
  told: boolean,
  ...secret: string[]
): void {
  const { initiatorName, iqn } = source;
  const problem = (name: string) => initiatorProblem(name, told);
  const wrong = iqn && problem(iqn);
  if (!iqn) problems.required(`${at}.iqn`);
  else if (wrong) problems.invalid(`${at}.iqn`, iqn, wrong);
  lun(problems, at, source.lun);
  if ((source.chapAuthDiscovery || source.chapAuthSession) && !source.secretRef) problems.required(`${at}.secretRef`);
  namedSecret(problems, at, source.secretRef, ...secret);
  const odd = initiatorName !== undefined && problem(initiatorName);
  if (odd) problems.invalid(`${at}.initiatorname`, initiatorName, odd);
}

/** Whether name and portal of a volume with an initiator do not fit where they are put together. */
export const isIscsiNameTooLong = (
  volumeName: string,
  { initiatorName, targetPortal = '' }: NonNullable<Volume['iscsi'] | PersistentVolumeSpec['iscsi']>,
): boolean => initiatorName !== undefined && `${volumeName}:${targetPortal}`.length > 64;
export const iscsiNameTooLong =
  'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.';

/** Where a second source is refused. */
export const sourcePath = (path: string, name: string): string => `${path}.${name === 'cephfs' ? 'cephFS' : name}`;
