// Validation of a PersistentVolume (core/validation: ValidatePersistentVolumeSpec, …Update).

import type {
  NodeSelectorRequirement,
  PersistentVolume,
  PersistentVolumeSpec,
  VolumeNodeAffinity,
} from '../../../generated/schemas/core-v1.ts';
import { goDiff, goFormOf } from '../../../machinery/diff.ts';
import { isDns1123Subdomain } from '../../../machinery/names.ts';
import { asBigInt, compareQuantities, formatQuantity } from '../../../machinery/quantity.ts';
import { deepEqual } from '../../../machinery/validation.ts';
import { fieldImmutableMessage, keyed, type Problems } from '../../problems.ts';
import { goMap } from '../go-forms.ts';
import { validateNodeSelector } from '../podspec/scheduling.ts';
import { validateAccessModes, volumeModes } from './access.ts';
import { sourceForm, validateSources } from './sources.ts';

const inlineOnly = 'in the context of inline volumes';
const notInline = `may not be specified ${inlineOnly}`;

/** `storage: 5Gi` that is a size at all. */
export function validateSize(problems: Problems, path: string, quantity: string): void {
  if (asBigInt(quantity) < 0n) problems.invalid(path, Number(asBigInt(quantity)), 'must be a valid resource quantity');
}

export function validatePositive(problems: Problems, path: string, quantity: string): void {
  if (compareQuantities(quantity, '0') <= 0)
    problems.invalid(path, formatQuantity(quantity), 'must be greater than zero');
}

function validateCapacity(problems: Problems, path: string, given: PersistentVolumeSpec['capacity']): void {
  const capacity = given ?? {};
  const names = Object.keys(capacity);
  if (names.length === 0) problems.required(path);
  if (!names.includes('storage') || names.length > 1) problems.notSupported(path, goMap(given), ['storage']);
  for (const [name, quantity] of Object.entries(capacity)) {
    validateSize(problems, keyed(path, name), quantity);
    validatePositive(problems, keyed(path, name), quantity);
  }
}

function validateReclaimPolicy(problems: Problems, path: string, policy: string | undefined, inline: boolean): void {
  if (!policy) return;
  if (!inline) problems.oneOf(path, policy, ['Delete', 'Recycle', 'Retain'], 'fine');
  else if (policy !== 'Retain') problems.forbidden(path, `may only be Retain ${inlineOnly}`);
}

function validateAffinity(
  problems: Problems,
  path: string,
  affinity: VolumeNodeAffinity | undefined,
  inline: boolean,
): void {
  if (!affinity) return;
  if (inline) problems.forbidden(path, notInline);
  else if (affinity.required) validateNodeSelector(problems, `${path}.required`, affinity.required, true);
  else problems.required(`${path}.required`, 'must specify required node constraints');
}

function validateClasses(problems: Problems, path: string, spec: PersistentVolumeSpec, inline: boolean): void {
  const { storageClassName, volumeMode, volumeAttributesClassName: attributes } = spec;
  if (storageClassName && inline) problems.forbidden(`${path}.storageClassName`, notInline);
  else if (storageClassName)
    problems.invalidAll(`${path}.storageClassName`, storageClassName, isDns1123Subdomain(storageClassName));
  if (volumeMode !== undefined && inline && volumeMode !== 'Filesystem')
    problems.forbidden(`${path}.volumeMode`, `may not specify volumeMode other than Filesystem ${inlineOnly}`);
  else if (volumeMode !== undefined && !inline)
    problems.oneOf(`${path}.volumeMode`, volumeMode, volumeModes, 'unsupported');
  if (attributes === undefined) return;
  const at = `${path}.volumeAttributesClassName`;
  if (attributes === '') problems.required(at, 'an empty string is disallowed');
  else problems.invalidAll(at, attributes, isDns1123Subdomain(attributes));
  if (!spec.csi) problems.required(`${path}.csi`, 'has to be specified when using volumeAttributesClassName');
}

/** `inline`: of a VolumeAttachment, which allows a part of what a volume may say. */
export function validateVolumeSpec(
  problems: Problems,
  path: string,
  spec: PersistentVolumeSpec,
  volumeName: string,
  inline = false,
): void {
  if (inline) {
    if (spec.claimRef) problems.forbidden(`${path}.claimRef`, notInline);
    if (Object.keys(spec.capacity ?? {}).length > 0) problems.forbidden(`${path}.capacity`, notInline);
    if (!spec.csi) problems.required(`${path}.csi`, `has to be specified ${inlineOnly}`);
  }
  if (!spec.accessModes?.length) problems.required(`${path}.accessModes`);
  validateAccessModes(problems, `${path}.accessModes`, spec.accessModes ?? []);
  if (!inline) validateCapacity(problems, `${path}.capacity`, spec.capacity);
  const reclaimPath = `${path}.persistentVolumeReclaimPolicy`;
  validateReclaimPolicy(problems, reclaimPath, spec.persistentVolumeReclaimPolicy, inline);
  validateAffinity(problems, `${path}.nodeAffinity`, spec.nodeAffinity, inline);
  validateSources(problems, path, spec, volumeName, () => {
    if (!spec.nodeAffinity || inline) problems.required(`${path}.nodeAffinity`, 'Local volume requires node affinity');
  });
  if (/^\/(\.{0,2}\/)*\.{0,2}$/.test(spec.hostPath?.path ?? '') && spec.persistentVolumeReclaimPolicy === 'Recycle')
    problems.forbidden(reclaimPath, "may not be 'recycle' for a hostPath mount of '/'");
  validateClasses(problems, path, spec, inline);
}

const mountOptions = 'volume.beta.kubernetes.io/mount-options';
const mountable = [
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'glusterfs',
  'nfs',
  'rbd',
  'quobyte',
  'iscsi',
  'cinder',
  'cephfs',
  'azureFile',
  'vsphereVolume',
  'azureDisk',
  'photonPersistentDisk',
] as const;

export function validateVolume(problems: Problems, volume: PersistentVolume): void {
  validateVolumeSpec(problems, 'spec', volume.spec, volume.metadata.name);
  if (volume.metadata.annotations?.[mountOptions] !== undefined && mountable.every((name) => !volume.spec[name]))
    problems.forbidden(`metadata.annotations.${mountOptions}`, 'may not specify mount options for this volume type');
}

const successors: Readonly<Record<string, string>> = {
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
  'beta.kubernetes.io/os': 'kubernetes.io/os',
  'beta.kubernetes.io/arch': 'kubernetes.io/arch',
  'beta.kubernetes.io/instance-type': 'node.kubernetes.io/instance-type',
};

/** Whether nothing but labels changed, from a beta one to its successor. */
function sameAffinity(now: VolumeNodeAffinity | undefined, old: VolumeNodeAffinity | undefined): boolean {
  const renamed = structuredClone(old);
  (renamed?.required?.nodeSelectorTerms ?? []).forEach((term, i) => {
    for (const kind of ['matchExpressions', 'matchFields'] as const)
      (term[kind] ?? []).forEach((requirement: NodeSelectorRequirement, j) => {
        const key = now?.required?.nodeSelectorTerms?.[i]?.[kind]?.[j]?.key;
        if (Object.hasOwn(successors, requirement.key ?? '') && successors[requirement.key] === key)
          requirement.key = key as string;
      });
  });
  return deepEqual(now, renamed);
}

const requirements = 'Key:key=s Operator:operator=s Values:values=p';
const affinityForm = `Required:required{NodeSelectorTerms:nodeSelectorTerms(MatchExpressions:matchExpressions(${requirements}) MatchFields:matchFields(${requirements}))}`;

export function validateVolumeUpdate(problems: Problems, volume: PersistentVolume, old: PersistentVolume): void {
  let spec = volume.spec;
  // The secret for expansion may be added later.
  if (old.spec.csi && !old.spec.csi.controllerExpandSecretRef && spec.csi?.controllerExpandSecretRef) {
    const { controllerExpandSecretRef: _, ...csi } = spec.csi;
    spec = { ...spec, csi };
  }
  if (!deepEqual(goFormOf(sourceForm, spec), goFormOf(sourceForm, old.spec)))
    problems.forbidden(
      'spec.persistentvolumesource',
      `spec.persistentvolumesource is immutable after creation\n${goDiff(sourceForm, old.spec, spec)}`,
    );
  if (spec.volumeMode !== old.spec.volumeMode)
    problems.invalid('volumeMode', spec.volumeMode ?? null, fieldImmutableMessage);
  if (old.spec.nodeAffinity && !sameAffinity(spec.nodeAffinity, old.spec.nodeAffinity))
    problems.invalid(
      'nodeAffinity',
      spec.nodeAffinity ? goFormOf(affinityForm, spec.nodeAffinity) : null,
      `${fieldImmutableMessage}, except for updating from beta label to GA`,
    );
  if (old.spec.volumeAttributesClassName !== undefined && spec.volumeAttributesClassName === undefined)
    problems.forbidden('spec.volumeAttributesClassName', 'update from non-nil value to nil is forbidden');
}
