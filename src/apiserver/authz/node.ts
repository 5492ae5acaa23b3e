// What a node's credential may do: its own Node and Lease, its pods, what those pods refer to, and the routing of Services.
// Upstream's node authorizer, decided from the ledger at every request (no graph is kept).
import type { Pod } from '../../generated/schemas/core-v1.ts';
import type { ReadView } from '../../ledger/types.ts';
import { referencesOf } from '../nodes/references.ts';
import type { Registry } from '../registry.ts';
import { objectText } from '../storage/codec.ts';
import type { Attributes, Authorizer, Decision } from './authorizer.ts';

const allow: Decision = { allowed: true, reason: 'node scope' };
const deny = (reason: string): Decision => ({ allowed: false, reason });
const reads = new Set(['get', 'list', 'watch']);

export function nodeAuthorizer(ledger: ReadView, registry: Registry): Authorizer {
  const podsOf = (node: string): Pod[] => {
    const definition = registry.findGroupResource('pods');
    if (!definition) return [];
    return ledger
      .range({ start: 'pods/', end: 'pods0', tag: `node=${node}` })
      .entries.map((entry) => JSON.parse(objectText(definition, entry.value)) as Pod);
  };
  const refersTo = (node: string, key: string) => podsOf(node).some((pod) => referencesOf(pod).has(key));
  const podOn = (node: string, namespace: string, name: string): boolean => {
    const entry = ledger.get(`pods/${namespace}/${name}`);
    return entry !== undefined && (JSON.parse(`{${entry.value}`) as Pod).spec.nodeName === node;
  };

  return {
    authorize(attributes) {
      const { user, isResource } = attributes;
      if (!user.groups.includes('system:nodes') || !user.name.startsWith('system:node:')) return undefined;
      if (!isResource) return undefined;
      return decide(attributes, user.name.slice('system:node:'.length));
    },
  };

  function decide(attributes: Attributes, node: string): Decision | undefined {
    const { group, resource, subresource, verb, name, namespace, fieldSelector } = attributes;
    switch (group === '' ? resource : `${resource}.${group}`) {
      case 'nodes':
        if (reads.has(verb)) return allow;
        if (verb === 'create' && subresource === '') return allow;
        if (name !== node) return deny(`node ${JSON.stringify(node)} may only modify its own Node`);
        return (verb === 'update' || verb === 'patch') && (subresource === '' || subresource === 'status')
          ? allow
          : undefined;
      case 'leases.coordination.k8s.io':
        if (namespace !== 'kube-node-lease') return deny('a node may only use leases in kube-node-lease');
        return (verb === 'create' && name === '') || (name === node && verb !== 'deletecollection')
          ? allow
          : deny('a node may only use the lease of its own name');
      case 'pods':
        return pods(node, verb, subresource, namespace, name, fieldSelector);
      case 'secrets':
      case 'configmaps':
        if (!reads.has(verb)) return undefined;
        return name !== '' && refersTo(node, `${resource}/${namespace}/${name}`)
          ? allow
          : deny(`no relationship found between node ${JSON.stringify(node)} and this object`);
      case 'serviceaccounts':
        if (subresource === 'token' && verb === 'create')
          return podsOf(node).some(
            (pod) => pod.metadata.namespace === namespace && pod.spec.serviceAccountName === name,
          )
            ? allow
            : deny(`no relationship found between node ${JSON.stringify(node)} and this object`);
        return verb === 'get' && refersTo(node, `serviceaccounts/${namespace}/${name}`) ? allow : undefined;
      case 'services':
      case 'endpointslices.discovery.k8s.io':
        return reads.has(verb) ? allow : undefined;
      case 'events':
      case 'events.events.k8s.io':
        return verb === 'create' || verb === 'patch' || verb === 'update' ? allow : undefined;
      default:
        return undefined;
    }
  }

  function pods(
    node: string,
    verb: string,
    subresource: string,
    namespace: string,
    name: string,
    fieldSelector: Attributes['fieldSelector'],
  ): Decision | undefined {
    const own = name !== '' && podOn(node, namespace, name);
    if (verb === 'list' || verb === 'watch') {
      const selects = fieldSelector?.requirements.some(
        ({ field, operator, value }) => field === 'spec.nodeName' && operator === '=' && value === node,
      );
      return selects || own ? allow : deny('can only list/watch pods with spec.nodeName field selector');
    }
    if (verb === 'get' && subresource === '')
      return own ? allow : deny(`no relationship found between node ${JSON.stringify(node)} and this object`);
    if (
      (verb === 'delete' && subresource === '') ||
      ((verb === 'update' || verb === 'patch') && subresource === 'status')
    )
      return own ? allow : deny(`no relationship found between node ${JSON.stringify(node)} and this object`);
    return undefined;
  }
}
