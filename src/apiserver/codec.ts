// From request bodies to objects: syntax, the group, version and kind they claim, the schema's coercion, unknown fields,
// and the defaults of the kind. The one place where the server meets the schema tables.

import { toHex } from '../machinery/bytes.ts';
import { ApiError, errors } from '../machinery/errors.ts';
import { apiVersion, type KubeObject } from '../machinery/meta.ts';
import { jsonKind } from '../machinery/patch/index.ts';
import type { AnyResource } from '../machinery/resource.ts';
import { coerce, strictProblems } from '../machinery/schema/coerce.ts';
import { decodeJson, decodeUtf8, isJsonObject, type Decoded as Read } from '../machinery/schema/json.ts';
import { decodeProtobuf } from '../machinery/schema/protobuf.ts';
import { protobufWriter } from '../machinery/schema/protobuf-writer.ts';
import type { ProtobufTable } from '../machinery/schema/table.ts';
import type { Schemas } from '../machinery/schema/types.ts';
import { decodeYaml } from '../machinery/schema/yaml.ts';
import { ProtobufAnswers } from './negotiation/protobuf.ts';
import { applyPatch, type Patching, type PatchType } from './patch.ts';

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
  /** Other versions of the group in which the same body is taken. */
  otherVersions?: readonly string[];
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
  /** Answers in protobuf; undefined: none are given. */
  readonly protobuf: ProtobufAnswers | undefined;
  /** What a patch (its text) leaves of the JSON of an object, which is not changed. Throws BadRequest or Invalid. */
  patch(
    type: PatchType,
    base: Record<string, unknown>,
    text: string,
    target: Target,
    validation: FieldValidation,
  ): Decoded;
}

export function createCodec(schemas: Schemas, protobufTables: ProtobufTable | undefined): Codec {
  /** Throws BadRequest with the bare message. */
  const convert: Patching['convert'] = (value, target, words, duplicates: readonly string[] = []) => {
    const claim = claimOf(value, target);
    checkClaim(schemas, claim, target);
    const coerced = coerce(schemas, target.schema, value ?? {}, words);
    if (claim.version !== target.version || claim.group !== target.group) requireVersion(claim, target);
    const object = coerced.value as unknown as KubeObject;
    object.kind = target.kind;
    object.apiVersion = apiVersion(target);
    object.metadata = (object.metadata ?? {}) as KubeObject['metadata'];
    if (asksForReset(value)) object.metadata.managedFields = [];
    target.defaults?.(object as never);
    return { object, problems: strictProblems(value, coerced.unknown, duplicates) };
  };
  const accept = (
    value: unknown,
    target: Target,
    validation: FieldValidation,
    { duplicates, repeated = [] }: Pick<Read, 'duplicates' | 'repeated'> = { duplicates: [] },
  ): Decoded => {
    const { object, problems } = refused(
      () => convert(value, target, 'json', repeated.length > 0 ? [] : duplicates),
      (message) => inWords(claimOf(value, target), target, message),
    );
    if (validation === 'Ignore') return { object, warnings: [] };
    // What the YAML reader has to say is one error of many lines, and as many warnings.
    const ofYaml = repeated.length > 0 ? [`yaml: unmarshal errors:\n  ${repeated.join('\n  ')}`] : [];
    if (ofYaml.length + problems.length > 0 && validation === 'Strict')
      throw inWords(claimOf(value, target), target, `strict decoding error: ${[...ofYaml, ...problems].join(', ')}`);
    return { object, warnings: [...repeated, ...problems] };
  };
  return {
    decode(bytes, format, target, validation) {
      if (format === 'protobuf')
        return accept(
          syntax(bytes, target, () => fromProtobuf(bytes, target)),
          target,
          'Ignore',
        );
      const read = syntax(bytes, target, () => {
        const decoded = format === 'yaml' ? yaml(bytes) : json(bytes);
        claimOf(decoded.value, target);
        return decoded;
      });
      return accept(read.value, target, validation, read);
    },
    accept: (value, target, validation) => accept(value, target, validation),
    protobuf: protobufTables && new ProtobufAnswers(schemas, protobufWriter(protobufTables)),
    patch(type, base, text, target, validation) {
      return applyPatch({ schemas, convert }, type, base, text, target, validation);
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
  const { metadata } = (value ?? {}) as { metadata?: { managedFields?: unknown } | null };
  const sent = metadata?.managedFields;
  return Array.isArray(sent) && sent.length === 0;
}

/** What a body says it is, with what is expected in place of what it leaves open. */
interface Claim {
  group: string;
  version: string;
  kind: string;
}

const typeMeta =
  'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

/** Throws BadRequest for a body that cannot say what it is. */
function claimOf(value: unknown, target: Target): Claim {
  const unreadable = (message: string) =>
    errors.badRequest(`couldn't get version/kind; json parse error: json: cannot unmarshal ${message}`);
  if (value === null) return target;
  if (!isJsonObject(value)) throw unreadable(`${jsonKind(value)} into Go value of type ${typeMeta}`);
  const text = (key: 'kind' | 'apiVersion'): string => {
    const found = (Object.hasOwn(value, key) ? value[key] : undefined) ?? '';
    if (typeof found !== 'string') throw unreadable(`${jsonKind(found)} into Go struct field .${key} of type string`);
    return found;
  };
  const claimed = text('apiVersion');
  const kind = text('kind') || target.kind;
  const parts = claimed.split('/');
  if (parts.length > 2) throw errors.badRequest(`unexpected GroupVersion string: ${claimed}`);
  if (claimed === '' || claimed === '/') return { group: target.group, version: target.version, kind };
  const [group, version] = parts.length === 2 ? (parts as [string, string]) : ['', claimed];
  return { group, version, kind };
}

/** Go packages of the types in which upstream works, by API group. */
const internalPackage = (group: string): string =>
  group === '' || group === 'events.k8s.io' ? 'core' : (group.split('.')[0] as string);

/** Known in every group version. */
const metaKinds = new Set([
  ...['Status', 'APIVersions', 'APIGroup', 'APIGroupList', 'APIResourceList', 'List', 'WatchEvent'],
  ...['CreateOptions', 'DeleteOptions', 'GetOptions', 'ListOptions', 'PatchOptions', 'UpdateOptions'],
]);

/** Refuses a body that says it is something that is not known, or cannot be made into what is expected. */
function checkClaim(schemas: Schemas, { group, version, kind }: Claim, target: Target): void {
  if (group === target.group && version === target.version && kind === target.kind) return;
  if (target.anyVersion && kind === target.kind) return;
  if (isOtherVersion({ group, version, kind }, target)) return;
  if (target.anyVersion || !(metaKinds.has(kind) || schemas.ofKind(group, version, kind))) {
    const scheme = target.anyVersion
      ? 'pkg/apis/meta/internalversion/scheme/register.go:27'
      : 'pkg/api/legacyscheme/scheme.go:30';
    throw errors.badRequest(
      `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion({ group, version }))} in scheme ${JSON.stringify(scheme)}`,
    );
  }
  if (kind !== target.kind || internalPackage(group) !== internalPackage(target.group))
    throw errors.badRequest(
      `converting (${version}.${kind}) to (${internalPackage(target.group)}.${target.kind}): unknown conversion`,
    );
}

const isOtherVersion = (claim: Claim, target: Target): boolean =>
  claim.group === target.group && claim.kind === target.kind && target.otherVersions?.includes(claim.version) === true;

/** Another version of the same kind can be read, but is not taken. */
function requireVersion(claim: Claim, target: Target): void {
  if (target.anyVersion || isOtherVersion(claim, target)) return;
  throw new VersionMismatch(
    `the API version in the data (${apiVersion(claim)}) does not match the expected API version (${apiVersion(target)})`,
  );
}

/** Its message stands as it is. */
class VersionMismatch extends ApiError {
  constructor(message: string) {
    super('BadRequest', message);
  }
}

/** What is wrong with the fields, in the words in which upstream passes it on. */
function inWords({ kind, version }: Claim, target: Target, message: string): ApiError {
  if (target.anyVersion) return errors.badRequest(message);
  return errors.badRequest(
    `${kind} in version ${JSON.stringify(version)} cannot be handled as a ${target.kind}: ${message}`,
  );
}

const json = (bytes: Uint8Array) =>
  refused(
    () => decodeJson(decodeUtf8(bytes)),
    (message) => errors.badRequest(`couldn't get version/kind; json parse error: ${message}`),
  );

const yaml = (bytes: Uint8Array) =>
  refused(
    () => decodeYaml(decodeUtf8(bytes)),
    (message) => errors.badRequest(message.replace(/^error converting YAML to JSON: /, '')),
  );

function refused<T>(work: () => T, words: (message: string) => ApiError): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof ApiError && error.reason === 'BadRequest' && !(error instanceof VersionMismatch))
      throw words(error.message);
    throw error;
  }
}

function syntax<T>(bytes: Uint8Array, target: Target, work: () => T): T {
  return refused(work, (message) =>
    errors.badRequest(
      target.anyVersion
        ? message
        : `the object provided is unrecognized (must be of type ${target.kind}): ${message} (${summarize(bytes)})`,
    ),
  );
}

const summaryBytes = 30;

/** The beginning of a body: text where it looks like JSON, otherwise hexadecimal. */
function summarize(bytes: Uint8Array): string {
  if (bytes.length === 0) return '<empty>';
  const start = bytes.subarray(0, summaryBytes);
  const text = start[0] === 0x7b ? new TextDecoder().decode(start) : toHex(start);
  return bytes.length > summaryBytes ? `${text} ...` : text;
}
