// Validation of ResourceSlices (resource/validation: ValidateResourceSlice): of which driver and pool, where, and what.
import type { ResourceSlice, ResourceSliceSpec } from '../../../generated/schemas/resource-v1.ts';
import { validateNodeSelector } from '../../core/podspec/scheduling.ts';
import { fieldImmutableMessage, type Problems } from '../../problems.ts';
import { validateDriverName } from '../../storage/validation.ts';
import { validateCounters, validateDevice, validateNodeName } from '../devices.ts';
import { eachOnce, validateLabelled, validatePoolName } from '../names.ts';

const devicesMax = 128;
/** Devices with taints or counters take more room. */
const richDevicesMax = 64;
const counterSetsMax = 8;

export function validateSlice(problems: Problems, { spec }: ResourceSlice, old: ResourceSlice | undefined): void {
  const { name = '', resourceSliceCount = 0, generation = 0 } = spec?.pool ?? {};
  validateDriverName(problems, 'spec.driver', spec?.driver);
  validatePoolName(problems, 'spec.pool.name', name);
  if (resourceSliceCount <= 0)
    problems.invalid('spec.pool.resourceSliceCount', resourceSliceCount, 'must be greater than zero');
  if (generation < 0) problems.invalid('spec.pool.generation', generation, 'must be greater than or equal to zero');
  if (old) validateKept(problems, spec, old.spec);
  if (!spec) return;
  validateScope(problems, spec);
  if (spec.sharedCounters && spec.devices)
    problems.invalid('spec', '', 'only one of `sharedCounters` or `devices` is allowed');
  const rich = (spec.devices ?? []).some((one) => one.taints?.length || one.consumesCounters?.length);
  eachOnce(
    problems,
    'spec.devices',
    spec.devices,
    rich ? richDevicesMax : devicesMax,
    (device, at) => {
      const before = old?.spec?.devices?.find((one) => one.name === device.name);
      validateDevice(problems, at, device, before, spec.perDeviceNodeSelection ?? false);
    },
    (device) => device.name ?? '',
  );
  eachOnce(
    problems,
    'spec.sharedCounters',
    spec.sharedCounters,
    counterSetsMax,
    (set, at) => {
      if (!set.name) problems.required(`${at}.name`);
      else validateLabelled(problems, `${at}.name`, set.name);
      validateCounters(problems, `${at}.counters`, set.counters);
    },
    (set) => set.name ?? '',
  );
}

function validateKept(
  problems: Problems,
  spec: ResourceSliceSpec | undefined,
  old: ResourceSliceSpec | undefined,
): void {
  const kept: [string, string | undefined, string | undefined][] = [
    ['spec.pool.name', spec?.pool?.name, old?.pool?.name],
    ['spec.driver', spec?.driver, old?.driver],
    ['spec.nodeName', spec?.nodeName, old?.nodeName],
  ];
  for (const [path, value, before] of kept)
    if (value !== before) problems.invalid(path, value ?? null, fieldImmutableMessage);
}

/** The one way in which the slice says where its devices are. */
function validateScope(problems: Problems, spec: ResourceSliceSpec): void {
  const set: string[] = [];
  if (spec.nodeName === '') problems.invalid('spec.nodeName', '', 'must be either unset or set to a non-empty string');
  else if (spec.nodeName !== undefined) {
    set.push('`nodeName`');
    validateNodeName(problems, 'spec.nodeName', spec.nodeName);
  }
  if (spec.nodeSelector) {
    set.push('`nodeSelector`');
    validateNodeSelector(problems, 'spec.nodeSelector', spec.nodeSelector, true);
    const terms = spec.nodeSelector.nodeSelectorTerms ?? [];
    if (terms.length !== 1)
      problems.invalid('spec.nodeSelector.nodeSelectorTerms', terms, 'must have exactly one node selector term');
  }
  for (const part of ['allNodes', 'perDeviceNodeSelection'] as const) {
    if (spec[part]) set.push(`\`${part}\``);
    else if (spec[part] === false) problems.invalid(`spec.${part}`, false, 'must be either unset or set to true');
  }
  const message = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';
  if (set.length === 0) problems.required('spec', message);
  else if (set.length > 1) problems.invalid('spec', `{${set.join(', ')}}`, `${message}, but multiple fields are set`);
}
