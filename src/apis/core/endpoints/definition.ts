// core/v1 Endpoints: the older form of EndpointSlices.

import type { EndpointAddress, EndpointPort, Endpoints } from '../../../generated/schemas/core-v1.ts';
import { endpoints } from '../../../generated/schemas/index.ts';
import { ipWarnings, specialIpMessages } from '../../../machinery/cidr.ts';
import type { FieldError } from '../../../machinery/errors.ts';
import { isDns1123Label, isDns1123Subdomain, isIp, isPortNumber, isQualifiedName } from '../../../machinery/names.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { deepEqual } from '../../../machinery/validation.ts';
import { ageColumn, firstThree, nameColumn } from '../../columns.ts';
import { Problems } from '../../problems.ts';
import { portProtocols } from '../podspec/containers.ts';

const hostPort = (ip: string, port: number): string => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`);

function list(object: Endpoints): string {
  const all = (object.subsets ?? []).flatMap((subset) => {
    const addresses = subset.addresses ?? [];
    if (!subset.ports?.length) return addresses.map((address) => address.ip);
    return subset.ports.flatMap((port) => addresses.map((address) => hostPort(address.ip ?? '', port.port)));
  });
  return firstThree(all, '<none>');
}

function validateAddress(problems: Problems, at: string, address: EndpointAddress): void {
  const ip = address.ip ?? '';
  const wrong = isIp(ip);
  problems.invalidAll(`${at}.ip`, ip, wrong);
  if (address.hostname) problems.invalidAll(`${at}.hostname`, address.hostname, isDns1123Label(address.hostname));
  if (address.nodeName !== undefined)
    problems.invalidAll(`${at}.nodeName`, address.nodeName, isDns1123Subdomain(address.nodeName));
  problems.invalidAll(`${at}.ip`, ip, specialIpMessages(ip));
}

function validatePort(problems: Problems, at: string, port: EndpointPort, needsName: boolean): void {
  if (needsName && !port.name) problems.required(`${at}.name`);
  else if (port.name) problems.invalidAll(`${at}.name`, port.name, isDns1123Label(port.name));
  problems.invalidAll(`${at}.port`, port.port ?? 0, isPortNumber(port.port ?? 0));
  problems.oneOf(`${at}.protocol`, port.protocol, portProtocols, 'required');
  if (port.appProtocol !== undefined)
    problems.invalidAll(`${at}.appProtocol`, port.appProtocol, isQualifiedName(port.appProtocol));
}

function validate(object: Endpoints): FieldError[] {
  const problems = new Problems();
  (object.subsets ?? []).forEach((subset, i) => {
    const at = `subsets[${i}]`;
    if (!subset.addresses?.length && !subset.notReadyAddresses?.length)
      problems.required(at, 'must specify `addresses` or `notReadyAddresses`');
    for (const kind of ['addresses', 'notReadyAddresses'] as const)
      (subset[kind] ?? []).forEach((address, j) => {
        validateAddress(problems, `${at}.${kind}[${j}]`, address);
      });
    (subset.ports ?? []).forEach((port, j, all) => {
      validatePort(problems, `${at}.ports[${j}]`, port, all.length > 1);
    });
  });
  return problems.list;
}

export default defineResource<Endpoints>({
  ...endpoints,
  singular: 'endpoints',
  shortNames: ['ep'],
  schema: 'io.k8s.api.core.v1.Endpoints',
  deprecation: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  strategy: {
    revalidatesMetadata: true,
    generation: false,
    allowCreateOnUpdate: true,
    defaults(object) {
      for (const subset of object.subsets ?? []) for (const port of subset.ports ?? []) port.protocol ||= 'TCP';
    },
    validate: (object, context) => (context.operation === 'create' ? validate(object) : []),
    // Subsets that were let in once may stay as they are.
    validateUpdate: (object, old) => (deepEqual(object.subsets, old.subsets) ? [] : validate(object)),
    warnings(object) {
      // The controller writes canonical addresses only.
      if (object.metadata.labels?.['endpoints.kubernetes.io/managed-by'] === 'endpoint-controller') return [];
      return (object.subsets ?? []).flatMap((subset, i) =>
        (['addresses', 'notReadyAddresses'] as const).flatMap((kind) =>
          (subset[kind] ?? []).flatMap(({ ip }, j) => ipWarnings(`subsets[${i}].${kind}[${j}].ip`, ip ?? '')),
        ),
      );
    },
  },
  columns: [nameColumn, { name: 'Endpoints', type: 'string', doc: 'core.v1.Endpoints.subsets', cell: list }, ageColumn],
});
