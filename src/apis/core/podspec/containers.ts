// Validation of the containers of a pod (core/validation: validateContainerCommon, validateContainers,
// validateInitContainers, validateEphemeralContainers).

import type {
  Container,
  ContainerPort,
  EphemeralContainer,
  PodSpec,
  Volume,
} from '../../../generated/schemas/core-v1.ts';
import { isDns1123Label, isPortName, isPortNumber } from '../../../machinery/names.ts';
import type { Problems } from '../../problems.ts';
import { validateEnv, validateEnvFrom } from './env.ts';
import { validateVolumeDevices, validateVolumeMounts } from './mounts.ts';
import { validateLifecycle, validateProbe } from './probes.ts';
import { validateResources } from './resources.ts';
import { validateContainerSecurity } from './security.ts';

export const portProtocols = ['SCTP', 'TCP', 'UDP'];
export const pullPolicies = ['Always', 'IfNotPresent', 'Never'];

function validatePorts(problems: Problems, path: string, ports: readonly ContainerPort[] | undefined): void {
  const names = new Set<string>();
  (ports ?? []).forEach((port, i) => {
    const at = `${path}[${i}]`;
    if (port.name) {
      const wrong = isPortName(port.name);
      if (wrong.length > 0) problems.invalidAll(`${at}.name`, port.name, wrong);
      else if (names.has(port.name)) problems.duplicate(`${at}.name`, port.name);
      else names.add(port.name);
    }
    if (!port.containerPort) problems.required(`${at}.containerPort`);
    else problems.invalidAll(`${at}.containerPort`, port.containerPort, isPortNumber(port.containerPort));
    if (port.hostPort) problems.invalidAll(`${at}.hostPort`, port.hostPort, isPortNumber(port.hostPort));
    problems.oneOf(`${at}.protocol`, port.protocol, portProtocols, 'required');
  });
}

function validateHostPorts(problems: Problems, path: string, containers: readonly Container[]): void {
  const seen = new Set<string>();
  containers.forEach((container, c) => {
    (container.ports ?? []).forEach((port, p) => {
      if (!port.hostPort) return;
      const text = `${port.protocol}/${port.hostIP ?? ''}/${port.hostPort}`;
      if (seen.has(text)) problems.duplicate(`${path}[${c}].ports[${p}].hostPort`, text);
      seen.add(text);
    });
  });
}

function validateResizePolicy(
  problems: Problems,
  path: string,
  container: Container,
  podRestartPolicy: string | undefined,
): void {
  const seen = new Set<string>();
  (container.resizePolicy ?? []).forEach((policy, i) => {
    if (seen.has(policy.resourceName)) problems.duplicate(`${path}[${i}]`, policy.resourceName);
    seen.add(policy.resourceName);
    problems.oneOf(path, policy.resourceName, ['cpu', 'memory'], 'required');
    problems.oneOf(path, policy.restartPolicy, ['NotRequired', 'RestartContainer'], 'required');
    if (podRestartPolicy === 'Never' && policy.restartPolicy !== 'NotRequired')
      problems.invalid(path, policy.restartPolicy ?? '', "must be 'NotRequired' when `restartPolicy` is 'Never'");
  });
}

interface Surroundings {
  spec: PodSpec;
  volumes: ReadonlyMap<string, Volume>;
  claimNames: ReadonlySet<string>;
}

function validateCommon(problems: Problems, path: string, container: Container, around: Surroundings): void {
  if (!container.name) problems.required(`${path}.name`);
  else problems.invalidAll(`${path}.name`, container.name, isDns1123Label(container.name));
  if (!container.image) problems.required(`${path}.image`);
  problems.oneOf(
    `${path}.terminationMessagePolicy`,
    container.terminationMessagePolicy,
    ['File', 'FallbackToLogsOnError'],
    'required',
  );
  validatePorts(problems, `${path}.ports`, container.ports);
  validateEnv(problems, `${path}.env`, container.env);
  validateEnvFrom(problems, `${path}.envFrom`, container.envFrom);
  validateVolumeMounts(problems, `${path}.volumeMounts`, container, around.volumes);
  validateVolumeDevices(problems, `${path}.volumeDevices`, container, around.volumes);
  problems.oneOf(`${path}.imagePullPolicy`, container.imagePullPolicy, pullPolicies, 'required');
  validateResources(problems, `${path}.resources`, container.resources, around.claimNames, 'container');
  validateResizePolicy(problems, `${path}.resizePolicy`, container, around.spec.restartPolicy);
  validateContainerSecurity(
    problems,
    `${path}.securityContext`,
    container.securityContext,
    around.spec.hostUsers !== false,
  );
}

function validateRunning(
  problems: Problems,
  path: string,
  container: Container,
  graceSeconds: number | undefined,
): void {
  validateLifecycle(problems, `${path}.lifecycle`, container.lifecycle, graceSeconds);
  validateProbe(problems, `${path}.livenessProbe`, container.livenessProbe, 'liveness', graceSeconds);
  validateProbe(problems, `${path}.readinessProbe`, container.readinessProbe, 'readiness', graceSeconds);
  validateProbe(problems, `${path}.startupProbe`, container.startupProbe, 'startup', graceSeconds);
}

function validateRestartRules(problems: Problems, path: string, container: Container): void {
  const rules = container.restartPolicyRules ?? [];
  if (rules.length > 0 && container.restartPolicy === undefined)
    problems.required(`${path}.restartPolicy`, 'must specify restartPolicy when restart rules are used');
  if (rules.length > 20) problems.tooMany(`${path}.restartPolicyRules`, rules.length, 20);
  rules.forEach((rule, i) => {
    const at = `${path}.restartPolicyRules[${i}]`;
    problems.oneOf(`${at}.action`, rule.action, ['Restart', 'RestartAllContainers'], 'unsupported');
    if (!rule.exitCodes) {
      problems.required(`${at}.exitCodes`, 'must be specified');
      return;
    }
    problems.oneOf(`${at}.exitCodes.operator`, rule.exitCodes.operator, ['In', 'NotIn'], 'unsupported');
    if ((rule.exitCodes.values?.length ?? 0) > 255)
      problems.tooMany(`${at}.exitCodes.values`, rule.exitCodes.values?.length ?? 0, 255);
  });
}

export function validateContainers(problems: Problems, path: string, around: Surroundings): void {
  const containers = around.spec.containers ?? [];
  if (containers.length === 0) {
    problems.required(path);
    return;
  }
  const names = new Set<string>();
  containers.forEach((container, i) => {
    const at = `${path}[${i}]`;
    validateCommon(problems, at, container, around);
    if (names.has(container.name)) problems.duplicate(`${at}.name`, container.name);
    else if (container.name) names.add(container.name);
    validateRunning(problems, at, container, around.spec.terminationGracePeriodSeconds);
    if (container.restartPolicy !== undefined) {
      problems.oneOf(`${at}.restartPolicy`, container.restartPolicy, ['Always', 'Never', 'OnFailure'], 'unsupported');
    }
    validateRestartRules(problems, at, container);
  });
  validateHostPorts(problems, path, containers);
}

export function validateInitContainers(problems: Problems, path: string, around: Surroundings): void {
  const names = new Set((around.spec.containers ?? []).map((container) => container.name));
  (around.spec.initContainers ?? []).forEach((container, i) => {
    const at = `${path}[${i}]`;
    validateCommon(problems, at, container, around);
    if (container.restartPolicy === 'Always') {
      if (container.restartPolicyRules?.length)
        problems.forbidden(
          `${at}.restartPolicyRules`,
          'restartPolicyRules are not allowed for init containers with restart policy Always',
        );
    } else if (container.restartPolicy !== undefined) {
      problems.oneOf(`${at}.restartPolicy`, container.restartPolicy, ['Always', 'Never', 'OnFailure'], 'unsupported');
      validateRestartRules(problems, at, container);
    }
    if (names.has(container.name)) problems.duplicate(`${at}.name`, container.name);
    else if (container.name) names.add(container.name);
    validateHostPorts(problems, path, [container]);
    if (container.restartPolicy === 'Always') {
      validateRunning(problems, at, container, around.spec.terminationGracePeriodSeconds);
      return;
    }
    for (const field of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const)
      if (container[field] !== undefined)
        problems.forbidden(`${at}.${field}`, 'may not be set for init containers without restartPolicy=Always');
  });
}

export function trimmedImage(problems: Problems, path: string, { image }: Container | EphemeralContainer): void {
  if (image !== undefined && image.trim() !== image)
    problems.invalid(`${path}.image`, image, 'must not have leading or trailing whitespace');
}

/** What a container for debugging has no use for, in the order of upstream's type. */
const notEphemeral = [
  'ports',
  'resources',
  'resizePolicy',
  'restartPolicy',
  'restartPolicyRules',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle',
] as const satisfies readonly (keyof EphemeralContainer)[];

const isUnset = (value: unknown): boolean =>
  value === undefined || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);

export function validateEphemeralContainers(problems: Problems, path: string, around: Surroundings): void {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = around.spec;
  const others = new Set([...containers, ...initContainers].map((container) => container.name));
  const names = new Set(others);
  ephemeralContainers.forEach((container, i) => {
    const at = `${path}[${i}]`;
    validateCommon(problems, at, container as Container, around);
    trimmedImage(problems, at, container);
    if (names.has(container.name)) problems.duplicate(`${at}.name`, container.name);
    else names.add(container.name);
    if (container.targetContainerName && !others.has(container.targetContainerName))
      problems.notFound(`${at}.targetContainerName`, container.targetContainerName);
    const why = 'cannot be set for an Ephemeral Container';
    for (const field of notEphemeral) if (!isUnset(container[field])) problems.forbidden(`${at}.${field}`, why);
    (container.volumeMounts ?? []).forEach((mount, j) => {
      for (const field of ['subPath', 'subPathExpr'] as const)
        if (mount[field]) problems.forbidden(`${at}.volumeMounts[${j}].${field}`, why);
    });
  });
}
