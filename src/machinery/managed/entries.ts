// metadata.managedFields: the entries that clients see, read into managers and written back in upstream's order. A manager is
// told apart by its name, operation and subresource, and, if it updates, by the version it writes.
import type { ManagedFieldsEntry } from '../meta.ts';
import { equalJson } from '../schema/json.ts';
import { ManagedFieldsError } from './element.ts';
import { type Fields, parseFields, sorted, union } from './fields.ts';

export interface Manager {
  readonly name: string;
  readonly applied: boolean;
  readonly subresource: string;
  readonly apiVersion: string;
  readonly time: string | undefined;
  readonly fields: Fields;
}

export type Managers = Map<string, Manager>;

type Identity = Pick<Manager, 'name' | 'applied' | 'subresource' | 'apiVersion'>;

export function identityOf({ name, applied, subresource, apiVersion }: Identity): string {
  return JSON.stringify([name, applied ? 'Apply' : apiVersion, applied, subresource]);
}

/** Of what is stored, which is in canonical form. */
export function storedManagers(entries: readonly ManagedFieldsEntry[] | undefined): Managers {
  const managers: Managers = new Map();
  for (const entry of entries ?? []) add(managers, entry, entry.fieldsV1 as Fields | undefined);
  return managers;
}

/** Of what a client sent. Throws ManagedFieldsError. */
export function sentManagers(entries: readonly ManagedFieldsEntry[]): Managers {
  const managers: Managers = new Map();
  for (const entry of entries) {
    if (entry.operation !== 'Apply' && entry.operation !== 'Update')
      throw new ManagedFieldsError('operation must be `Apply` or `Update`');
    if (!entry.apiVersion) throw new ManagedFieldsError('apiVersion must not be empty');
    if (entry.fieldsType !== 'FieldsV1') throw new ManagedFieldsError('missing or invalid fieldsType');
    add(managers, entry, parseFields(entry.fieldsV1));
  }
  return managers;
}

function add(managers: Managers, entry: ManagedFieldsEntry, fields: Fields = {}): void {
  const manager: Manager = {
    name: entry.manager ?? '',
    applied: entry.operation === 'Apply',
    subresource: entry.subresource ?? '',
    apiVersion: entry.apiVersion ?? '',
    time: entry.time,
    fields,
  };
  managers.set(identityOf(manager), manager);
}

/** Whether managedFields, as sent, ask for all of them to be forgotten: an empty list, or one empty entry. */
export function isReset(entries: readonly ManagedFieldsEntry[] | undefined): boolean {
  return entries !== undefined && (entries.length === 0 || (entries.length === 1 && equalJson(entries[0], {})));
}

const seconds = (time: string | undefined): number =>
  time === undefined ? 0 : Math.floor(Date.parse(time) / 1000) || 0;
const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** As entries, in order; undefined when there are none. */
export function entriesOf(managers: Managers): ManagedFieldsEntry[] | undefined {
  if (managers.size === 0) return undefined;
  const ordered = [...managers.values()];
  if (ordered.length > 1)
    ordered.sort(
      (a, b) =>
        Number(b.applied) - Number(a.applied) ||
        seconds(a.time) - seconds(b.time) ||
        compareText(a.name, b.name) ||
        compareText(a.apiVersion, b.apiVersion) ||
        compareText(a.subresource, b.subresource),
    );
  return ordered.map(({ name, applied, subresource, apiVersion, time, fields }) => ({
    ...(name === '' ? {} : { manager: name }),
    operation: applied ? 'Apply' : 'Update',
    apiVersion,
    ...(time === undefined ? {} : { time }),
    fieldsType: 'FieldsV1',
    fieldsV1: fields,
    ...(subresource === '' ? {} : { subresource }),
  }));
}

/** Whether the entries differ in nothing but their times. */
export function sameButForTimes(
  a: readonly ManagedFieldsEntry[] | undefined,
  b: readonly ManagedFieldsEntry[] | undefined,
): boolean {
  if (a?.length !== b?.length) return (a?.length ?? 0) === (b?.length ?? 0);
  return (a ?? []).every((entry, index) => {
    const { time: _a, ...mine } = entry;
    const { time: _b, ...other } = (b as readonly ManagedFieldsEntry[])[index] as ManagedFieldsEntry;
    return equalJson(mine, other);
  });
}

const updateManagersMax = 10;
const oldUpdates = 'ancient-changes';

/** Merges the oldest updates, per version, until there are no more than ten managers that update. Changes `managers`. */
export function capUpdates(managers: Managers): void {
  const updaters = [...managers].filter(([, { applied }]) => !applied);
  let count = updaters.length;
  if (count <= updateManagersMax) return;
  updaters.sort(([idA, a], [idB, b]) => seconds(a.time) - seconds(b.time) || compareText(idA, idB));
  const first = new Map<string, string>();
  for (const [id, manager] of updaters) {
    if (count <= updateManagersMax) return;
    const { apiVersion } = manager;
    const oldest = first.get(apiVersion);
    if (oldest === undefined) {
      first.set(apiVersion, id);
      continue;
    }
    const bucket: Identity = { name: oldUpdates, applied: false, subresource: '', apiVersion };
    const bucketId = identityOf(bucket);
    const held = managers.get(bucketId) ?? managers.get(oldest);
    if (!managers.has(bucketId)) managers.delete(oldest);
    managers.delete(id);
    managers.set(bucketId, {
      ...bucket,
      time: manager.time,
      fields: sorted(union(held?.fields ?? {}, manager.fields)),
    });
    count--;
  }
}
