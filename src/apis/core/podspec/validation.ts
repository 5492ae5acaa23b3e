// Validation of pod specs and pod templates (core/validation: ValidatePodSpec, ValidatePodTemplateSpec): the order of
// problems is upstream's. What holds only for updates of pods is in ../pods/update.ts.

import type { PodSpec, PodTemplateSpec } from '../../../generated/schemas/core-v1.ts';
import { ipFamily, isDns1123Label, isDns1123Subdomain, isIp, isQualifiedName } from '../../../machinery/names.ts';
import { validateAnnotations, validateLabels } from '../../../machinery/validation.ts';
import type { Problems } from '../../problems.ts';
import { validateProfilesAgree, validateSpecificAnnotations } from './annotations.ts';
import { validateContainers, validateEphemeralContainers, validateInitContainers } from './containers.ts';
import { validateHostProcesses, validateOs } from './os.ts';
import { validatePodResources, validateResources } from './resources.ts';
import { validateAffinity, validateTolerations, validateTopologySpread } from './scheduling.ts';
import { validateHostUsers, validatePodSecurity } from './security.ts';
import { visitContainers } from './visit.ts';
import { validateVolumes } from './volumes.ts';

/** Of a pod itself; templates have none. */
export interface PodSpecContext {
  podName: string;
}

function validateDns(problems: Problems, path: string, spec: PodSpec): void {
  const config = spec.dnsConfig;
  if (spec.dnsPolicy === 'None') {
    if (!config) {
      problems.required(path, 'must provide `dnsConfig` when `dnsPolicy` is None');
      return;
    }
    if (!config.nameservers?.length) {
      problems.required(`${path}.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None');
      return;
    }
  }
  if (!config) return;
  const servers = config.nameservers ?? [];
  const searches = config.searches ?? [];
  if (servers.length > 3) problems.invalid(`${path}.nameservers`, servers, 'must not have more than 3 nameservers');
  servers.forEach((server, i) => {
    problems.invalidAll(`${path}.nameservers[${i}]`, server, isIp(server));
  });
  if (searches.length > 32) problems.invalid(`${path}.searches`, searches, 'must not have more than 32 search paths');
  if (searches.join(' ').length > 2048)
    problems.invalid(
      `${path}.searches`,
      searches,
      'must not have more than 2048 characters (including spaces) in the search list',
    );
  searches.forEach((search, i) => {
    if (search === '.') return;
    // Underscores are allowed here, unlike in names of objects.
    const name = search.replace(/\.$/, '');
    problems.invalidAll(`${path}.searches[${i}]`, name, isDns1123Subdomain(name.replace(/_/g, 'a')));
  });
  (config.options ?? []).forEach((option, i) => {
    if (!option.name) problems.required(`${path}.options[${i}]`, 'must not be empty');
  });
}

function validateHostNetworkPorts(problems: Problems, path: string, spec: PodSpec, isPod: boolean): void {
  if (!spec.hostNetwork) return;
  (spec.containers ?? []).forEach((container, c) => {
    (container.ports ?? []).forEach((port, p) => {
      const hostPort = port.hostPort ?? 0;
      if ((isPod || hostPort !== 0) && hostPort !== port.containerPort)
        problems.invalid(
          `${path}.containers[${c}].ports[${p}].hostPort`,
          hostPort,
          'must match `containerPort` when `hostNetwork` is true',
        );
    });
  });
}

function validateHostnameOverride(problems: Problems, path: string, spec: PodSpec): void {
  const name = spec.hostnameOverride;
  if (name === undefined) return;
  const at = `${path}.hostnameOverride`;
  if (spec.setHostnameAsFQDN) problems.forbidden(at, 'may not be specified when setHostnameAsFQDN is true');
  if (spec.hostNetwork) problems.forbidden(at, 'may not be specified when hostNetwork is true');
  if (name.length > 64) problems.tooLong(at, 64);
  problems.invalidAll(at, name, isDns1123Subdomain(name));
}

/** A variable that is read from a file: the file's volume is the pod's own. */
function validateFileKeys(problems: Problems, path: string, spec: PodSpec): void {
  const volumes = new Map((spec.volumes ?? []).map((volume) => [volume.name, volume]));
  for (const { at, container } of visitContainers(path, spec))
    (container.env ?? []).forEach((variable, i) => {
      const key = variable.valueFrom?.fileKeyRef;
      if (!key) return;
      const field = `${at}.env[${i}].valueFrom.fileKeyRef.volumeName`;
      const volume = volumes.get(key.volumeName);
      if (!volume) problems.notFound(field, key.volumeName ?? '');
      else if (!volume.emptyDir) problems.invalid(field, key.volumeName, 'referenced volume must be of type emptyDir');
    });
}

function validateNames(problems: Problems, path: string, spec: PodSpec): void {
  const subdomain = (field: 'serviceAccountName' | 'nodeName' | 'priorityClassName' | 'runtimeClassName'): void => {
    const value = spec[field];
    if (value !== undefined && (value !== '' || field === 'runtimeClassName'))
      problems.invalidAll(`${path}.${field}`, value, isDns1123Subdomain(value));
  };
  subdomain('serviceAccountName');
  subdomain('nodeName');
  const deadline = spec.activeDeadlineSeconds;
  if (deadline !== undefined && (deadline < 1 || deadline > 2147483647))
    problems.invalid(`${path}.activeDeadlineSeconds`, deadline, 'must be between 1 and 2147483647, inclusive');
  if (spec.hostname) problems.invalidAll(`${path}.hostname`, spec.hostname, isDns1123Label(spec.hostname));
  if (spec.subdomain) problems.invalidAll(`${path}.subdomain`, spec.subdomain, isDns1123Label(spec.subdomain));
  validateTolerations(problems, `${path}.tolerations`, spec.tolerations);
  (spec.hostAliases ?? []).forEach((alias, i) => {
    problems.invalidAll(
      `${path}.hostAliases[${i}].ip`,
      alias.ip ?? '',
      ipFamily(alias.ip ?? '') ? [] : isIp(alias.ip ?? ''),
    );
    (alias.hostnames ?? []).forEach((name, j) => {
      problems.invalidAll(`${path}.hostAliases[${i}].hostnames[${j}]`, name, isDns1123Subdomain(name));
    });
  });
  subdomain('priorityClassName');
  subdomain('runtimeClassName');
}

function validateClaims(problems: Problems, path: string, spec: PodSpec): Set<string> {
  const names = new Set<string>();
  (spec.resourceClaims ?? []).forEach((claim, i) => {
    const at = `${path}[${i}]`;
    if (!claim.name) problems.required(`${at}.name`);
    else if (names.has(claim.name)) problems.duplicate(`${at}.name`, claim.name);
    else problems.invalidAll(`${at}.name`, claim.name, isDns1123Label(claim.name));
    if (claim.name) names.add(claim.name);
    const { resourceClaimName, resourceClaimTemplateName } = claim;
    if (resourceClaimName !== undefined && resourceClaimTemplateName !== undefined)
      problems.invalid(at, claim, 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified');
    if (resourceClaimName === undefined && resourceClaimTemplateName === undefined)
      problems.invalid(at, claim, 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`');
    if (resourceClaimName !== undefined)
      problems.invalidAll(`${at}.resourceClaimName`, resourceClaimName, isDns1123Subdomain(resourceClaimName));
    if (resourceClaimTemplateName !== undefined)
      problems.invalidAll(
        `${at}.resourceClaimTemplateName`,
        resourceClaimTemplateName,
        isDns1123Subdomain(resourceClaimTemplateName),
      );
  });
  return names;
}

export function validatePodSpec(problems: Problems, path: string, spec: PodSpec, pod?: PodSpecContext): void {
  if (spec.terminationGracePeriodSeconds === undefined) problems.required(`${path}.terminationGracePeriodSeconds`);
  const volumes = validateVolumes(problems, `${path}.volumes`, spec.volumes, pod?.podName);
  const claimNames = validateClaims(problems, `${path}.resourceClaims`, spec);
  const around = { spec, volumes, claimNames };
  validateContainers(problems, `${path}.containers`, around);
  validateInitContainers(problems, `${path}.initContainers`, around);
  validateEphemeralContainers(problems, `${path}.ephemeralContainers`, around);
  validatePodResources(problems, `${path}.resources`, spec, claimNames);
  validateHostNetworkPorts(problems, path, spec, pod !== undefined);
  problems.oneOf(`${path}.restartPolicy`, spec.restartPolicy, ['Always', 'OnFailure', 'Never'], 'required');
  problems.oneOf(
    `${path}.dnsPolicy`,
    spec.dnsPolicy,
    ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'],
    'required',
  );
  problems.addAll(validateLabels(spec.nodeSelector, `${path}.nodeSelector`));
  validatePodSecurity(problems, path, spec);
  validateAffinity(problems, `${path}.affinity`, spec.affinity);
  validateDns(problems, `${path}.dnsConfig`, spec);
  (spec.readinessGates ?? []).forEach((gate, i) => {
    problems.invalidAll(
      `${path}.readinessGates[${i}].conditionType`,
      gate.conditionType ?? '',
      isQualifiedName(gate.conditionType ?? ''),
    );
  });
  const gates = new Set<string>();
  (spec.schedulingGates ?? []).forEach((gate, i) => {
    problems.invalidAll(`${path}.schedulingGates[${i}]`, gate.name ?? '', isQualifiedName(gate.name ?? ''));
    if (gates.has(gate.name)) problems.duplicate(`${path}.schedulingGates[${i}]`, gate.name);
    gates.add(gate.name);
  });
  validateTopologySpread(problems, `${path}.topologySpreadConstraints`, spec.topologySpreadConstraints);
  validateHostProcesses(problems, path, spec);
  validateHostUsers(problems, path, spec);
  validateHostnameOverride(problems, path, spec);
  validateNames(problems, path, spec);
  if (spec.preemptionPolicy !== undefined)
    problems.oneOf(`${path}.preemptionPolicy`, spec.preemptionPolicy, ['PreemptLowerPriority', 'Never'], 'required');
  if (spec.overhead) validateResources(problems, `${path}.overhead`, { limits: spec.overhead }, new Set(), 'container');
  validateOs(problems, path, spec);
  validateFileKeys(problems, path, spec);
}

export function validatePodTemplate(problems: Problems, path: string, template: PodTemplateSpec | undefined): void {
  if (!template) {
    problems.required(path);
    return;
  }
  problems.addAll(validateLabels(template.metadata?.labels, `${path}.labels`));
  problems.addAll(validateAnnotations(template.metadata?.annotations, `${path}.annotations`));
  const spec = template.spec ?? ({} as PodSpec);
  validateSpecificAnnotations(problems, `${path}.annotations`, template.metadata?.annotations, spec);
  validatePodSpec(problems, `${path}.spec`, spec);
  validateProfilesAgree(problems, `${path}.spec`, template.metadata?.annotations, spec);
  if (template.spec?.ephemeralContainers?.length)
    problems.forbidden(`${path}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template');
}
