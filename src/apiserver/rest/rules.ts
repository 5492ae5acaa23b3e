// What a user may do in a namespace, as SelfSubjectRulesReview lists it: found by asking the authorizer for every verb of
// every served resource, since authorizers only decide. Rules that hold for some names only are not found.
import type { Attributes, Authorizer } from '../authz/authorizer.ts';
import type { User } from '../core.ts';
import { type Registry, verbsOf } from '../registry.ts';
import type { VirtualResource } from './virtual.ts';

const openPaths = ['/api', '/api/*', '/apis', '/apis/*', '/healthz', '/livez', '/openapi', '/openapi/*', '/readyz'];
const discoveryPaths = [...openPaths, '/version', '/version/'];

interface ResourceRule {
  verbs: string[];
  apiGroups: string[];
  resources: string[];
}

export function rulesOf(
  authorizer: Authorizer,
  registry: Registry,
  virtual: readonly VirtualResource[],
  user: User,
  namespace: string,
) {
  const may = (attributes: Partial<Attributes>): boolean =>
    authorizer.authorize({
      user,
      verb: '*',
      isResource: true,
      path: '',
      group: '*',
      version: '*',
      namespace,
      resource: '*',
      subresource: '',
      name: '',
        ...attributes,
    })?.allowed ?? false;
  if (may({}))
    return {
      resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
      nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
      incomplete: false,
    };
  const resourceRules: ResourceRule[] = [];
  const add = (group: string, version: string, plural: string, subresource: string, offered: readonly string[]) => {
    const verbs = offered.filter((verb) => may({ verb, group, version, resource: plural, subresource }));
    const resources = [subresource === '' ? plural : `${plural}/${subresource}`];
    if (verbs.length > 0) resourceRules.push({ verbs, apiGroups: [group], resources });
  };
  for (const definition of registry.definitions) {
    const { group, version, plural, subresources = [] } = definition;
    add(group, version, plural, '', verbsOf(definition));
    for (const { name, verbs } of subresources) add(group, version, plural, name, verbs);
  }
  for (const { group, version, plural } of virtual) add(group, version, plural, '', ['create']);
  const nonResourceURLs = discoveryPaths.filter((path) => may({ isResource: false, verb: 'get', path }));
  return {
    resourceRules,
    nonResourceRules: nonResourceURLs.length > 0 ? [{ verbs: ['get'], nonResourceURLs }] : [],
    incomplete: true,
    evaluationError: 'rules that hold for single objects are not listed',
  };
}
