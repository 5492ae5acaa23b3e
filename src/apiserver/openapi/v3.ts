// A route table as an OpenAPI 3.0 document: parameters that all operations of a path share stand with the path, as upstream
// puts them.
import type { Parameter } from './parameters.ts';
import { naming, type Route } from './routes.ts';

export type Json = Record<string, unknown>;

export const documentInfo = { title: 'Kubernetes', version: 'v1.36.0' };
export const statusTexts: Record<string, string> = { 200: 'OK', 201: 'Created', 202: 'Accepted' };
const security = { type: 'apiKey', description: 'Bearer Token authentication', name: 'authorization', in: 'header' };
export const securityScheme = { BearerToken: security };

/** The query parameters of a kind of operation. */
export type Parameters = (kind: string) => readonly Parameter[];

/** By name and place; it may come from several kinds of operation, but is one parameter. */
export function parametersOf(route: Route, query: Parameters): Parameter[] {
  const found = new Map<string, Parameter>();
  for (const [name, description] of Object.entries(route.place))
    found.set(`${name} path`, { name, in: 'path', description, required: true, type: 'string' });
  for (const kind of route.query)
    for (const one of query(kind)) {
      const key = `${one.name} ${one.in}`;
      if (!found.has(key)) found.set(key, one);
    }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}

export interface PathItem {
  path: string;
  /** Of all operations. */
  common: Parameter[];
  operations: { route: Route; own: Parameter[] }[];
}

/** Routes by path, sorted. */
export function pathItems(routes: readonly Route[], query: Parameters): PathItem[] {
  const byPath = new Map<string, Route[]>();
  for (const route of routes) byPath.set(route.path, [...(byPath.get(route.path) ?? []), route]);
  return [...byPath]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, own]) => {
      const lists = own.map((route) => parametersOf(route, query));
      const shared = (one: Parameter) => lists.every((list) => list.some((other) => same(one, other)));
      const common = (lists[0] ?? []).filter(shared);
      const operations = own.map((route, i) => ({ route, own: (lists[i] ?? []).filter((one) => !shared(one)) }));
      return { path, common, operations };
    });
}

const same = (a: Parameter, b: Parameter): boolean =>
  a.name === b.name && a.in === b.in && a.description === b.description;

export function operationId({ path, id: [verb, rest] }: Route): string {
  const { infix } = naming(path);
  return verb === 'deletecollection' ? `delete${infix}Collection${rest}` : `${verb}${infix}${rest}`;
}

const reference = (schema: string): Json =>
  schema === 'string' ? { type: 'string' } : { $ref: `#/components/schemas/${schema}` };

const content = (types: readonly string[], schema: string): Json =>
  Object.fromEntries(types.map((type) => [type, { schema: reference(schema) }]));

const parameter = ({ type, ...rest }: Parameter): Json => ({ ...rest, schema: { type, uniqueItems: true } });

export function v3Document(routes: readonly Route[], query: Parameters, schemas: Json): Json {
  const paths: Json = {};
  for (const { path, common, operations } of pathItems(routes, query)) {
    const item: Json = {};
    for (const { route, own } of operations) item[route.method] = operation(route, own);
    if (common.length > 0) item.parameters = common.map(parameter);
    paths[path] = item;
  }
  return {
    openapi: '3.0.0',
    info: documentInfo,
    paths,
    components: {
      ...(Object.keys(schemas).length > 0 ? { schemas } : {}),
      securitySchemes: securityScheme,
    },
  };
}

function operation(route: Route, own: readonly Parameter[]): Json {
  const { path, description, body, consumes, produces, responses, action, kind } = route;
  return {
    tags: [naming(path).tag],
    description,
    operationId: operationId(route),
    ...(own.length > 0 ? { parameters: own.map(parameter) } : {}),
    ...(body
      ? { requestBody: { content: content(consumes, body.schema), ...(body.required ? { required: true } : {}) } }
      : {}),
    responses: {
      ...Object.fromEntries(
        Object.entries(responses).map(([code, schema]) => [
          code,
          { description: statusTexts[code], content: content(produces, schema) },
        ]),
      ),
      401: { description: 'Unauthorized' },
    },
    ...(action ? { 'x-kubernetes-action': action } : {}),
    ...(kind ? { 'x-kubernetes-group-version-kind': kind } : {}),
  };
}
