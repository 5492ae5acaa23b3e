// Secrets of type kubernetes.io/service-account-token that somebody made by hand: filled with a token of the account they
// name, deleted with it. Keys: `namespace/secret`. The API server signs; such a token lasts as long as the Secret that it stands
// in. Nothing is made for accounts on its own, and a token that is there is never made anew.
import type { Secret, ServiceAccount } from '../../generated/schemas/core-v1.ts';
import { secrets, serviceAccounts } from '../../generated/schemas/index.ts';
import { textToBase64 } from '../../machinery/bytes.ts';
import type { Controller, ObjectChange, Reader, ReconcileContext, Result } from '../../reconcile/types.ts';
import { source } from '../../reconcile/types.ts';
import { keyOf, splitKey } from '../lib/keys.ts';
import type { ControllerOptions } from '../lib/options.ts';
import { writeAll } from '../lib/write.ts';

const secretType = 'kubernetes.io/service-account-token';
const nameAnnotation = 'kubernetes.io/service-account.name';
const uidAnnotation = 'kubernetes.io/service-account.uid';

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
  const { 'ca.crt': ca, namespace: of, token } = secret.data ?? {};
  const wantedCa = textToBase64(options.caCertificate);
  if ((token && of && ca === wantedCa) || options.secretToken === undefined) return {};
  const data = {
    ...secret.data,
    'ca.crt': wantedCa,
    namespace: of || textToBase64(namespace),
    token: token || textToBase64(await options.secretToken(namespace, name)),
  };
  const annotations = {
    ...secret.metadata.annotations,
    [nameAnnotation]: accountName,
    [uidAnnotation]: account.metadata.uid,
  };
  await writeAll(client, [
    {
      verb: 'update',
      resource: secrets,
      object: { ...secret, metadata: { ...secret.metadata, annotations }, data } as Secret,
    },
  ]);
  return {};
}
