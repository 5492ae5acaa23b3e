// Defaults and validation of what a claim asks for (ResourceClaim and ResourceClaimTemplate).
// INTERIM, ends with CEL: selectors are measured, not compiled.
import type {
  DeviceClaim,
  DeviceRequest,
  DeviceSelector,
  ExactDeviceRequest,
  ResourceClaimSpec,
} from '../../generated/schemas/resource-v1.ts';
import { isDns1123Subdomain } from '../../machinery/names.ts';
import { textBytes } from '../data.ts';
import type { Problems } from '../problems.ts';
import {
  eachOf,
  eachOnce,
  validateConfiguration,
  validateFullAttributeName,
  validateLabelled,
  validateToleration,
} from './names.ts';

export const requestsMax = 32;
const constraintsMax = 32;
export const configMax = 32;
const selectorsMax = 32;
const alternativesMax = 8;
const expressionBytesMax = 10 * 1024;
const modes = ['All', 'ExactCount'];

type Ask = Omit<ExactDeviceRequest, 'adminAccess'>;

const asksOf = (request: DeviceRequest): Ask[] => [
  ...(request.exactly ? [request.exactly] : []),
  ...(request.firstAvailable ?? []),
];

export function defaultClaim(spec: ResourceClaimSpec | undefined): void {
  for (const ask of (spec?.devices?.requests ?? []).flatMap(asksOf)) {
    ask.allocationMode ||= 'ExactCount';
    if (ask.allocationMode === 'ExactCount') ask.count ||= 1;
    for (const toleration of ask.tolerations ?? []) toleration.operator ||= 'Equal';
  }
}

/** The names that constraints, configurations and results may refer to: `request` and `request/alternative`. */
export function requestNames(devices: DeviceClaim | undefined): ReadonlySet<string> {
  const names = (devices?.requests ?? []).flatMap(({ name = '', firstAvailable = [] }) => [
    name,
    ...firstAvailable.map((alternative) => `${name}/${alternative.name ?? ''}`),
  ]);
  return new Set(names);
}

export function validateRequestReference(
  problems: Problems,
  path: string,
  name: string,
  known: ReadonlySet<string>,
): void {
  const segments = name.split('/');
  if (segments.length <= 2) for (const segment of segments) validateLabelled(problems, path, segment);
  if (segments.length > 2 || !known.has(name))
    problems.invalid(
      path,
      name,
      "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'",
    );
}

export function validateRequestReferences(
  problems: Problems,
  path: string,
  names: readonly string[] | undefined,
  known: ReadonlySet<string>,
): void {
  eachOnce(
    problems,
    path,
    names,
    requestsMax,
    (name, at) => validateRequestReference(problems, at, name, known),
    (name) => name,
  );
}

export function validateSelectors(
  problems: Problems,
  path: string,
  selectors: readonly DeviceSelector[] | undefined,
): void {
  eachOf(problems, path, selectors, selectorsMax, ({ cel }, at) => {
    if (!cel) problems.required(`${at}.cel`);
    else if (textBytes(cel.expression ?? '') > expressionBytesMax)
      problems.tooLong(`${at}.cel.expression`, expressionBytesMax);
  });
}

export function validateClaim(problems: Problems, path: string, spec: ResourceClaimSpec | undefined): void {
  const devices = spec?.devices;
  const at = `${path}.devices`;
  const known = requestNames(devices);
  eachOnce(
    problems,
    `${at}.requests`,
    devices?.requests,
    requestsMax,
    (request, one) => validateRequest(problems, one, request),
    ({ name }) => name ?? '',
  );
  eachOf(problems, `${at}.constraints`, devices?.constraints, constraintsMax, (constraint, one) => {
    validateRequestReferences(problems, `${one}.requests`, constraint.requests, known);
    const { matchAttribute, distinctAttribute } = constraint;
    if (matchAttribute !== undefined) validateFullAttributeName(problems, `${one}.matchAttribute`, matchAttribute);
    else if (distinctAttribute !== undefined)
      validateFullAttributeName(problems, `${one}.distinctAttribute`, distinctAttribute);
    else
      problems.required(
        one,
        'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set',
      );
  });
  eachOf(problems, `${at}.config`, devices?.config, configMax, (config, one) => {
    validateRequestReferences(problems, `${one}.requests`, config.requests, known);
    validateConfiguration(problems, one, config);
  });
}

function validateRequest(problems: Problems, path: string, request: DeviceRequest): void {
  validateLabelled(problems, `${path}.name`, request.name ?? '');
  const several = (request.firstAvailable?.length ?? 0) > 0;
  const choice = 'exactly one of `exactly` or `firstAvailable` is required';
  if (several && request.exactly) problems.invalid(path, null, `${choice}, but multiple fields are set`);
  else if (several)
    eachOnce(
      problems,
      `${path}.firstAvailable`,
      request.firstAvailable,
      alternativesMax,
      (alternative, at) => {
        validateLabelled(problems, `${at}.name`, alternative.name ?? '');
        validateAsk(problems, at, alternative);
      },
      ({ name }) => name ?? '',
    );
  else if (request.exactly) validateAsk(problems, `${path}.exactly`, request.exactly);
  else problems.required(path, choice);
}

function validateAsk(problems: Problems, path: string, ask: Ask): void {
  const { deviceClassName = '', allocationMode: mode = '', count = 0 } = ask;
  if (deviceClassName === '') problems.required(`${path}.deviceClassName`);
  else problems.invalidAll(`${path}.deviceClassName`, deviceClassName, isDns1123Subdomain(deviceClassName));
  validateSelectors(problems, `${path}.selectors`, ask.selectors);
  if (mode === 'All' && count !== 0)
    problems.invalid(`${path}.count`, count, "must not be specified when allocationMode is 'All'");
  if (mode === 'ExactCount' && count <= 0) problems.invalid(`${path}.count`, count, 'must be greater than zero');
  if (!modes.includes(mode)) problems.notSupported(`${path}.allocationMode`, mode, modes);
  eachOf(problems, `${path}.tolerations`, ask.tolerations, -1, (toleration, at) =>
    validateToleration(problems, at, toleration),
  );
}

const adminLabel = 'resource.kubernetes.io/admin-access';

/** Access to devices in use takes a namespace that is marked for it. */
export function validateAdminAccess(
  problems: Problems,
  spec: ResourceClaimSpec | undefined,
  namespaceLabels: Readonly<Record<string, string>> | undefined,
): void {
  const wanted = (spec?.devices?.requests ?? []).some(({ exactly }) => exactly?.adminAccess);
  if (wanted && namespaceLabels?.[adminLabel] !== 'true')
    problems.forbidden(
      '',
      `admin access to devices requires the \`${adminLabel}: true\` label on the containing namespace`,
    );
}
