// What a local control plane is started with, and when it is started anew.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { controlPlaneComponent } from './control-plane.ts';
import { statePaths } from './paths.ts';
import { pkiFiles } from './pki.ts';
import { makeStateDir } from './state-dir.ts';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-control-plane-'));
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));
const paths = statePaths(path.join(dir, 'state'));
const settings = { instance: 0, port: 6443, listen: '127.0.0.1', nodes: 0, simulatedNodes: 0 };
const mode = (file: string) => fs.statSync(file).mode & 0o777;

test('its files are its user’s alone; the administrator’s token is replaced by deleting it', async () => {
  makeStateDir(paths);
  const first = await controlPlaneComponent(paths, settings);
  const pki = pkiFiles(paths.pki);
  for (const file of [pki.caKey, pki.servingKey, pki.serviceAccountKey, pki.encryptionKeys, pki.adminToken])
    expect(mode(file), file).toBe(0o600);
  expect(mode(paths.kubeconfig)).toBe(0o600);
  expect(mode(paths.configuration)).toBe(0o600);
  expect(mode(paths.pki)).toBe(0o700);
  expect(mode(paths.ledger)).toBe(0o700);
  expect((await controlPlaneComponent(paths, settings)).fingerprint).toBe(first.fingerprint);

  const before = fs.readFileSync(pki.adminToken, 'utf8');
  fs.rmSync(pki.adminToken);
  const second = await controlPlaneComponent(paths, settings);
  const token = fs.readFileSync(pki.adminToken, 'utf8');
  expect(token).not.toBe(before);
  expect(fs.readFileSync(paths.kubeconfig, 'utf8')).toContain(token);
  expect(second.fingerprint).not.toBe(first.fingerprint);
}, 60_000);
