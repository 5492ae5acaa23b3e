// Ephemeral containers come by a way of their own, and are held to what the others are (classes of CVE-2023-2727 and -2728).
import { expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { testServer } from '../testing.ts';

const base = '/api/v1/namespaces/default';
const enforce = 'kubernetes.io/enforce-mountable-secrets';

async function podOf(annotations: Record<string, string>) {
  const { call } = await testServer(openSql());
  const account = { metadata: { name: 'default', annotations }, secrets: [{ name: 'known' }] };
  expect((await call('POST', `${base}/serviceaccounts`, account)).code).toBe(201);
  const pod = { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  expect((await call('POST', `${base}/pods`, pod)).code).toBe(201);
  return (part: object) =>
    call('PATCH', `${base}/pods/p/ephemeralcontainers`, {
      spec: { ephemeralContainers: [{ name: 'd', image: 'i', ...part }] },
    });
}
const env = (name: string) => ({ env: [{ name: 'E', valueFrom: { secretKeyRef: { name, key: 'k' } } }] });
const envFrom = (name: string) => ({ envFrom: [{ secretRef: { name } }] });

test.each([
  ['env', env, 'ephemeral container d with envVar E referencing secret.secretName="other"'],
  ['envFrom', envFrom, 'ephemeral container d with envFrom referencing secret.secretName="other"'],
])('no Secret beyond those of the account, by %s', async (_how, part, what) => {
  const patch = await podOf({ [enforce]: 'true' });
  const refused = await patch(part('other'));
  expect(refused.code).toBe(403);
  expect(refused.json.message).toBe(
    `pods "p" is forbidden: ${what} is not allowed because service account default does not reference that secret`,
  );
  expect((await patch(part('known'))).code).toBe(200);
});

test('any Secret where the account does not say', async () => {
  const patch = await podOf({});
  expect((await patch(env('other'))).code).toBe(200);
});
