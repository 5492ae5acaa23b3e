// The limit ranges of a namespace: what containers get that state nothing, and what containers, pods and claims may ask for.
import type {
  Container,
  LimitRange,
  LimitRangeItem,
  PersistentVolumeClaim,
  Pod,
} from '../../generated/schemas/core-v1.ts';
import { limitRanges } from '../../generated/schemas/index.ts';
import { errors } from '../../machinery/errors.ts';
import { groupResource, type KubeObject } from '../../machinery/meta.ts';
import { asMilliBigInt, compareQuantities, formatQuantity } from '../../machinery/quantity.ts';
import { listOf } from '../../quota/list.ts';
import { podResources } from '../../quota/pods.ts';
import type { AdmissionPlugin, AdmissionRequest } from './chain.ts';

const annotation = 'kubernetes.io/limit-ranger';
type Resources = Readonly<Record<string, string>>;

export const limitRanger: AdmissionPlugin = {
  name: 'LimitRanger',
  admit(request) {
    if (!isPod(request)) return;
    for (const range of rangesFor(request)) giveDefaults(range, request.object as Pod);
  },
  validate(request) {
    for (const range of rangesFor(request)) {
      const found = [
        ...new Set(isPod(request) ? podProblems(range, request.object as Pod) : claimProblems(range, request.object)),
      ];
      if (found.length === 0) continue;
      const why = found.length === 1 ? (found[0] as string) : `[${found.join(', ')}]`;
      throw errors.forbidden(request.definition, request.name, why);
    }
  },
};

const isPod = ({ definition }: AdmissionRequest): boolean => groupResource(definition) === 'pods';

/** None where limits do not apply: to what is on its way out, and to updates of pods but for a resize. */
function rangesFor(request: AdmissionRequest): LimitRange[] {
  const { operation, definition, subresource, namespace, object } = request;
  if (operation !== 'CREATE' && operation !== 'UPDATE') return [];
  if (isPod(request) ? !(operation === 'CREATE' ? subresource === '' : subresource === 'resize') : subresource !== '')
    return [];
  if (!isPod(request) && groupResource(definition) !== 'persistentvolumeclaims') return [];
  if (!object || object.metadata.deletionTimestamp !== undefined) return [];
  return request.list(limitRanges, namespace);
}

const itemsOf = (range: LimitRange, type: string): LimitRangeItem[] =>
  (range.spec?.limits ?? []).filter((item) => item.type === type);

function giveDefaults(range: LimitRange, pod: Pod): void {
  const items = itemsOf(range, 'Container');
  const defaults = {
    requests: Object.assign({}, ...items.map((item) => item.defaultRequest)) as Resources,
    limits: Object.assign({}, ...items.map((item) => item.default)) as Resources,
  };
  const told: string[] = [];
  for (const [kind, containers] of [
    ['container', pod.spec.containers],
    ['init container', pod.spec.initContainers],
  ] as const)
    for (const container of containers ?? []) {
      for (const part of ['requests', 'limits'] as const) {
        const given = fillIn(container, part, defaults[part]);
        if (given.length > 0) told.push(`${given.join(', ')} ${part.slice(0, -1)} for ${kind} ${container.name}`);
      }
    }
  if (told.length > 0)
    pod.metadata.annotations = {
      ...pod.metadata.annotations,
      [annotation]: `LimitRanger plugin set: ${told.join('; ')}`,
    };
}

/** What the container did not state; the names of what it got. */
function fillIn(container: Container, part: 'requests' | 'limits', defaults: Resources): string[] {
  const stated = container.resources?.[part] ?? {};
  const missing = Object.keys(defaults).filter((name) => !Object.hasOwn(stated, name));
  if (missing.length === 0) return [];
  container.resources = { ...container.resources, [part]: { ...defaults, ...stated } };
  return missing.sort();
}

function podProblems(range: LimitRange, pod: Pod): string[] {
  const containers = [...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? [])];
  const ofPod = () => ({
    requests: listOf(podResources(pod, 'requests', false)),
    limits: listOf(podResources(pod, 'limits', false)),
  });
  return [
    ...itemsOf(range, 'Container').flatMap((item) =>
      containers.flatMap(({ resources }) => problemsOf(item, resources?.requests, resources?.limits)),
    ),
    ...itemsOf(range, 'Pod').flatMap((item) => {
      const { requests, limits } = ofPod();
      return problemsOf(item, requests, limits);
    }),
  ];
}

function claimProblems(range: LimitRange, object: KubeObject | undefined): string[] {
  const requests = (object as PersistentVolumeClaim).spec?.resources?.requests;
  return itemsOf(range, 'PersistentVolumeClaim').flatMap((item) => [
    ...each(item.min, (name, bound) => minProblem(item.type, name, bound, requests, undefined)),
    ...each(item.max, (name, bound) => maxRequestProblem(item.type, name, bound, requests)),
  ]);
}

function each(bounds: Resources | undefined, problem: (name: string, bound: string) => string | undefined): string[] {
  return Object.entries(bounds ?? {}).flatMap(([name, bound]) => problem(name, formatQuantity(bound)) ?? []);
}

function problemsOf(item: LimitRangeItem, requests: Resources | undefined, limits: Resources | undefined): string[] {
  return [
    ...each(item.min, (name, bound) => minProblem(item.type, name, bound, requests, limits)),
    ...each(item.max, (name, bound) => maxProblem(item.type, name, bound, requests, limits)),
    ...each(item.maxLimitRequestRatio, (name, bound) => ratioProblem(item.type, name, bound, requests, limits)),
  ];
}

function stated(resources: Resources | undefined, name: string): string | undefined {
  const quantity = resources && Object.hasOwn(resources, name) ? resources[name] : undefined;
  return quantity === undefined ? undefined : formatQuantity(quantity);
}

const below = (quantity: string | undefined, bound: string): boolean =>
  quantity !== undefined && compareQuantities(quantity, bound) < 0;
const above = (quantity: string | undefined, bound: string): boolean =>
  quantity !== undefined && compareQuantities(quantity, bound) > 0;

function minProblem(
  type: string,
  name: string,
  bound: string,
  requests: Resources | undefined,
  limits: Resources | undefined,
): string | undefined {
  const request = stated(requests, name);
  const limit = stated(limits, name);
  const rule = `minimum ${name} usage per ${type} is ${bound}`;
  if (request === undefined) return `${rule}.  No request is specified`;
  if (below(request, bound)) return `${rule}, but request is ${request}`;
  return below(limit, bound) ? `${rule}, but limit is ${limit}` : undefined;
}

function maxProblem(
  type: string,
  name: string,
  bound: string,
  requests: Resources | undefined,
  limits: Resources | undefined,
): string | undefined {
  const request = stated(requests, name);
  const limit = stated(limits, name);
  const rule = `maximum ${name} usage per ${type} is ${bound}`;
  if (limit === undefined) return `${rule}.  No limit is specified`;
  if (above(limit, bound)) return `${rule}, but limit is ${limit}`;
  return above(request, bound) ? `${rule}, but request is ${request}` : undefined;
}

function maxRequestProblem(
  type: string,
  name: string,
  bound: string,
  requests: Resources | undefined,
): string | undefined {
  const request = stated(requests, name);
  const rule = `maximum ${name} usage per ${type} is ${bound}`;
  if (request === undefined) return `${rule}.  No request is specified`;
  return above(request, bound) ? `${rule}, but request is ${request}` : undefined;
}

function ratioProblem(
  type: string,
  name: string,
  bound: string,
  requests: Resources | undefined,
  limits: Resources | undefined,
): string | undefined {
  const rule = `${name} max limit to request ratio per ${type} is ${bound}`;
  const request = asMilliBigInt(stated(requests, name) ?? '0');
  const limit = asMilliBigInt(stated(limits, name) ?? '0');
  if (request === 0n) return `${rule}, but no request is specified or request is 0`;
  if (limit === 0n) return `${rule}, but no limit is specified or limit is 0`;
  const ratio = Number(limit) / Number(request);
  return ratio * 1000 > Number(asMilliBigInt(bound)) ? `${rule}, but provided ratio is ${ratio.toFixed(6)}` : undefined;
}
