// JSON patch (RFC 6902) as the library that upstream uses applies it: `add` and `replace` may name a member that is not
// there, `test` of what is absent holds for null, negative indexes count from the end. What cannot be read is BadRequest, what
// does not apply is Invalid; work is bounded, so that a short patch cannot blow up a document.

import { ApiError, errors } from '../errors.ts';
import { equalJson, isJsonObject, setOwn } from '../schema/json.ts';
import { copyJson, type Json } from './merge.ts';

export const operationsMax = 10_000;
/** Bytes that the copy operations of one patch may add; copies of copies double otherwise. */
export const copiedBytesMax = 3 * 1024 * 1024;

interface Operation {
  op?: string;
  path?: string;
  from?: string;
  value?: unknown;
}

const members: readonly string[] = ['op', 'path', 'from', 'value'];

/** What JSON's kinds are called in messages of Go's decoder. */
export function jsonKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (value === null) return 'null';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

/** Upstream keeps to itself what it is that does not apply. */
const notApplicable = (): ApiError =>
  new ApiError('Invalid', 'the server rejected our request due to an error in our request', {});

const cannot = (value: unknown, into: string): ApiError =>
  errors.badRequest(`error decoding patch: json: cannot unmarshal ${jsonKind(value)} into Go ${into}`);

function operation(entry: unknown): Operation {
  if (entry === null) return {};
  if (!isJsonObject(entry)) throw cannot(entry, 'value of type handlers.jsonPatchOp');
  const out: Operation = {};
  for (const name of ['op', 'path', 'from'] as const) {
    const value = Object.hasOwn(entry, name) ? entry[name] : undefined;
    if (typeof value === 'string') out[name] = value;
    else if (value !== undefined && value !== null)
      throw cannot(value, `struct field jsonPatchOp.${name} of type string`);
  }
  if (Object.hasOwn(entry, 'value')) out.value = entry.value;
  return out;
}

/** Members of operations that mean nothing, by their paths: `[0].comment`. */
export function unknownMembers(patch: unknown): string[] {
  if (!Array.isArray(patch)) return [];
  return patch.flatMap((entry, i) =>
    isJsonObject(entry)
      ? Object.keys(entry)
          .filter((key) => !members.includes(key))
          .map((key) => `[${i}].${key}`)
      : [],
  );
}

type Container = unknown[] | Json;

/** An index into a list of `length`, counted from its end where it is negative. */
function index(key: string, length: number): number {
  if (!/^[+-]?\d+$/.test(key)) throw notApplicable();
  const at = Number(key);
  if (at < -length) throw notApplicable();
  return at < 0 ? at + length : at;
}

function get(container: Container, key: string): unknown {
  if (!Array.isArray(container)) return Object.hasOwn(container, key) ? container[key] : undefined;
  const at = index(key, container.length);
  if (at >= container.length) throw notApplicable();
  return container[at];
}

function add(container: Container, key: string, value: unknown): void {
  if (!Array.isArray(container)) setOwn(container, key, value ?? null);
  else if (key === '-') container.push(value ?? null);
  else {
    const at = index(key, container.length + 1);
    if (at > container.length) throw notApplicable();
    container.splice(at, 0, value ?? null);
  }
}

function replace(container: Container, key: string, value: unknown): void {
  get(container, key);
  if (Array.isArray(container)) container[index(key, container.length)] = value ?? null;
  else setOwn(container, key, value ?? null);
}

function remove(container: Container, key: string): void {
  if (Array.isArray(container)) {
    get(container, key);
    container.splice(index(key, container.length), 1);
  } else if (Object.hasOwn(container, key)) delete container[key];
  else throw notApplicable();
}

const decoded = (token: string): string => token.replaceAll('~1', '/').replaceAll('~0', '~');

/** What holds the value that a pointer names, and its key there. */
function find(document: Container, pointer: string | undefined): { container: Container; key: string } {
  const tokens = pointer?.split('/') ?? [];
  if (tokens.length < 2) throw notApplicable();
  let container = document;
  for (const token of tokens.slice(1, -1)) {
    const next = get(container, decoded(token));
    if (!Array.isArray(next) && !isJsonObject(next)) throw notApplicable();
    container = next;
  }
  return { container, key: decoded(tokens.at(-1) as string) };
}

/** Returns the patched document; `document` is not changed. Throws ApiError. */
export function applyJsonPatch(document: unknown, patch: unknown): unknown {
  if (patch === null) return copyJson(document);
  if (!Array.isArray(patch)) throw cannot(patch, 'value of type []handlers.jsonPatchOp');
  const operations = patch.map(operation);
  if (patch.length > operationsMax)
    throw errors.tooLarge(
      `Request entity too large: The allowed maximum operations in a JSON patch is ${operationsMax}, got ${patch.length}`,
    );
  let result = copyJson(document) as Container;
  let copied = 0;
  for (const { op, path, from, value } of operations) {
    if ((op === 'replace' || op === 'test') && path === '') {
      if (op === 'test' ? !equalJson(result, value) : !Array.isArray(value) && !isJsonObject(value))
        throw notApplicable();
      if (op === 'replace') result = copyJson(value) as Container;
      continue;
    }
    switch (op) {
      case 'add':
      case 'replace': {
        const { container, key } = find(result, path);
        (op === 'add' ? add : replace)(container, key, copyJson(value));
        break;
      }
      case 'remove': {
        const { container, key } = find(result, path);
        remove(container, key);
        break;
      }
      case 'test': {
        const { container, key } = find(result, path);
        if (!equalJson(get(container, key) ?? null, value ?? null)) throw notApplicable();
        break;
      }
      case 'move': {
        const source = find(result, from);
        const moved = get(source.container, source.key);
        remove(source.container, source.key);
        const { container, key } = find(result, path);
        add(container, key, moved);
        break;
      }
      case 'copy': {
        const source = find(result, from);
        const original = get(source.container, source.key);
        const { container, key } = find(result, path);
        copied += (JSON.stringify(original) ?? '').length;
        if (copied > copiedBytesMax) throw notApplicable();
        add(container, key, copyJson(original));
        break;
      }
      default:
        throw notApplicable();
    }
  }
  return result;
}
