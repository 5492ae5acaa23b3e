// Managed fields between an object and its scale: of the object's managers, scale shows those who own the replicas, as if they
// had written the Scale; and who takes the replicas through scale takes them in the object.
import type { ManagedFieldsEntry } from '../meta.ts';
import { entriesOf, type Managers, storedManagers } from './entries.ts';
import { difference, has, isEmpty, single } from './fields.ts';

const replicas = ['f:spec', 'f:replicas'];
const scaleVersion = 'autoscaling/v1';

/** As the Scale has them. `apiVersion`: of the object. */
export function scaleEntries(
  entries: readonly ManagedFieldsEntry[] | undefined,
  apiVersion: string,
): ManagedFieldsEntry[] | undefined {
  const shown: Managers = new Map();
  for (const [id, manager] of storedManagers(entries))
    if (manager.apiVersion === apiVersion && has(manager.fields, replicas))
      shown.set(id, { ...manager, apiVersion: scaleVersion, fields: single(replicas) });
  return entriesOf(shown);
}

/** The object's entries after a write of its Scale left `scale` as the Scale's. */
export function parentEntries(
  entries: readonly ManagedFieldsEntry[] | undefined,
  scale: readonly ManagedFieldsEntry[] | undefined,
  apiVersion: string,
): ManagedFieldsEntry[] | undefined {
  const parents = storedManagers(entries);
  const scalers = storedManagers(scale);
  const out: Managers = new Map();
  for (const [id, manager] of parents) {
    if (manager.apiVersion !== apiVersion) continue;
    if (!has(manager.fields, replicas) || scalers.delete(id)) {
      out.set(id, manager);
      continue;
    }
    const fields = difference(manager.fields, single(replicas));
    if (!isEmpty(fields)) out.set(id, { ...manager, fields });
  }
  // Times are those that the object has, which does not know managers of the Scale's version.
  for (const [id, scaler] of scalers)
    if (has(scaler.fields, replicas))
      out.set(id, { ...scaler, apiVersion, time: parents.get(id)?.time, fields: single(replicas) });
  return entriesOf(out);
}
