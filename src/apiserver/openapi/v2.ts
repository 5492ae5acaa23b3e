// /openapi/v2 out of the documents of /openapi/v3. Version 2 knows neither oneOf nor anything beside a $ref: what may be
// several things is the string that it may always be, and extensions of a reference go beside it as upstream puts them.

type Json = Record<string, unknown>;

export interface V3Document {
  paths: Record<string, Json>;
  components: { schemas: Record<string, unknown> };
}

const operations = ['get', 'put', 'post', 'delete', 'patch'] as const;

export function toV2(documents: readonly V3Document[]): Json {
  const paths: Record<string, unknown> = {};
  const definitions: Record<string, unknown> = {};
  for (const { paths: own, components } of documents) {
    for (const [path, item] of Object.entries(own)) paths[path] = pathItem(item);
    for (const [name, one] of Object.entries(components.schemas)) definitions[name] ??= schema(one as Json);
  }
  return { swagger: '2.0', info: { title: 'Kubernetes', version: 'v1.36.0' }, paths, definitions };
}

function pathItem(item: Json): Json {
  const result: Json = {};
  for (const method of operations) if (item[method]) result[method] = operation(item[method] as Json);
  const parameters = (item.parameters ?? []) as Json[];
  if (parameters.length > 0) result.parameters = parameters.map(parameter);
  return result;
}

function operation({ parameters = [], requestBody, responses, ...extensions }: Json): Json {
  const content = (requestBody as { content?: Record<string, { schema: Json }>; required?: boolean } | undefined)
    ?.content;
  const [body] = Object.values(content ?? {});
  const required = (requestBody as { required?: boolean } | undefined)?.required;
  return {
    ...(content ? { consumes: Object.keys(content) } : {}),
    produces: ['application/json', 'application/yaml'],
    parameters: [
      ...(body ? [{ name: 'body', in: 'body', ...(required ? { required } : {}), schema: schema(body.schema) }] : []),
      ...(parameters as Json[]).map(parameter),
    ],
    responses: Object.fromEntries(
      Object.entries(
        responses as Record<string, { description: string; content: Record<string, { schema: Json }> }>,
      ).map(([code, { description, content: answers }]) => {
        const [answer] = Object.values(answers);
        return [code, { description, ...(answer ? { schema: schema(answer.schema) } : {}) }];
      }),
    ),
    ...extensions,
  };
}

const parameter = ({ schema: type, ...rest }: Json): Json => ({ ...rest, ...(type as Json) });

function schema(from: Json): Json {
  const { oneOf, allOf, default: value, $ref, items, additionalProperties, properties, ...rest } = from;
  const [only] = (allOf ?? []) as { $ref?: string }[];
  const reference = ($ref ?? only?.$ref) as string | undefined;
  if (reference !== undefined) return { $ref: reference.replace('#/components/schemas/', '#/definitions/'), ...rest };
  return {
    ...(oneOf ? { type: 'string' } : {}),
    ...rest,
    ...(value === undefined ? {} : { default: value }),
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
