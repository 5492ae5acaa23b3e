// Validation of a pod's volumes (core/validation: ValidateVolumes, validateVolumeSource). Projected sources are in
// projected.ts; those that PersistentVolumes have as well in ../volume-sources.ts.

import type { KeyToPath, Volume } from '../../../generated/schemas/core-v1.ts';
import type { ObjectMeta } from '../../../machinery/meta.ts';
import { isDns1123Label, isDns1123Subdomain } from '../../../machinery/names.ts';
import { compareQuantities } from '../../../machinery/quantity.ts';
import { validateAnnotations, validateLabels } from '../../../machinery/validation.ts';
import type { Problems } from '../../problems.ts';
import { validateDriverName } from '../../storage/validation.ts';
import { validateClaimSpec } from '../persistentvolumeclaims/validation.ts';
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
import { validateDescendingPath, validateNonReservedPath } from './paths.ts';
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

type Checks = { readonly [Source in keyof Omit<Volume, 'name'>]-?: Check<NonNullable<Volume[Source]>> };

const { hostPath, gcePersistentDisk, awsElasticBlockStore, nfs, glusterfs, flocker, rbd, cephfs, quobyte } =
  sharedChecks;
const { fc, flexVolume, azureFile, vsphereVolume, photonPersistentDisk, portworxVolume, azureDisk, scaleIO } =
  sharedChecks;

/** One check per source, in the order in which upstream looks: a second source of a volume is refused by its name. */
const checks: Checks = {
  emptyDir(problems, at, source) {
    if (source.sizeLimit !== undefined && compareQuantities(source.sizeLimit, '0') < 0)
      problems.forbidden(`${at}.sizeLimit`, 'SizeLimit field must be a valid resource quantity');
  },
  hostPath,
  gitRepo(problems, at, source) {
    needs('repository')(problems, at, source);
    validateDescendingPath(problems, `${at}.directory`, source.directory ?? '');
  },
  gcePersistentDisk,
  awsElasticBlockStore,
  secret(problems, at, source) {
    needs('secretName')(problems, at, source);
    validateFileMode(problems, `${at}.defaultMode`, source.defaultMode);
    validateItems(problems, `${at}.items`, source.items);
  },
  nfs,
  iscsi(problems, at, source, volumeName) {
    needs('targetPortal')(problems, at, source);
    validateIscsi(problems, at, source, true);
    if (isIscsiNameTooLong(volumeName, source))
      problems.invalid(at.replace(/iscsi$/, 'name'), volumeName, iscsiNameTooLong);
  },
  glusterfs,
  flocker,
  persistentVolumeClaim: needs('claimName'),
  rbd,
  cinder(problems, at, source) {
    sharedChecks.cinder(problems, at, source);
    namedSecret(problems, at, source.secretRef, 'name');
  },
  cephfs,
  quobyte,
  downwardAPI(problems, at, source) {
    validateFileMode(problems, `${at}.defaultMode`, source.defaultMode);
    for (const file of source.items ?? []) validateDownwardFile(problems, at, file);
  },
  fc,
  flexVolume,
  configMap(problems, at, source) {
    needs('name')(problems, at, source);
    validateFileMode(problems, `${at}.defaultMode`, source.defaultMode);
    validateItems(problems, `${at}.items`, source.items);
  },
  azureFile,
  vsphereVolume,
  photonPersistentDisk,
  portworxVolume,
  azureDisk,
  storageos(problems, at, source) {
    sharedChecks.storageos(problems, at, source);
    namedSecret(problems, at, source.secretRef, 'name');
  },
  projected: validateProjected,
  scaleIO,
  csi(problems, at, source) {
    validateDriverName(problems, `${at}.driver`, source.driver);
    const { name = '' } = source.nodePublishSecretRef ?? { name: 'none' };
    // The paths of upstream's messages.
    if (name === '') problems.required(`${at}.nodePublishSecretRef .name`);
    else problems.invalidAll(`${at}.name`, name, isDns1123Subdomain(name));
  },
  ephemeral(problems, at, source) {
    const { volumeClaimTemplate: template } = source;
    const path = `${at}.volumeClaimTemplate`;
    if (!template) {
      problems.required(path);
      return;
    }
    validateTemplateMetadata(problems, `${path}.metadata`, template.metadata);
    validateClaimSpec(problems, `${path}.spec`, template.spec ?? {});
  },
  image(problems, at, source) {
    problems.oneOf(`${at}.pullPolicy`, source.pullPolicy, ['Always', 'IfNotPresent', 'Never'], 'required');
  },
};

/** Labels and annotations alone, under Go's names where others are refused. */
function validateTemplateMetadata(problems: Problems, path: string, metadata: Partial<ObjectMeta> = {}): void {
  problems.addAll(validateAnnotations(metadata.annotations, `${path}.annotations`));
  problems.addAll(validateLabels(metadata.labels, `${path}.labels`));
  for (const [name, value] of Object.entries(metadata)) {
    if (name === 'annotations' || name === 'labels' || !value || (Array.isArray(value) && value.length === 0)) continue;
    const goName = name === 'uid' ? 'UID' : `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
    problems.forbidden(`${path}.${goName}`, 'cannot be set for an ephemeral volume');
  }
}

function validateSource(problems: Problems, path: string, volume: Volume): void {
  let sources = 0;
  for (const name of Object.keys(checks) as (keyof Checks)[]) {
    const source = volume[name];
    if (source === undefined) continue;
    if (sources++ > 0) problems.forbidden(sourcePath(path, name), 'may not specify more than 1 volume type');
    // The key and the check belong together by construction; the compiler cannot follow the correlation.
    else (checks[name] as Check<unknown>)(problems, `${path}.${name}`, source, volume.name ?? '');
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
    if (podName !== undefined && volume.image && !volume.image.reference) problems.required(`${at}.image.reference`);
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
