// Tokens that stand in Secrets of type kubernetes.io/service-account-token: signed for the account that the Secret names,
// without audience or end, and good for as long as they stand there (see claims.ts). Stores nothing: a controller does.
import { secrets, serviceAccounts } from '../../../generated/schemas/index.ts';
import type { ReadView } from '../../../ledger/types.ts';
import { errors } from '../../../machinery/errors.ts';
import { getObject } from '../../nodes/objects.ts';
import { legacyIssuer, legacyPrefix } from './claims.ts';
import type { Signer } from './signer.ts';

/** Throws ApiError. */
export async function secretToken(
  signer: Signer | undefined,
  ledger: ReadView,
  namespace: string,
  name: string,
): Promise<string> {
  if (!signer) throw errors.unavailable('there are no service account keys');
  const secret = getObject(ledger, secrets, namespace, name);
  if (!secret) throw errors.notFound(secrets, name);
  const accountName = secret.metadata.annotations?.['kubernetes.io/service-account.name'];
  if (secret.type !== 'kubernetes.io/service-account-token' || !accountName)
    throw errors.badRequest(`Secret ${namespace}/${name} is not one for a token`);
  const account = getObject(ledger, serviceAccounts, namespace, accountName);
  if (!account) throw errors.notFound(serviceAccounts, accountName);
  return signer.sign({
    iss: legacyIssuer,
    [`${legacyPrefix}namespace`]: namespace,
    [`${legacyPrefix}secret.name`]: name,
    [`${legacyPrefix}service-account.name`]: accountName,
    [`${legacyPrefix}service-account.uid`]: account.metadata.uid,
    sub: `system:serviceaccount:${namespace}:${accountName}`,
  });
}
