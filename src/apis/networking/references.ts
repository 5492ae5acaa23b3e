// References to other objects, as the kinds of this group validate them.

import { isDns1123Subdomain } from '../../machinery/names.ts';
import { isPathSegmentName } from '../../machinery/validation.ts';
import type { Problems } from '../problems.ts';

const segment = (name: string): string[] => isPathSegmentName(name, false);

/** A TypedLocalObjectReference. */
export function validateTypedReference(
  problems: Problems,
  path: string,
  reference: { apiGroup?: string; kind?: string; name?: string },
): void {
  if (reference.apiGroup !== undefined)
    problems.invalidAll(`${path}.apiGroup`, reference.apiGroup, isDns1123Subdomain(reference.apiGroup));
  for (const field of ['kind', 'name'] as const) {
    const value = reference[field];
    if (!value) problems.required(`${path}.${field}`, `${field} is required`);
    else problems.invalidAll(`${path}.${field}`, value, segment(value));
  }
}

/** A ParentReference: the owner of an address, by resource. */
export function validateParent(
  problems: Problems,
  path: string,
  parent: { group?: string; resource?: string; namespace?: string; name?: string },
): void {
  if (parent.group) problems.invalidAll(`${path}.group`, parent.group, isDns1123Subdomain(parent.group));
  for (const field of ['resource', 'name', 'namespace'] as const) {
    const value = parent[field];
    if (value) problems.invalidAll(`${path}.${field}`, value, segment(value));
    else if (field !== 'namespace') problems.required(`${path}.${field}`);
  }
}
