// Validation of a container's environment (core/validation: ValidateEnv, ValidateEnvFrom) and of the downward API's
// selectors, which volumes share.

import type {
  EnvFromSource,
  EnvVar,
  FileKeySelector,
  ObjectFieldSelector,
  ResourceFieldSelector,
} from '../../../generated/schemas/core-v1.ts';
import {
  isConfigMapKey,
  isDns1123Label,
  isDns1123Subdomain,
  isQualifiedName,
  isRelaxedEnvVarName,
} from '../../../machinery/names.ts';
import { compareQuantities, formatQuantity } from '../../../machinery/quantity.ts';
import { nameIsDnsSubdomain } from '../../../machinery/validation.ts';
import type { Problems } from '../../problems.ts';
import { validateNoBacksteps } from './paths.ts';

export const envFieldPaths = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
export const volumeFieldPaths = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
];

/** Field labels that the downward API knows at all, in environments or volumes. */
const knownFieldPaths = new Set([
  ...envFieldPaths,
  ...volumeFieldPaths,
  'spec.restartPolicy',
  'spec.schedulerName',
  'status.phase',
]);
const containerResources = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
];

export function validateFieldSelector(
  problems: Problems,
  path: string,
  selector: ObjectFieldSelector,
  supported: readonly string[],
): void {
  if (!selector.apiVersion) {
    problems.required(`${path}.apiVersion`);
    return;
  }
  if (!selector.fieldPath) {
    problems.required(`${path}.fieldPath`);
    return;
  }
  const fieldPath = selector.fieldPath === 'spec.host' ? 'spec.nodeName' : selector.fieldPath;
  const subscripted = /^([^[]*)\['(.*)'\]$/.exec(fieldPath);
  const failed = (why: string): void =>
    problems.invalid(`${path}.fieldPath`, selector.fieldPath, `error converting fieldPath: ${why}`);
  if (selector.apiVersion !== 'v1') {
    failed(`unsupported pod version: ${selector.apiVersion}`);
    return;
  }
  if (subscripted) {
    const [, base, key] = subscripted as unknown as [string, string, string];
    if (base === 'metadata.annotations')
      problems.invalidAll(path, key.toLowerCase(), isQualifiedName(key.toLowerCase()));
    else if (base === 'metadata.labels') problems.invalidAll(path, key, isQualifiedName(key));
    else failed(`field label does not support subscript: ${fieldPath}`);
    return;
  }
  if (!knownFieldPaths.has(fieldPath)) {
    failed(`field label not supported: ${fieldPath}`);
    return;
  }
  if (!supported.includes(fieldPath)) problems.notSupported(`${path}.fieldPath`, fieldPath, supported);
}

const sizeDivisors = '1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei';
const hugePages = /^(requests|limits)\.hugepages-/;

export function validateResourceSelector(
  problems: Problems,
  path: string,
  selector: ResourceFieldSelector,
  inVolume: boolean,
): void {
  const resource = selector.resource ?? '';
  if (inVolume && !selector.containerName) problems.required(`${path}.containerName`);
  else if (resource === '') problems.required(`${path}.resource`);
  else if (!containerResources.includes(resource) && !hugePages.test(resource))
    problems.notSupported(`${path}.resource`, resource, containerResources);
  const divisor = selector.divisor ?? '0';
  if (compareQuantities(divisor, '0') === 0) return;
  const text = formatQuantity(divisor);
  const wrong = (supported: string, of: string): void => {
    if (!supported.split(/, | and /).includes(text))
      problems.invalid(
        `${path}.divisor`,
        resource,
        `only divisor's values ${supported} are supported with the ${of} resource`,
      );
  };
  if (resource.endsWith('.cpu')) wrong('1m and 1', 'cpu');
  else if (resource.endsWith('.memory')) wrong(sizeDivisors, 'memory');
  else if (resource.endsWith('.ephemeral-storage')) wrong(sizeDivisors, 'local ephemeral storage');
  else if (hugePages.test(resource)) wrong(sizeDivisors, 'hugepages');
}

function validateKeySelector(problems: Problems, path: string, selector: { name?: string; key: string }): void {
  problems.invalidAll(`${path}.name`, selector.name ?? '', isDns1123Subdomain(selector.name ?? ''));
  if (!selector.key) problems.required(`${path}.key`);
  else problems.invalidAll(`${path}.key`, selector.key, isConfigMapKey(selector.key));
}

function validateFileKey(problems: Problems, path: string, file: FileKeySelector): void {
  if (!file.key) problems.required(`${path}.key`);
  else problems.invalidAll(`${path}.key`, file.key, isRelaxedEnvVarName(file.key));
  if (!file.volumeName) problems.required(`${path}.volumeName`);
  else problems.invalidAll(`${path}.volumeName`, file.volumeName, isDns1123Label(file.volumeName));
  if (!file.path) problems.required(`${path}.path`);
  else validateNoBacksteps(problems, `${path}.path`, file.path);
}

function validateValueFrom(problems: Problems, path: string, variable: EnvVar): void {
  const from = variable.valueFrom;
  if (!from) return;
  let sources = 0;
  if (from.fieldRef) {
    sources++;
    validateFieldSelector(problems, `${path}.fieldRef`, from.fieldRef, envFieldPaths);
  }
  if (from.resourceFieldRef) {
    sources++;
    validateResourceSelector(problems, `${path}.resourceFieldRef`, from.resourceFieldRef, false);
  }
  if (from.configMapKeyRef) {
    sources++;
    validateKeySelector(problems, `${path}.configMapKeyRef`, from.configMapKeyRef);
  }
  if (from.secretKeyRef) {
    sources++;
    validateKeySelector(problems, `${path}.secretKeyRef`, from.secretKeyRef);
  }
  if (from.fileKeyRef) {
    sources++;
    validateFileKey(problems, `${path}.fileKeyRef`, from.fileKeyRef);
  }
  if (sources === 0)
    problems.invalid(
      path,
      '',
      'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
    );
  else if (variable.value) problems.invalid(path, '', 'may not be specified when `value` is not empty');
  else if (sources > 1) problems.invalid(path, '', 'may not have more than one field specified at a time');
}

export function validateEnv(problems: Problems, path: string, variables: readonly EnvVar[] | undefined): void {
  (variables ?? []).forEach((variable, i) => {
    const at = `${path}[${i}]`;
    if (!variable.name) problems.required(`${at}.name`);
    else problems.invalidAll(`${at}.name`, variable.name, isRelaxedEnvVarName(variable.name));
    validateValueFrom(problems, `${at}.valueFrom`, variable);
  });
}

export function validateEnvFrom(problems: Problems, path: string, sources: readonly EnvFromSource[] | undefined): void {
  (sources ?? []).forEach((source, i) => {
    const at = `${path}[${i}]`;
    if (source.prefix) problems.invalidAll(`${at}.prefix`, source.prefix, isRelaxedEnvVarName(source.prefix));
    let given = 0;
    for (const kind of ['configMapRef', 'secretRef'] as const) {
      const reference = source[kind];
      if (!reference) continue;
      given++;
      if (!reference.name) problems.required(`${at}.${kind}.name`);
      else problems.invalidAll(`${at}.${kind}.name`, reference.name, nameIsDnsSubdomain(reference.name, true));
    }
    if (given === 0) problems.invalid(path, '', 'must specify one of: `configMapRef` or `secretRef`');
    else if (given > 1) problems.invalid(path, '', 'may not have more than one field specified at a time');
  });
}
