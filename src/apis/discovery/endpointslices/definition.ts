// discovery.k8s.io/v1 EndpointSlice.

import type { Endpoint, EndpointPort, EndpointSlice } from '../../../generated/schemas/discovery-v1.ts';
import { endpointSlices } from '../../../generated/schemas/index.ts';
import { ipMessages, ipWarnings, specialIpMessages } from '../../../machinery/cidr.ts';
import type { FieldError } from '../../../machinery/errors.ts';
import {
  ipFamily,
  isDns1123Label,
  isDns1123Subdomain,
  isLabelValue,
  isPortNumber,
  isQualifiedName,
} from '../../../machinery/names.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { deepEqual, validateLabels } from '../../../machinery/validation.ts';
import { ageColumn, firstThree, nameColumn } from '../../columns.ts';
import { portProtocols } from '../../core/podspec/containers.ts';
import { fieldImmutableMessage, Problems } from '../../problems.ts';

const endpointsMax = 1000;
const addressesMax = 100;
const portsMax = 20000;
const topologyMax = 16;
const hintsMax = 8;

function hostMessages(address: string): string[] {
  const name = address.replace(/\.$/, '');
  const wrong = isDns1123Subdomain(name);
  if (wrong.length > 0) return [wrong.join(',')];
  return name.includes('.') ? [] : ['should be a domain with at least two segments separated by dots'];
}

function ipAddressMessages(type: 'IPv4' | 'IPv6', address: string, kept: readonly string[]): string[] {
  const wrong = ipMessages(address, kept);
  const other = wrong.length === 0 && `IPv${ipFamily(address)}` !== type;
  // What is no address at all is told once more by the check for special ones: so does upstream.
  return [...(other ? [`must be an ${type} address`] : wrong), ...specialIpMessages(address)];
}

function validateAddress(problems: Problems, at: string, type: string, address: string, kept: readonly string[]): void {
  if (type === 'IPv4' || type === 'IPv6') problems.invalidAll(at, address, ipAddressMessages(type, address, kept));
  else if (type === 'FQDN' && address === '') problems.required(at);
  else if (type === 'FQDN') problems.invalidAll(at, address.replace(/\.$/, ''), hostMessages(address));
}

function validateEndpoint(
  problems: Problems,
  at: string,
  endpoint: Endpoint,
  type: string,
  kept: readonly string[],
): void {
  const addresses = endpoint.addresses ?? [];
  if (addresses.length === 0) problems.required(`${at}.addresses`, 'must contain at least 1 address');
  else if (addresses.length > addressesMax) problems.tooMany(`${at}.addresses`, addresses.length, addressesMax);
  addresses.forEach((address, i) => {
    validateAddress(problems, `${at}.addresses[${i}]`, type, address, kept);
  });
  if (endpoint.nodeName !== undefined)
    problems.invalidAll(`${at}.nodeName`, endpoint.nodeName, isDns1123Subdomain(endpoint.nodeName));
  const topology = endpoint.deprecatedTopology ?? {};
  if (Object.keys(topology).length > topologyMax)
    problems.tooMany(`${at}.deprecatedTopology`, Object.keys(topology).length, topologyMax);
  problems.addAll(validateLabels(topology, `${at}.deprecatedTopology`));
  if (endpoint.hostname !== undefined)
    problems.invalidAll(`${at}.hostname`, endpoint.hostname, isDns1123Label(endpoint.hostname));
  for (const kind of ['forZones', 'forNodes'] as const) {
    const hints = endpoint.hints?.[kind] ?? [];
    const path = `${at}.hints.${kind}`;
    if (hints.length > hintsMax) {
      problems.tooMany(path, hints.length, hintsMax);
      continue;
    }
    hints.forEach((hint, i, all) => {
      if (all.findIndex((other) => other.name === hint.name) < i) problems.duplicate(`${path}[${i}].name`, hint.name);
      const wrong = kind === 'forZones' ? isLabelValue(hint.name ?? '') : isDns1123Subdomain(hint.name ?? '');
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

/** `old`: addresses that it has may stay, whatever they look like. */
function validate(slice: EndpointSlice, old: EndpointSlice | undefined): FieldError[] {
  const problems = new Problems();
  const kept = (old?.endpoints ?? []).flatMap((endpoint) => endpoint.addresses ?? []);
  problems.oneOf('addressType', slice.addressType, ['FQDN', 'IPv4', 'IPv6'], 'required');
  const endpoints = slice.endpoints ?? [];
  if (endpoints.length > endpointsMax) problems.tooMany('endpoints', endpoints.length, endpointsMax);
  else
    endpoints.forEach((endpoint, i) => {
      validateEndpoint(problems, `endpoints[${i}]`, endpoint, slice.addressType ?? '', kept);
    });
  validatePorts(problems, slice.ports ?? []);
  return problems.list;
}

const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
const ownControllers = ['endpointslice-controller.k8s.io', 'endpointslicemirroring-controller.k8s.io'];
const hostnameLabel = 'kubernetes.io/hostname';

/** This version cannot write the topology of old; a node that is named there, and was before, becomes the node's name. */
function dropTopology(slice: EndpointSlice, old: EndpointSlice | undefined): void {
  const before = (old?.endpoints ?? []).map((endpoint) => endpoint.deprecatedTopology?.[hostnameLabel]);
  for (const endpoint of slice.endpoints ?? []) {
    const node = endpoint.deprecatedTopology?.[hostnameLabel];
    if (endpoint.nodeName === undefined && node && before.includes(node) && isDns1123Subdomain(node).length === 0)
      endpoint.nodeName = node;
    delete endpoint.deprecatedTopology;
  }
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
    prepareForCreate(slice) {
      dropTopology(slice, undefined);
    },
    prepareForUpdate(slice, old) {
      // Labels count as content: they say whose endpoints these are.
      if (!deepEqual(slice.metadata.labels, old.metadata.labels))
        slice.metadata.generation = (old.metadata.generation ?? 0) + 1;
      if (!deepEqual(slice.endpoints, old.endpoints)) dropTopology(slice, old);
    },
    validate: (slice, context) => (context.operation === 'create' ? validate(slice, undefined) : []),
    validateUpdate(slice, old) {
      const problems = new Problems();
      problems.addAll(validate(slice, old));
      if (slice.addressType !== old.addressType)
        problems.invalid('addressType', slice.addressType ?? '', fieldImmutableMessage);
      return problems.list;
    },
    warnings(slice, old) {
      const hosts = slice.addressType === 'FQDN';
      if (hosts) return old ? [] : ['spec.addressType: FQDN endpoints are deprecated'];
      // The controllers write canonical addresses only.
      if (ownControllers.includes(slice.metadata.labels?.[managedByLabel] ?? '')) return [];
      return (slice.endpoints ?? []).flatMap((endpoint, i) =>
        (endpoint.addresses ?? []).flatMap((address, j) => ipWarnings(`endpoints[${i}].addresses[${j}]`, address)),
      );
    },
  },
  columns: [
    nameColumn,
    {
      name: 'AddressType',
      type: 'string',
      doc: 'discovery.v1beta1.EndpointSlice.addressType',
      cell: (slice) => slice.addressType ?? '',
    },
    {
      name: 'Ports',
      type: 'string',
      doc: 'discovery.v1beta1.EndpointSlice.ports',
      cell: (slice) =>
        firstThree(
          (slice.ports ?? []).map((port) => (port.port === undefined ? port.name || '*' : String(port.port))),
          '<unset>',
        ),
    },
    {
      name: 'Endpoints',
      type: 'string',
      doc: 'discovery.v1.EndpointSlice.endpoints',
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
