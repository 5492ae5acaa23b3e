// networking.k8s.io/v1 NetworkPolicy.

import { networkPolicies } from '../../../generated/schemas/index.ts';
import type {
  IPBlock,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from '../../../generated/schemas/networking-v1.ts';
import { cidrMessages, cidrWarnings, isStrictSubset, parseCidr } from '../../../machinery/cidr.ts';
import { isPortName, isPortNumber } from '../../../machinery/names.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { validateLabelSelector } from '../../../machinery/validation.ts';
import { ageColumn, formatSelector, nameColumn } from '../../columns.ts';
import { Problems } from '../../problems.ts';

/** The peers of all rules, with their paths. */
function peers({ spec }: NetworkPolicy): { at: string; peer: NetworkPolicyPeer }[] {
  const of = (direction: string, kind: string, rules: readonly (readonly NetworkPolicyPeer[] | undefined)[]) =>
    rules.flatMap((list, i) =>
      (list ?? []).map((peer, j) => ({ at: `spec.${direction}[${i}].${kind}[${j}]`, peer: peer ?? {} })),
    );
  return [
    ...of(
      'ingress',
      'from',
      (spec?.ingress ?? []).map((rule) => rule.from),
    ),
    ...of(
      'egress',
      'to',
      (spec?.egress ?? []).map((rule) => rule.to),
    ),
  ];
}

const blockRanges = (block: IPBlock | undefined): string[] => (block ? [block.cidr, ...(block.except ?? [])] : []);

function validatePort(problems: Problems, at: string, { protocol, port, endPort }: NetworkPolicyPort): void {
  if (protocol !== undefined) problems.oneOf(`${at}.protocol`, protocol, ['TCP', 'UDP', 'SCTP'], 'unsupported');
  if (typeof port === 'number') {
    problems.invalidAll(`${at}.port`, port, isPortNumber(port));
    if (endPort === undefined) return;
    // Upstream shows the port here.
    if (endPort < port) problems.invalid(`${at}.endPort`, port, 'must be greater than or equal to `port`');
    problems.invalidAll(`${at}.endPort`, endPort, isPortNumber(endPort));
    return;
  }
  if (endPort !== undefined)
    problems.invalid(
      `${at}.endPort`,
      endPort,
      `may not be specified when \`port\` is ${port === undefined ? 'not specified' : 'non-numeric'}`,
    );
  if (port !== undefined) problems.invalidAll(`${at}.port`, port, isPortName(port));
}

function validateBlock(problems: Problems, at: string, block: IPBlock, kept: readonly string[]): void {
  if (!block.cidr) {
    problems.required(`${at}.cidr`);
    return;
  }
  problems.invalidAll(`${at}.cidr`, block.cidr, cidrMessages(block.cidr, kept));
  const outer = parseCidr(block.cidr);
  if (!outer) return;
  (block.except ?? []).forEach((text, i) => {
    const path = `${at}.except[${i}]`;
    problems.invalidAll(path, text, cidrMessages(text, kept));
    const inner = parseCidr(text);
    if (inner && !isStrictSubset(inner, outer)) problems.invalid(path, text, 'must be a strict subset of `cidr`');
  });
}

function validatePeer(problems: Problems, at: string, peer: NetworkPolicyPeer, kept: readonly string[]): void {
  const { podSelector, namespaceSelector, ipBlock } = peer;
  problems.addAll(validateLabelSelector(podSelector, `${at}.podSelector`));
  problems.addAll(validateLabelSelector(namespaceSelector, `${at}.namespaceSelector`));
  if (ipBlock) validateBlock(problems, `${at}.ipBlock`, ipBlock, kept);
  if (!podSelector && !namespaceSelector && !ipBlock) problems.required(at, 'must specify a peer');
  else if (ipBlock && (podSelector || namespaceSelector))
    problems.forbidden(at, 'may not specify both ipBlock and another peer');
}

/** `old`: its ranges may stay, whatever they look like. */
function validate(problems: Problems, policy: NetworkPolicy, old: NetworkPolicy | undefined): void {
  const { spec } = policy;
  const kept = old ? peers(old).flatMap(({ peer }) => blockRanges(peer.ipBlock)) : [];
  problems.addAll(validateLabelSelector(spec?.podSelector, 'spec.podSelector'));
  const all = peers(policy);
  for (const direction of ['ingress', 'egress'] as const)
    (spec?.[direction] ?? []).forEach((rule, i) => {
      const at = `spec.${direction}[${i}]`;
      (rule.ports ?? []).forEach((port, j) => {
        validatePort(problems, `${at}.ports[${j}]`, port);
      });
      for (const one of all) if (one.at.startsWith(`${at}.`)) validatePeer(problems, one.at, one.peer, kept);
    });
  const types = spec?.policyTypes ?? [];
  if (types.length > 2) problems.invalid('spec.policyTypes', types, 'may not specify more than two policyTypes');
  else
    types.forEach((type, i) => {
      problems.oneOf(`spec.policyTypes[${i}]`, type, ['Ingress', 'Egress'], 'unsupported');
    });
}

export default defineResource<NetworkPolicy>({
  ...networkPolicies,
  singular: 'networkpolicy',
  shortNames: ['netpol'],
  schema: 'io.k8s.api.networking.v1.NetworkPolicy',
  strategy: {
    revalidatesMetadata: true,
    defaults({ spec }) {
      if (!spec) return;
      for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])])
        for (const port of rule.ports ?? []) port.protocol ??= 'TCP';
      if (!spec.policyTypes?.length) spec.policyTypes = spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress'];
    },
    validate(policy, context) {
      const problems = new Problems();
      if (context.operation === 'create') validate(problems, policy, undefined);
      return problems.list;
    },
    validateUpdate(policy, old) {
      const problems = new Problems();
      // Upstream validates twice, and lists each problem as often.
      validate(problems, policy, old);
      validate(problems, policy, old);
      return problems.list;
    },
    warnings: (policy) =>
      peers(policy).flatMap(({ at, peer: { ipBlock } }) =>
        ipBlock
          ? [
              ...cidrWarnings(`${at}.ipBlock.cidr`, ipBlock.cidr ?? ''),
              ...(ipBlock.except ?? []).flatMap((text, i) => cidrWarnings(`${at}.ipBlock.except[${i}]`, text)),
            ]
          : [],
      ),
  },
  columns: [
    nameColumn,
    {
      name: 'Pod-Selector',
      type: 'string',
      doc: 'extensions.v1beta1.NetworkPolicySpec.podSelector',
      cell: (policy) => formatSelector(policy.spec?.podSelector ?? {}),
    },
    ageColumn,
  ],
});
