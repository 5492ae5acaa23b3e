// What differs between a server and what was read off another: discovery, table columns, objects of a new cluster. One
// line a difference; a line begins with what was compared and where. Reads through `get`, changes nothing.

type Json = Record<string, unknown>;
/** The JSON at a path, undefined unless the answer is 200. */
export type Get = (path: string, accept?: string) => Promise<unknown>;

interface GroupDiscovery {
  metadata?: { name?: string };
  versions: { version: string; resources: ResourceDiscovery[] }[];
}
interface ResourceDiscovery {
  resource: string;
  scope: string;
  responseKind: { kind: string };
  subresources?: { subresource: string }[];
}

const pathOf = (groupVersion: string) =>
  groupVersion.includes('/') ? `/apis/${groupVersion}` : `/api/${groupVersion}`;
const groupVersionOf = (group: string, version: string) => (group === '' ? version : `${group}/${version}`);
const text = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value));
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Where two values differ, as `path: theirs, ours`; keys in any order, lists in theirs. */
export function differences(theirs: unknown, ours: unknown, at = ''): string[] {
  if (isObject(theirs) && isObject(ours))
    return [...new Set([...Object.keys(theirs), ...Object.keys(ours)])].flatMap((key) =>
      differences(theirs[key], ours[key], at === '' ? key : `${at}.${key}`),
    );
  if (Array.isArray(theirs) && Array.isArray(ours) && theirs.length === ours.length)
    return theirs.flatMap((one, i) => differences(one, ours[i], `${at}[${i}]`));
  if (text(theirs) === text(ours)) return [];
  return objectsApart(theirs, ours, at) ?? [`${at === '' ? '' : `${at}: `}${text(theirs)} there, ${text(ours)} here`];
}

const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, one) => (isObject(one) ? Object.fromEntries(Object.entries(one).sort()) : one));

/** Of two lists of objects of which one side has some more: these; undefined: the lists differ in another way. */
function objectsApart(theirs: unknown, ours: unknown, at: string): string[] | undefined {
  if (!Array.isArray(theirs) || !Array.isArray(ours) || ![...theirs, ...ours].every(isObject)) return undefined;
  const [there, here] = [theirs.map(canonical), ours.map(canonical)];
  const common = (list: readonly string[], other: readonly string[]) => list.filter((one) => other.includes(one));
  if (text(common(there, here)) !== text(common(here, there))) return undefined;
  const [missing, more] = [there.filter((one) => !here.includes(one)), here.filter((one) => !there.includes(one))];
  if (missing.length > 0 && more.length > 0) return undefined;
  return [...missing.map((one) => `${at}: ${one}: missing`), ...more.map((one) => `${at}: ${one}: not there`)];
}

/** Those of `theirs` and `ours` by name: what is missing, what is more, what `compare` finds, and whether the order is another. */
function byName<T>(
  where: string,
  theirs: readonly T[],
  ours: readonly T[],
  name: (one: T) => string,
  compare: (where: string, theirs: T, ours: T) => string[],
): string[] {
  const here = new Map(ours.map((one) => [name(one), one]));
  const there = new Map(theirs.map((one) => [name(one), one]));
  const found = theirs.flatMap((one) => {
    const own = here.get(name(one));
    return own === undefined ? [`${where}${name(one)}: missing`] : compare(`${where}${name(one)}`, one, own);
  });
  const more = ours.filter((one) => !there.has(name(one))).map((one) => `${where}${name(one)}: not there`);
  const order = (list: readonly T[], other: Map<string, T>) => list.map(name).filter((one) => other.has(one));
  const [wanted, got] = [order(theirs, here), order(ours, there)];
  const misplaced =
    text(wanted) === text(got) ? [] : [`${where}order: ${wanted.join(' ')} there, ${got.join(' ')} here`];
  return [...found, ...more, ...misplaced];
}

const flatten = (groups: readonly GroupDiscovery[]) =>
  groups.flatMap(({ metadata, versions }) =>
    versions.map((version) => ({ groupVersion: groupVersionOf(metadata?.name ?? '', version.version), ...version })),
  );

const withoutCreation = (groups: readonly GroupDiscovery[]) =>
  groups.map(({ metadata, ...group }) => {
    const { creationTimestamp: _, ...rest } = (metadata ?? {}) as Json;
    return { ...group, metadata: rest as { name?: string } };
  });

/** `discovery: apps/v1 deployments/scale: verbs: […] there, […] here`. */
export async function compareDiscovery(get: Get, theirs: GroupDiscovery[]): Promise<string[]> {
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
  const ours: GroupDiscovery[] = [];
  for (const path of ['/api', '/apis']) ours.push(...((await get(path, accept)) as { items: GroupDiscovery[] }).items);
  const there = flatten(theirs);
  const here = flatten(withoutCreation(ours));
  return byName(
    'discovery: ',
    there,
    here,
    ({ groupVersion }) => groupVersion,
    (where, group, own) => {
      const { resources, ...rest } = group;
      const { resources: ownResources, ...ownRest } = own;
      return [
        ...differences(rest, ownRest).map((line) => `${where}: ${line}`),
        ...byName(`${where} `, resources, ownResources, ({ resource }) => resource, resourceDifferences),
      ];
    },
  );
}

function resourceDifferences(where: string, theirs: ResourceDiscovery, ours: ResourceDiscovery): string[] {
  const { subresources = [], ...rest } = theirs;
  const { subresources: ownSubresources = [], ...ownRest } = ours;
  return [
    ...differences(rest, ownRest).map((line) => `${where}: ${line}`),
    ...byName(
      `${where}/`,
      subresources,
      ownSubresources,
      ({ subresource }) => subresource,
      (at, one, own) => differences(one, own).map((line) => `${at}: ${line}`),
    ),
  ];
}

/** `tables: v1 pods: …`; theirs are [name, type, format, priority] by `groupVersion plural`. */
export async function compareTables(
  get: Get,
  theirs: Record<string, [string, string, string, number][]>,
): Promise<string[]> {
  const found: string[] = [];
  for (const [key, columns] of Object.entries(theirs)) {
    const [groupVersion, plural] = key.split(' ') as [string, string];
    const table = (await get(
      `${pathOf(groupVersion)}/${plural}?limit=1`,
      'application/json;as=Table;v=v1;g=meta.k8s.io',
    )) as { kind: string; columnDefinitions?: Json[] } | undefined;
    if (table?.kind !== 'Table') {
      found.push(`tables: ${key}: missing`);
      continue;
    }
    const own = (table.columnDefinitions ?? []).map(({ name, type, format, priority }) => [
      name,
      type,
      format,
      priority,
    ]);
    if (text(own) !== text(columns)) found.push(`tables: ${key}: ${text(columns)} there, ${text(own)} here`);
  }
  return found;
}

interface Bootstrapped extends Json {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
}

/** What a server fills in, which no two servers have the same. */
const ownMetadata = ['uid', 'resourceVersion', 'creationTimestamp', 'generation', 'managedFields'];

function comparable({ status: _, ...object }: Json): Json {
  const metadata = { ...(object.metadata as Json) };
  for (const key of ownMetadata) delete metadata[key];
  return { ...object, metadata };
}

/** `bootstrap: FlowSchema catch-all: …`; in both directions for the kinds that `theirs` holds. */
export async function compareBootstrap(
  get: Get,
  discovery: GroupDiscovery[],
  theirs: Bootstrapped[],
): Promise<string[]> {
  const found: string[] = [];
  for (const { groupVersion, resources } of flatten(discovery)) {
    for (const { resource, responseKind } of resources) {
      const wanted = theirs.filter((one) => one.apiVersion === groupVersion && one.kind === responseKind.kind);
      if (wanted.length === 0) continue;
      const list = (await get(`${pathOf(groupVersion)}/${resource}`)) as { items: Bootstrapped[] } | undefined;
      const ours = (list?.items ?? []).map((one) => ({
        ...one,
        apiVersion: groupVersion,
        kind: responseKind.kind,
      }));
      const name = ({ metadata }: Bootstrapped) =>
        `${responseKind.kind} ${metadata.namespace ? `${metadata.namespace}/` : ''}${metadata.name}`;
      const compared = byName('bootstrap: ', wanted, ours, name, (where, one, own) =>
        differences(comparable(one), comparable(own)).map((line) => `${where}: ${line}`),
      );
      // A list is in the order of names wherever it comes from.
      found.push(...compared.filter((line) => !line.startsWith('bootstrap: order:')));
    }
  }
  return found;
}
