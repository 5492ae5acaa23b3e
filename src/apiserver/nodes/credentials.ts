// A node's own credential: an opaque random token of which the ledger keeps the SHA-256 beside the objects, under
//   tiffin.dev/credentials/<hex of the hash>     {"node":"n1"}      tag credential-of=n1
// One node has one credential: joining again replaces it, and the old one is refused from that revision on.

import type { Ledger, ReadView } from '../../ledger/types.ts';
import type { Random } from '../../ports/index.ts';

const prefix = 'tiffin.dev/credentials/';
const range = { start: prefix, end: 'tiffin.dev/credentials0' };
/** Tells a node credential from other bearer tokens without a read. */
export const credentialPrefix = 'tiffin-node.';

async function keyOf(token: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token));
  return prefix + Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

/** Issues the node's credential, replacing what it had. */
export async function issueCredential(ledger: Ledger, random: Random, node: string): Promise<string> {
  const token = credentialPrefix + base64url(random.bytes(32));
  const key = await keyOf(token);
  const tag = `credential-of=${node}`;
  await ledger.commit((tx) => {
    for (const old of tx.range({ ...range, tag }).entries)
      tx.delete(old.key, (_revision, current) => ({ value: current.value, side: '' }));
    tx.put(key, () => ({ value: JSON.stringify({ node }), side: '', tags: [tag] }));
  });
  return token;
}

/** The node that this bearer token belongs to; undefined for anything else. */
export async function nodeOfCredential(ledger: ReadView, token: string): Promise<string | undefined> {
  if (!token.startsWith(credentialPrefix)) return undefined;
  const entry = ledger.get(await keyOf(token));
  return entry && (JSON.parse(entry.value) as { node: string }).node;
}
