// Joining: a bootstrap token (a Secret of type bootstrap.kubernetes.io/token in kube-system, as kubeadm makes it) buys a
// node its credential. Whoever holds a bootstrap token may join under any name but that of a node which is Ready and being
// heard, as in kubeadm: a node that lost its credential joins again once it is silent, and the old credential ends.

import type { Node } from '../../generated/schemas/core-v1.ts';
import { nodes, secrets } from '../../generated/schemas/index.ts';
import type { Ledger, ReadView } from '../../ledger/types.ts';
import { ApiError, errors } from '../../machinery/errors.ts';
import type { Clock, ClusterConfig, Random } from '../../ports/index.ts';
import type { ClusterInfo, JoinResponse } from '../../protocol/node.ts';
import { issueCredential } from './credentials.ts';
import { getObject } from './objects.ts';

const tokenForm = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const nodeNameForm = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

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

/** Whether the token is a live bootstrap token that may authenticate. */
export function isBootstrapToken(ledger: ReadView, clock: Clock, token: string): boolean {
  const [, id, secret] = tokenForm.exec(token) ?? [];
  if (!id || !secret) return false;
  const stored = getObject(ledger, secrets, 'kube-system', `bootstrap-token-${id}`);
  if (!stored || stored.metadata.deletionTimestamp || stored.type !== 'bootstrap.kubernetes.io/token') return false;
  const field = (name: string): string => {
    try {
      return atob(stored.data?.[name] ?? '');
    } catch {
      return '';
    }
  };
  if (field('token-id') !== id || !equalInConstantTime(field('token-secret'), secret)) return false;
  if (field('usage-bootstrap-authentication') !== 'true') return false;
  const expiration = field('expiration');
  return expiration === '' || Date.parse(expiration) > clock.now();
}

function equalInConstantTime(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}

export interface JoinDeps {
  ledger: Ledger;
  clock: Clock;
  random: Random;
  config: ClusterConfig;
  ca: string;
  /** When the node was last heard; undefined: never, or nobody knows. */
  lastContact(node: string): Promise<number | undefined>;
}

export async function join(deps: JoinDeps, request: { token: string; nodeName: string }): Promise<JoinResponse> {
  if (!isBootstrapToken(deps.ledger, deps.clock, request.token)) throw errors.unauthorized();
  if (!nodeNameForm.test(request.nodeName) || request.nodeName.length > 253)
    throw new ApiError('BadRequest', `nodeName ${JSON.stringify(request.nodeName)} is not a DNS-1123 subdomain`);
  await refuseTakeover(deps, request.nodeName);
  return {
    credential: await issueCredential(deps.ledger, deps.random, request.nodeName),
    cluster: clusterInfo(deps.config, deps.ca),
  };
}

async function refuseTakeover({ ledger, clock, config, lastContact }: JoinDeps, name: string): Promise<void> {
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
