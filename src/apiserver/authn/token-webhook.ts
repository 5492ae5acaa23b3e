// Bearer tokens that somebody else knows: a webhook is asked whose each one is, by a TokenReview. A webhook that fails knows
// nobody, which is the log's matter and never the client's. Tokens are remembered by a hash alone.
import type { RequestAuthentication } from '../../configuration/request-authentication.ts';
import { sha256 } from '../../machinery/bytes.ts';
import { isJsonObject } from '../../machinery/schema/json.ts';
import type { Random } from '../../ports/index.ts';
import type { User } from '../core.ts';
import { Answers } from '../outgoing/answers.ts';
import type { Outside } from '../outgoing/call.ts';
import { type Review, ReviewClient } from '../outgoing/review-client.ts';
import type { Authenticator, Reviewed } from './authenticator.ts';
import { withAuthenticated } from './groups.ts';

type TokenWebhook = NonNullable<RequestAuthentication['tokenWebhook']>;

const tokenCharsMax = 64 * 1024;
const namesMax = 10_000;

/** `audiences`: the API server's. */
export function tokenWebhook(
  { server, timeoutMs, authorizedTtlMs, unauthorizedTtlMs }: TokenWebhook,
  { random, ...dependencies }: Outside & { random: Random },
  own: readonly string[],
): Authenticator {
  const client = new ReviewClient({
    ...dependencies,
    server,
    timeoutMs,
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
  });
  const answers = new Answers<Reviewed>(dependencies.timers);
  const salt = random.uuid();
  const review = async (token: string, audiences: readonly string[]): Promise<Reviewed | undefined> => {
    if (token.length > tokenCharsMax) return undefined;
    const question = String.fromCharCode(...(await sha256(JSON.stringify([salt, token, audiences]))));
    const held = answers.get(question);
    if (held) return held;
    const ask = async () => reviewed(await client.review({ token, audiences }), audiences, own);
    const ttlMs = (answer: Reviewed) => {
      if ('user' in answer) return authorizedTtlMs;
      // As upstream: what the webhook calls an error is asked again.
      return answer.refusal === '' ? unauthorizedTtlMs : 0;
    };
    return answers.ask(question, ask, ttlMs).catch(() => undefined);
  };
  return {
    async review(token, audiences) {
      const answer = await review(token, audiences);
      return answer && ('user' in answer || answer.refusal !== '') ? answer : undefined;
    },
    async authenticate(token) {
      const answer = await review(token, own);
      return answer && 'user' in answer ? answer.user : undefined;
    },
  };
}

/** As upstream: an answer that names no audiences is for the API server's own. */
function reviewed(status: Review, wanted: readonly string[], own: readonly string[]): Reviewed {
  const given = isTexts(status.audiences) && status.audiences.length > 0 ? status.audiences : own;
  const audiences = wanted.filter((one) => given.includes(one));
  if (audiences.length === 0) return { refusal: '' };
  if (status.authenticated !== true) return { refusal: typeof status.error === 'string' ? status.error : '' };
  const user = userOf(status.user);
  return user ? { user: withAuthenticated(user), audiences } : { refusal: 'the webhook named nobody' };
}

function userOf(value: unknown): User | undefined {
  if (!isJsonObject(value)) return undefined;
  const { username, uid, groups, extra } = value;
  if (typeof username !== 'string' || username === '') return undefined;
  if (!isAbsent(uid) && typeof uid !== 'string') return undefined;
  if (!isAbsent(groups) && !isTexts(groups)) return undefined;
  const pairs = isAbsent(extra) ? [] : isJsonObject(extra) ? Object.entries(extra) : undefined;
  if (!pairs?.every((pair): pair is [string, string[]] => isTexts(pair[1]))) return undefined;
  return {
    name: username,
    ...(typeof uid === 'string' && uid !== '' ? { uid } : {}),
    groups: isTexts(groups) ? groups : [],
    extra: Object.fromEntries(pairs),
  };
}

const isAbsent = (value: unknown): value is undefined | null => value === undefined || value === null;
const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.length <= namesMax && value.every((one) => typeof one === 'string');
