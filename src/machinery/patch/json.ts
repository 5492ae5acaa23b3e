// JSON patch (RFC 6902). What cannot be read is BadRequest, what does not apply is Invalid; work is bounded, so that a short
// patch cannot blow up a document.

import jsonPatch, { type Operation } from 'fast-json-patch';
import { ApiError, errors } from '../errors.ts';
import { copyJson } from './merge.ts';

export const operationsMax = 10_000;
/** Bytes that the copy operations of one patch may add; copies of copies double otherwise. */
export const copiedBytesMax = 3 * 1024 * 1024;

const kinds = new Set(['add', 'remove', 'replace', 'move', 'copy', 'test']);

function notApplicable(message: string): ApiError {
  return new ApiError('Invalid', 'the server rejected our request due to an error in our request', {
    causes: [{ reason: 'FieldValueInvalid', message, field: 'patch' }],
  });
}

function operation(entry: unknown): Operation {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry))
    throw errors.badRequest(
      'error decoding patch: json: cannot unmarshal value into Go value of type handlers.jsonPatchOp',
    );
  const { op, path, from } = entry as Record<string, unknown>;
  for (const [name, value] of Object.entries({ op, path, from }))
    if (value !== undefined && typeof value !== 'string')
      throw errors.badRequest(
        `error decoding patch: json: cannot unmarshal ${typeof value} into Go struct field jsonPatchOp.${name} of type string`,
      );
  if (typeof op !== 'string' || !kinds.has(op)) throw notApplicable(`Unexpected kind: ${op ?? 'unknown'}`);
  if (typeof path !== 'string') throw notApplicable('operation has no path');
  const value = Object.hasOwn(entry, 'value') ? (entry as { value: unknown }).value : null;
  switch (op) {
    case 'remove':
      return { op, path };
    case 'move':
    case 'copy':
      if (typeof from !== 'string') throw notApplicable(`${op} operation has no from`);
      return { op, path, from };
    default:
      return { op: op as 'add', path, value: copyJson(value) };
  }
}

function at(document: unknown, pointer: string): unknown {
  let value = document;
  for (const part of pointer.split('/').slice(1)) {
    if (typeof value !== 'object' || value === null) return undefined;
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    value = Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
  }
  return value;
}

/** Returns the patched document; `document` is not changed. Throws ApiError. */
export function applyJsonPatch(document: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch))
    throw errors.badRequest(
      `json: cannot unmarshal ${patch === null ? 'null' : typeof patch} into Go value of type jsonpatch.Patch`,
    );
  if (patch.length > operationsMax)
    throw errors.tooLarge(`The allowed maximum operations in a JSON patch is ${operationsMax}, got ${patch.length}`);
  const operations = patch.map(operation);
  let result: unknown = copyJson(document);
  let copied = 0;
  for (const [i, one] of operations.entries()) {
    try {
      if (one.op === 'copy') {
        copied += (JSON.stringify(at(result, one.from)) ?? '').length;
        if (copied > copiedBytesMax)
          throw notApplicable(
            `Unable to complete the copy, the accumulated size increase of copy is ${copied}, exceeding the limit ${copiedBytesMax}`,
          );
      }
      if (one.op === 'move' && one.path.startsWith(`${one.from}/`))
        throw notApplicable('a value cannot be moved into itself');
      result = jsonPatch.applyOperation(result, one, true, true, true, i).newDocument;
    } catch (error) {
      if (error instanceof ApiError) throw error;
      // The library's message goes on with the whole document; its first line says what is wrong.
      const message = error instanceof Error ? (error.message.split('\n')[0] as string) : 'malformed';
      throw notApplicable(`${one.op} operation does not apply at ${JSON.stringify(one.path)}: ${message}`);
    }
  }
  return result;
}
