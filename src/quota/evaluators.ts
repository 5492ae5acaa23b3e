// The evaluators by resource, and the whole use of a namespace.
import type { PersistentVolumeClaim, ResourceQuotaSpec, Service } from '../generated/schemas/core-v1.ts';
import type { DeviceRequest, DeviceSubRequest, ResourceClaim } from '../generated/schemas/resource-v1.ts';
import { groupResource, type KubeObject } from '../machinery/meta.ts';
import {
  asBigInt,
  maxQuantity,
  parseQuantity,
  type Quantity,
  quantityOf,
  zeroQuantity,
} from '../machinery/quantity.ts';
import { boundedBy, countEvaluator, type Evaluator, inScopes } from './evaluator.ts';
import { add, only, type Usage } from './list.ts';
import { podEvaluator } from './pods.ts';
import { matchesScopeValue, scopesOf } from './scopes.ts';

const one = quantityOf(1);

const serviceNames = ['count/services', 'services', 'services.nodeports', 'services.loadbalancers'];
const serviceEvaluator: Evaluator<Service> = {
  bounds: (name) => serviceNames.includes(name),
  handles: (operation) => operation === 'CREATE' || operation === 'UPDATE',
  usage({ spec }) {
    const { type, ports = [], allocateLoadBalancerNodePorts } = spec ?? {};
    const balanced = type === 'LoadBalancer';
    // Ports are allocated later: it is what the service asks for that counts.
    const wanted = balanced && allocateLoadBalancerNodePorts === false ? ports.filter((port) => port.nodePort) : ports;
    return new Map([
      ['count/services', one],
      ['services', one],
      ['services.loadbalancers', balanced ? one : zeroQuantity],
      ['services.nodeports', quantityOf(balanced || type === 'NodePort' ? wanted.length : 0)],
    ]);
  },
};

const storageClassSuffix = '.storageclass.storage.k8s.io/';
const claimNames = ['persistentvolumeclaims', 'requests.storage'];

function attributesClasses({ spec, status }: PersistentVolumeClaim): string[] {
  const names = [
    spec?.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ];
  return [...new Set(names.filter((name): name is string => Boolean(name)))];
}

function claimStorage({ spec, status }: PersistentVolumeClaim): Quantity | undefined {
  const wanted = spec?.resources?.requests?.storage;
  if (wanted === undefined) return undefined;
  const allocated = status?.allocatedResources?.storage;
  const charged = allocated === undefined ? parseQuantity(wanted) : maxQuantity(wanted, allocated);
  return quantityOf(asBigInt(charged), charged.format);
}

const claimEvaluator: Evaluator<PersistentVolumeClaim> = {
  bounds: (name) =>
    name === 'count/persistentvolumeclaims' ||
    claimNames.includes(name) ||
    claimNames.some((one) => name.endsWith(storageClassSuffix + one)),
  handles: (operation, subresource) =>
    (subresource === '' && (operation === 'CREATE' || operation === 'UPDATE')) || subresource === 'status',
  usage(claim) {
    const usage = new Map([
      ['count/persistentvolumeclaims', one],
      ['persistentvolumeclaims', one],
    ]);
    const storage = claimStorage(claim);
    if (storage !== undefined) usage.set('requests.storage', storage);
    const storageClass =
      claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? claim.spec?.storageClassName;
    if (storageClass)
      for (const name of claimNames) {
        const quantity = usage.get(name);
        if (quantity !== undefined) usage.set(storageClass + storageClassSuffix + name, quantity);
      }
    return usage;
  },
  inScope: (requirement, claim) =>
    requirement.scopeName === 'VolumeAttributesClass' && matchesScopeValue(requirement, attributesClasses(claim)),
};

const deviceClassSuffix = '.deviceclass.resource.k8s.io/devices';
/** As many devices as one claim can be given (resource.k8s.io AllocationResultsMaxSize). */
const devicesMax = 32;

const devicesOf = ({ allocationMode, count }: { allocationMode?: string; count?: number }): Quantity =>
  quantityOf(allocationMode === 'All' ? devicesMax : (count ?? 1));

/** Of a request: devices by class. Of alternatives, each class counts with its largest. */
function devicesByClass({ exactly, firstAvailable }: DeviceRequest): Usage {
  if (exactly) return new Map([[exactly.deviceClassName + deviceClassSuffix, devicesOf(exactly)]]);
  const out = new Map<string, Quantity>();
  for (const alternative of firstAvailable ?? ([] as DeviceSubRequest[])) {
    const name = alternative.deviceClassName + deviceClassSuffix;
    out.set(name, maxQuantity(out.get(name) ?? zeroQuantity, devicesOf(alternative)));
  }
  return out;
}

const deviceClaimEvaluator: Evaluator<ResourceClaim> = {
  bounds: (name) => name === 'count/resourceclaims.resource.k8s.io' || name.endsWith(deviceClassSuffix),
  handles: (operation, subresource) => subresource === '' && (operation === 'CREATE' || operation === 'UPDATE'),
  usage: ({ spec }) =>
    (spec?.devices?.requests ?? []).reduce<Usage>(
      (sum, request) => add(sum, devicesByClass(request)),
      new Map([['count/resourceclaims.resource.k8s.io', one]]),
    ),
};

const special: Readonly<Record<string, Evaluator<never>>> = {
  pods: podEvaluator,
  services: serviceEvaluator,
  persistentvolumeclaims: claimEvaluator,
  'resourceclaims.resource.k8s.io': deviceClaimEvaluator,
};
/** Resources with a name of their own beside `count/…`. */
const aliased = new Set(['configmaps', 'resourcequotas', 'replicationcontrollers', 'secrets']);
const counters = new Map<string, Evaluator>();

export function evaluatorOf(token: { group: string; plural: string }): Evaluator {
  const name = groupResource(token);
  if (Object.hasOwn(special, name)) return special[name] as unknown as Evaluator;
  let counter = counters.get(name);
  if (!counter) {
    counter = countEvaluator(aliased.has(name) ? [`count/${name}`, name] : [`count/${name}`]);
    counters.set(name, counter);
  }
  return counter;
}

/** What the objects of one resource use of what a quota bounds; every bound name is there. */
export function totalUsage(
  evaluator: Evaluator,
  spec: ResourceQuotaSpec,
  objects: readonly KubeObject[],
  nowMs: number,
): Usage {
  const names = boundedBy(evaluator, spec.hard);
  const scopes = scopesOf(spec);
  let total: Usage = new Map(names.map((name) => [name, zeroQuantity]));
  for (const object of objects)
    if (inScopes(evaluator, scopes, object)) total = add(total, only(evaluator.usage(object, nowMs), names));
  return total;
}
