// Validation of projected and downward API volumes (core/validation: validateProjectionSources).

import type {
  DownwardAPIVolumeFile,
  ProjectedVolumeSource,
  VolumeProjection,
} from '../../../generated/schemas/core-v1.ts';
import { validateLabelSelector } from '../../../machinery/validation.ts';
import type { Problems } from '../../problems.ts';
import { validateFieldSelector, validateResourceSelector, volumeFieldPaths } from './env.ts';
import { validateNonReservedPath } from './paths.ts';
import { validateFileMode, validateKeyToPath } from './volumes.ts';

export function validateDownwardFile(problems: Problems, path: string, file: DownwardAPIVolumeFile): void {
  if (!file.path) problems.required(`${path}.path`);
  validateNonReservedPath(problems, `${path}.path`, file.path ?? '');
  if (file.fieldRef) {
    validateFieldSelector(problems, `${path}.fieldRef`, file.fieldRef, volumeFieldPaths);
    if (file.resourceFieldRef)
      problems.invalid(path, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously');
  } else if (file.resourceFieldRef) {
    validateResourceSelector(problems, `${path}.resourceFieldRef`, file.resourceFieldRef, true);
  } else {
    problems.required(path, 'one of fieldRef and resourceFieldRef is required');
  }
  validateFileMode(problems, `${path}.mode`, file.mode);
}

const projections = [
  'secret',
  'configMap',
  'downwardAPI',
  'serviceAccountToken',
  'clusterTrustBundle',
  'podCertificate',
] as const;

/** Paths that files are projected to, for finding two files on one path. `base` is the projected volume's path. */
class Paths {
  private readonly taken = new Set<string>();
  private readonly problems: Problems;
  private readonly base: string;
  constructor(problems: Problems, base: string) {
    this.problems = problems;
    this.base = base;
  }
  take(path: string | undefined, badValue: string | undefined): void {
    if (!path) return;
    if (this.taken.has(path)) this.problems.invalid(this.base, badValue ?? '', 'conflicting duplicate paths');
    this.taken.add(path);
  }
}

function validateTrustBundle(
  problems: Problems,
  at: string,
  bundle: NonNullable<VolumeProjection['clusterTrustBundle']>,
): void {
  if (bundle.name !== undefined && bundle.signerName !== undefined)
    problems.invalid(at, bundle, 'only one of name and signerName may be used');
  else if (bundle.name !== undefined) {
    if (bundle.name === '') problems.required(`${at}.name`, 'must be a valid object name');
    if (bundle.labelSelector)
      problems.invalid(`${at}.labelSelector`, bundle.labelSelector, 'labelSelector must be unset if name is specified');
  } else if (bundle.signerName !== undefined) {
    if (bundle.signerName === '') problems.required(`${at}.signerName`, 'must be a valid signer name');
    problems.addAll(validateLabelSelector(bundle.labelSelector, `${at}.labelSelector`));
  } else problems.required(at, 'either name or signerName must be specified');
  if (!bundle.path) problems.required(`${at}.path`);
  validateNonReservedPath(problems, `${at}.path`, bundle.path ?? '');
}

function validateToken(
  problems: Problems,
  base: string,
  at: string,
  token: NonNullable<VolumeProjection['serviceAccountToken']>,
): void {
  const seconds = token.expirationSeconds ?? 3600;
  if (seconds < 600)
    problems.invalid(`${at}.expirationSeconds`, seconds, 'may not specify a duration less than 10 minutes');
  if (seconds > 2 ** 32)
    problems.invalid(`${at}.expirationSeconds`, seconds, 'may not specify a duration larger than 2^32 seconds');
  if (!token.path) problems.required(`${base}.path`);
  else validateNonReservedPath(problems, `${base}.path`, token.path);
}

export function validateProjected(problems: Problems, base: string, source: ProjectedVolumeSource): void {
  validateFileMode(problems, `${base}.defaultMode`, source.defaultMode);
  const paths = new Paths(problems, base);
  (source.sources ?? []).forEach((projection, i) => {
    const at = `${base}.sources[${i}]`;
    for (const kind of ['secret', 'configMap'] as const) {
      const keys = projection[kind];
      if (!keys) continue;
      if (!keys.name) problems.required(`${at}.${kind}.name`);
      (keys.items ?? []).forEach((item, j) => {
        validateKeyToPath(problems, `${at}.${kind}.items[${j}]`, item);
        paths.take(item.path, keys.name);
      });
    }
    for (const file of projection.downwardAPI?.items ?? []) {
      validateDownwardFile(problems, `${at}.downwardAPI`, file);
      paths.take(file.path, file.path);
    }
    if (projection.serviceAccountToken)
      validateToken(problems, base, `${at}.serviceAccountToken`, projection.serviceAccountToken);
    if (projection.clusterTrustBundle) {
      validateTrustBundle(problems, `${at}.clusterTrustBundle`, projection.clusterTrustBundle);
      paths.take(projection.clusterTrustBundle.path, projection.clusterTrustBundle.path);
    }
    if (projections.filter((kind) => projection[kind] !== undefined).length > 1)
      problems.forbidden(at, 'may not specify more than 1 volume type per source');
  });
}
