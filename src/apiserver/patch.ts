// Patches of objects, from their text to what they leave, by type. Throws BadRequest for a patch that cannot be read, Invalid
// for one that does not apply or leaves what is no object of its kind, in upstream's words.
import { ApiError, errors } from '../machinery/errors.ts';
import type { KubeObject } from '../machinery/meta.ts';
import {
  applyJsonPatch,
  applyMergePatch,
  applyStrategicMergePatch,
  goText,
  jsonKind,
  jsonPatchedText,
  mergedText,
  unknownMembers,
} from '../machinery/patch/index.ts';
import type { Words } from '../machinery/schema/coerce.ts';
import { decodeJson, isJsonObject } from '../machinery/schema/json.ts';
import type { Schemas } from '../machinery/schema/types.ts';
import type { Decoded, FieldValidation, Target } from './codec.ts';

export type PatchType = 'json' | 'merge' | 'strategic';

export interface Patching {
  schemas: Schemas;
  /** Brings a JSON value into the form of an object; throws BadRequest with the bare message. */
  convert(
    value: unknown,
    target: Target,
    words: Words,
    duplicates?: readonly string[],
  ): { object: KubeObject; problems: string[] };
}

export function applyPatch(
  { schemas, convert }: Patching,
  type: PatchType,
  base: Record<string, unknown>,
  text: string,
  target: Target,
  validation: FieldValidation,
): Decoded {
  const strict = validation !== 'Ignore';
  const { value: patch, duplicates } = read(type, text, strict);
  const own = strict ? strictMessages(type, patch, duplicates) : [];
  const result =
    type === 'json'
      ? applyJsonPatch(base, patch)
      : type === 'merge'
        ? applyMergePatch(base, patch)
        : applyStrategicMergePatch(schemas, target.schema, base, patch);
  // A strategic merge patch goes into an object of the kind, whatever it says of its own; the others make a new document.
  const shown =
    type === 'strategic'
      ? goText(patch)
      : () => (type === 'merge' ? mergedText(base, patch, result) : jsonPatchedText(patch, result));
  const document = type === 'strategic' && isJsonObject(result) ? { ...result, ...identity(base) } : result;
  const invalid = (message: string): ApiError => unusable(typeof shown === 'string' ? shown : shown(), message);
  let converted: ReturnType<Patching['convert']>;
  try {
    converted = convert(document, target, type === 'strategic' ? 'unstructured' : 'json');
  } catch (error) {
    if (error instanceof ApiError && error.reason === 'BadRequest') throw invalid(error.message);
    throw error;
  }
  const problems = strict ? [...own, ...[...converted.problems].sort()] : [];
  if (problems.length > 0 && validation === 'Strict') throw invalid(`strict decoding error: ${problems.join(', ')}`);
  return { object: converted.object, warnings: problems };
}

function read(type: PatchType, text: string, strict: boolean): ReturnType<typeof decodeJson> {
  try {
    const decoded = decodeJson(text);
    if (strict && type === 'merge' && decoded.value !== null && !isJsonObject(decoded.value))
      throw errors.badRequest(
        `json: cannot unmarshal ${jsonKind(decoded.value)} into Go value of type map[string]interface {}`,
      );
    return decoded;
  } catch (error) {
    if (error instanceof ApiError && type !== 'strategic')
      throw errors.badRequest(strict || type === 'merge' ? `error decoding patch: ${error.message}` : error.message);
    throw error;
  }
}

function strictMessages(type: PatchType, patch: unknown, duplicates: readonly string[]): string[] {
  const messages = [
    ...(type === 'json' ? unknownMembers(patch).map((path) => `unknown field ${JSON.stringify(path)}`) : []),
    ...duplicates.map((path) => `duplicate field ${JSON.stringify(path)}`),
  ];
  return type === 'json' ? messages.map((message) => `json patch ${message}`) : messages;
}

const identity = ({ kind, apiVersion }: Record<string, unknown>) => ({ kind, apiVersion });

/** Upstream names neither kind nor object here. */
function unusable(value: string, message: string): ApiError {
  const detail = `Invalid value: ${JSON.stringify(value)}: ${message}`;
  return new ApiError('Invalid', ` "" is invalid: patch: ${detail}`, {
    causes: [{ reason: 'FieldValueInvalid', message: detail, field: 'patch' }],
  });
}
