// A node's own credential: an opaque random token of which the ledger keeps the SHA-256 beside the objects, under
//   tiffin.dev/credentials/<hex of the hash>     {"node":"n1","expiresMs":…,"renewableMs":…}      tag credential-of=n1
// The node makes it itself, so that asking again after a lost answer changes nothing. It is good for its work for a day or so,
// and to be renewed for some weeks, lest a machine that was off could not come back. A node has one; while it is being renewed
// two, until the new one is used for the first time: from then on the old one is nobody's.
//
// Worked example: n1 joins with A. Before A expires it asks with A for B: A and B both stand. The answer is lost, it asks again:
// nothing changes. It uses B: A is gone. Whoever had copied A is refused; had he renewed it himself, n1 would be, and be noticed.

import type { Ledger, ReadView, WriteView } from '../../ledger/types.ts';
import { sha256, toHex } from '../../machinery/bytes.ts';
import { errors } from '../../machinery/errors.ts';
import type { Clock, ClusterConfig, Random } from '../../ports/index.ts';
import { credentialForm, credentialPrefix, newCredential } from '../../protocol/node.ts';

const prefix = 'tiffin.dev/credentials/';
const range = { start: prefix, end: 'tiffin.dev/credentials0' };

interface Stored {
  node: string;
  /** Good for everything until then. Absent: of a version that let them live for ever. */
  expiresMs?: number;
  /** Good for its successor until then. */
  renewableMs?: number;
  /** Not used yet: the one that it succeeds still stands. */
  unused?: true;
}

const tagOf = (node: string): string => `credential-of=${node}`;

const keyOf = async (token: string): Promise<string> => prefix + toHex(await sha256(token));

function stored(view: ReadView, key: string): Stored | undefined {
  const entry = view.get(key);
  return entry && (JSON.parse(entry.value) as Stored);
}

/** Takes all credentials of the node away, but for `kept`. Answers how many there were. */
function removeOthers(tx: WriteView, node: string, kept?: string): number {
  const others = tx.range({ ...range, tag: tagOf(node) }).entries.filter(({ key }) => key !== kept);
  for (const { key } of others) tx.delete(key, (_revision, { value }) => ({ value, side: '' }));
  return others.length;
}

const put = (tx: WriteView, key: string, value: Stored): void => {
  tx.put(key, () => ({ value: JSON.stringify(value), side: '', tags: [tagOf(value.node)] }));
};

function lifeOf(nowMs: number, config: ClusterConfig): Pick<Stored, 'expiresMs' | 'renewableMs'> {
  return { expiresMs: nowMs + config.nodeCredentialMs, renewableMs: nowMs + config.nodeCredentialRenewableMs };
}

/** Credentials to be, looked up once: the hash takes its turn of the event loop. */
export interface NewCredential {
  readonly token: string;
  readonly key: string;
}

/** What a node that joins brings; one is made for agents that bring none. Throws BadRequest for what could be guessed. */
export async function credentialToBe(random: Random, token?: string): Promise<NewCredential> {
  if (token !== undefined && !credentialForm.test(token))
    throw errors.badRequest(`credential: expected ${credentialPrefix} and 32 random bytes in base64url`);
  const made = token ?? newCredential(random);
  return { token: made, key: await keyOf(made) };
}

/** Whether the credential is the node's already: its joining was answered, and the answer lost. Throws where it is another's. */
export function isIssued(view: ReadView, { key }: NewCredential, node: string): boolean {
  const present = stored(view, key);
  if (present && present.node !== node) throw errors.badRequest('credential: it is in use');
  return present !== undefined;
}

/** Gives the node a credential in place of what it had. */
export function issue(tx: WriteView, { key }: NewCredential, node: string, nowMs: number, config: ClusterConfig): void {
  removeOthers(tx, node, key);
  put(tx, key, { node, ...lifeOf(nowMs, config) });
}

/** Issues the node's credential, replacing what it had. */
export async function issueCredential(
  { ledger, random, clock, config }: { ledger: Ledger; random: Random; clock: Clock; config: ClusterConfig },
  node: string,
): Promise<string> {
  const made = await credentialToBe(random);
  await ledger.commit((tx) => issue(tx, made, node, clock.now(), config));
  return made.token;
}

/** Lets `next` succeed `token`. Idempotent. Throws Unauthorized where `token` may not be renewed (any more). */
export async function renewCredential(
  { ledger, random, clock, config }: { ledger: Ledger; random: Random; clock: Clock; config: ClusterConfig },
  token: string,
  next: string,
): Promise<string> {
  const made = await credentialToBe(random, next);
  const key = await keyOf(token);
  return ledger.commit((tx) => {
    const nowMs = clock.now();
    const current = credentialPrefix === token.slice(0, credentialPrefix.length) ? stored(tx, key) : undefined;
    if (!current || nowMs >= (current.renewableMs ?? Number.POSITIVE_INFINITY)) throw errors.unauthorized();
    const { node } = current;
    if (made.key === key) throw errors.badRequest('credential: it cannot succeed itself');
    if (isIssued(tx, made, node)) return node;
    // One that was made before and never used is given up.
    removeOthers(tx, node, key);
    put(tx, made.key, { node, ...lifeOf(nowMs, config), unused: true });
    return node;
  });
}

/** The node that this bearer token belongs to; undefined for anything else. The first use of a credential ends its predecessor. */
export async function nodeOfCredential(ledger: Ledger, clock: Clock, token: string): Promise<string | undefined> {
  if (!token.startsWith(credentialPrefix)) return undefined;
  const key = await keyOf(token);
  const found = stored(ledger, key);
  if (!found || !isLive(found, clock.now())) return undefined;
  if (!found.unused) return found.node;
  return ledger.commit((tx) => {
    // It may have been revoked meanwhile.
    const current = stored(tx, key);
    if (!current) return undefined;
    const { unused, ...used } = current;
    if (unused) {
      removeOthers(tx, used.node, key);
      put(tx, key, used);
    }
    return used.node;
  });
}

const isLive = ({ expiresMs }: Stored, nowMs: number): boolean => nowMs < (expiresMs ?? Number.POSITIVE_INFINITY);

/** Whether the node has a credential at all: what its link remembers of one that was revoked counts for nothing. */
export function hasCredential(ledger: ReadView, node: string): boolean {
  return ledger.range({ ...range, tag: tagOf(node), limit: 1 }).entries.length > 0;
}

/** Takes the node's credentials away. False: it had none. */
export function revokeCredentials(ledger: Ledger, node: string): Promise<boolean> {
  return ledger.commit((tx) => removeOthers(tx, node) > 0);
}
