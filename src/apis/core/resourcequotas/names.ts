// Names of resources that quotas and limit ranges may bound (core/helper, core/validation).
import { isQualifiedName } from '../../../machinery/names.ts';
import type { Problems } from '../../problems.ts';
import { isHugePages, standardResources } from '../podspec/resources.ts';

const isQuotaHugePages = (name: string): boolean => isHugePages(name) || name.startsWith('requests.hugepages-');

/** Every standard resource but plain storage may be bounded by a quota. */
export const isStandardQuotaResource = (name: string): boolean =>
  (standardResources.has(name) && name !== 'storage') || isQuotaHugePages(name);

export function validateResourceName(problems: Problems, path: string, name: string): void {
  const wrong = isQualifiedName(name);
  problems.invalidAll(path, name, wrong);
  if (wrong.length === 0 && !name.includes('/') && !standardResources.has(name) && !isQuotaHugePages(name))
    problems.invalid(path, name, 'must be a standard resource type or fully qualified');
}

export function validateQuotaResourceName(problems: Problems, path: string, name: string): void {
  validateResourceName(problems, path, name);
  if (!name.includes('/') && !isStandardQuotaResource(name))
    problems.invalid(path, name, 'must be a standard resource for quota');
}
