// Types that the facts lack, in the facts' own form: those of k8s.io/metrics and k8s.io/kube-aggregator. Also how the names of
// types of API groups are read, whichever package they are of.
import type { Definition, Definitions } from './schema-types.ts';

/** Group folder, version and kind of a type of an API group; undefined: it is of no group. */
export function apiType(name: string): { group: string; version: string; kind: string } | undefined {
  const match = /^io\.k8s\.(?:api|(?:metrics|kube-aggregator)\.pkg\.apis)\.([a-z0-9]+)\.([a-z0-9]+)\.(\w+)$/.exec(name);
  return match ? { group: match[1] as string, version: match[2] as string, kind: match[3] as string } : undefined;
}

const metrics = 'io.k8s.metrics.pkg.apis.metrics.v1beta1.';
const aggregation = 'io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.';
const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
const quantity = 'io.k8s.apimachinery.pkg.api.resource.Quantity';

/** What has a folder of its own under src/apis. */
export const addedKinds = [`${metrics}NodeMetrics`, `${metrics}PodMetrics`, `${aggregation}APIService`];

const text: Definition = { type: 'string' };
const integer: Definition = { type: 'integer', format: 'int32' };
const ref = (name: string): Definition => ({ $ref: `#/components/schemas/${name}` });
const struct = (name: string): Definition => ({ default: {}, ...ref(name) });
const written = (of: Definition, zero: unknown): Definition => ({ ...of, default: zero });
const list = (items: Definition, more: Definition = {}): Definition => ({ type: 'array', items, ...more });
const type = (properties: Record<string, Definition>, required: string[] = []): Definition => ({
  type: 'object',
  ...(required.length > 0 ? { required } : {}),
  properties,
});
const kind = (properties: Record<string, Definition>, required?: string[]): Definition =>
  type({ apiVersion: text, kind: text, metadata: struct(`${meta}ObjectMeta`), ...properties }, required);
const listOf = (name: string): Definition =>
  type({ apiVersion: text, items: list(struct(name)), kind: text, metadata: struct(`${meta}ListMeta`) }, ['items']);

const usage: Definition = { type: 'object', additionalProperties: ref(quantity) };
const window = { timestamp: ref(`${meta}Time`), window: ref(`${meta}Duration`) };

export const addedDefinitions: Definitions = {
  [`${metrics}NodeMetrics`]: kind({ ...window, usage }, ['timestamp', 'window', 'usage']),
  [`${metrics}PodMetrics`]: kind({ ...window, containers: list(struct(`${metrics}ContainerMetrics`)) }, [
    'timestamp',
    'window',
    'containers',
  ]),
  [`${metrics}ContainerMetrics`]: type({ name: written(text, ''), usage }, ['name', 'usage']),
  [`${aggregation}APIService`]: kind({
    spec: struct(`${aggregation}APIServiceSpec`),
    status: struct(`${aggregation}APIServiceStatus`),
  }),
  [`${aggregation}APIServiceSpec`]: type(
    {
      caBundle: { ...text, format: 'byte', 'x-kubernetes-list-type': 'atomic' },
      group: text,
      groupPriorityMinimum: written(integer, 0),
      insecureSkipTLSVerify: { type: 'boolean' },
      service: ref(`${aggregation}ServiceReference`),
      version: text,
      versionPriority: written(integer, 0),
    },
    ['groupPriorityMinimum', 'versionPriority'],
  ),
  [`${aggregation}ServiceReference`]: type({ name: text, namespace: text, port: integer }),
  [`${aggregation}APIServiceStatus`]: type({
    conditions: list(struct(`${aggregation}APIServiceCondition`), {
      'x-kubernetes-list-map-keys': ['type'],
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-patch-merge-key': 'type',
      'x-kubernetes-patch-strategy': 'merge',
    }),
  }),
  [`${aggregation}APIServiceCondition`]: type(
    {
      lastTransitionTime: ref(`${meta}Time`),
      message: text,
      reason: text,
      status: written(text, ''),
      type: written(text, ''),
    },
    ['type', 'status'],
  ),
};
for (const name of addedKinds) addedDefinitions[`${name}List`] = listOf(name);

const ofInterval =
  'The following fields define time interval from which metrics were collected from the interval [Timestamp-Window, Timestamp].';
const ofUsage = 'The memory usage is the memory working set.';
const listMetadata =
  'Standard list metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds';

/** What `kubectl explain` tells of those that no package describes: of the type, then of its fields. */
export const addedDescriptions: Readonly<Record<string, { d: string; f: Readonly<Record<string, string>> }>> = {
  [`${metrics}NodeMetrics`]: {
    d: 'NodeMetrics sets resource usage metrics of a node.',
    f: { timestamp: ofInterval, usage: ofUsage },
  },
  [`${metrics}PodMetrics`]: {
    d: 'PodMetrics sets resource usage metrics of a pod.',
    f: {
      timestamp: ofInterval,
      containers: 'Metrics for all containers are collected within the same time window.',
    },
  },
  [`${metrics}ContainerMetrics`]: {
    d: 'ContainerMetrics sets resource usage metrics of a container.',
    f: { name: 'Container name corresponding to the one from pod.spec.containers.', usage: ofUsage },
  },
  [`${metrics}NodeMetricsList`]: {
    d: 'NodeMetricsList is a list of NodeMetrics.',
    f: { metadata: listMetadata, items: 'List of node metrics.' },
  },
  [`${metrics}PodMetricsList`]: {
    d: 'PodMetricsList is a list of PodMetrics.',
    f: { metadata: listMetadata, items: 'List of pod metrics.' },
  },
};

const wire = (name: string): string => name.replace(/^io\.k8s\./, 'k8s.io.');
const one = (field: string, of: string): [string, string, string] => [field, wire(of), ''];
const many = (field: string, of: string): [string, string, string] => [field, wire(of), 'repeated'];
const usageWire: [string, string, string, string] = ['usage', wire(quantity), 'map', 'string'];
const metadataWire = one('metadata', `${meta}ObjectMeta`);
const windowWire = { 2: one('timestamp', `${meta}Time`), 3: one('window', `${meta}Duration`) };

/** Their messages, under the names that the others go by. */
export const addedMessages: Record<string, Record<string, [string, string, string, string?]>> = {
  [`${metrics}NodeMetrics`]: { 1: metadataWire, ...windowWire, 4: usageWire },
  [`${metrics}PodMetrics`]: { 1: metadataWire, ...windowWire, 4: many('containers', `${metrics}ContainerMetrics`) },
  [`${metrics}ContainerMetrics`]: { 1: one('name', 'string'), 2: usageWire },
  [`${aggregation}APIService`]: {
    1: metadataWire,
    2: one('spec', `${aggregation}APIServiceSpec`),
    3: one('status', `${aggregation}APIServiceStatus`),
  },
  [`${aggregation}APIServiceSpec`]: {
    1: one('service', `${aggregation}ServiceReference`),
    2: one('group', 'string'),
    3: one('version', 'string'),
    4: one('insecureSkipTLSVerify', 'bool'),
    5: one('caBundle', 'bytes'),
    7: one('groupPriorityMinimum', 'int32'),
    8: one('versionPriority', 'int32'),
  },
  [`${aggregation}ServiceReference`]: {
    1: one('namespace', 'string'),
    2: one('name', 'string'),
    3: one('port', 'int32'),
  },
  [`${aggregation}APIServiceStatus`]: { 1: many('conditions', `${aggregation}APIServiceCondition`) },
  [`${aggregation}APIServiceCondition`]: {
    1: one('type', 'string'),
    2: one('status', 'string'),
    3: one('lastTransitionTime', `${meta}Time`),
    4: one('reason', 'string'),
    5: one('message', 'string'),
  },
  ...Object.fromEntries(
    addedKinds.map((name) => [`${name}List`, { 1: one('metadata', `${meta}ListMeta`), 2: many('items', name) }]),
  ),
};
for (const [name, message] of Object.entries(addedMessages)) {
  delete addedMessages[name];
  addedMessages[wire(name)] = message;
}
