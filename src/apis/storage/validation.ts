// What the kinds of this group, and volumes of the core group, demand of the names and parameters of drivers.

import { isDns1123Subdomain, isQualifiedName } from '../../machinery/names.ts';
import type { Problems } from '../problems.ts';

const driverNameBytesMax = 63;
const parametersMax = 512;
const parametersBytesMax = 256 * 1024;

const bytes = (text: string): number => new TextEncoder().encode(text).length;

/** All keys and values together. */
export const mapBytes = (map: Readonly<Record<string, string>> | undefined): number =>
  Object.entries(map ?? {}).reduce((sum, [key, value]) => sum + bytes(key) + bytes(value), 0);

export function validateDriverName(problems: Problems, path: string, name: string | undefined): void {
  const value = name ?? '';
  if (value === '') problems.required(path);
  if (bytes(value) > driverNameBytesMax) problems.tooLong(path, driverNameBytesMax);
  problems.invalidAll(path, value, isDns1123Subdomain(value.toLowerCase()));
}

export function validateProvisioner(problems: Problems, path: string, provisioner: string | undefined): void {
  if (!provisioner) problems.required(path);
  else problems.invalidAll(path, provisioner.toLowerCase(), isQualifiedName(provisioner.toLowerCase()));
}

export function validateParameters(
  problems: Problems,
  path: string,
  parameters: Readonly<Record<string, string>> | undefined,
  mayBeEmpty: boolean,
): void {
  const count = Object.keys(parameters ?? {}).length;
  if (count > parametersMax) {
    problems.tooLong(path, parametersMax);
    return;
  }
  if (Object.hasOwn(parameters ?? {}, '')) problems.invalid(path, '', 'field can not be empty.');
  if (mapBytes(parameters) > parametersBytesMax) problems.tooLong(path, parametersBytesMax);
  if (!mayBeEmpty && count === 0) problems.required(path, 'must contain at least one key/value pair');
}
