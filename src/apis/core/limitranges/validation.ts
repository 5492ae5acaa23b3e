// Validation of LimitRanges (core/validation: ValidateLimitRange): the names of types and resources, and that minima, defaults
// and maxima stand in order.
import type { LimitRange, LimitRangeItem } from '../../../generated/schemas/core-v1.ts';
import { isQualifiedName } from '../../../machinery/names.ts';
import { asMilliBigInt, compareQuantities, formatQuantity } from '../../../machinery/quantity.ts';
import type { Problems } from '../../problems.ts';
import { isOvercommitAllowed, validateContainerResourceName } from '../podspec/resources.ts';
import { validateResourceName } from '../resourcequotas/names.ts';

const standardTypes = ['Container', 'PersistentVolumeClaim', 'Pod'];

export function validateLimitRange(problems: Problems, limitRange: LimitRange): void {
  const seen = new Set<string>();
  (limitRange.spec?.limits ?? []).forEach((item, i) => {
    const path = `spec.limits[${i}]`;
    const type = item.type ?? '';
    validateType(problems, `${path}.type`, type);
    if (seen.has(type)) problems.duplicate(`${path}.type`, type);
    seen.add(type);
    validateItem(problems, path, item);
  });
}

function validateType(problems: Problems, path: string, type: string): void {
  const wrong = isQualifiedName(type);
  problems.invalidAll(path, type, wrong);
  if (wrong.length === 0 && !type.includes('/') && !standardTypes.includes(type))
    problems.invalid(path, type, 'must be a standard limit type or fully qualified');
}

type Bound = 'max' | 'min' | 'default' | 'defaultRequest' | 'maxLimitRequestRatio';

function validateItem(problems: Problems, path: string, item: LimitRangeItem): void {
  const ofPods = item.type === 'Pod';
  const names = new Set<string>();
  const validateNames = (bound: Bound): void => {
    for (const name of Object.keys(item[bound] ?? {})) {
      const at = `${path}.${bound}[${name}]`;
      if (ofPods || item.type === 'Container') validateContainerResourceName(problems, at, name);
      else validateResourceName(problems, at, name);
      names.add(name);
    }
  };
  validateNames('max');
  validateNames('min');
  for (const bound of ['default', 'defaultRequest'] as const) {
    if (!ofPods) validateNames(bound);
    else if (Object.keys(item[bound] ?? {}).length > 0)
      problems.forbidden(`${path}.${bound}`, "may not be specified when `type` is 'Pod'");
  }
  if (item.type === 'PersistentVolumeClaim' && !bounded(item, 'min', 'storage') && !bounded(item, 'max', 'storage'))
    problems.required(
      `${path}.limits`,
      'either minimum or maximum storage value is required, but neither was provided',
    );
  validateNames('maxLimitRequestRatio');
  for (const name of names) validateOrder(problems, path, item, name);
}

function bounded(item: LimitRangeItem, bound: Bound, name: string): string | undefined {
  const quantities = item[bound];
  const value = quantities && Object.hasOwn(quantities, name) ? quantities[name] : undefined;
  return value === undefined ? undefined : formatQuantity(value);
}

/** Of a pair that is out of order: the field to blame, the value shown, and both values in words. */
const orders: readonly [low: Bound, high: Bound, blamed: Bound, shown: Bound, lowName: string, highName: string][] = [
  ['min', 'max', 'min', 'min', 'min value', 'max value'],
  ['min', 'defaultRequest', 'defaultRequest', 'defaultRequest', 'min value', 'default request value'],
  ['defaultRequest', 'max', 'defaultRequest', 'defaultRequest', 'default request value', 'max value'],
  ['defaultRequest', 'default', 'defaultRequest', 'defaultRequest', 'default request value', 'default limit value'],
  ['min', 'default', 'default', 'min', 'min value', 'default value'],
  ['default', 'max', 'default', 'max', 'default value', 'max value'],
];

function validateOrder(problems: Problems, path: string, item: LimitRangeItem, name: string): void {
  const ofPods = item.type === 'Pod';
  // The defaults of a pod have been refused already.
  const of = (bound: Bound): string | undefined =>
    ofPods && bound.startsWith('default') ? undefined : bounded(item, bound, name);
  const at = (bound: Bound): string => `${path}.${bound}[${name}]`;
  for (const [low, high, blamed, shown, lowName, highName] of orders) {
    const [least, most] = [of(low), of(high)];
    if (least !== undefined && most !== undefined && compareQuantities(least, most) > 0)
      problems.invalid(at(blamed), of(shown), `${lowName} ${least} is greater than ${highName} ${most}`);
  }
  validateRatio(problems, at('maxLimitRequestRatio'), of('maxLimitRequestRatio'), of('min'), of('max'));
  const [limit, request] = [of('default'), of('defaultRequest')];
  if (
    !isOvercommitAllowed(name) &&
    limit !== undefined &&
    request !== undefined &&
    compareQuantities(limit, request) !== 0
  )
    problems.invalid(
      at('defaultRequest'),
      request,
      `default value ${limit} must equal to defaultRequest value ${request} in ${name}`,
    );
}

function validateRatio(
  problems: Problems,
  path: string,
  ratio: string | undefined,
  min: string | undefined,
  max: string | undefined,
): void {
  if (ratio === undefined) return;
  if (compareQuantities(ratio, '1') < 0) problems.invalid(path, ratio, `ratio ${ratio} is less than 1`);
  if (min === undefined || max === undefined) return;
  const highest = Number(asMilliBigInt(max)) / Number(asMilliBigInt(min));
  if (Number(asMilliBigInt(ratio)) / 1000 > highest)
    problems.invalid(path, ratio, `ratio ${ratio} is greater than max/min = ${highest.toFixed(6)}`);
}
