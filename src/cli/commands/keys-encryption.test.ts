// `tiffin keys rotate encryption` by several at once: whatever key the control plane seals under is in the file.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Api } from '../api.ts';
import { type EncryptionKey, newEncryptionKey, readEncryptionKeys, writeEncryptionKeys } from '../encryption-keys.ts';
import { CliError } from '../errors.ts';
import { statePaths } from '../paths.ts';
import { pkiFiles } from '../pki.ts';
import { sleep } from '../processes.ts';
import { rotateEncryption } from './keys-encryption.ts';

let stateDir: string;
let file: string;

beforeEach(() => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
  stateDir = fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-keys-'));
  file = pkiFiles(statePaths(stateDir).pki).encryptionKeys;
  fs.mkdirSync(path.dirname(file), { recursive: true });
  writeEncryptionKeys(file, [newEncryptionKey(0)]);
});
afterEach(() => {
  vi.restoreAllMocks();
  fs.rmSync(stateDir, { recursive: true });
});

/** A control plane that takes a moment, and has as many rows under each key as there can be. */
function controlPlane() {
  const keys = [readEncryptionKeys(file)[0]!.name];
  const json = async (method: string, _path: string, body?: EncryptionKey): Promise<object> => {
    await sleep(5);
    if (method === 'POST') keys.unshift(body!.name);
    return {
      state: 'settled',
      keys: keys.map((name, at) => ({ id: name, name: `cluster:${name}`, rows: 1, state: at ? 'reads' : 'writes' })),
      unreadable: 0,
      wasPlain: false,
    };
  };
  return { keys, api: { json } as unknown as Api };
}

describe('a rotation of the keys of Secrets', () => {
  it('leaves out no key that another one made meanwhile', async () => {
    const { keys, api } = controlPlane();
    await Promise.all([1, 2, 3].map(() => rotateEncryption(api, { stateDir })));
    expect(keys).toHaveLength(4);
    expect(readEncryptionKeys(file).map(({ name }) => name)).toEqual(keys);
  });
  it.each(['', '[', 'null', '{}', '[null]', '[{}]', '[{"name":"k","secret":"c2hvcnQ="}]', '[{"name":1,"secret":""}]'])(
    'refuses a damaged file, and leaves it as it is: %j',
    async (text) => {
      const { keys, api } = controlPlane();
      fs.writeFileSync(file, text);
      for (const finish of [false, true]) {
        const error = await rotateEncryption(api, { stateDir, finish }).catch((one: unknown) => one);
        expect(error).toBeInstanceOf(CliError);
        expect((error as CliError).message).toContain(`${file} is damaged`);
      }
      expect(fs.readFileSync(file, 'utf8')).toBe(text);
      expect(keys).toHaveLength(1);
    },
  );
});
