// What two answers differ in, with what must differ made equal before: uids, times, revisions, generated names.
import type { Answer } from './sides.ts';

const headersCompared = ['content-type', 'warning', 'retry-after', 'cache-control', 'allow', 'location'];
const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const moment = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g;
/** Fields that the server makes up, wherever they are. */
const madeUp = new Set([
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'deletionTimestamp',
  'continue',
  'selfLink',
  'clusterIP',
]);

export interface Names {
  /** Texts of this run and what they are called in the comparison. */
  [text: string]: string;
}

function plain(text: string, names: Names): string {
  let out = text.replace(uuid, '<uid>').replace(moment, '<time>');
  for (const [from, to] of Object.entries(names)) out = out.replaceAll(from, to);
  return out
    .replace(/(ResourceVersion in (?:precondition|object meta): |in record \()\d+/g, '$1<revision>')
    .replace(/(resourceVersion\\*":\\*")\d+/g, '$1<revision>')
    .replace(/(resourceVersion: ")\d+/g, '$1<revision>')
    .replace(/\[\]string\{([^}]*)\}/g, (_, items: string) => `[${items.replaceAll('", "', '","')}]`);
}

function normal(value: unknown, names: Names, key = '', holder: Record<string, unknown> = {}): unknown {
  if (typeof value === 'string') {
    if (key === 'name' && typeof holder.generateName === 'string' && value.startsWith(holder.generateName))
      return `${plain(holder.generateName, names)}<generated>`;
    if (madeUp.has(key) && value !== '' && value !== 'None') return `<${key}>`;
    return plain(value, names);
  }
  if (Array.isArray(value)) return value.map((item) => normal(item, names, key));
  if (typeof value !== 'object' || value === null) return value;
  const own = value as Record<string, unknown>;
  return Object.fromEntries(
    Object.keys(own)
      .filter((name) => name !== 'managedFields' && name !== 'selfLink')
      .sort()
      .map((name) => [plain(name, names), normal(own[name], names, name, own)]),
  );
}

/** A body as a value: JSON, the events of a watch, or its text. */
function content(answer: Answer, names: Names): unknown {
  try {
    return normal(JSON.parse(answer.text), names);
  } catch {}
  try {
    const lines = answer.text.split('\n').filter((line) => line.trim() !== '');
    if (lines.length > 0) return lines.map((line) => normal(JSON.parse(line), names));
  } catch {}
  return plain(answer.text, names);
}

function walk(
  theirs: unknown,
  ours: unknown,
  path: string,
  found: (path: string, theirs: unknown, ours: unknown) => void,
) {
  if (Array.isArray(theirs) && Array.isArray(ours)) {
    for (let i = 0; i < Math.max(theirs.length, ours.length); i++) walk(theirs[i], ours[i], `${path}[${i}]`, found);
  } else if (isMap(theirs) && isMap(ours)) {
    for (const key of [...new Set([...Object.keys(theirs), ...Object.keys(ours)])])
      walk(theirs[key], ours[key], `${path}.${key}`, found);
  } else if (theirs !== ours && JSON.stringify(theirs) !== JSON.stringify(ours)) found(path, theirs, ours);
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const shown = (value: unknown): string => (value === undefined ? '-' : JSON.stringify(value));

/** Lines `code: 409 | 422`: what it is, the peer's, ours. */
export function differences(theirs: Answer, ours: Answer, names: { theirs: Names; ours: Names }): string[] {
  const out: string[] = [];
  const add = (path: string, a: unknown, b: unknown) => out.push(`${path}: ${shown(a)} | ${shown(b)}`);
  if (theirs.code !== ours.code) add('code', theirs.code, ours.code);
  for (const name of headersCompared) {
    const [a, b] = [theirs.headers[name], ours.headers[name]].map((values) => values?.map((value) => plain(value, {})));
    if (JSON.stringify(a) !== JSON.stringify(b)) add(`header ${name}`, a, b);
  }
  walk(content(theirs, names.theirs), content(ours, names.ours), 'body', add);
  return out;
}
