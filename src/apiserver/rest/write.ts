// POST, PUT, PATCH and DELETE of objects, their subresources and collections: read and decode the body, then one commit.

import type { WriteView } from '../../ledger/types.ts';
import { ApiError, errors } from '../../machinery/errors.ts';
import type { HttpAnswer } from '../../machinery/http.ts';
import type { KubeObject } from '../../machinery/meta.ts';
import { jsonKind } from '../../machinery/patch/index.ts';
import { copyJson, type Decoded, decodeJson, decodeUtf8, isJsonObject } from '../../machinery/schema/json.ts';
import { decodeYaml } from '../../machinery/schema/yaml.ts';
import { targetOf } from '../codec.ts';
import { bodyFormat, patchFormat, readBody } from '../negotiation/body.ts';
import { successStatus, textResponse } from '../negotiation/respond.ts';
import { encodeSide, encodeValue, head } from '../storage/codec.ts';
import { formText } from '../storage/forms.ts';
import { formOf, type RestRequest } from './context.ts';
import type { DeleteOptions } from './delete.ts';
import { asRequested, execute, type Operation } from './execute.ts';
import { fieldManager } from './field-manager.ts';
import { deleteOptions, writeOptions } from './options.ts';
import type { WriteScope, Written } from './scope.ts';
import { bodyTarget } from './subresource.ts';
import { answered } from './unanswered.ts';

export async function createObject(rest: RestRequest): Promise<HttpAnswer> {
  const { subresource } = rest;
  formOf(rest);
  const options = writeOptions('CreateOptions', rest.url.searchParams);
  const { object, warnings } = await decodeBody(rest, options.fieldValidation);
  const written = await commit(rest, { verb: 'create', body: object }, options, warnings);
  if (subresource?.behaviour.type === 'action' && subresource.kind)
    return textResponse(JSON.stringify({ ...successStatus(undefined), details: undefined, code: 201 }), {
      ...formOf(rest).answer,
      code: 201,
      warnings,
    });
  return answer(rest, written, 201, warnings);
}

export async function updateObject(rest: RestRequest): Promise<HttpAnswer> {
  formOf(rest);
  const options = writeOptions('UpdateOptions', rest.url.searchParams);
  const { object, warnings } = await decodeBody(rest, options.fieldValidation);
  const written = await commit(rest, { verb: 'update', body: object }, options, warnings);
  return answer(rest, written, written.created ? 201 : 200, warnings);
}

export async function patchObject(rest: RestRequest): Promise<HttpAnswer> {
  formOf(rest);
  const type = patchFormat(rest.request.headers.get('content-type'));
  const options = writeOptions('PatchOptions', rest.url.searchParams, type === 'apply');
  const bytes = await readBody(rest.request);
  const warnings: string[] = [];
  if (type === 'apply') {
    const { patch, repeated } = configuration(bytes);
    rest.audit?.requestObject(patch, bytes.byteLength);
    const { force, fieldValidation: validation } = options;
    const operation = { verb: 'apply', patch, repeated, force, validation, mayCreate: rest.mayCreate } as const;
    const written = await commit(rest, operation, options, warnings);
    return answer(rest, written, written.created ? 201 : 200, warnings);
  }
  const patch = new TextDecoder().decode(bytes);
  rest.audit?.requestPatch(patch);
  const written = await commit(
    rest,
    { verb: 'patch', type, patch, validation: options.fieldValidation },
    options,
    warnings,
  );
  return answer(rest, written, 200, warnings);
}

export async function deleteOne(rest: RestRequest): Promise<HttpAnswer> {
  formOf(rest);
  const { dryRun, ...options } = await readDeleteOptions(rest);
  const warnings: string[] = [];
  const written = await commit(rest, { verb: 'delete', options }, { dryRun }, warnings);
  if (written.deleted && !rest.definition.strategy.returnDeletedObject) {
    const { group, plural } = rest.definition;
    const details = {
      name: rest.info.name,
      ...(group === '' ? {} : { group }),
      kind: plural,
      uid: written.object.metadata.uid,
    };
    const { code: _code, ...status } = successStatus(details);
    return textResponse(JSON.stringify(status), { ...formOf(rest).answer, warnings });
  }
  const accepted = !written.deleted && options.orphanDependents === false;
  return answer(rest, written, accepted ? 202 : 200, warnings);
}

async function decodeBody(rest: RestRequest, validation: 'Ignore' | 'Warn' | 'Strict') {
  const format = bodyFormat(rest.request.headers.get('content-type'));
  const bytes = await readBody(rest.request);
  const decoded = rest.core.codec.decode(bytes, format, bodyTarget(rest.definition, rest.subresource), validation);
  rest.audit?.requestObject(decoded.object, bytes.byteLength);
  return decoded;
}

/** DeleteOptions of the body, if there is one, otherwise of the query. */
export async function readDeleteOptions(
  rest: RestRequest,
): Promise<DeleteOptions & { dryRun: boolean; orphanDependents?: boolean }> {
  const bytes = await readBody(rest.request);
  const query = rest.url.searchParams;
  if (bytes.byteLength === 0) return deleteOptions(undefined, query);
  const format = bodyFormat(rest.request.headers.get('content-type'));
  const { object } = rest.core.codec.decode(bytes, format, deleteOptionsTarget(rest), 'Ignore');
  rest.audit?.requestObject(object, bytes.byteLength);
  return deleteOptions(object as unknown as Record<string, unknown>, query);
}

/** DeleteOptions come as `v1` or as the group's own version. */
function deleteOptionsTarget(rest: RestRequest) {
  const { group, version } = targetOf(rest.definition);
  return {
    group,
    version,
    kind: 'DeleteOptions',
    schema: 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions',
    anyVersion: true,
  };
}

/** `warnings`: those of the decoding; what the write has to say is added. */
async function commit(
  rest: RestRequest,
  operation: Operation,
  options: { dryRun: boolean; fieldManager?: string },
  warnings: string[],
): Promise<Written> {
  const { core, definition, info, subresource, user } = rest;
  const decoded = warnings.length;
  const manager = fieldManager(rest.request, options.fieldManager);
  const inspected = await inspect(rest, operation);
  const write = (tx: WriteView) => {
    // It may run again (see Ledger.commit), so each run starts from what came in: hooks change the body in place.
    warnings.length = decoded;
    const scope: WriteScope = {
      core,
      tx,
      user,
      definition: core.registry.stored(definition),
      requested: definition,
      namespace: definition.namespaced ? info.namespace : '',
      name: info.name,
      ...(subresource ? { subresource } : {}),
      mayCreate: rest.mayCreate,
      ...(rest.authority ? { authority: rest.authority } : {}),
      dryRun: options.dryRun,
      warnings,
      manager,
      ...(rest.audit ? { annotate: rest.audit.annotate } : {}),
      ...(inspected ? { inspected } : {}),
    };
    return execute(scope, 'body' in operation ? { ...operation, body: copyJson(operation.body) } : operation);
  };
  return answered(() => core.ledger.commit(write));
}

function inspect({ core, definition, subresource }: RestRequest, operation: Operation) {
  const { strategy } = core.registry.stored(definition);
  if (!strategy.inspect || subresource) return undefined;
  const body = 'body' in operation ? operation.body : operation.verb === 'apply' ? operation.patch : undefined;
  return body && strategy.inspect(body as unknown as KubeObject);
}

/** What is applied: YAML, of which JSON is a part that is read faster. */
function configuration(bytes: Uint8Array): { patch: Record<string, unknown>; repeated: string[] } {
  try {
    const text = decodeUtf8(bytes);
    const { value, repeated = [] } = text.trimStart().startsWith('{') ? jsonOrYaml(text) : decodeYaml(text);
    if (value === null) return { patch: {}, repeated };
    if (isJsonObject(value)) return { patch: value, repeated };
    throw errors.badRequest(
      `error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${jsonKind(value)} into Go value of type map[string]interface {}`,
    );
  } catch (error) {
    if (error instanceof ApiError) throw errors.badRequest(`error decoding YAML: ${error.message}`);
    throw error;
  }
}

/** Only the reader of YAML knows the lines of what is there twice. */
function jsonOrYaml(text: string): Decoded {
  try {
    const decoded = decodeJson(text);
    if (decoded.duplicates.length === 0) return decoded;
  } catch {}
  return decodeYaml(text);
}

/** The object that a write leaves, in the form asked for. */
function answer(rest: RestRequest, written: Written, code: number, warnings: readonly string[]): HttpAnswer {
  const { form, answer: how } = formOf(rest);
  const options = { ...how, code, warnings };
  const { value: stored } = written;
  if (form.type === 'object' && stored !== undefined && !rest.definition.conversion)
    return textResponse(head(rest.definition) + stored, options);
  if (form.type === 'object' || rest.subresource?.behaviour.type === 'projection') {
    const object = asRequested({ requested: rest.definition, subresource: rest.subresource }, written.object);
    return textResponse(JSON.stringify(ordered(object)), options);
  }
  const { value, metadataLength } = encodeValue(written.object, Number(written.object.metadata.resourceVersion ?? 0));
  const side = encodeSide(rest.definition, written.object, metadataLength);
  return textResponse(formText(rest.definition, { value, side }, form, rest.core.clock.now()), options);
}

/** kind and apiVersion first. */
function ordered({ kind, apiVersion, metadata, ...rest }: KubeObject): KubeObject {
  return { kind, apiVersion, metadata, ...rest };
}
