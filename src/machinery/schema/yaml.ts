// YAML request bodies, read as sigs.k8s.io/yaml does: YAML 1.1 (`yes` and `on` are booleans), one document, keys as strings,
// then as if it had been JSON. Throws ApiError BadRequest for anything else.

import {
  type Alias,
  Composer,
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isScalar,
  isSeq,
  Lexer,
  type Node,
  Parser,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import { ApiError, errors } from '../errors.ts';
import { childPath, type Decoded, depthMax, isJsonObject, setOwn } from './json.ts';
import { yamlProblem } from './yaml-errors.ts';

/** Tokens of a text, and lines within them. What is read of one takes some hundred bytes, and an isolate has 128 MB for everything. */
const tokensMax = 300_000;
/** Nodes, and UTF-16 units of text, that aliases may expand to; beyond it the text is a bomb. */
const nodesMax = 200_000;
const expandedUnitsMax = 3 * 1024 * 1024;
/** How many duplicates are worth reporting. */
const repeatedMax = 100;
/** Anything but a tab, ends of lines and what is printable. */
const control = /[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;
/** Tags of YAML 1.1 that Go's reader does not turn into anything but strings. */
const notInGo = new Set([
  'tag:yaml.org,2002:binary',
  'tag:yaml.org,2002:timestamp',
  'tag:yaml.org,2002:omap',
  'tag:yaml.org,2002:pairs',
  'tag:yaml.org,2002:set',
]);

/**
 * Looks through a text before anything is made of it: throws RequestEntityTooLarge, or BadRequest where it is nested too
 * deeply. What opens a level is a bracket, or one indicator, tag or anchor after another without anything between.
 */
function checkSize(text: string): void {
  let tokens = 0;
  let brackets = 0;
  let row = 0;
  for (const token of new Lexer().lex(text)) {
    tokens++;
    for (let at = token.indexOf('\n'); at >= 0; at = token.indexOf('\n', at + 1)) [tokens, row] = [tokens + 1, 0];
    if (tokens > tokensMax) throw errors.tooLarge(`Request entity too large: limit is ${tokensMax} tokens of YAML`);
    if (token === '[' || token === '{') brackets++;
    else if (token === ']' || token === '}') brackets--;
    else if (/^(?:[-?]$|[!&])/.test(token)) row++;
    else if (!/^[ \t:]+$/.test(token)) row = 0;
    if (brackets + row > depthMax) throw errors.badRequest('exceeded max depth');
  }
}

/** The first document, of which there may be none. */
function firstDocument(text: string): Document | undefined {
  checkSize(text);
  if (control.test(text))
    throw errors.badRequest('error converting YAML to JSON: yaml: control characters are not allowed');
  const composer = new Composer({
    version: '1.1',
    uniqueKeys: false,
    logLevel: 'silent',
    prettyErrors: false,
    customTags: (tags) =>
      tags.filter(
        (tag) => typeof tag === 'string' || (!notInGo.has(tag.tag) && (tag as { format?: string }).format !== 'TIME'),
      ),
  });
  for (const document of composer.compose(new Parser().parse(text))) return document as Document;
  return undefined;
}

/** Throws BadRequest, or RequestEntityTooLarge (413) for what would take too much memory. */
export function decodeYaml(text: string): Decoded {
  let document: Document | undefined;
  try {
    document = firstDocument(text);
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw errors.badRequest(`error converting YAML to JSON: ${message(error)}`);
  }
  if (!document) return { value: null, duplicates: [] };
  const root = document.contents;
  // What comes after a complete collection in brackets is never read.
  const read = isCollection(root) && root.flow && root.range ? root.range[1] : Number.POSITIVE_INFINITY;
  const first = document.errors.find(({ code, pos }) => code !== 'UNEXPECTED_TOKEN' || pos[0] < read);
  if (first) throw errors.badRequest(`error converting YAML to JSON: ${yamlProblem(text, first)}`);

  const duplicates: string[] = [];
  const repeated: string[] = [];
  const lineOf = lines(text);
  let nodes = 0;
  // An alias means the last anchor of its name before it. The library looks through the whole document for each.
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  let expanding = 0;
  let expanded = 0;
  const aliased = <T>(node: Alias, use: (target: Node) => T): T => {
    const target = targets.get(node) ?? anchors.get(node.source);
    if (!target)
      throw errors.badRequest(`error converting YAML to JSON: yaml: unknown anchor '${node.source}' referenced`);
    targets.set(node, target);
    expanding++;
    const result = use(target);
    expanding--;
    return result;
  };
  const count = (node: unknown, depth: number): void => {
    if (depth > depthMax) throw errors.badRequest('exceeded max depth');
    if (expanding > 0 && isScalar(node)) expanded += String(node.value).length;
    if (++nodes > nodesMax || expanded > expandedUnitsMax)
      throw errors.badRequest('error converting YAML to JSON: yaml: document contains excessive aliasing');
    if (expanding === 0 && isNode(node) && !isAlias(node) && node.anchor) anchors.set(node.anchor, node);
  };
  const convert = (node: unknown, path: string, depth: number): unknown => {
    count(node, depth);
    if (node === null || node === undefined) return null;
    if (isAlias(node)) return aliased(node, (target) => convert(target, path, depth + 1));
    if (isScalar(node)) return scalar(node);
    if (isSeq(node)) return node.items.map((item, i) => convert(item, `${path}[${i}]`, depth + 1));
    return isMap(node) ? fill({}, node, path, depth) : null;
  };
  /** Sets what the map says, one entry after the other, as Go's reader does: the last one of a name counts. */
  const fill = (out: Record<string, unknown>, node: YAMLMap, path: string, depth: number): Record<string, unknown> => {
    for (const pair of node.items) {
      const key = convert(pair.key, path, depth + 1);
      if (typeof key === 'object' && key !== null)
        throw errors.badRequest(`error converting YAML to JSON: yaml: invalid map key: ${goText(key)}`);
      if (key === '<<' && isScalar(pair.key) && pair.key.type === 'PLAIN') {
        merge(out, pair.value, path, depth + 1);
        continue;
      }
      const name = String(key);
      const inner = childPath(path, name);
      const value = convert(pair.value, inner, depth + 1);
      if (Object.hasOwn(out, name) && repeated.length < repeatedMax) {
        duplicates.push(inner);
        repeated.push(`line ${lineOf(pair.value ?? pair.key)}: key ${goText(key)} already set in map`);
      }
      setOwn(out, name, value);
    }
    return out;
  };
  /** Of several the first one counts. */
  const merge = (out: Record<string, unknown>, node: unknown, path: string, depth: number): void => {
    count(node, depth);
    if (isAlias(node)) aliased(node, (target) => merge(out, target, path, depth + 1));
    else if (isMap(node)) fill(out, node, path, depth);
    else if (isSeq(node)) for (const item of [...node.items].reverse()) merge(out, item, path, depth + 1);
    else
      throw errors.badRequest(
        'error converting YAML to JSON: yaml: map merge requires map or sequence of maps as the value',
      );
  };
  return { value: convert(document.contents, '', 0), duplicates, repeated };
}

/** A key as Go writes it with its type. */
function goText(key: unknown): string {
  if (key === null) return '<nil>';
  if (Array.isArray(key)) return `[]interface {}{${key.map(goText).join(', ')}}`;
  if (!isJsonObject(key)) return JSON.stringify(key);
  const members = Object.keys(key).sort();
  return `map[interface {}]interface {}{${members.map((name) => `${JSON.stringify(name)}:${goText(key[name])}`).join(', ')}}`;
}

/** The line, from 1, on which a node begins. Nodes are asked for nearly in order, so only what is between two is looked at. */
function lines(text: string): (node: unknown) => number {
  let at = 0;
  let line = 1;
  return (node) => {
    const offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
    if (offset < at) [at, line] = [0, 1];
    for (; at < offset; at++) if (text[at] === '\n') line++;
    return line;
  };
}

const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function scalar(node: Scalar): unknown {
  const value = node.value;
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) {
      const shown = Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
      throw errors.badRequest(`error converting YAML to JSON: json: unsupported value: ${shown}`);
    }
    return value;
  }
  return node.source ?? null;
}
