// Validation of an Ingress (networking/validation: ValidateIngressSpec, ValidateIngressStatusUpdate).

import type {
  HTTPIngressPath,
  Ingress,
  IngressBackend,
  IngressRule,
  IngressServiceBackend,
} from '../../../generated/schemas/networking-v1.ts';
import {
  ipFamily,
  isDns1123Label,
  isDns1123Subdomain,
  isIp,
  isPortName,
  isPortNumber,
  isWildcardDns1123Subdomain,
} from '../../../machinery/names.ts';
import { Problems } from '../../problems.ts';
import { validateTypedReference } from '../references.ts';

const pathTypes = ['Exact', 'ImplementationSpecific', 'Prefix'];
const badSequences = ['//', '/./', '/../', '%2f', '%2F'];
const badEnds = ['/..', '/.'];

const notAnIp = 'must be a DNS name, not an IP address';

const hostMessages = (host: string): string[] =>
  host.includes('*') ? isWildcardDns1123Subdomain(host) : isDns1123Subdomain(host);

function validateService(problems: Problems, path: string, service: IngressServiceBackend): void {
  const at = `${path}.service`;
  if (!service.name) problems.required(`${at}.name`);
  else problems.invalidAll(`${at}.name`, service.name, isDns1123Label(service.name));
  const { name, number } = service.port ?? {};
  if (name && number) problems.invalid(path, '', 'cannot set both port name & port number');
  else if (name) problems.invalidAll(`${at}.port.name`, name, isPortName(name));
  else if (number) problems.invalidAll(`${at}.port.number`, number, isPortNumber(number));
  else problems.required(path, 'port name or number is required');
}

function validateBackend(problems: Problems, path: string, backend: IngressBackend | undefined): void {
  const { resource, service } = backend ?? {};
  if (resource && service) problems.invalid(path, '', 'cannot set both resource and service backends');
  else if (resource) validateTypedReference(problems, `${path}.resource`, resource);
  else if (service) validateService(problems, path, service);
  else problems.invalid(path, '', 'resource or service backend is required');
}

function validatePath(problems: Problems, at: string, entry: HTTPIngressPath): void {
  const path = entry.path ?? '';
  if (entry.pathType === undefined) {
    problems.required(`${at}.pathType`, 'pathType must be specified');
    return;
  }
  const known = pathTypes.includes(entry.pathType);
  const strict = known && entry.pathType !== 'ImplementationSpecific';
  if (!known) problems.notSupported(`${at}.pathType`, entry.pathType, pathTypes);
  else if (!path.startsWith('/') && (strict || path !== ''))
    problems.invalid(`${at}.path`, path, 'must be an absolute path');
  if (strict) {
    for (const bad of badSequences)
      if (path.includes(bad)) problems.invalid(`${at}.path`, path, `must not contain '${bad}'`);
    for (const bad of badEnds) if (path.endsWith(bad)) problems.invalid(`${at}.path`, path, `cannot end with '${bad}'`);
  }
  validateBackend(problems, `${at}.backend`, entry.backend);
}

function validateRuleValue(problems: Problems, at: string, { http }: IngressRule): void {
  if (!http) return;
  if (!http.paths?.length) problems.required(`${at}.http.paths`);
  (http.paths ?? []).forEach((entry, i) => {
    validatePath(problems, `${at}.http.paths[${i}]`, entry);
  });
}

/** What an older server let in, and so may stay. */
interface Leniency {
  secretNames: boolean;
  wildcardRules: boolean;
}
const strict: Leniency = { secretNames: false, wildcardRules: false };

const isWrong = (validate: (problems: Problems) => void): boolean => {
  const problems = new Problems();
  validate(problems);
  return problems.list.length > 0;
};

const leniencyOf = (old: Ingress): Leniency => ({
  secretNames: (old.spec?.tls ?? []).some(({ secretName }) => secretName && isDns1123Subdomain(secretName).length > 0),
  wildcardRules: (old.spec?.rules ?? []).some(
    (rule) => rule.host?.includes('*') && isWrong((problems) => validateRuleValue(problems, '', rule)),
  ),
});

function validateRule(problems: Problems, at: string, rule: IngressRule, allow: Leniency): void {
  const host = rule.host ?? '';
  if (host !== '') {
    if (ipFamily(host)) problems.invalid(`${at}.host`, host, notAnIp);
    problems.invalidAll(`${at}.host`, host, hostMessages(host));
  }
  if (!host.includes('*') || !allow.wildcardRules) validateRuleValue(problems, at, rule);
}

/** `old`: of an update. */
export function validateIngress(problems: Problems, { spec }: Ingress, old?: Ingress): void {
  const allow = old ? leniencyOf(old) : strict;
  const rules = spec?.rules ?? [];
  if (rules.length === 0 && !spec?.defaultBackend)
    problems.invalid('spec', null, 'either `defaultBackend` or `rules` must be specified');
  if (spec?.defaultBackend) validateBackend(problems, 'spec.defaultBackend', spec.defaultBackend);
  rules.forEach((rule, i) => {
    validateRule(problems, `spec.rules[${i}]`, rule, allow);
  });
  (spec?.tls ?? []).forEach(({ hosts, secretName }, i) => {
    (hosts ?? []).forEach((host, j) => {
      problems.invalidAll(`spec.tls[${i}].hosts[${j}]`, host, hostMessages(host));
    });
    if (secretName && !allow.secretNames)
      problems.invalidAll(`spec.tls[${i}].secretName`, secretName, isDns1123Subdomain(secretName));
  });
  const className = spec?.ingressClassName;
  if (className !== undefined) problems.invalidAll('spec.ingressClassName', className, isDns1123Subdomain(className));
}

/** `old`: its addresses may stay, whatever they look like. */
export function validateIngressStatus(problems: Problems, { status }: Ingress, old: Ingress): void {
  const kept = (old.status?.loadBalancer?.ingress ?? []).map((one) => one.ip ?? '');
  (status?.loadBalancer?.ingress ?? []).forEach(({ ip, hostname }, i) => {
    const at = `status.loadBalancer.ingress[${i}]`;
    if (ip && !kept.includes(ip)) problems.invalidAll(`${at}.ip`, ip, isIp(ip));
    if (!hostname) return;
    problems.invalidAll(`${at}.hostname`, hostname, isDns1123Subdomain(hostname));
    if (ipFamily(hostname)) problems.invalid(`${at}.hostname`, hostname, notAnIp);
  });
}
