// Whether a request is one that a kind serves, of its verb and path alone.
import { errors, goQuoted } from '../../machinery/errors.ts';
import type { AnyResource, Subresource } from '../../machinery/resource.ts';
import { methodNotAllowed } from '../negotiation/respond.ts';
import { verbsOf } from '../registry.ts';
import type { RequestInfo } from '../routing.ts';

/**
 * Whether a kind has such a path: a subresource of that name, and a namespace where its scope asks for one. Throws BadRequest or
 * MethodNotAllowed where upstream has the route and refuses only then.
 */
export function hasPath(definition: AnyResource, subresource: Subresource | undefined, info: RequestInfo): boolean {
  const { verb, namespace, name } = info;
  if (info.subresource !== '' && !subresource) return false;
  if (subresource && verb === 'watch' && name !== '') return false;
  if (hasEmptyNamespace(info)) {
    if (!definition.namespaced) return false;
    if (verb !== 'list' && verb !== 'watch' && !(subresource && name === ''))
      throw errors.badRequest('Namespace parameter required.');
  }
  // Nothing of the cluster's is reached through a namespace, but that namespace: it was authorised as something within.
  if (!definition.namespaced) return namespace === '' || isNamespaceItself(info);
  if (namespace !== '') return true;
  if (name !== '' && !isCollectionRead(info)) return false;
  // Across namespaces there is only reading.
  if (verb === 'create' || verb === 'deletecollection') throw methodNotAllowed();
  return true;
}

function isNamespaceItself({ group, resource, namespace, name }: RequestInfo): boolean {
  return group === '' && resource === 'namespaces' && name === namespace;
}

/** `/namespaces//pods` is about all namespaces, as far as that goes. */
function hasEmptyNamespace({ path, namespace, resource }: RequestInfo): boolean {
  return namespace === '' && resource !== 'namespaces' && path.includes('/namespaces//');
}

/** Throws BadRequest for a name that could not be a segment of a path. */
export function requireSegment(name: string): void {
  const problem =
    name === '.' || name === '..' ? `may not be '${name}'` : name.includes('%') ? "may not contain '%'" : undefined;
  if (problem) throw errors.badRequest(`Name parameter invalid: ${goQuoted(name)}: ${problem}`);
}

export function isCollectionRead(info: RequestInfo): boolean {
  return info.verb === 'list' || info.verb === 'watch' || info.verb === 'deletecollection';
}

/** What a verb would be if there were a name. */
const collectionVerbs: Readonly<Record<string, string>> = { list: 'get', watch: 'get', deletecollection: 'delete' };

/** Throws MethodNotAllowed (405) for what the kind does not offer. */
export function requireVerb(definition: AnyResource, subresource: Subresource | undefined, info: RequestInfo): void {
  const offered: readonly string[] = subresource?.verbs ?? verbsOf(definition);
  if (offered.includes(info.verb) && reachable(subresource, info)) return;
  // An empty name leaves the path what it is.
  if (subresource && info.name === '' && offered.includes(collectionVerbs[info.verb] ?? info.verb))
    throw errors.badRequest('name must be provided');
  // A list is there, so upstream has a route and finds out only then.
  if (info.verb === 'watch' && !subresource && offered.includes('list'))
    throw errors.methodNotSupported(definition, info.verb);
  throw methodNotAllowed();
}

function reachable(subresource: Subresource | undefined, { verb, name }: RequestInfo): boolean {
  if (subresource || verb === 'get' || verb === 'update' || verb === 'patch' || verb === 'delete') return name !== '';
  return verb !== 'create' || name === '';
}
