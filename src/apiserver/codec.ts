// From request bodies to objects: syntax, the group, version and kind they claim, the schema's coercion, unknown fields,
// and the defaults of the kind. The one place where the server meets the schema tables.
import { ApiError, errors } from '../machinery/errors.ts';
import { apiVersion, type KubeObject } from '../machinery/meta.ts';
import type { AnyResource } from '../machinery/resource.ts';
import { coerce, strictProblems } from '../machinery/schema/coerce.ts';
import { decodeJson, decodeUtf8 } from '../machinery/schema/json.ts';
import { decodeProtobuf } from '../machinery/schema/protobuf.ts';
import { protobufWriter } from '../machinery/schema/protobuf-writer.ts';
import type { ProtobufTable } from '../machinery/schema/table.ts';
import type { Schemas } from '../machinery/schema/types.ts';
import { decodeYaml } from '../machinery/schema/yaml.ts';
import { ProtobufAnswers } from './negotiation/protobuf.ts';
import { applyPatch } from './patch.ts';

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

/** What a body should be. */
export interface Target {
  group: string;
  version: string;
  kind: string;
  /** Name of its type in the schema facts. */
  schema: string;
  /** Whether a body of another group version is taken as well (DeleteOptions). */
  anyVersion?: boolean;
  defaults?: ((object: never) => void) | undefined;
}

export function targetOf(definition: AnyResource): Target {
  const { group, version, kind, schema, strategy } = definition;
  return { group, version, kind, schema, defaults: strategy.defaults as Target['defaults'] };
}

export interface Decoded<T = KubeObject> {
  object: T;
  warnings: string[];
}

export interface Codec {
  /** A body in its wire format. Throws BadRequest with upstream's message. */
  decode(bytes: Uint8Array, format: 'json' | 'yaml' | 'protobuf', target: Target, validation: FieldValidation): Decoded;
  /** A value that is JSON already (the result of a patch, a controller's write). Takes ownership of `value`. */
  accept(value: unknown, target: Target, validation: FieldValidation): Decoded;
  /** Applies a patch to the JSON of an object; mutates neither. Throws BadRequest or Invalid. */
  /** Answers in protobuf; undefined: none are given. */
  readonly protobuf: ProtobufAnswers | undefined;
  patch(type: 'json' | 'merge' | 'strategic', base: Record<string, unknown>, patch: unknown, schema: string): unknown;
}

export function createCodec(schemas: Schemas, protobufTables: ProtobufTable | undefined): Codec {
  const accept = (value: unknown, target: Target, validation: FieldValidation, duplicates: string[] = []): Decoded => {
    checkClaim(value, target);
    const coerced = refused(
      () => coerce(schemas, target.schema, value),
      (message) => inWords(target, message),
    );
    const object = coerced.value as unknown as KubeObject;
    object.kind = target.kind;
    object.apiVersion = apiVersion(target);
    object.metadata = (object.metadata ?? {}) as KubeObject['metadata'];
    const problems = validation === 'Ignore' ? [] : strictProblems(coerced.unknown, duplicates);
    if (problems.length > 0 && validation === 'Strict')
      throw inWords(target, `strict decoding error: ${problems.join(', ')}`);
    if (asksForReset(value)) object.metadata.managedFields = [];
    target.defaults?.(object as never);
    return { object, warnings: problems };
  };
  return {
    decode(bytes, format, target, validation) {
      if (format === 'protobuf') return accept(fromProtobuf(bytes, target), target, 'Ignore');
      const { value, duplicates } = syntax(bytes, target, () =>
        format === 'yaml' ? decodeYaml(decodeUtf8(bytes)) : decodeJson(decodeUtf8(bytes)),
      );
      return accept(value, target, validation, duplicates);
    },
    accept,
    protobuf: protobufTables && new ProtobufAnswers(schemas, protobufWriter(protobufTables)),
    patch(type, base, patch, schema) {
      return applyPatch(schemas, type, base, patch, schema);
    },
  };

  function fromProtobuf(bytes: Uint8Array, target: Target): unknown {
    if (!protobufTables) throw new ApiError('UnsupportedMediaType', 'protobuf bodies are not served');
    const { value, kind } = decodeProtobuf(protobufTables, bytes, (version, kind) =>
      kind === target.kind && (target.anyVersion || version === apiVersion(target)) ? target.schema : undefined,
    );
    if (!value) throw errors.badRequest(`${kind} cannot be handled as a ${target.kind}`);
    return value;
  }
}

/** An empty list of managed fields, which coercion drops, means something: to forget them. */
function asksForReset(value: unknown): boolean {
  const { metadata } = value as { metadata?: { managedFields?: unknown } | null };
  const sent = metadata?.managedFields;
  return Array.isArray(sent) && sent.length === 0;
}

/** Refuses a body that says it is something else; one that says nothing is taken for what is expected. */
function checkClaim(value: unknown, target: Target): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw unrecognized(target, 'json: cannot unmarshal the body into Go value of type struct');
  const { kind = '', apiVersion: claimed = '' } = value as { kind?: unknown; apiVersion?: unknown };
  if ((typeof kind !== 'string' && kind !== null) || (typeof claimed !== 'string' && claimed !== null))
    throw unrecognized(target, 'kind and apiVersion must be strings');
  const expected = apiVersion(target);
  if (claimed && claimed !== expected && !target.anyVersion)
    throw errors.badRequest(
      `the API version in the data (${claimed}) does not match the expected API version (${expected})`,
    );
  if (kind && kind !== target.kind)
    throw errors.badRequest(
      `${kind} in version ${JSON.stringify(target.version)} cannot be handled as a ${target.kind}: the kind in the data (${kind}) does not match the expected kind (${target.kind})`,
    );
}

/** What is wrong with the fields, in the words in which upstream passes it on. */
function inWords(target: Target, message: string): ApiError {
  const { kind, version } = target;
  return errors.badRequest(`${kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: ${message}`);
}

/** What is wrong before a kind is known. */
function unrecognized(target: Target, message: string, summary = ''): ApiError {
  return errors.badRequest(
    `the object provided is unrecognized (must be of type ${target.kind}): couldn't get version/kind; json parse error: ${message}${summary}`,
  );
}

function refused<T>(work: () => T, words: (message: string) => ApiError): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof ApiError && error.reason === 'BadRequest') throw words(error.message);
    throw error;
  }
}

function syntax<T>(bytes: Uint8Array, target: Target, work: () => T): T {
  return refused(work, (message) => unrecognized(target, message, ` (${summarize(bytes)})`));
}

const summaryBytes = 30;

/** The beginning of a body: text where it looks like JSON, otherwise hexadecimal. */
function summarize(bytes: Uint8Array): string {
  if (bytes.length === 0) return '<empty>';
  const start = bytes.subarray(0, summaryBytes);
  const text =
    start[0] === 0x7b
      ? new TextDecoder().decode(start)
      : Array.from(start, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return bytes.length > summaryBytes ? `${text} ...` : text;
}
