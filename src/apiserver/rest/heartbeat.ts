// Signs of life of nodes, which are never written: filled into objects as they are read, singly or in lists. A watch sends
// objects as they are stored.
import type { Entry } from '../../ledger/types.ts';
import type { AnyResource } from '../../machinery/resource.ts';
import type { Core } from '../core.ts';
import { decode, encodeValue, keyParts } from '../storage/codec.ts';
import { keyOf, keyRange } from '../storage/read.ts';

function nodeOf(definition: AnyResource, key: string): string | undefined {
  const { namespace, name } = keyParts(key);
  return definition.heartbeat?.node(namespace, name);
}

/** Before a read: brings what is known of the nodes concerned up to date. `name` '': of a whole list. */
export async function refreshContacts(
  { contacts, ledger }: Core,
  definition: AnyResource,
  namespace: string,
  name: string,
): Promise<void> {
  if (!contacts || !definition.heartbeat) return;
  const keys =
    name === ''
      ? ledger.range({ ...keyRange(definition, namespace), withoutValues: true }).entries.map(({ key }) => key)
      : [keyOf(definition, namespace, name)];
  const nodes = keys.map((key) => nodeOf(definition, key)).filter((node) => node !== undefined);
  if (nodes.length > 0) await contacts.refresh(nodes);
}

/** The row as it is read. Its metadata stays, so that the side column fits. */
export function filled(core: Core, definition: AnyResource, entry: Entry): Entry {
  return fills(core, definition)(entry);
}

/** Many rows as they are read. One that is read again is the same, whatever has been heard meanwhile. */
export function fills({ contacts }: Core, definition: AnyResource): (entry: Entry) => Entry {
  const known = new Map<string, number | undefined>();
  const lastContact = (node: string): number | undefined => {
    if (!known.has(node)) known.set(node, contacts?.lastContact(node));
    return known.get(node);
  };
  return (entry) => {
    const node = nodeOf(definition, entry.key);
    const contact = node === undefined ? undefined : lastContact(node);
    if (contact === undefined) return entry;
    const object = decode(definition, entry.value);
    definition.heartbeat?.fill(object, contact);
    return { ...entry, value: encodeValue(object, Number(object.metadata.resourceVersion)).value };
  };
}
