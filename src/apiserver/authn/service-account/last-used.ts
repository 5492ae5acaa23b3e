// Notes on a Secret the day on which its token was last used, as upstream does, so that somebody can see which of these
// tokens without end nobody needs. At most one write a day for each; the request does not wait for it.
import { secrets } from '../../../generated/schemas/index.ts';
import type { ReadView } from '../../../ledger/types.ts';
import type { Clock, Log } from '../../../ports/index.ts';
import type { Writer } from '../../../reconcile/types.ts';
import { getObject } from '../../nodes/objects.ts';
import type { TokenClaims } from './claims.ts';

const lastUsedLabel = 'kubernetes.io/legacy-token-last-used';

/** Whom to tell of each use of a legacy token. */
export function lastUsed(options: {
  ledger: ReadView;
  clock: Clock;
  log: Log;
  writer: Writer;
}): (claims: TokenClaims) => void {
  const { ledger, clock, log, writer } = options;
  const writing = new Set<string>();
  const note = async (namespace: string, name: string, uid: string, day: string): Promise<void> => {
    const patch = { metadata: { uid, labels: { [lastUsedLabel]: day } } };
    const [outcome] = await writer.write([{ verb: 'patch', resource: secrets, namespace, name, type: 'merge', patch }]);
    if (outcome?.ok === false) log.warn('last use of a token was not noted', { namespace, name, ...outcome.status });
  };
  return ({ namespace, legacySecret: name }) => {
    if (name === undefined) return;
    const key = `${namespace}/${name}`;
    const secret = writing.has(key) ? undefined : getObject(ledger, secrets, namespace, name);
    const day = new Date(clock.now()).toISOString().slice(0, 10);
    if (!secret || secret.metadata.labels?.[lastUsedLabel] === day) return;
    writing.add(key);
    note(namespace, name, secret.metadata.uid, day)
      .catch((error: unknown) =>
        log.warn('last use of a token was not noted', { namespace, name, error: String(error) }),
      )
      .finally(() => writing.delete(key));
  };
}
