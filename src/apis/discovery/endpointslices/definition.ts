// discovery.k8s.io/v1 EndpointSlice.

import type { Endpoint, EndpointPort, EndpointSlice } from '../../../generated/schemas/discovery-v1.ts';
import { endpointSlices } from '../../../generated/schemas/index.ts';
import { specialIpMessages } from '../../../machinery/cidr.ts';
import {
  ipFamily,
  isDns1123Label,
  isDns1123Subdomain,
  isIpv4,
  isIpv6,
  isPortNumber,
  isQualifiedName,
} from '../../../machinery/names.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { validateLabels } from '../../../machinery/validation.ts';
import { ageColumn, firstThree, nameColumn } from '../../columns.ts';
import { portProtocols } from '../../core/podspec/containers.ts';
import { fieldImmutableMessage, Problems } from '../../problems.ts';

const endpointsMax = 1000;
const addressesMax = 100;
const portsMax = 20000;
const topologyMax = 16;
const hintsMax = 8;

function addressMessages(type: string, address: string): string[] {
  if (type === 'FQDN') {
    const name = address.replace(/\.$/, '');
    if (name === '') return ['must not be empty'];
    const wrong = isDns1123Subdomain(name);
    return wrong.length > 0
      ? wrong
      : name.includes('.')
        ? []
        : ['should be a domain with at least two segments separated by dots'];
  }
  if (type !== 'IPv4' && type !== 'IPv6') return [];
  const wrong = type === 'IPv4' ? isIpv4(address) : isIpv6(address);
  // What is no address at all is told once more by the check for special ones: so does upstream.
  return [...wrong, ...(ipFamily(address) === undefined ? ['must be a valid IP address'] : specialIpMessages(address))];
}

function validateEndpoint(problems: Problems, at: string, endpoint: Endpoint, type: string): void {
  const addresses = endpoint.addresses ?? [];
  if (addresses.length === 0) problems.required(`${at}.addresses`, 'must contain at least 1 address');
  else if (addresses.length > addressesMax) problems.tooMany(`${at}.addresses`, addresses.length, addressesMax);
  addresses.forEach((address, i) => {
    problems.invalidAll(`${at}.addresses[${i}]`, address, addressMessages(type, address));
  });
  if (endpoint.nodeName !== undefined)
    problems.invalidAll(`${at}.nodeName`, endpoint.nodeName, isDns1123Subdomain(endpoint.nodeName));
  const topology = endpoint.deprecatedTopology ?? {};
  if (Object.keys(topology).length > topologyMax)
    problems.tooMany(`${at}.deprecatedTopology`, Object.keys(topology).length, topologyMax);
  problems.addAll(validateLabels(topology, `${at}.deprecatedTopology`));
  if (Object.hasOwn(topology, 'kubernetes.io/hostname'))
    problems.invalid(
      `${at}.deprecatedTopology[kubernetes.io/hostname]`,
      'kubernetes.io/hostname',
      'may not be set in v1, use nodeName instead',
    );
  if (endpoint.hostname !== undefined)
    problems.invalidAll(`${at}.hostname`, endpoint.hostname, isDns1123Label(endpoint.hostname));
  for (const kind of ['forZones', 'forNodes'] as const) {
    const hints = endpoint.hints?.[kind] ?? [];
    const path = `${at}.hints.${kind}`;
    if (hints.length > hintsMax) problems.tooMany(path, hints.length, hintsMax);
    hints.forEach((hint, i, all) => {
      if (all.findIndex((other) => other.name === hint.name) < i) problems.duplicate(`${path}[${i}].name`, hint.name);
      const wrong = kind === 'forZones' ? isQualifiedName(hint.name ?? '') : isDns1123Subdomain(hint.name ?? '');
      problems.invalidAll(`${path}[${i}].name`, hint.name, wrong);
    });
  }
}

function validatePorts(problems: Problems, ports: readonly EndpointPort[]): void {
  if (ports.length > portsMax) {
    problems.tooMany('ports', ports.length, portsMax);
    return;
  }
  const names = new Set<string>();
  ports.forEach((port, i) => {
    const at = `ports[${i}]`;
    const name = port.name ?? '';
    if (name !== '') problems.invalidAll(`${at}.name`, name, isDns1123Label(name));
    if (names.has(name)) problems.duplicate(`${at}.name`, name);
    names.add(name);
    if (port.port !== undefined) problems.invalidAll(`${at}.port`, port.port, isPortNumber(port.port));
    problems.oneOf(`${at}.protocol`, port.protocol, portProtocols, 'required');
    if (port.appProtocol !== undefined)
      problems.invalidAll(`${at}.appProtocol`, port.appProtocol, isQualifiedName(port.appProtocol));
  });
}

export default defineResource<EndpointSlice>({
  ...endpointSlices,
  singular: 'endpointslice',
  schema: 'io.k8s.api.discovery.v1.EndpointSlice',
  strategy: {
    revalidatesMetadata: true,
    defaults(slice) {
      slice.endpoints ??= [];
      for (const port of slice.ports ?? []) {
        port.name ??= '';
        port.protocol ??= 'TCP';
      }
    },
    validate(slice) {
      const problems = new Problems();
      problems.oneOf('addressType', slice.addressType, ['FQDN', 'IPv4', 'IPv6'], 'required');
      const endpoints = slice.endpoints ?? [];
      if (endpoints.length > endpointsMax) problems.tooMany('endpoints', endpoints.length, endpointsMax);
      else
        endpoints.forEach((endpoint, i) => {
          validateEndpoint(problems, `endpoints[${i}]`, endpoint, slice.addressType ?? '');
        });
      validatePorts(problems, slice.ports ?? []);
      return problems.list;
    },
    validateUpdate(slice, old) {
      const problems = new Problems();
      if (slice.addressType !== old.addressType)
        problems.invalid('addressType', slice.addressType ?? '', fieldImmutableMessage);
      return problems.list;
    },
  },
  columns: [
    nameColumn,
    { name: 'AddressType', type: 'string', cell: (slice) => slice.addressType ?? '' },
    {
      name: 'Ports',
      type: 'string',
      cell: (slice) =>
        firstThree(
          (slice.ports ?? []).map((port) => (port.port === undefined ? port.name || '*' : String(port.port))),
          '<unset>',
        ),
    },
    {
      name: 'Endpoints',
      type: 'string',
      cell: (slice) =>
        firstThree(
          (slice.endpoints ?? []).flatMap((endpoint) => endpoint.addresses ?? []),
          '<unset>',
        ),
    },
    ageColumn,
  ],
  // Slices are looked up by their service.
  indexes(slice) {
    const service = slice.metadata.labels?.['kubernetes.io/service-name'];
    return service ? [`label=kubernetes.io/service-name=${service}`] : [];
  },
});
