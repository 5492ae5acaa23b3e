// `tiffin keys`: keys that are replaced while everything runs. The control plane makes and keeps them; here is only asked for
// it, and told what it means. `families` holds what can be rotated.
import { Api, type TargetOptions, targetOf } from '../api.ts';
import { durationMs } from '../duration.ts';
import { CliError } from '../errors.ts';
import { encryptionLines, rotateEncryption } from './keys-encryption.ts';

export interface RotateOptions extends TargetOptions {
  /** How long a new key is only published. */
  signAfter?: string;
  finish?: boolean;
  force?: boolean;
}

const path = '/tiffin.dev/v1/keys';

interface Family {
  rotate(api: Api, options: RotateOptions): Promise<void>;
  /** Lines for `keys status`. */
  lines(status: never): string[];
}

interface ServiceAccountKey {
  kid: string;
  algorithm: string;
  origin: string;
  state: 'signs' | 'published' | 'verifies';
  signsFrom?: string;
  neededUntil?: string;
  secrets?: string[];
}

interface ServiceAccountStatus {
  keys: ServiceAccountKey[];
}

const serviceAccount: Family = {
  async rotate(api, { signAfter = '1h', finish = false, force = false }) {
    const act = <T>(action: string, body: object) =>
      api.json<T & ServiceAccountStatus>('POST', `${path}/service-account/${action}`, body);
    if (!finish) {
      if (force) throw new CliError('--force goes with --finish');
      const { made, keys } = await act<{ made: string }>('rotate', {
        signAfterSeconds: durationMs(signAfter) / 1000,
      });
      const key = keys.find(({ kid }) => kid === made);
      print(serviceAccount.lines({ keys } as never));
      console.log(
        key?.state === 'signs'
          ? '\nThe new key signs from now on; the others go on verifying.'
          : `\nThe new key is published; it signs from ${key?.signsFrom} on, by itself, and the others go on verifying.`,
      );
      console.log('Once the tokens of the others have been renewed: tiffin keys rotate service-account --finish');
      return;
    }
    const { retired, kept, keys } = await act<{ retired: string[]; kept: { kid: string; because: string }[] }>(
      'retire',
      { force },
    );
    print(serviceAccount.lines({ keys } as never));
    console.log(`\nkeys that verify no more: ${retired.join(', ') || 'none'}`);
    const next = keys.find(({ state }) => state === 'published');
    if (kept.length === 0 && retired.length === 0 && next)
      throw new CliError(
        `too early: the new key signs from ${next.signsFrom} on (at once with: tiffin keys rotate service-account --sign-after 0)`,
      );
    if (kept.length === 0) return;
    const why = kept.map(({ kid, because }) => `${kid}: ${because}`).join('\n');
    throw new CliError(`still needed (--force retires them all the same, and their tokens with them):\n${why}`);
  },
  lines({ keys }: ServiceAccountStatus) {
    return keys.map(({ kid, algorithm, origin, state, signsFrom, neededUntil, secrets }) =>
      [
        kid,
        algorithm,
        origin.padEnd(10),
        state === 'published' ? `signs from ${signsFrom}` : state.padEnd(8),
        neededUntil ? `tokens until ${neededUntil}` : '',
        secrets ? `tokens in Secrets: ${secrets.join(', ')}` : '',
      ]
        .join('  ')
        .trimEnd(),
    );
  },
};

const encryption: Family = { rotate: rotateEncryption, lines: encryptionLines };
const families: Readonly<Record<string, Family>> = { 'service-account': serviceAccount, encryption };
export const familyNames = Object.keys(families);

export async function keysStatus(options: TargetOptions): Promise<void> {
  await withApi(options, async (api) => {
    const status = await api.json<Record<string, never>>('GET', path);
    for (const [name, one] of Object.entries(status)) {
      console.log(`${name}:`);
      const lines = families[name]?.lines(one) ?? [JSON.stringify(one)];
      print(lines.map((line) => `  ${line}`));
    }
  });
}

export async function keysRotate(name: string, options: RotateOptions): Promise<void> {
  const family = Object.hasOwn(families, name) ? families[name] : undefined;
  if (!family) throw new CliError(`no keys of that name: ${name} (there are: ${familyNames.join(', ')})`);
  await withApi(options, (api) => family.rotate(api, options));
}

async function withApi(options: TargetOptions, work: (api: Api) => Promise<void>): Promise<void> {
  const api = new Api(targetOf(options));
  try {
    await work(api);
  } finally {
    api.close();
  }
}

const print = (lines: readonly string[]): void => console.log(lines.join('\n'));
