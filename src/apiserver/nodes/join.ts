// Joining: a bootstrap token (a Secret of type bootstrap.kubernetes.io/token in kube-system, as kubeadm makes it) buys a
// node its credential. Whoever holds a bootstrap token may join under any name but that of a node which is Ready and being
// heard, as in kubeadm: a node that lost its credential joins again once it is silent, and the old credential ends.
//
// A token that says in `joins-left` how often it may be used is counted down in the transaction that makes the credential, and
// gone with the last: of two that join with the same one-time token at once, one is let in. Tokens without it are kubeadm's, good
// until they expire.

import type { Node, Secret } from '../../generated/schemas/core-v1.ts';
import { nodes, secrets } from '../../generated/schemas/index.ts';
import type { WriteView } from '../../ledger/types.ts';
import { textFromBase64, textToBase64 } from '../../machinery/bytes.ts';
import { ApiError, errors } from '../../machinery/errors.ts';
import type { KubeObject } from '../../machinery/meta.ts';
import type { ClusterConfig } from '../../ports/index.ts';
import { type ClusterInfo, type JoinRequest, type JoinResponse, joinsLeftKey } from '../../protocol/node.ts';
import { bootstrapTokenOf } from '../authn/bootstrap-token.ts';
import type { Core } from '../core.ts';
import { deleteObject } from '../rest/delete.ts';
import { deleteOptions } from '../rest/options.ts';
import type { WriteScope } from '../rest/scope.ts';
import { put } from '../rest/store.ts';
import { credentialToBe, isIssued, issue } from './credentials.ts';
import { getObject } from './objects.ts';

const nodeNameForm = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const joinsForm = /^[1-9]\d{0,6}$/;

export function clusterInfo(config: ClusterConfig, ca: string): ClusterInfo {
  return {
    clusterDomain: config.clusterDomain,
    podCidr: config.podCidr,
    serviceCidr: config.serviceCidr,
    ca,
    heartbeatMs: config.nodeHeartbeatMs,
    longPoll: config.longPoll,
  };
}

export interface JoinDeps {
  core: Core;
  /** The cluster's CA, PEM. */
  ca: string;
  /** When the node was last heard; undefined: never, or nobody knows. */
  lastContact(node: string): Promise<number | undefined>;
}

export async function join(deps: JoinDeps, request: JoinRequest): Promise<JoinResponse> {
  const { core } = deps;
  const { ledger, clock, config, random } = core;
  const { token, nodeName } = request;
  const made = await credentialToBe(random, request.credential);
  const answer = {
    credential: made.token,
    lifetimeMs: config.nodeCredentialMs,
    cluster: clusterInfo(config, deps.ca),
  };
  const nameIsGood = nodeNameForm.test(nodeName) && nodeName.length <= 253;
  if (request.credential !== undefined && nameIsGood && isIssued(ledger, made, nodeName)) return answer;
  if (!bootstrapTokenOf(ledger, clock.now(), token)) throw errors.unauthorized();
  if (!nameIsGood) throw errors.badRequest(`nodeName ${JSON.stringify(nodeName)} is not a DNS-1123 subdomain`);
  await refuseTakeover(deps, nodeName);
  await ledger.commit((tx) => {
    const nowMs = clock.now();
    const bought = bootstrapTokenOf(tx, nowMs, token);
    if (!bought) throw errors.unauthorized();
    spend(core, tx, bought.secret);
    issue(tx, made, nodeName, nowMs, config);
  });
  return answer;
}

/** Counts one join of the token; throws Unauthorized where it is good for none. */
function spend(core: Core, tx: WriteView, secret: Secret): void {
  const left = secret.data?.[joinsLeftKey];
  if (left === undefined) return;
  const count = textFromBase64(left) ?? '';
  if (!joinsForm.test(count)) throw errors.unauthorized();
  const definition = core.registry.require(secrets);
  const { namespace = '', name, resourceVersion } = secret.metadata;
  const scope: WriteScope = {
    core,
    tx,
    user: { name: 'system:apiserver', groups: ['system:masters'] },
    definition,
    requested: definition,
    namespace,
    name,
    dryRun: false,
    warnings: [],
  };
  if (count === '1') deleteObject(scope, deleteOptions({}, new URLSearchParams()));
  else {
    const data = { ...secret.data, [joinsLeftKey]: textToBase64(String(Number(count) - 1)) };
    put(scope, { ...secret, data } as KubeObject, Number(resourceVersion));
  }
}

async function refuseTakeover({ core, lastContact }: JoinDeps, name: string): Promise<void> {
  const { ledger, clock, config } = core;
  const node: Node | undefined = getObject(ledger, nodes, undefined, name);
  if (node?.status?.conditions?.find(({ type }) => type === 'Ready')?.status !== 'True') return;
  const contact = await lastContact(name);
  const silentMs = contact === undefined ? Number.POSITIVE_INFINITY : clock.now() - contact;
  if (silentMs >= config.nodeGraceMs) return;
  throw new ApiError(
    'AlreadyExists',
    `a node "${name}" exists and is Ready: choose another name, or stop that node's agent; a node that lost its ` +
      `credential is let in once nothing has been heard of it for ${Math.ceil(config.nodeGraceMs / 1000)} s`,
  );
}
