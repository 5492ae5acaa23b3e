// Secrets of type kubernetes.io/service-account-token that somebody made by hand: filled with a token of the account they
// name, deleted with it. Keys: `namespace/secret`. The API server signs: the token is a bound one, tied to the Secret, with
// the longest life that a TokenRequest may ask for. Nothing is made for accounts on its own.
import type { Secret, ServiceAccount } from '../../generated/schemas/core-v1.ts';
import { secrets, serviceAccounts } from '../../generated/schemas/index.ts';
import type { Controller, ObjectChange, Reader, ReconcileContext, Result } from '../../reconcile/types.ts';
import { source } from '../../reconcile/types.ts';
import { keyOf, splitKey } from '../lib/keys.ts';
import type { ControllerOptions } from '../lib/options.ts';
import { writeAll } from '../lib/write.ts';

const secretType = 'kubernetes.io/service-account-token';
const nameAnnotation = 'kubernetes.io/service-account.name';
const uidAnnotation = 'kubernetes.io/service-account.uid';
const lifetimeSecondsMax = 2 ** 32;

export function create(options: ControllerOptions): Controller {
  return {
    name: 'tokens-controller',
    sources: [
      source(secrets, ({ type, object }) => (type === 'put' && object.type === secretType ? [keyOf(object)] : [])),
      source(serviceAccounts, keysOfAccount),
    ],
    reconcile: (key, context) => reconcile(key, options, context),
  };
}

async function keysOfAccount(
  { type, object, previous }: ObjectChange<ServiceAccount>,
  reader: Reader,
): Promise<string[]> {
  if (type === 'put' && previous !== undefined) return [];
  const { namespace, name } = object.metadata;
  const all = await reader.list(secrets, { namespace, fieldSelector: `type=${secretType}` });
  return all.filter((secret) => secret.metadata.annotations?.[nameAnnotation] === name).map(keyOf);
}

async function reconcile(key: string, options: ControllerOptions, { client }: ReconcileContext): Promise<Result> {
  const { namespace, name } = splitKey(key);
  const secret = await client.get(secrets, namespace, name);
  const accountName = secret?.metadata.annotations?.[nameAnnotation];
  if (secret?.type !== secretType || accountName === undefined || secret.metadata.deletionTimestamp !== undefined)
    return {};
  const account = await client.get(serviceAccounts, namespace, accountName);
  const { uid, resourceVersion } = secret.metadata;
  const wantedUid = secret.metadata.annotations?.[uidAnnotation];
  if (account === undefined || (wantedUid !== undefined && wantedUid !== account.metadata.uid)) {
    await writeAll(client, [{ verb: 'delete', resource: secrets, namespace, name, uid, resourceVersion }]);
    return {};
  }
  const fixed = { 'ca.crt': base64(options.caCertificate), namespace: base64(namespace) };
  const token = secret.data?.token;
  const filled =
    token !== undefined && wantedUid !== undefined && Object.entries(fixed).every(([k, v]) => secret.data?.[k] === v);
  if (filled || options.issueToken === undefined) return {};
  const data = {
    ...secret.data,
    ...fixed,
    token: token ?? base64(await options.issueToken(namespace, accountName, requestFor(secret))),
  };
  const annotations = { ...secret.metadata.annotations, [uidAnnotation]: account.metadata.uid };
  await writeAll(client, [
    {
      verb: 'update',
      resource: secrets,
      object: { ...secret, metadata: { ...secret.metadata, annotations }, data } as Secret,
    },
  ]);
  return {};
}

function requestFor({ metadata: { name, uid } }: Secret): Record<string, unknown> {
  const boundObjectRef = { apiVersion: 'v1', kind: 'Secret', name, uid };
  return { expirationSeconds: lifetimeSecondsMax, boundObjectRef };
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
