// What can be asked for under a path and how the answer looks, for every path of a resource: upstream's route table, from
// which both versions of the OpenAPI documents are made. Names, texts and order of the actions are upstream's.
import type { AnyResource, Subresource } from '../../machinery/resource.ts';
import { verbsOf } from '../registry.ts';
import type { VirtualResource } from '../rest/virtual.ts';

export type Method = 'get' | 'put' | 'post' | 'delete' | 'patch' | 'head' | 'options';

export interface Route {
  path: string;
  method: Method;
  /** Verb and the rest of the operation's id, between which the group goes. */
  id: readonly [verb: string, rest: string];
  description: string;
  /** Names of path parameters with what they are. */
  place: Readonly<Record<string, string>>;
  /** Kinds of query parameters (see parameters.ts). */
  query: readonly string[];
  body?: { schema: string; required: boolean };
  consumes: readonly string[];
  produces: readonly string[];
  /** Type of the answer by code; `string` is text. */
  responses: Readonly<Record<string, string>>;
  action?: string;
  kind?: { group: string; version: string; kind: string };
}

const metaV1 = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
export const mediaTypes = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
const streamTypes = ['application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch'];
const patchTypes = ['json-patch+json', 'merge-patch+json', 'strategic-merge-patch+json', 'apply-patch+yaml'].map(
  (type) => `application/${type}`,
);
const anything = ['*/*'];
const namespaceText = 'object name and auth scope, such as for teams and projects';

const title = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase();

/** Plurals have none. */
function article(noun: string): string {
  if (noun.endsWith('s') && !noun.endsWith('ss')) return ' ';
  return /^[aeiou]/i.test(noun) ? ' an ' : ' a ';
}

/** Of a collection and its items, of one subresource, or of a resource that is only created. */
interface Subject {
  base: string;
  /** Of the resource itself, which texts name. */
  kind: string;
  subresource: string;
  namespaced: boolean;
  body: { group: string; version: string; kind: string; schema: string };
}

const route = (
  { namespaced, subresource, kind, body: own }: Subject,
  path: string,
  method: Method,
  verb: string,
  description: string,
  rest: Partial<Route> & { suffix?: string; all?: boolean },
): Route => {
  const { suffix = '', all = false, ...more } = rest;
  const place: Record<string, string> = {};
  if (path.includes('{name}')) place.name = `name of the ${own.kind}`;
  if (path.includes('{namespace}')) place.namespace = namespaceText;
  if (path.includes('{path}')) place.path = 'path to the resource';
  const { group, version, kind: bodyKind } = own;
  return {
    ...{ path, method, description, place },
    id: [verb, `${namespaced && !all ? 'Namespaced' : ''}${kind}${title(subresource)}${suffix}`],
    query: [],
    consumes: anything,
    produces: mediaTypes,
    responses: {},
    kind: { group, version, kind: bodyKind },
    ...more,
  };
};

/** Everything under `/api/v1/pods` or the like. */
export function resourceRoutes(base: string, definition: AnyResource): Route[] {
  const { plural, namespaced, kind, schema, group, version } = definition;
  const subject: Subject = { base, kind, subresource: '', namespaced, body: { group, version, kind, schema } };
  const verbs = new Set(verbsOf(definition));
  const collection = `${base}${namespaced ? '/namespaces/{namespace}' : ''}/${plural}`;
  const item = `${collection}/{name}`;
  const watching = (path: string) => path.replace(base, `${base}/watch`);
  const routes: Route[] = [];
  const listed = `${verbs.has('watch') ? 'list or watch' : 'list'} objects of kind ${kind}`;
  const list = (path: string, all: boolean) => {
    const suffix = all ? 'ForAllNamespaces' : '';
    const produces = [...mediaTypes, ...streamTypes];
    const query = ['list', 'pretty'];
    if (verbs.has('list'))
      routes.push(
        route(subject, path, 'get', 'list', listed, {
          ...{ all, suffix, produces, query },
          action: 'list',
          responses: { 200: `${schema}List` },
        }),
      );
    if (verbs.has('list') && verbs.has('watch'))
      routes.push(
        route(
          subject,
          watching(path),
          'get',
          'watch',
          `watch individual changes to a list of ${kind}. deprecated: use the 'watch' parameter with a list operation instead.`,
          {
            ...{ all, produces, query },
            suffix: `List${suffix}`,
            action: 'watchlist',
            responses: { 200: `${metaV1}WatchEvent` },
          },
        ),
      );
  };
  list(collection, false);
  if (verbs.has('create'))
    routes.push(
      route(subject, collection, 'post', 'create', `create${article(kind)}${kind}`, {
        query: ['create', 'pretty'],
        body: { schema, required: true },
        action: 'post',
        responses: { 200: schema, 201: schema, 202: schema },
      }),
    );
  if (verbs.has('deletecollection'))
    routes.push(
      // Upstream splits its name after the first verb that fits.
      route(subject, collection, 'delete', 'deletecollection', `delete collection of ${kind}`, {
        query: ['listNoWatch', 'delete', 'pretty'],
        body: { schema: `${metaV1}DeleteOptions`, required: false },
        action: 'deletecollection',
        responses: { 200: `${metaV1}Status` },
      }),
    );
  routes.push(...itemRoutes(subject, item, verbs));
  if (verbs.has('delete')) {
    // What finalizers of its own hold back is answered with the object too, but upstream's document does not say so.
    const { returnDeletedObject, finalizers } = definition.strategy;
    const deleted = returnDeletedObject && !finalizers ? schema : `${metaV1}Status`;
    routes.push(
      route(subject, item, 'delete', 'delete', `delete${article(kind)}${kind}`, {
        query: ['delete', 'pretty'],
        body: { schema: `${metaV1}DeleteOptions`, required: false },
        action: 'delete',
        responses: { 200: deleted, 202: deleted },
      }),
    );
  }
  if (verbs.has('watch'))
    routes.push(
      route(
        subject,
        watching(item),
        'get',
        'watch',
        `watch changes to an object of kind ${kind}. deprecated: use the 'watch' parameter with a list operation instead, filtered to a single item with the 'fieldSelector' parameter.`,
        {
          produces: [...mediaTypes, ...streamTypes],
          query: ['list', 'pretty'],
          action: 'watch',
          responses: { 200: `${metaV1}WatchEvent` },
        },
      ),
    );
  if (namespaced) list(`${base}/${plural}`, true);
  for (const subresource of definition.subresources ?? [])
    routes.push(...subresourceRoutes(subject, `${item}/${subresource.name}`, subresource));
  return routes;
}

/** Of one object, or of a part of it: get, put, patch. */
function itemRoutes(subject: Subject, path: string, verbs: ReadonlySet<string>): Route[] {
  const { kind, subresource, body } = subject;
  const what = `${subresource === '' ? '' : `${subresource} of `}the specified ${kind}`;
  const routes: Route[] = [];
  const written = { 200: body.schema, 201: body.schema };
  if (verbs.has('get'))
    routes.push(
      route(subject, path, 'get', 'read', `read ${what}`, {
        query: ['pretty'],
        action: 'get',
        responses: { 200: body.schema },
      }),
    );
  if (verbs.has('update'))
    routes.push(
      route(subject, path, 'put', 'replace', `replace ${what}`, {
        query: ['update', 'pretty'],
        body: { schema: body.schema, required: true },
        action: 'put',
        responses: written,
      }),
    );
  if (verbs.has('patch'))
    routes.push(
      route(subject, path, 'patch', 'patch', `partially update ${what}`, {
        query: ['patch', 'pretty'],
        body: { schema: `${metaV1}Patch`, required: true },
        consumes: patchTypes,
        action: 'patch',
        responses: written,
      }),
    );
  return routes;
}

const methods: Readonly<Record<string, Method>> = {
  create: 'post',
  get: 'get',
  update: 'put',
  patch: 'patch',
  delete: 'delete',
};

/** What a proxy passes on too, though discovery has no verb for it. */
const unnamedMethods: readonly Method[] = ['head', 'options'];

function subresourceRoutes(parent: Subject, path: string, subresource: Subresource): Route[] {
  const { name } = subresource;
  const verbs: ReadonlySet<string> = new Set(subresource.verbs);
  const subject: Subject = { ...parent, subresource: name, body: subresource.kind ?? parent.body };
  if (subresource.behaviour.type === 'connect' && subject.body.kind.endsWith('Options')) {
    const connects = (at: string, suffix: string) =>
      [...[...verbs].map((verb) => methods[verb] as Method), ...(name === 'proxy' ? unnamedMethods : [])]
        .map((method) =>
          route(
            subject,
            at,
            method,
            'connect',
            `connect ${method.toUpperCase()} requests to ${name} of ${parent.kind}`,
            {
              suffix,
              produces: anything,
              query: [subject.body.schema],
              action: 'connect',
              responses: { 200: 'string' },
            },
          ),
        )
        .map((one) => ({ ...one, id: ['connect', `${title(one.method)}${one.id[1]}`] as const }));
    return [...connects(path, ''), ...(name === 'proxy' ? connects(`${path}/{path}`, 'WithPath') : [])];
  }
  if (name === 'log')
    return [
      route(subject, path, 'get', 'read', `read ${name} of the specified ${parent.kind}`, {
        query: ['io.k8s.api.core.v1.PodLogOptions', 'pretty'],
        produces: ['text/plain', ...mediaTypes],
        action: 'get',
        responses: { 200: 'string' },
      }),
    ];
  const routes = itemRoutes(subject, path, verbs);
  if (verbs.has('create')) {
    const { schema } = subject.body;
    routes.push(
      route(subject, path, 'post', 'create', `create ${name} of${article(parent.kind)}${parent.kind}`, {
        query: ['create', 'pretty'],
        body: { schema, required: true },
        action: 'post',
        responses: { 200: schema, 201: schema, 202: schema },
      }),
    );
  }
  return routes;
}

export function virtualRoutes(base: string, resource: VirtualResource): Route[] {
  const { kind, namespaced, plural, schema, group, version } = resource;
  const subject: Subject = { base, kind, subresource: '', namespaced, body: { group, version, kind, schema } };
  const path = `${base}${namespaced ? '/namespaces/{namespace}' : ''}/${plural}`;
  return [
    route(subject, path, 'post', 'create', `create${article(kind)}${kind}`, {
      query: ['create', 'pretty'],
      body: { schema, required: true },
      action: 'post',
      responses: { 200: schema, 201: schema, 202: schema },
    }),
  ];
}

/** A page that is no resource: discovery, version. */
export function pageRoute(
  path: string,
  id: readonly [string, string],
  description: string,
  schema: string,
  types: readonly string[],
  consumes: readonly string[] = types,
): Route {
  return {
    ...{ path, id, description, consumes },
    method: 'get',
    place: {},
    query: [],
    produces: types,
    responses: { 200: schema },
  };
}

/** `rbac.authorization.k8s.io` as operation ids spell it: `RbacAuthorization`; tags begin with a small letter. */
const spelled = (group: string): string =>
  (group === '' ? 'core' : group)
    .replace(/\.k8s\.io$/, '')
    .replace(/[^A-Za-z0-9]+(\w)/g, (_, letter: string) => letter.toUpperCase());
const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

/** Tag and middle of the operation ids of a path. */
export function naming(path: string): { tag: string; infix: string } {
  const [prefix = '', first = '', second = ''] = path.split('/').filter((segment) => segment !== '');
  if (prefix === 'api') return first === '' ? named('', '') : named('', first);
  if (prefix === 'apis') return first === '' ? { tag: 'apis', infix: '' } : named(first, second);
  return { tag: spelledPage(prefix), infix: '' };
}
const spelledPage = (prefix: string) => spelled(prefix).replace(/^\W*/, '');
const named = (group: string, version: string) => ({
  tag: `${spelled(group)}${version === '' ? '' : `_${version}`}`,
  infix: `${capital(spelled(group))}${capital(version)}`,
});
