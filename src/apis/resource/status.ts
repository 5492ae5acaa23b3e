// The status of a ResourceClaim: what was allocated, for whom it is reserved, and what drivers tell of the devices.
import type {
  AllocatedDeviceStatus,
  AllocationResult,
  DeviceRequestAllocationResult,
  ResourceClaim,
} from '../../generated/schemas/resource-v1.ts';
import { parseCidr } from '../../machinery/cidr.ts';
import { deepEqual } from '../../machinery/validation.ts';
import { validateConditions } from '../conditions.ts';
import { validateNodeSelector } from '../core/podspec/scheduling.ts';
import { textBytes } from '../data.ts';
import { fieldImmutableMessage, type Problems } from '../problems.ts';
import { validateDriverName } from '../storage/validation.ts';
import { configMax, requestNames, requestsMax, validateRequestReference, validateRequestReferences } from './claims.ts';
import {
  eachOf,
  eachOnce,
  validateBinding,
  validateConfiguration,
  validateLabelled,
  validateParameters,
  validatePoolName,
  validateToleration,
  validateUuid,
} from './names.ts';

const reservedMax = 256;
const conditionsMax = 8;
const dataBytesMax = 10 * 1024;
const addressesMax = 16;
const interfaceNameBytesMax = 256;
const hardwareAddressBytesMax = 128;
const sources = ['FromClaim', 'FromClass'];

type DeviceId = Pick<DeviceRequestAllocationResult, 'driver' | 'pool' | 'device' | 'shareID'>;

/** As upstream prints it. */
const deviceId = ({ driver = '', pool = '', device = '', shareID }: DeviceId): string =>
  `${driver}/${pool}/${device}${shareID === undefined ? '' : `/${shareID}`}`;

const allocated = (claim: ResourceClaim): Set<string> =>
  new Set((claim.status?.allocation?.devices?.results ?? []).map(deviceId));

/** What is told of devices that the claim has no longer goes with them. */
export function dropDeallocated(claim: ResourceClaim, old: ResourceClaim): void {
  const now = allocated(claim);
  const before = allocated(old);
  const devices = claim.status?.devices?.filter((one) => now.has(deviceId(one)) || !before.has(deviceId(one)));
  if (!devices || devices.length === claim.status.devices?.length) return;
  if (devices.length > 0) claim.status.devices = devices;
  else delete claim.status.devices;
}

export function validateClaimStatus(problems: Problems, claim: ResourceClaim, old: ResourceClaim): void {
  const { reservedFor = [], devices, allocation } = claim.status ?? {};
  eachOnce(
    problems,
    'status.reservedFor',
    reservedFor,
    reservedMax,
    (consumer, at) => {
      for (const part of ['resource', 'name', 'uid'] as const) if (!consumer[part]) problems.required(`${at}.${part}`);
    },
    ({ uid }) => uid ?? '',
  );
  const known = allocated(claim);
  eachOnce(
    problems,
    'status.devices',
    devices,
    -1,
    (device, at) => validateDevice(problems, at, device, known),
    deviceId,
  );
  if (reservedFor.length > 0 && !allocation)
    problems.forbidden('status.reservedFor', 'may not be specified when `allocated` is not set');
  else if (claim.metadata.deletionTimestamp !== undefined) {
    const before = old.status?.reservedFor ?? [];
    if (reservedFor.some((one) => !before.some((other) => deepEqual(other, one))))
      problems.forbidden(
        'status.reservedFor',
        'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set',
      );
  }
  if (!allocation) return;
  if (!old.status?.allocation) validateAllocation(problems, claim, allocation);
  else if (!deepEqual(allocation, old.status.allocation))
    problems.invalid('status.allocation', allocation, fieldImmutableMessage);
}

function validateAllocation(problems: Problems, claim: ResourceClaim, allocation: AllocationResult): void {
  const names = requestNames(claim.spec?.devices);
  const at = 'status.allocation.devices';
  eachOf(problems, `${at}.results`, allocation.devices?.results, requestsMax, (result, one) => {
    validateRequestReference(problems, `${one}.request`, result.request ?? '', names);
    validateDeviceName(problems, one, result);
    validateBinding(problems, one, result);
    eachOf(problems, `${one}.tolerations`, result.tolerations, -1, (toleration, place) =>
      validateToleration(problems, place, toleration),
    );
    if (result.shareID !== undefined) validateUuid(problems, `${one}.shareID`, result.shareID);
  });
  eachOf(problems, `${at}.config`, allocation.devices?.config, 2 * configMax, (config, one) => {
    problems.oneOf(`${one}.source`, config.source, sources, 'required');
    validateRequestReferences(problems, `${one}.requests`, config.requests, names);
    validateConfiguration(problems, one, config);
  });
  validateNodeSelector(problems, 'status.allocation.nodeSelector', allocation.nodeSelector, true);
}

function validateDeviceName(problems: Problems, path: string, { driver, pool = '', device = '' }: DeviceId): void {
  validateDriverName(problems, `${path}.driver`, driver);
  validatePoolName(problems, `${path}.pool`, pool);
  validateLabelled(problems, `${path}.device`, device);
}

function validateDevice(
  problems: Problems,
  path: string,
  device: AllocatedDeviceStatus,
  known: ReadonlySet<string>,
): void {
  validateDeviceName(problems, path, device);
  if (device.shareID !== undefined) validateUuid(problems, `${path}.shareID`, device.shareID);
  if (!known.has(deviceId(device)))
    problems.invalid(path, deviceId(device), 'must be an allocated device in the claim');
  const conditions = device.conditions ?? [];
  if (conditions.length > conditionsMax) problems.tooMany(`${path}.conditions`, conditions.length, conditionsMax);
  validateConditions(problems, `${path}.conditions`, conditions);
  if (device.data !== undefined) validateParameters(problems, `${path}.data`, device.data, dataBytesMax);
  const { interfaceName = '', hardwareAddress = '', ips } = device.networkData ?? {};
  const at = `${path}.networkData`;
  if (textBytes(interfaceName) > interfaceNameBytesMax) problems.tooLong(`${at}.interfaceName`, interfaceNameBytesMax);
  if (textBytes(hardwareAddress) > hardwareAddressBytesMax)
    problems.tooLong(`${at}.hardwareAddress`, hardwareAddressBytesMax);
  eachOnce(
    problems,
    `${at}.ips`,
    ips,
    addressesMax,
    (address, one) => validateInterfaceAddress(problems, one, address),
    (address) => address,
  );
}

function validateInterfaceAddress(problems: Problems, path: string, address: string): void {
  const parsed = parseCidr(address);
  const canonical = parsed && `${parsed.ip.text}/${parsed.bits}`;
  if (canonical === undefined)
    problems.invalid(path, address, 'must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)');
  else if (canonical !== address) problems.invalid(path, address, `must be in canonical form ("${canonical}")`);
}
