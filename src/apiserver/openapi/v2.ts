// A route table as an OpenAPI 2.0 document. Version 2 knows neither oneOf nor anything beside a $ref, and upstream leaves
// defaults out; parameters that are the same everywhere stand once, under the names that upstream gives them.

import { toBase64Url } from '../../machinery/bytes.ts';
import type { Parameter } from './parameters.ts';
import { naming, type Route } from './routes.ts';
import { documentInfo, type Json, operationId, type Parameters, pathItems, securityScheme, statusTexts } from './v3.ts';

export function v2Document(routes: readonly Route[], query: Parameters, schemas: Json): Json {
  const shared: Json = {};
  const names = new Map<string, string>();
  /** A reference to the shared parameter; itself where clients look for it in its place. */
  const share = (one: Json): Json => {
    if (one.name === 'name' || one.name === 'fieldValidation' || one.name === 'dryRun') return one;
    const schema = one.schema as { $ref: string } | undefined;
    if (schema && !schema.$ref.startsWith('#/definitions/io.k8s.apimachinery')) return one;
    const text = JSON.stringify(one);
    let name = names.get(text);
    if (name === undefined) {
      name = `${one.name}-${parameterHash(text)}`;
      names.set(text, name);
      shared[name] = one;
    }
    return { $ref: `#/parameters/${name}` };
  };
  const paths: Json = {};
  for (const { path, common, operations } of pathItems(routes, query)) {
    const item: Json = {};
    for (const { route, own } of operations) {
      const body = route.body ? [bodyParameter(route.body)] : [];
      const parameters = [...body, ...own.map(parameter)].map(share);
      item[route.method] = operation(route, parameters);
    }
    if (common.length > 0) item.parameters = common.map(parameter).map(share);
    paths[path] = item;
  }
  return {
    swagger: '2.0',
    info: documentInfo,
    paths,
    definitions: Object.fromEntries(Object.entries(schemas).map(([name, one]) => [name, schema(one as Json)])),
    parameters: shared,
    securityDefinitions: securityScheme,
    security: [{ BearerToken: [] }],
  };
}

// Keys in the order in which upstream writes them, since the names of shared parameters hash that text.
const parameter = ({ type, description, name, in: place, required }: Parameter): Json => ({
  uniqueItems: true,
  type,
  ...(description ? { description } : {}),
  name,
  in: place,
  ...(required ? { required } : {}),
});
const bodyParameter = ({ schema: name, required }: NonNullable<Route['body']>): Json => ({
  name: 'body',
  in: 'body',
  ...(required ? { required } : {}),
  schema: reference(name),
});

const reference = (name: string): Json => (name === 'string' ? { type: 'string' } : { $ref: `#/definitions/${name}` });

function operation(route: Route, parameters: readonly Json[]): Json {
  const { path, description, consumes, produces, responses, action, kind } = route;
  return {
    description,
    ...(consumes.length > 0 ? { consumes } : {}),
    produces,
    schemes: ['https'],
    tags: [naming(path).tag],
    operationId: operationId(route),
    ...(parameters.length > 0 ? { parameters } : {}),
    responses: {
      ...Object.fromEntries(
        Object.entries(responses).map(([code, name]) => [
          code,
          { description: statusTexts[code], schema: reference(name) },
        ]),
      ),
      401: { description: 'Unauthorized' },
    },
    ...(action ? { 'x-kubernetes-action': action } : {}),
    ...(kind ? { 'x-kubernetes-group-version-kind': kind } : {}),
  };
}

/** A schema of version 3: a default is left out, what may be several things is the string that it may always be. */
function schema({ oneOf, allOf, default: _, $ref, items, additionalProperties, properties, ...rest }: Json): Json {
  const [only] = (allOf ?? []) as { $ref?: string }[];
  const referred = ($ref ?? only?.$ref) as string | undefined;
  return {
    ...(oneOf ? { type: 'string' } : {}),
    ...rest,
    ...(referred ? { $ref: referred.replace('#/components/schemas/', '#/definitions/') } : {}),
    ...(items ? { items: schema(items as Json) } : {}),
    ...(additionalProperties ? { additionalProperties: schema(additionalProperties as Json) } : {}),
    ...(properties
      ? {
          properties: Object.fromEntries(
            Object.entries(properties as Record<string, Json>).map(([name, one]) => [name, schema(one)]),
          ),
        }
      : {}),
  };
}

/** The first six bytes of FNV-1 (64 bit) as URL-safe base64. */
function parameterHash(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) hash = BigInt.asUintN(64, hash * 0x100000001b3n) ^ BigInt(byte);
  const bytes = Array.from({ length: 6 }, (_, i) => Number((hash >> BigInt(56 - 8 * i)) & 0xffn));
  return toBase64Url(Uint8Array.from(bytes));
}
