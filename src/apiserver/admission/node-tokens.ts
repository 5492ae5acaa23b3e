// NodeRestriction of tokens (with ServiceAccountNodeAudienceRestriction): a node gets them only for a pod of its own, bound to it,
// and for an audience that the pod's volumes ask for; for others a role must allow it.
import type { TokenRequest } from '../../generated/schemas/authentication-v1.ts';
import type { Pod, Volume } from '../../generated/schemas/core-v1.ts';
import { csiDrivers, persistentVolumeClaims, persistentVolumes, pods } from '../../generated/schemas/index.ts';
import { errors, goQuoted } from '../../machinery/errors.ts';
import type { KubeObject, ResourceToken } from '../../machinery/meta.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import { nodeOf } from '../authz/node-identity.ts';
import type { User } from '../core.ts';

type Find = <T extends KubeObject>(token: ResourceToken<T>, namespace: string, name: string) => T | undefined;

export interface TokenCreation {
  user: User;
  account: { namespace: string; name: string };
  /** As it was asked for: no audience means the API server's. */
  spec: TokenRequest['spec'];
  find: Find;
}

/** Throws where a node may not have this token. */
export function restrictNodeToken({ user, account, spec, find }: TokenCreation, authorizer: Authorizer): void {
  const node = nodeOf(user);
  if (node === undefined) return;
  const refuse = (why: string) => errors.forbidden({ group: '', plural: 'serviceaccounts' }, account.name, why);
  if (node === '') throw refuse(`could not determine node from user ${goQuoted(user.name)}`);
  const { apiVersion, kind, name, uid } = spec?.boundObjectRef ?? {};
  if (apiVersion !== 'v1' || kind !== 'Pod' || !name) throw refuse('node requested token not bound to a pod');
  if (!uid) throw refuse('node requested token with a pod binding without a uid');
  const pod = find(pods, account.namespace, name);
  if (!pod) throw errors.notFound(pods, name);
  if (pod.metadata.uid !== uid)
    throw refuse(
      `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  if (pod.spec.nodeName !== node) throw refuse('node requested token bound to a pod scheduled on a different node');
  const [audience = '', ...others] = spec?.audiences ?? [];
  if (others.length > 0) throw refuse('node may only request 0 or 1 audiences');
  if (asksFor(pod, audience, find)) return;
  const decision = authorizer.authorize({
    user,
    verb: 'request-serviceaccounts-token-audience',
    isResource: true,
    path: '',
    group: '',
    version: 'v1',
    namespace: account.namespace,
    resource: audience,
    subresource: '',
    name: account.name,
  });
  if (!decision?.allowed)
    throw refuse(
      `audience ${goQuoted(audience)} not found in pod spec volume, ${user.name} is not authorized to request tokens for this audience`,
    );
}

/** Whether a volume of the pod, or the driver that brings one, wants tokens for this audience. */
function asksFor(pod: Pod, audience: string, find: Find): boolean {
  return (pod.spec.volumes ?? []).some((volume) => {
    const sources = volume.projected?.sources ?? [];
    if (sources.some(({ serviceAccountToken: token }) => token && (token.audience ?? '') === audience)) return true;
    const name = driverOf(pod, volume, find);
    const driver = name ? find(csiDrivers, '', name) : undefined;
    return driver?.spec.tokenRequests?.some((request) => request.audience === audience) ?? false;
  });
}

function driverOf({ metadata }: Pod, volume: Volume, find: Find): string | undefined {
  const { csi, ephemeral, persistentVolumeClaim, name } = volume;
  if (csi) return csi.driver;
  const claimName = ephemeral ? `${metadata.name}-${name}` : persistentVolumeClaim?.claimName;
  const claim = claimName ? find(persistentVolumeClaims, metadata.namespace ?? '', claimName) : undefined;
  const bound = claim?.spec?.volumeName ? find(persistentVolumes, '', claim.spec.volumeName) : undefined;
  return bound?.spec?.csi?.driver;
}
