// Names and small parts that devices, claims and classes share (resource/validation).
import type { DeviceToleration, OpaqueDeviceConfiguration } from '../../generated/schemas/resource-v1.ts';
import {
  isDns1123Label,
  isDns1123Subdomain,
  isLabelValue,
  isQualifiedName,
  regexMessage,
} from '../../machinery/names.ts';
import { textBytes } from '../data.ts';
import type { Problems } from '../problems.ts';
import { validateDriverName } from '../storage/validation.ts';

const poolNameBytesMax = 253;
const identifierBytesMax = 32;
const parametersBytesMax = 10 * 1024;

export const validateLabelled = (problems: Problems, path: string, name: string): void =>
  problems.invalidAll(path, name, isDns1123Label(name));

/** Items of a list, each by itself; too many of them are not looked at. */
export function eachOf<T>(
  problems: Problems,
  path: string,
  items: readonly T[] | undefined,
  max: number,
  validate: (item: T, path: string) => void,
): boolean {
  const list = items ?? [];
  if (max >= 0 && list.length > max) {
    problems.tooMany(path, list.length, max);
    return false;
  }
  list.forEach((item, i) => {
    validate(item, `${path}[${i}]`);
  });
  return true;
}

/** As {@link eachOf}, of items that are told apart by their key. */
export function eachOnce<T>(
  problems: Problems,
  path: string,
  items: readonly T[] | undefined,
  max: number,
  validate: (item: T, path: string) => void,
  key: (item: T) => unknown,
): void {
  if (!eachOf(problems, path, items, max, validate)) return;
  const seen = new Set<string>();
  (items ?? []).forEach((item, i) => {
    const value = key(item);
    const text = JSON.stringify(value);
    if (seen.has(text)) problems.duplicate(`${path}[${i}]`, value);
    seen.add(text);
  });
}

export function validatePoolName(problems: Problems, path: string, name: string): void {
  if (name === '') {
    problems.required(path);
    return;
  }
  if (textBytes(name) > poolNameBytesMax) problems.tooLong(path, poolNameBytesMax);
  for (const part of name.split('/')) problems.invalidAll(path, part, isDns1123Subdomain(part));
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function validateUuid(problems: Problems, path: string, text: string): void {
  if (uuid.test(text)) return;
  problems.invalid(
    path,
    text,
    uuid.test(text.toLowerCase())
      ? 'uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters'
      : `error validating uid: invalid UUID ${text.length === 36 ? 'format' : `length: ${text.length}`}`,
  );
}

const identifier = '[A-Za-z_][A-Za-z0-9_]*';
const identifierPattern = new RegExp(`^${identifier}$`);

function validateIdentifier(problems: Problems, path: string, id: string): void {
  if (textBytes(id) > identifierBytesMax) problems.tooLong(path, identifierBytesMax);
  if (!identifierPattern.test(id))
    problems.invalid(
      path,
      id,
      regexMessage(
        "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
        identifier,
        'my_name',
        'MY_NAME',
        'MyName',
      ),
    );
}

/** An attribute or capacity: an identifier, in a domain or in the driver's own. */
export function validateAttributeName(problems: Problems, path: string, name: string): void {
  const parts = name.split('/');
  const [first = '', second = ''] = parts;
  if (parts.length === 1) validateIdentifier(problems, path, first);
  else if (parts.length > 2) problems.invalid(path, name, 'must not contain more than one slash');
  else {
    if (first === '') problems.invalid(path, '', 'the domain must not be empty');
    else validateDriverName(problems, path, first);
    if (second === '') problems.invalid(path, '', 'the name must not be empty');
    else validateIdentifier(problems, path, second);
  }
}

export function validateFullAttributeName(problems: Problems, path: string, name: string): void {
  validateAttributeName(problems, path, name);
  if (!name.includes('/'))
    problems.invalid(path, name, 'a fully qualified name must be a domain and a name separated by a slash');
}

/** A JSON object that only a driver understands. */
export function validateParameters(problems: Problems, path: string, value: unknown, bytesMax: number): void {
  if (value === undefined || value === null) problems.required(path);
  else if (textBytes(JSON.stringify(value)) > bytesMax) problems.tooLong(path, bytesMax);
  else if (typeof value !== 'object' || Array.isArray(value))
    problems.invalid(path, '<value omitted>', 'must be a valid JSON object');
}

export function validateConfiguration(
  problems: Problems,
  path: string,
  { opaque }: { opaque?: OpaqueDeviceConfiguration },
): void {
  if (!opaque) {
    problems.required(`${path}.opaque`);
    return;
  }
  validateDriverName(problems, `${path}.opaque.driver`, opaque.driver);
  validateParameters(problems, `${path}.opaque.parameters`, opaque.parameters, parametersBytesMax);
}

export const taintEffects = ['NoExecute', 'NoSchedule', 'None'];
const operators = ['Equal', 'Exists'];

export function validateToleration(problems: Problems, path: string, toleration: DeviceToleration): void {
  const { key, operator, value = '', effect } = toleration;
  if (key) problems.invalidAll(`${path}.key`, key, isQualifiedName(key));
  problems.oneOf(`${path}.operator`, operator, operators, 'required');
  if (operator === 'Exists' && value !== '')
    problems.invalid(`${path}.value`, value, 'must be empty for operator `Exists`');
  if (operator === 'Equal') problems.invalidAll(`${path}.value`, value, isLabelValue(value));
  problems.oneOf(`${path}.effect`, effect, taintEffects, 'fine');
}

const bindingConditionsMax = 4;

export function validateBinding(
  problems: Problems,
  path: string,
  parts: { bindingConditions?: string[]; bindingFailureConditions?: string[] },
): void {
  const conditions = parts.bindingConditions ?? [];
  const failures = parts.bindingFailureConditions ?? [];
  const at = `${path}.bindingConditions`;
  const failuresAt = `${path}.bindingFailureConditions`;
  const label = (name: string, place: string): void => problems.invalidAll(place, name, isQualifiedName(name));
  eachOf(problems, at, conditions, bindingConditionsMax, label);
  eachOf(problems, failuresAt, failures, bindingConditionsMax, label);
  conditions.forEach((condition, i) => {
    if (conditions.indexOf(condition) < i) problems.duplicate(`${at}[${i}]`, condition);
  });
  failures.forEach((condition, i) => {
    if (failures.indexOf(condition) < i) problems.duplicate(`${failuresAt}[${i}]`, condition);
    if (conditions.includes(condition))
      problems.invalid(
        `${failuresAt}[${i}]`,
        condition,
        'bindingFailureConditions must not overlap with bindingConditions',
      );
  });
  if (conditions.length === 0 && failures.length > 0)
    problems.invalid(
      at,
      parts.bindingConditions ?? null,
      'bindingConditions are required to use bindingFailureConditions',
    );
  if (failures.length === 0 && conditions.length > 0)
    problems.invalid(
      failuresAt,
      parts.bindingFailureConditions ?? null,
      'bindingFailureConditions are required to use bindingConditions',
    );
}
