// The built-in parts of a server, in upstream's order: who may call (authenticators), what they may do (authorizers), what
// the cluster demands of writes (admission), and the creates that store nothing.

import type { Authorization } from '../configuration/authorization.ts';
import type { Configuration } from '../configuration/configuration.ts';
import type { Ledger } from '../ledger/types.ts';
import type { HttpAnswer } from '../machinery/http.ts';
import type { Clock } from '../ports/index.ts';
import { certificateApproval, certificateSigning } from './admission/certificate-signers.ts';
import { certificateSubjectRestriction } from './admission/certificate-subject-restriction.ts';
import type { AdmissionPlugin } from './admission/chain.ts';
import { defaultIngressClass, defaultStorageClass } from './admission/default-classes.ts';
import { defaultTolerationSeconds } from './admission/default-toleration-seconds.ts';
import { eventRateLimit } from './admission/event-rate-limit.ts';
import { limitRanger } from './admission/limit-ranger.ts';
import { namespaceLifecycle } from './admission/namespace-lifecycle.ts';
import { nodeRestriction } from './admission/node-restriction.ts';
import { persistentVolumeClaimResize } from './admission/persistent-volume-claim-resize.ts';
import { podSecurity } from './admission/pod-security/plugin.ts';
import { podTopologyLabels } from './admission/pod-topology-labels.ts';
import { priority } from './admission/priority.ts';
import { resourceQuota } from './admission/resource-quota.ts';
import { runtimeClass } from './admission/runtime-class.ts';
import { serviceAccount } from './admission/service-account.ts';
import { storageObjectInUseProtection } from './admission/storage-object-in-use-protection.ts';
import { taintNodesByCondition } from './admission/taint-nodes-by-condition.ts';
import { type Authenticator, adminAuthenticator, allAuthenticated, firstOf } from './authn/authenticator.ts';
import { bootstrapTokenAuthenticator } from './authn/bootstrap-token.ts';
import type { ServiceAccountIssuer } from './authn/service-account/issuer.ts';
import { type Authorizer, authorizeBy, masters } from './authz/authorizer.ts';
import { nodeAuthorizer } from './authz/node.ts';
import { rbacAuthorizer } from './authz/rbac/authorizer.ts';
import { Policy } from './authz/rbac/policy.ts';
import { webhookAuthorizer } from './authz/webhook.ts';
import { textResponse } from './negotiation/respond.ts';
import { nodeOfCredential } from './nodes/credentials.ts';
import type { Outside } from './outgoing/call.ts';
import type { RequestInfo } from './routing.ts';

export function builtInAdmission(authorizer: Authorizer, configuration: Configuration = {}): AdmissionPlugin[] {
  return [
    namespaceLifecycle,
    ...(configuration.eventRateLimit ? [eventRateLimit(configuration.eventRateLimit)] : []),
    limitRanger,
    serviceAccount,
    nodeRestriction,
    taintNodesByCondition,
    podSecurity(configuration.podSecurity),
    priority,
    defaultTolerationSeconds,
    defaultStorageClass,
    storageObjectInUseProtection,
    persistentVolumeClaimResize,
    runtimeClass,
    certificateApproval(authorizer),
    certificateSigning(authorizer),
    certificateSubjectRestriction,
    defaultIngressClass,
    podTopologyLabels,
    resourceQuota,
  ];
}

export function builtInAuthenticator(options: {
  ledger: Ledger;
  clock: Clock;
  /** The API server's. */
  audiences: readonly string[];
  adminToken: string | undefined;
  issuer: ServiceAccountIssuer | undefined;
  /** Who knows other tokens. */
  others: readonly Authenticator[];
}): Authenticator {
  const { ledger, clock, audiences, adminToken, issuer, others } = options;
  const nodes: Authenticator = {
    async authenticate(token) {
      const node = await nodeOfCredential(ledger, clock, token);
      return node === undefined
        ? undefined
        : { name: `system:node:${node}`, groups: ['system:nodes', allAuthenticated] };
    },
  };
  return firstOf(
    [
      ...(adminToken ? [adminAuthenticator(adminToken)] : []),
      nodes,
      ...(issuer ? [issuer.authenticator] : []),
      bootstrapTokenAuthenticator(ledger, clock),
      ...others,
    ],
    audiences,
  );
}

const defaultAuthorizers: Authorization['authorizers'] = [
  { type: 'Node', name: 'node' },
  { type: 'RBAC', name: 'rbac' },
];

/** As configured; as upstream, nothing comes before system:masters. */
export function builtInAuthorizer(
  ledger: Ledger,
  { authorizers }: Authorization = { authorizers: defaultAuthorizers },
  outside: Outside,
): Authorizer {
  const own = { Node: () => nodeAuthorizer(ledger), RBAC: () => rbacAuthorizer(new Policy(ledger)) };
  const chosen = authorizers.map((one) => (one.type === 'Webhook' ? webhookAuthorizer(one, outside) : own[one.type]()));
  return authorizeBy([masters, ...chosen]);
}

/**
 * INTERIM, ends with custom resources: kubectl lists them before it says that it knows no such kind, and there are none.
 * Not in discovery, since they cannot be made.
 */
export function emptyCollection({ verb, group, version, resource }: RequestInfo): HttpAnswer | undefined {
  if (verb !== 'list' || `${group}/${version}/${resource}` !== 'apiextensions.k8s.io/v1/customresourcedefinitions')
    return undefined;
  const list = { kind: 'CustomResourceDefinitionList', apiVersion: `${group}/${version}`, metadata: {}, items: [] };
  return textResponse(JSON.stringify(list));
}
