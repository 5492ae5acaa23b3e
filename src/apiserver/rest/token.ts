// serviceaccounts/token: a TokenRequest is answered with a signed JWT, bound to what it names. Nothing is stored.

import type { TokenRequest } from '../../generated/schemas/authentication-v1.ts';
import { errors } from '../../machinery/errors.ts';
import type { HttpAnswer } from '../../machinery/http.ts';
import type { KubeObject, ObjectMeta } from '../../machinery/meta.ts';
import { invalid } from '../../machinery/validation.ts';
import { restrictNodeToken } from '../admission/node-tokens.ts';
import { tokenCharsMax } from '../authn/jws.ts';
import { claimsKey, type KubernetesClaims } from '../authn/service-account/claims.ts';
import type { TokenSettings } from '../authn/service-account/settings.ts';
import type { Signer } from '../authn/service-account/signer.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import { timestamp } from '../core.ts';
import { bodyFormat, readBody } from '../negotiation/body.ts';
import { textResponse } from '../negotiation/respond.ts';
import { findObject } from '../storage/read.ts';
import { formOf, type RestRequest } from './context.ts';
import { fieldManager } from './field-manager.ts';
import { managedFieldsOfVirtual } from './managed.ts';
import { writeOptions } from './options.ts';

const target = {
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'TokenRequest',
  schema: 'io.k8s.api.authentication.v1.TokenRequest',
};
const lifetimeMinSeconds = 600;
const lifetimeMaxSeconds = 2 ** 32;
const lifetimeDefaultSeconds = 3600;
/** What the ServiceAccount admission gives the tokens of pods, and nobody else would ask for. */
const lifetimeExtendedAtSeconds = 3607;
const lifetimeExtendedSeconds = 365 * 24 * 60 * 60;

export function tokenCreator(
  signer: Signer,
  settings: TokenSettings,
  authorizer: Authorizer,
): (rest: RestRequest) => Promise<HttpAnswer> {
  return async (rest) => {
    formOf(rest);
    const { core, info, definition } = rest;
    const options = writeOptions('CreateOptions', rest.url.searchParams);
    const format = bodyFormat(rest.request.headers.get('content-type'));
    const bytes = await readBody(rest.request);
    const { object, warnings } = core.codec.decode(bytes, format, target, options.fieldValidation);
    rest.audit?.requestObject(object, bytes.byteLength);
    const request = object as unknown as TokenRequest;
    request.spec ??= {};
    request.spec.expirationSeconds ??= lifetimeDefaultSeconds;
    const managedFields = managedFieldsOfVirtual(
      core,
      target,
      object,
      fieldManager(rest.request, options.fieldManager),
    );
    requireOwnName(object, info.namespace, info.name);
    restrictNodeToken(
      {
        user: rest.user,
        account: info,
        spec: request.spec,
        find: (token, namespace, name) =>
          findObject(core.registry.require(token), core.ledger, namespace, name) as never,
      },
      authorizer,
    );
    const account = findObject(definition, core.ledger, info.namespace, info.name);
    if (!account) throw errors.notFound(definition, info.name);
    if (!request.spec.audiences?.length) request.spec.audiences = [...settings.audiences];
    requireLifetime(request.spec.expirationSeconds);
    const bound = bindings(rest, request, account);
    const { maxSeconds } = settings;
    if (maxSeconds !== undefined && request.spec.expirationSeconds > maxSeconds) {
      const asked = request.spec.expirationSeconds;
      warnings.push(`requested expiration of ${asked} seconds shortened to ${maxSeconds} seconds`);
      request.spec.expirationSeconds = maxSeconds;
    }
    const { audiences, expirationSeconds } = request.spec;
    // Of those that mount it, the agent renews it all along: whoever has not noticed yet is not cut off, but counted.
    const extended =
      settings.extend &&
      bound.pod !== undefined &&
      expirationSeconds === lifetimeExtendedAtSeconds &&
      audiences.every((audience) => settings.audiences.includes(audience));
    const nowMs = core.clock.now();
    const now = Math.floor(nowMs / 1000);
    const ends = now + expirationSeconds;
    const own: KubernetesClaims = {
      namespace: info.namespace,
      serviceaccount: { name: info.name, uid: account.metadata.uid },
      ...bound,
      ...(extended ? { warnafter: ends } : {}),
    };
    const id = core.random.uuid();
    const token = await signer.sign(
      {
        aud: audiences,
        exp: extended ? now + lifetimeExtendedSeconds : ends,
        iat: now,
        iss: settings.issuers[0],
        jti: id,
        [claimsKey]: own,
        nbf: now,
        sub: `system:serviceaccount:${info.namespace}:${info.name}`,
      },
      ends * 1000,
    );
    // Nobody would take it.
    if (token.length > tokenCharsMax)
      throw errors.badRequest(`the token would be longer than ${tokenCharsMax} characters: ask for fewer audiences`);
    rest.audit?.annotate('authentication.kubernetes.io/issued-credential-id', `JTI=${id}`);
    const answer = {
      kind: target.kind,
      apiVersion: 'authentication.k8s.io/v1',
      metadata: {
        ...answerMetadata(object),
        name: info.name,
        namespace: info.namespace,
        creationTimestamp: timestamp(nowMs),
        ...(managedFields ? { managedFields } : {}),
      },
      spec: {
        ...request.spec,
        boundObjectRef: request.spec.boundObjectRef ?? null,
      },
      status: { token, expirationTimestamp: timestamp(ends * 1000) },
    };
    return textResponse(JSON.stringify(answer), { ...formOf(rest).answer, code: 201, warnings });
  };
}

/** What else of the body's metadata is answered. */
function answerMetadata({ metadata }: KubeObject): Partial<ObjectMeta> {
  const { labels, annotations } = metadata ?? {};
  return { ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) };
}

/** The body need not say whose token it asks for; if it does, it is the one of the path. */
function requireOwnName({ metadata }: KubeObject, namespace: string, name: string): void {
  const refuse = (field: 'name' | 'namespace') =>
    errors.invalid(target.group, target.kind, name, [
      invalid(`metadata.${field}`, metadata[field], `must match the service account ${field} if specified`),
    ]);
  if (metadata?.name && metadata.name !== name) throw refuse('name');
  if (metadata?.namespace && metadata.namespace !== namespace) throw refuse('namespace');
}

function requireLifetime(seconds: number): void {
  const problem =
    seconds < lifetimeMinSeconds
      ? 'may not specify a duration less than 10 minutes'
      : seconds > lifetimeMaxSeconds
        ? 'may not specify a duration larger than 2^32 seconds'
        : undefined;
  if (problem)
    throw errors.invalid(target.group, target.kind, '', [invalid('spec.expirationSeconds', seconds, problem)]);
}

function bindings(rest: RestRequest, request: TokenRequest, account: KubeObject): Partial<KubernetesClaims> {
  const reference = request.spec.boundObjectRef;
  if (!reference) return {};
  const { core, info } = rest;
  const { registry, ledger } = core;
  const gone = (resource: string) => errors.notFound({ group: '', plural: resource }, reference.name ?? '');
  const find = (resource: 'pods' | 'secrets' | 'nodes'): KubeObject => {
    const definition = registry.findGroupResource(resource);
    const object =
      definition && findObject(definition, ledger, resource === 'nodes' ? '' : info.namespace, reference.name ?? '');
    if (!object) throw gone(resource);
    if (reference.uid && reference.uid !== object.metadata.uid)
      throw errors.conflict(
        // Upstream names the kind where the resource belongs.
        { group: '', plural: reference.kind ?? '' },
        reference.name ?? '',
        `the UID in the bound object reference (${reference.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
      );
    return object;
  };
  const named = (object: KubeObject) => ({ name: object.metadata.name, uid: object.metadata.uid });
  // Of the core group, in whatever version, and what names no group as one would.
  const kind = (reference.apiVersion ?? '').split('/').length === 2 ? undefined : reference.kind;
  if (kind === 'Pod') {
    const pod = find('pods') as KubeObject & { spec: { serviceAccountName?: string; nodeName?: string } };
    if (pod.spec.serviceAccountName !== account.metadata.name)
      throw errors.badRequest(
        `cannot bind token for serviceaccount ${JSON.stringify(account.metadata.name)} to pod running with different serviceaccount name.`,
      );
    const { nodeName } = pod.spec;
    const nodes = registry.findGroupResource('nodes');
    const node = nodeName && nodes ? findObject(nodes, ledger, '', nodeName) : undefined;
    return {
      pod: named(pod),
      ...(nodeName ? { node: { name: nodeName, ...(node ? { uid: node.metadata.uid } : {}) } } : {}),
    };
  }
  if (kind === 'Secret') return { secret: named(find('secrets')) };
  if (kind === 'Node') return { node: named(find('nodes')) };
  throw errors.badRequest(
    `cannot bind token to object of type ${versionText(reference.apiVersion ?? '')}, Kind=${reference.kind ?? ''}`,
  );
}

/** As Go prints a group and a version, of which one may be empty. */
const versionText = (apiVersion: string): string => (apiVersion.includes('/') ? apiVersion : `/${apiVersion}`);
