// Rotation of the service account issuer's keys, as an administrator asks for it: how the keys are, `rotate` (a new key is
// published now and signs later), `retire` (those verify no more that nobody needs; with `force`, all that do not sign).
import type { Secret } from '../../../../generated/schemas/core-v1.ts';
import { secrets } from '../../../../generated/schemas/index.ts';
import type { ReadView } from '../../../../ledger/types.ts';
import { textFromBase64 } from '../../../../machinery/bytes.ts';
import { errors } from '../../../../machinery/errors.ts';
import type { Clock } from '../../../../ports/index.ts';
import { timestamp } from '../../../core.ts';
import { decodeAs, entries, keyRange } from '../../../nodes/objects.ts';
import type { KeyFamily } from '../../../pages/keys.ts';
import { parseJws } from '../../jws.ts';
import { type KeyRing, madeKeysMax, type RingKey, signingOf } from './ring.ts';

/** As long as others may hold what they have read at /openid/v1/jwks (its Cache-Control says so). */
export const publishedSeconds = 3600;
const signAfterSecondsMax = 30 * 24 * 3600;
const secretType = 'kubernetes.io/service-account-token';

export interface KeyStatus {
  kid: string;
  algorithm: string;
  origin: 'configured' | 'made';
  /** `published`: it verifies, and will sign. */
  state: 'signs' | 'published' | 'verifies';
  signsFrom?: string;
  /** When the last token ends or has been renewed that it signed. */
  neededUntil?: string;
  /** Secrets whose tokens it signed, which do not end: `namespace/name`. */
  secrets?: string[];
}

export function serviceAccountKeys(options: { ring: KeyRing; ledger: ReadView; clock: Clock }): KeyFamily {
  const { ring, ledger, clock } = options;
  const described = async (): Promise<{ one: RingKey; status: KeyStatus }[]> => {
    const keys = await ring.keys();
    const signing = signingOf(keys, clock.now());
    const inSecrets = secretsByKey(ledger);
    return keys.map((one) => {
      const { key, configured, signsFromMs, neededUntilMs } = one;
      const waits = key.privateKey !== undefined && (signsFromMs ?? 0) > clock.now();
      const held = inSecrets.get(key.kid);
      const status: KeyStatus = {
        kid: key.kid,
        algorithm: key.algorithm,
        origin: configured ? 'configured' : 'made',
        state: one === signing ? 'signs' : waits ? 'published' : 'verifies',
        ...(signsFromMs === undefined ? {} : { signsFrom: timestamp(signsFromMs) }),
        ...(neededUntilMs === undefined ? {} : { neededUntil: timestamp(neededUntilMs) }),
        ...(held ? { secrets: held } : {}),
      };
      return { one, status };
    });
  };
  const status = async () => ({ keys: (await described()).map((each) => each.status) });
  return {
    status,
    actions: {
      async rotate({ signAfterSeconds = publishedSeconds }) {
        const seconds = Number(signAfterSeconds);
        if (typeof signAfterSeconds !== 'number' || !(seconds >= 0 && seconds <= signAfterSecondsMax))
          throw errors.badRequest(`signAfterSeconds must be a number from 0 to ${signAfterSecondsMax}`);
        const keys = await ring.keys();
        if (!keys.some(({ key, configured }) => configured && key.privateKey) && !signingOf(keys, clock.now()))
          throw errors.badRequest('there is no private key among the service account keys');
        if (keys.filter(({ configured }) => !configured).length >= madeKeysMax)
          throw errors.badRequest(`there are ${madeKeysMax} keys already: retire those that nobody needs`);
        const { key } = await ring.rotate(clock.now() + seconds * 1000);
        return { made: key.kid, ...(await status()) };
      },
      async retire({ force = false }) {
        if (typeof force !== 'boolean') throw errors.badRequest('force must be true or false');
        const retired: string[] = [];
        const kept: { kid: string; because: string }[] = [];
        for (const { one, status } of await described()) {
          if (status.state !== 'verifies') continue;
          const because = force ? undefined : neededBecause(status, one, clock.now());
          if (because) kept.push({ kid: status.kid, because });
          else {
            await ring.retire(one);
            retired.push(status.kid);
          }
        }
        return { retired, kept, ...(await status()) };
      },
    },
  };
}

function neededBecause(status: KeyStatus, { neededUntilMs = 0 }: RingKey, nowMs: number): string | undefined {
  if (status.secrets)
    return `tokens in Secrets that it signed do not end; delete them, and they are made anew by whoever needs them: ${status.secrets.join(', ')}`;
  return neededUntilMs > nowMs ? `tokens that it signed count until ${status.neededUntil}` : undefined;
}

function secretsByKey(ledger: ReadView): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { value, side } of entries(ledger, keyRange(secrets))) {
    if (!side.includes(secretType)) continue;
    const { metadata, data, type }: Secret = decodeAs(secrets, value);
    const kid = type === secretType ? parseJws(textFromBase64(data?.token ?? '') ?? '')?.kid : undefined;
    if (kid === undefined) continue;
    const held = found.get(kid) ?? [];
    held.push(`${metadata.namespace}/${metadata.name}`);
    found.set(kid, held);
  }
  return found;
}
