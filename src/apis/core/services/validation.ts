// Validation of a Service (core/validation: ValidateService, ValidateServiceUpdate).

import type { Service, ServicePort } from '../../../generated/schemas/core-v1.ts';
import { cidrMessages, ipMessages, specialIpMessages } from '../../../machinery/cidr.ts';
import { goFormOf } from '../../../machinery/diff.ts';
import {
  ipFamily,
  isDns1123Label,
  isDns1123Subdomain,
  isPortNumber,
  isQualifiedName,
} from '../../../machinery/names.ts';
import { validateLabels } from '../../../machinery/validation.ts';
import type { Problems } from '../../problems.ts';
import { servicePortForm } from '../go-forms.ts';
import { portProtocols } from '../podspec/containers.ts';
import { validatePortNumberOrName } from '../podspec/probes.ts';
import { isExternal, isHeadless, needsHealthPort } from './kinds.ts';

const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];

function validatePort(problems: Problems, at: string, port: ServicePort, needsName: boolean, names: Set<string>): void {
  if (needsName && !port.name) problems.required(`${at}.name`);
  else if (port.name) {
    problems.invalidAll(`${at}.name`, port.name, isDns1123Label(port.name));
    if (names.has(port.name)) problems.duplicate(`${at}.name`, port.name);
    names.add(port.name);
  }
  problems.invalidAll(`${at}.port`, port.port ?? 0, isPortNumber(port.port ?? 0));
  problems.oneOf(`${at}.protocol`, port.protocol, portProtocols, 'required');
  validatePortNumberOrName(problems, `${at}.targetPort`, port.targetPort);
  if (port.appProtocol !== undefined)
    problems.invalidAll(`${at}.appProtocol`, port.appProtocol, isQualifiedName(port.appProtocol));
}

function validateExternalName(problems: Problems, service: Service): void {
  const { spec } = service;
  for (const field of ['clusterIPs', 'ipFamilies'] as const)
    if (spec[field]?.length) problems.forbidden(`spec.${field}`, 'may not be set for ExternalName services');
  if (spec.ipFamilyPolicy !== undefined)
    problems.forbidden('spec.ipFamilyPolicy', 'may not be set for ExternalName services');
  const name = (spec.externalName ?? '').replace(/\.$/, '');
  if (name === '') problems.required('spec.externalName');
  else problems.invalidAll('spec.externalName', name, isDns1123Subdomain(name));
}

/** clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy, as given by the client. */
export function validateClusterIps(problems: Problems, service: Service, old: Service | undefined): void {
  const { spec } = service;
  if (spec.type === 'ExternalName') return;
  const ips = spec.clusterIPs ?? [];
  if (spec.clusterIP) {
    if (ips.length === 0) problems.required('spec.clusterIPs');
    else if (ips[0] !== spec.clusterIP) problems.invalid('spec.clusterIPs', ips, 'first value must match `clusterIP`');
  } else if (ips.length > 0)
    problems.invalid('spec.clusterIPs', ips, 'must be empty when `clusterIP` is not specified');
  (spec.ipFamilies ?? []).forEach((family, i, all) => {
    if (family !== 'IPv4' && family !== 'IPv6')
      problems.notSupported(`spec.ipFamilies[${i}]`, family, ['IPv4', 'IPv6']);
    if (all.indexOf(family) < i) problems.duplicate(`spec.ipFamilies[${i}]`, family);
  });
  if (spec.ipFamilyPolicy !== undefined)
    problems.oneOf(
      'spec.ipFamilyPolicy',
      spec.ipFamilyPolicy,
      ['PreferDualStack', 'RequireDualStack', 'SingleStack'],
      'unsupported',
    );
  const before = problems.list.length;
  ips.forEach((ip, i) => {
    if (i === 0 && ip === 'None') {
      if (ips.length > 1) problems.invalid('spec.clusterIPs', ips, "'None' must be the first and only value");
    } else problems.invalidAll(`spec.clusterIPs[${i}]`, ip, ipMessages(ip, old?.spec?.clusterIPs));
  });
  if (ips.length > 2) problems.invalid('spec.clusterIPs', ips, 'may only hold up to 2 values');
  if (problems.list.length > before) return;
  if (ips.length === 2 && ipFamily(ips[0] ?? '') === ipFamily(ips[1] ?? ''))
    problems.invalid('spec.clusterIPs', ips, 'may specify no more than one IP for each IP family');
  if (!isHeadless(service))
    ips.forEach((ip, i) => {
      const family = spec.ipFamilies?.[i];
      if ((family === 'IPv4' && ipFamily(ip) === 6) || (family === 'IPv6' && ipFamily(ip) === 4))
        problems.invalid(
          `spec.clusterIPs[${i}]`,
          ip,
          `expected an ${family} value as indicated by \`ipFamilies[${i}]\``,
        );
    });
}

function validateAffinity(problems: Problems, service: Service): void {
  const { sessionAffinity, sessionAffinityConfig: config } = service.spec;
  const path = 'spec.sessionAffinityConfig';
  problems.oneOf('spec.sessionAffinity', sessionAffinity, ['ClientIP', 'None'], 'required');
  if (sessionAffinity === 'ClientIP') {
    const why = 'when session affinity type is ClientIP';
    if (!config) {
      problems.required(path, why);
      return;
    }
    if (!config.clientIP) {
      problems.required(`${path}.clientIP`, why);
      return;
    }
    const seconds = config.clientIP.timeoutSeconds;
    if (seconds === undefined) {
      problems.required(`${path}.clientIP.timeoutSeconds`, why);
      return;
    }
    if (seconds <= 0 || seconds > 86400)
      problems.invalid(`${path}.clientIP.timeoutSeconds`, seconds, 'must be greater than 0 and less than 86400');
  } else if (sessionAffinity === 'None' && config) {
    problems.forbidden(path, 'must not be set when session affinity is None');
  }
}

function validateTraffic(problems: Problems, service: Service): void {
  const { spec } = service;
  const policies = ['Cluster', 'Local'];
  if (isExternal(service))
    problems.oneOf('spec.externalTrafficPolicy', spec.externalTrafficPolicy, policies, 'required');
  else if (spec.externalTrafficPolicy)
    problems.invalid(
      'spec.externalTrafficPolicy',
      spec.externalTrafficPolicy,
      'may only be set for externally-accessible services',
    );
  if (spec.healthCheckNodePort) {
    if (!needsHealthPort(service))
      problems.invalid(
        'spec.healthCheckNodePort',
        spec.healthCheckNodePort,
        "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
      );
    else
      problems.invalidAll('spec.healthCheckNodePort', spec.healthCheckNodePort, isPortNumber(spec.healthCheckNodePort));
  }
  if (spec.internalTrafficPolicy === undefined) {
    if (spec.type !== 'ExternalName') problems.required('spec.internalTrafficPolicy');
  } else problems.oneOf('spec.internalTrafficPolicy', spec.internalTrafficPolicy, policies, 'unsupported');
  if (spec.trafficDistribution !== undefined)
    problems.oneOf(
      'spec.trafficDistribution',
      spec.trafficDistribution,
      ['PreferClose', 'PreferSameZone', 'PreferSameNode'],
      'unsupported',
    );
}

function validateDuplicates(problems: Problems, service: Service): void {
  const nodePorts = new Set<string>();
  const ports = new Set<string>();
  const list = service.spec.ports ?? [];
  list.forEach((port, i) => {
    if (!port.nodePort) return;
    const key = `${port.protocol}/${port.nodePort}`;
    if (nodePorts.has(key)) problems.duplicate(`spec.ports[${i}].nodePort`, port.nodePort);
    nodePorts.add(key);
  });
  list.forEach((port, i) => {
    const key = `${port.protocol}/${port.port}`;
    if (ports.has(key))
      problems.duplicate(`spec.ports[${i}]`, goFormOf(servicePortForm, { protocol: port.protocol, port: port.port }));
    ports.add(key);
  });
}

const rangesAnnotation = 'service.beta.kubernetes.io/load-balancer-source-ranges';

/** Of the field, or else of the annotation, which is a list with commas. */
function validateSourceRanges(problems: Problems, service: Service, old: Service | undefined, only: string): void {
  const { spec, metadata } = service;
  const balanced = spec.type === 'LoadBalancer';
  const annotated = metadata.annotations?.[rangesAnnotation];
  if (spec.loadBalancerSourceRanges?.length) {
    const kept = (old?.spec?.loadBalancerSourceRanges ?? []).map((range) => range.trim());
    if (!balanced) problems.forbidden('spec.LoadBalancerSourceRanges', only);
    spec.loadBalancerSourceRanges.forEach((range, i) => {
      const value = range.trim();
      problems.invalidAll(`spec.LoadBalancerSourceRanges[${i}]`, value, cidrMessages(value, kept));
    });
  } else if (annotated !== undefined) {
    const path = `metadata.annotations[${rangesAnnotation}]`;
    if (!balanced) problems.forbidden(path, only);
    if (annotated.trim() === '' || old?.metadata.annotations?.[rangesAnnotation] === annotated) return;
    for (const range of annotated.split(',')) problems.invalidAll(path, range.trim(), cidrMessages(range.trim()));
  }
}

function validateLoadBalancer(problems: Problems, service: Service, old: Service | undefined): void {
  const { spec } = service;
  const balanced = spec.type === 'LoadBalancer';
  const only = "may only be used when `type` is 'LoadBalancer'";
  validateSourceRanges(problems, service, old, only);
  if (!balanced && spec.allocateLoadBalancerNodePorts !== undefined)
    problems.forbidden('spec.allocateLoadBalancerNodePorts', only);
  if (spec.loadBalancerClass !== undefined) {
    if (!balanced) problems.forbidden('spec.loadBalancerClass', only);
    else problems.invalidAll('spec.loadBalancerClass', spec.loadBalancerClass, isQualifiedName(spec.loadBalancerClass));
  }
}

/** `old`: addresses and ranges that it has may stay, whatever they look like. */
export function validateService(problems: Problems, service: Service, old?: Service): void {
  const { spec } = service;
  const ports = spec.ports ?? [];
  if (ports.length === 0 && !isHeadless(service) && spec.type !== 'ExternalName') problems.required('spec.ports');
  if ((spec.type === 'LoadBalancer' || spec.type === 'NodePort') && isHeadless(service))
    problems.invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${spec.type} services`);
  if (spec.type === 'ExternalName') validateExternalName(problems, service);
  const names = new Set<string>();
  ports.forEach((port, i) => {
    validatePort(problems, `spec.ports[${i}]`, port, ports.length > 1, names);
  });
  problems.addAll(validateLabels(spec.selector, 'spec.selector'));
  validateAffinity(problems, service);
  validateClusterIps(problems, service, old);
  (spec.externalIPs ?? []).forEach((ip, i) => {
    const wrong = ipMessages(ip, old?.spec?.externalIPs);
    problems.invalidAll(`spec.externalIPs[${i}]`, ip, wrong.length > 0 ? wrong : specialIpMessages(ip));
  });
  problems.oneOf('spec.type', spec.type, types, 'required');
  if (spec.type === 'ClusterIP')
    ports.forEach((port, i) => {
      if (port.nodePort) problems.forbidden(`spec.ports[${i}].nodePort`, "may not be used when `type` is 'ClusterIP'");
    });
  validateDuplicates(problems, service);
  validateLoadBalancer(problems, service, old);
  validateTraffic(problems, service);
}

const onceSet = 'may not change once set';

/** A second address or family may come and go, the first stays; `what`: how upstream calls one. */
function validateStacks(problems: Problems, field: 'clusterIPs' | 'ipFamilies', service: Service, old: Service): void {
  const before: readonly string[] = old.spec[field] ?? [];
  const after: readonly string[] = service.spec[field] ?? [];
  const path = `spec.${field}`;
  const what = field === 'clusterIPs' ? 'clusterIP' : 'ipFamily';
  if (before.length === after.length) {
    before.forEach((one, i) => {
      // Upstream names the first family, whichever changed.
      if (one !== after[i]) problems.invalid(`${path}[${field === 'clusterIPs' ? i : 0}]`, after, onceSet);
    });
    return;
  }
  const released = before.length > after.length;
  if (released && (service.spec.clusterIPs ?? []).length === 0)
    problems.invalid(`${path}[0]`, after, `primary ${what} can not be unset`);
  if (before.length > 0 && after.length > 0 && before[0] !== after[0])
    // Upstream shows the addresses here, of families too.
    problems.invalid(`${path}[0]`, service.spec.clusterIPs ?? null, onceSet);
  if (released && after.length === 1 && service.spec.ipFamilyPolicy !== 'SingleStack')
    problems.invalid(
      'spec.ipFamilyPolicy',
      service.spec.ipFamilyPolicy ?? null,
      `must be set to 'SingleStack' when releasing the secondary ${what}`,
    );
}

export function validateServiceUpdate(problems: Problems, service: Service, old: Service): void {
  if (service.spec.type !== 'ExternalName' && old.spec.type !== 'ExternalName') {
    if (!isHeadless(service) || !isHeadless(old)) validateStacks(problems, 'clusterIPs', service, old);
    if (!isHeadless(service) && !isHeadless(old)) validateStacks(problems, 'ipFamilies', service, old);
  }
  if (
    service.spec.type === 'LoadBalancer' &&
    old.spec.type === 'LoadBalancer' &&
    service.spec.loadBalancerClass !== old.spec.loadBalancerClass
  )
    problems.invalid('spec.loadBalancerClass', service.spec.loadBalancerClass ?? null, onceSet);
  if (
    needsHealthPort(service) &&
    needsHealthPort(old) &&
    service.spec.healthCheckNodePort !== old.spec.healthCheckNodePort
  )
    problems.forbidden('spec.healthCheckNodePort', 'field is immutable');
}

export function validateServiceStatus(problems: Problems, service: Service, old: Service): void {
  const kept = (old.status?.loadBalancer?.ingress ?? []).map((one) => one.ip ?? '');
  const path = 'status.loadBalancer.ingress';
  const ingress = service.status?.loadBalancer?.ingress ?? [];
  if (ingress.length > 0 && service.spec?.type !== 'LoadBalancer') {
    problems.forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'");
    return;
  }
  ingress.forEach((one, i) => {
    const at = `${path}[${i}]`;
    if (one.ip) problems.invalidAll(`${at}.ip`, one.ip, ipMessages(one.ip, kept));
    if (one.ipMode === undefined) {
      if (one.ip) problems.required(`${at}.ipMode`, 'must be specified when `ip` is set');
    } else if (!one.ip) problems.forbidden(`${at}.ipMode`, 'may not be specified when `ip` is not set');
    else problems.oneOf(`${at}.ipMode`, one.ipMode, ['Proxy', 'VIP'], 'unsupported');
    if (one.hostname) {
      problems.invalidAll(`${at}.hostname`, one.hostname, isDns1123Subdomain(one.hostname));
      if (ipFamily(one.hostname))
        problems.invalid(`${at}.hostname`, one.hostname, 'must be a DNS name, not an IP address');
    }
  });
}
