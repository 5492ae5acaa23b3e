// `tiffin keys rotate encryption`: a new key under which Secrets are stored. It is written to DIR/pki before the control plane
// hears of it, so that no row is ever sealed under a key that nobody has; old keys stay until no row needs them.
import { type Api, messageOf, type TargetOptions } from '../api.ts';
import { newEncryptionKey, readEncryptionKeys, writeEncryptionKeys } from '../encryption-keys.ts';
import { CliError } from '../errors.ts';
import { takeLock } from '../lock.ts';
import { statePaths } from '../paths.ts';
import { pkiFiles } from '../pki.ts';

const path = '/tiffin.dev/v1/keys/encryption';
const prefix = 'cluster:';
const lockWaitMs = 10_000;

interface Status {
  state: 'settled' | 'resealing';
  keys: { id: string; name: string; rows: number; state: 'writes' | 'reads' | 'missing' }[];
  unreadable: number;
  wasPlain: boolean;
}

export function encryptionLines({ state, keys, unreadable, wasPlain }: Status): string[] {
  return [
    ...keys.map((key) => `${key.id.padEnd(40)}  ${key.state.padEnd(7)}  ${key.rows} rows`),
    ...(state === 'resealing' ? ['rows are being stored again under the key that writes'] : []),
    ...(unreadable > 0 ? [`${unreadable} rows cannot be opened`] : []),
    ...(wasPlain
      ? ['rows were once stored in plain: free space of the database may still hold them (see docs/encryption.md)']
      : []),
  ];
}

export async function rotateEncryption(
  api: Api,
  options: TargetOptions & { finish?: boolean; force?: boolean; signAfter?: string },
): Promise<void> {
  if (options.force) throw new CliError('--force is not for encryption: without its key a row is lost');
  if (options.signAfter) throw new CliError('--sign-after is not for encryption: the new key is used at once');
  const paths = statePaths(options.stateDir);
  const file = pkiFiles(paths.pki).encryptionKeys;
  // Two that read the file before either writes it: the key of one would be nowhere.
  const release = await takeLock(paths.lock, lockWaitMs);
  try {
    const status = await api.json<Status>('GET', path);
    const changed = options.finish ? await finish(api, options, file, status) : await begin(api, options, file, status);
    console.log(encryptionLines(await api.json<Status>('GET', path)).join('\n'));
    console.log(`\n${changed}`);
  } finally {
    release();
  }
}

async function begin(api: Api, { url }: TargetOptions, file: string, status: Status): Promise<string> {
  const missing = status.keys.filter(({ state }) => state === 'missing');
  if (missing.length > 0)
    throw new CliError(`rows are sealed under ${missing.map(({ id }) => id).join(', ')}, which is missing`);
  if (status.state === 'resealing')
    throw new CliError('rows are still being stored again since the last change of keys');
  const keys = readEncryptionKeys(file);
  const writing = status.keys.find(({ name, state }) => state === 'writes' && name.startsWith(prefix))?.name;
  // The control plane has not heard of the newest: an earlier rotation was interrupted here.
  const [newest] = keys;
  const key = newest && writing !== prefix + newest.name ? newest : newEncryptionKey(Date.now());
  if (key !== newest) writeEncryptionKeys(file, [key, ...keys]);
  if (url) return `The new key ${key.name} is in ${file}; the control plane has it after the next: npm run deploy`;
  await api.json('POST', `${path}/add`, key);
  return `Secrets are stored under ${key.name} from now on; those that are there are stored again, in the background.
Once no row needs the old keys (tiffin keys status): tiffin keys rotate encryption --finish`;
}

async function finish(api: Api, { url }: TargetOptions, file: string, status: Status): Promise<string> {
  const [writing, ...old] = readEncryptionKeys(file);
  if (!writing || !status.keys.some(({ name, state }) => name === prefix + writing.name && state === 'writes'))
    throw new CliError(
      `the key that writes is not the first in ${file}: tiffin keys rotate encryption puts that right`,
    );
  const kept: string[] = [];
  for (const key of old) {
    const rows = status.keys.find(({ name }) => name === prefix + key.name)?.rows ?? 0;
    const why = status.state === 'resealing' ? 'rows are still being stored again' : rows > 0 && `${rows} rows need it`;
    if (why) kept.push(`${key.name}: ${why}`);
    else {
      if (!url) await drop(api, key.name);
      writeEncryptionKeys(
        file,
        readEncryptionKeys(file).filter(({ name }) => name !== key.name),
      );
    }
  }
  if (kept.length > 0) throw new CliError(`still needed:\n${kept.join('\n')}`);
  const after = url ? '; the control plane forgets it with the next: npm run deploy' : '';
  return old.length === 0 ? 'There is no old key.' : `dropped: ${old.map(({ name }) => name).join(', ')}${after}`;
}

/** One that the control plane does not know any more is dropped already. */
async function drop(api: Api, name: string): Promise<void> {
  const { status, text } = await api.request('POST', `${path}/drop`, { name });
  if (status >= 300 && status !== 404) throw new CliError(messageOf(text));
}
