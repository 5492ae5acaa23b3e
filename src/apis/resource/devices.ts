// Validation of the devices that a ResourceSlice offers: attributes, capacities, taints, counters, and where they are.
import type {
  CapacityRequestPolicy,
  CapacityRequestPolicyRange,
  Counter,
  Device,
  DeviceAttribute,
  DeviceCapacity,
} from '../../generated/schemas/resource-v1.ts';
import { isDns1123Subdomain, isLabelValue, isQualifiedName } from '../../machinery/names.ts';
import { addQuantities, asBigInt, compareQuantities, formatQuantity } from '../../machinery/quantity.ts';
import { deepEqual } from '../../machinery/validation.ts';
import { validateNodeSelector } from '../core/podspec/scheduling.ts';
import { textBytes } from '../data.ts';
import type { Problems } from '../problems.ts';
import { eachOf, eachOnce, taintEffects, validateAttributeName, validateBinding, validateLabelled } from './names.ts';

const attributesMax = 32;
const valueBytesMax = 64;
const taintsMax = 16;
const consumptionsMax = 2;
export const countersMax = 32;
const discreteMax = 10;

const versionPattern =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$/;

export function validateNodeName(problems: Problems, path: string, name: string): void {
  problems.invalidAll(path, name, isDns1123Subdomain(name));
}

export function validateDevice(
  problems: Problems,
  path: string,
  device: Device,
  old: Device | undefined,
  perDevice: boolean,
): void {
  validateLabelled(problems, `${path}.name`, device.name ?? '');
  const attributes = Object.entries(device.attributes ?? {});
  const capacities = Object.entries(device.capacity ?? {});
  const total = attributes.length + capacities.length;
  if (total > attributesMax)
    problems.invalid(path, total, `the total number of attributes and capacities must not exceed ${attributesMax}`);
  for (const [name, attribute] of attributes) {
    validateAttributeName(problems, `${path}.attributes`, name);
    validateAttribute(problems, `${path}.attributes[${name}]`, attribute);
  }
  if (!old || !deepEqual(old.capacity, device.capacity))
    for (const [name, capacity] of capacities) {
      validateAttributeName(problems, `${path}.capacity`, name);
      validateCapacity(problems, `${path}.capacity[${name}]`, capacity, device.allowMultipleAllocations ?? false);
    }
  if (!old || !deepEqual(old.taints, device.taints))
    eachOf(problems, `${path}.taints`, device.taints, taintsMax, ({ key = '', value, effect }, at) => {
      problems.invalidAll(`${at}.key`, key, isQualifiedName(key));
      if (value) problems.invalidAll(`${at}.value`, value, isLabelValue(value));
      problems.oneOf(`${at}.effect`, effect, taintEffects, 'required');
    });
  eachOnce(
    problems,
    `${path}.consumesCounters`,
    device.consumesCounters,
    consumptionsMax,
    ({ counterSet = '', counters }, at) => {
      if (counterSet === '') problems.required(`${at}.counterSet`);
      else validateLabelled(problems, `${at}.counterSet`, counterSet);
      validateCounters(problems, `${at}.counters`, counters);
    },
    ({ counterSet }) => counterSet ?? '',
  );
  validatePlace(problems, path, device, perDevice);
  validateBinding(problems, path, device);
}

export function validateCounters(
  problems: Problems,
  path: string,
  counters: Readonly<Record<string, Counter>> | undefined,
): void {
  const names = Object.keys(counters ?? {});
  if (names.length === 0) problems.required(path);
  else if (names.length > countersMax) problems.tooMany(path, names.length, countersMax);
  else for (const name of names) validateLabelled(problems, path, name);
}

function validateAttribute(problems: Problems, path: string, attribute: DeviceAttribute | undefined): void {
  const { string: text, version } = attribute ?? {};
  if (text !== undefined && textBytes(text) > valueBytesMax) problems.tooLong(`${path}.string`, valueBytesMax);
  if (version !== undefined) {
    if (!versionPattern.test(version))
      problems.invalid(`${path}.version`, version, 'must be a string compatible with semver.org spec 2.0.0');
    if (textBytes(version) > valueBytesMax) problems.tooLong(`${path}.version`, valueBytesMax);
  }
  const given = (['bool', 'int', 'string', 'version'] as const).filter((part) => attribute?.[part] !== undefined);
  if (given.length !== 1)
    problems.invalid(path, given.length === 0 ? '' : attribute, 'exactly one value must be specified');
}

function validateCapacity(
  problems: Problems,
  path: string,
  capacity: DeviceCapacity | undefined,
  shared: boolean,
): void {
  const policy = capacity?.requestPolicy;
  if (!policy) return;
  const at = `${path}.requestPolicy`;
  if (!shared) problems.forbidden(at, 'allowMultipleAllocations must be true');
  else validatePolicy(problems, at, policy, formatQuantity(capacity.value ?? '0'));
}

function validatePolicy(problems: Problems, path: string, policy: CapacityRequestPolicy, most: string): void {
  const { validValues = [], validRange, default: usual } = policy;
  if (validValues.length > 0 && validRange) {
    problems.forbidden(
      path,
      'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time',
    );
    return;
  }
  const kind = validValues.length > 0 ? 'validValues' : validRange ? 'validRange' : undefined;
  if (kind === undefined) return;
  if (usual === undefined) problems.required(`${path}.default`, `required when ${kind} is defined`);
  else if (validRange) validateRange(problems, `${path}.validRange`, validRange, formatQuantity(usual), most);
  else validateValues(problems, `${path}.validValues`, validValues.map(formatQuantity), formatQuantity(usual), most);
}

function validateValues(
  problems: Problems,
  path: string,
  values: readonly string[],
  usual: string,
  most: string,
): void {
  values.forEach((value, i) => {
    const before = values[i - 1];
    if (before !== undefined && compareQuantities(before, value) > 0)
      problems.invalid(`${path}[${i}]`, value, 'values must be sorted in ascending order');
  });
  eachOnce(
    problems,
    path,
    values,
    discreteMax,
    (value, at) => {
      if (compareQuantities(value, most) > 0)
        problems.invalid(at, value, `option is larger than capacity value: ${most}`);
    },
    (value) => String(asBigInt(value)),
  );
  if (!values.some((value) => compareQuantities(value, usual) === 0))
    problems.invalid(path, usual, 'default value is not valid according to the requestPolicy');
}

function validateRange(
  problems: Problems,
  path: string,
  range: CapacityRequestPolicyRange,
  usual: string,
  most: string,
): void {
  if (range.min === undefined) {
    problems.required(`${path}.min`, 'required when validRange is defined');
    return;
  }
  const min = formatQuantity(range.min);
  const above = (a: string, b: string): boolean => compareQuantities(a, b) > 0;
  const refuse = (part: string, value: string, why: string): void => problems.invalid(`${path}.${part}`, value, why);
  if (above(min, most)) refuse('min', min, `min is larger than capacity value: ${most}`);
  if (above(min, usual)) refuse('default', usual, `default is less than min: ${min}`);
  const max = range.max === undefined ? undefined : formatQuantity(range.max);
  if (max !== undefined) {
    if (above(min, max)) refuse('max', min, `min is larger than max: ${max}`);
    if (above(max, most)) refuse('max', max, `max is larger than capacity value: ${most}`);
    if (above(usual, max)) refuse('default', usual, `default is more than max: ${max}`);
  }
  if (range.step === undefined) return;
  const step = formatQuantity(range.step);
  const width = asBigInt(step);
  if (width <= 0n) {
    refuse('step', step, 'must be greater than zero');
    return;
  }
  const first = formatQuantity(addQuantities(min, step));
  if (above(first, most)) refuse('step', step, `one step ${first} is larger than capacity value: ${most}`);
  for (const value of max === undefined ? [usual] : [usual, max])
    if ((asBigInt(value) - asBigInt(min)) % width !== 0n)
      refuse('step', value, `value is not a multiple of a given step (${step}) from (${min})`);
}

/** Where a device is, when its slice leaves it to the devices. */
function validatePlace(problems: Problems, path: string, device: Device, perDevice: boolean): void {
  const { nodeName, nodeSelector, allNodes } = device;
  if (!perDevice) {
    if (nodeName !== undefined || nodeSelector || allNodes !== undefined)
      problems.invalid(
        path,
        null,
        '`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec',
      );
    return;
  }
  const set: string[] = [];
  if (nodeName === '') problems.invalid(`${path}.nodeName`, nodeName, 'must not be empty');
  else if (nodeName !== undefined) {
    set.push('`nodeName`');
    validateNodeName(problems, `${path}.nodeName`, nodeName);
  }
  if (nodeSelector) {
    set.push('`nodeSelector`');
    validateNodeSelector(problems, `${path}.nodeSelector`, nodeSelector, true);
  }
  if (allNodes) set.push('`allNodes`');
  else if (allNodes === false) problems.invalid(`${path}.allNodes`, false, 'must be either unset or set to true');
  const message =
    'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec';
  if (set.length === 0) problems.required(path, message);
  else if (set.length > 1) problems.invalid(path, `{${set.join(', ')}}`, message);
}
