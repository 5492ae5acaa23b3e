// Every example of a configuration in the docs is one that is taken, once what only its reader has is filled in.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { readConfiguration } from '../src/configuration/configuration.ts';

const docs = path.resolve(import.meta.dirname, '../docs');
const groups =
  /^(apiserver\.config|audit|eventratelimit\.admission|pod-security\.admission\.config)\.k8s\.io\/|^tiffin\.dev\//;

/** CN=ca1. */
const ca = `-----BEGIN CERTIFICATE-----
MIIBcTCCARegAwIBAgIUef4s7kzhIX7m4MEu76RPyVLOgeAwCgYIKoZIzj0EAwIw
DjEMMAoGA1UEAwwDY2ExMB4XDTI2MTEyMzAwMjcxM1oXDTI2MTIyMzAwMjcxM1ow
DjEMMAoGA1UEAwwDY2ExMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEH4otJ5x5
jCQw3pnKJGcIfQ1lfLU+98SqOJqzMiG0/oRWbZDUxiAWJY9LnvDgpAOJ6VnE4ywh
P+tw8210pOZc3KNTMFEwHQYDVR0OBBYEFC80aPrm5yQiJeH9jV0OShS8mGAuMB8G
A1UdIwQYMBaAFC80aPrm5yQiJeH9jV0OShS8mGAuMA8GA1UdEwEB/wQFMAMBAf8w
CgYIKoZIzj0EAwIDSAAwRQIhAPqunHSOOx+6wue0wpWsFhjnbACE6MZb8sc8lDYW
BxDXAiBuxK/xYkbUpMEA74jPLrc0uruvdmd49qEEm8x2GF/wFQ==
-----END CERTIFICATE-----
`;
const filledIn: Readonly<Record<string, string>> = {
  'BASE64 OF 16, 24 OR 32 BYTES': Buffer.alloc(32).toString('base64'),
  '-----BEGIN CERTIFICATE-----\n': ca.replaceAll('\n', '\n    '),
};
const fillIn = (text: string): string =>
  Object.entries(filledIn).reduce((filled, [gap, value]) => filled.replaceAll(gap, `${value.trimEnd()}\n`), text);

interface Document {
  apiVersion?: string;
}

const examples = fs
  .readdirSync(docs)
  .filter((file) => file.endsWith('.md'))
  .flatMap((file) =>
    [...fs.readFileSync(path.join(docs, file), 'utf8').matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text = '']) => ({
      file,
      documents: parseAllDocuments(fillIn(text)).map((document) => document.toJS() as Document | null),
    })),
  )
  .filter(({ documents }) => documents.some((document) => groups.test(document?.apiVersion ?? '')));

test.each(examples)('$file: $documents', ({ documents }) => {
  expect(() => readConfiguration(documents)).not.toThrow();
});

test('there are some of every file that has any', () => {
  expect(new Set(examples.map(({ file }) => file)).size).toBeGreaterThan(4);
});
