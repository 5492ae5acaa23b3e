import 'reflect-metadata';
import { X509Certificate as NodeCertificate } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { ensurePki, pkiFiles } from './pki.ts';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-pki-'));
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

const day = 24 * 60 * 60 * 1000;
const now = Date.now();
const read = (file: string) => fs.readFileSync(file, 'utf8');

describe('keys of a cluster', () => {
  test('are made once, private, and fit together', async () => {
    const pki = await ensurePki(dir, ['127.0.0.1', 'localhost'], now);
    for (const file of [pki.caKey, pki.servingKey, pki.serviceAccountKey, pki.adminToken]) {
      expect(fs.statSync(file).mode & 0o077, file).toBe(0);
    }
    const before = Object.values(pkiFiles(dir)).map(read);
    await ensurePki(dir, ['localhost', '127.0.0.1'], now + day);
    expect(Object.values(pkiFiles(dir)).map(read)).toEqual(before);
    expect(read(pki.adminToken)).toMatch(/^[\w-]{43}$/);
    const ca = new NodeCertificate(read(pki.caCertificate));
    const serving = new NodeCertificate(read(pki.servingCertificate));
    expect(ca.ca).toBe(true);
    expect(serving.ca).toBe(false);
    expect(serving.verify(ca.publicKey)).toBe(true);
    expect(serving.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(serving.checkHost('localhost')).toBe('localhost');
  });

  test('another address gives another serving certificate under the same CA', async () => {
    const pki = await ensurePki(dir, ['127.0.0.1', '10.89.0.1'], now);
    const serving = new NodeCertificate(read(pki.servingCertificate));
    expect(serving.checkIP('10.89.0.1')).toBe('10.89.0.1');
    expect(serving.checkHost('localhost')).toBeUndefined();
    expect(serving.verify(new NodeCertificate(read(pki.caCertificate)).publicKey)).toBe(true);
  });

  test('a serving certificate is renewed before it expires', async () => {
    const names = ['127.0.0.1'];
    const { servingCertificate } = await ensurePki(dir, names, now);
    const first = read(servingCertificate);
    await ensurePki(dir, names, now + 300 * day);
    expect(read(servingCertificate)).toBe(first);
    await ensurePki(dir, names, now + 340 * day);
    expect(read(servingCertificate)).not.toBe(first);
  });
});
