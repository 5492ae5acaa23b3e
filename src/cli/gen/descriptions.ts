// Descriptions of types, fields and query parameters, out of the declarations of @kubernetes/client-node (which carry upstream's
// OpenAPI document of this release). What those have lost (of fields that refer to another type, line breaks, the meaning of
// enum values, types that are no classes there) is in openapi-facts.json. What is written is read by
// src/apiserver/openapi/descriptions.ts.
import fs from 'node:fs';
import path from 'node:path';
import type { SchemaTable } from '../../machinery/schema/table.ts';
import facts from './openapi-facts.json' with { type: 'json' };

interface Described {
  /** Of the type itself. */
  d?: string;
  /** By field. */
  f: Record<string, string>;
}

/** Requests from which the parameters of each kind of operation are taken. */
const requests: Record<string, string> = {
  list: 'CoreV1ApiListNamespacedPodRequest',
  create: 'CoreV1ApiCreateNamespacedPodRequest',
  update: 'CoreV1ApiReplaceNamespacedPodRequest',
  patch: 'CoreV1ApiPatchNamespacedPodRequest',
  delete: 'CoreV1ApiDeleteNamespacedPodRequest',
};
/** Those of options that are query parameters of a subresource, by their type. */
const options: Record<string, string> = {
  'io.k8s.api.core.v1.NodeProxyOptions': 'CoreV1ApiConnectGetNodeProxyRequest',
  'io.k8s.api.core.v1.PodAttachOptions': 'CoreV1ApiConnectGetNamespacedPodAttachRequest',
  'io.k8s.api.core.v1.PodExecOptions': 'CoreV1ApiConnectGetNamespacedPodExecRequest',
  'io.k8s.api.core.v1.PodLogOptions': 'CoreV1ApiReadNamespacedPodLogRequest',
  'io.k8s.api.core.v1.PodPortForwardOptions': 'CoreV1ApiConnectGetNamespacedPodPortforwardRequest',
  'io.k8s.api.core.v1.PodProxyOptions': 'CoreV1ApiConnectGetNamespacedPodProxyRequest',
  'io.k8s.api.core.v1.ServiceProxyOptions': 'CoreV1ApiConnectGetNamespacedServiceProxyRequest',
};

/** In comments some characters are escaped, others are entities. */
const entities: Record<string, string> = {
  '&#39;': "'",
  '&quot;': '"',
  '&#x60;': '`',
  '&#x3D;': '=',
  '&lt;': '<',
  '&gt;': '>',
  '&amp;': '&',
};
function unescaped(comment: string): string {
  return comment
    .replace(/\\(['"]|&)/g, '$1')
    .replace(/&(#39|quot|#x60|#x3D|lt|gt|amp);/g, (entity) => entities[entity] ?? entity)
    .replaceAll('\\\\', '\\')
    .replaceAll('*_/', '*/');
}

const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);

/** The model's file: `V1Pod`, or with its group where several groups have such a kind (`CoreV1Event`). */
function modelFile(models: string, type: string): string | undefined {
  const [, group = '', version = '', kind = ''] = /([a-z]+)\.(v\w+)\.(\w+)$/.exec(type) ?? [];
  return [`${capital(group)}${capital(version)}${kind}`, `${capital(version)}${kind}`]
    .map((name) => path.join(models, `${name}.d.ts`))
    .find((file) => fs.existsSync(file));
}

function readModel(text: string): Described {
  const found: Described = { f: {} };
  const own = /\/\*\*\n\* (.*)\n\*\/\nexport declare class/.exec(text)?.[1];
  if (own) found.d = unescaped(own);
  for (const [, comment, name] of text.matchAll(/\/\*\*\n +\* (.*)\n +\*\/\n +'([^']+)'\??:/g))
    found.f[baseName(name as string)] = unescaped(comment as string);
  return found;
}

/** Names that TypeScript reserves are written with an underscore. */
const baseName = (name: string): string =>
  name.replace(/^_(?=(continue|default|enum|from|_exec|exec|static|namespace|for)$)/, '');

function readRequest(text: string, name: string): Described {
  const start = text.indexOf(`export interface ${name} {`);
  if (start < 0) throw new Error(`client-node declares no ${name}`);
  const body = text.slice(start, text.indexOf('\n}', start));
  const found: Described = { f: {} };
  for (const [, comment, field] of body.matchAll(/\/\*\*\n +\* (.*)\n[^/]*\*\/\n +(\w+)\??:/g))
    if (field !== 'body') found.f[baseName(field as string)] = unescaped(comment as string);
  return found;
}

/** Puts line breaks back where the facts say that there were some: at these offsets, in a text of this length. */
function corrected(key: string, text: string): string {
  const fields = facts.fields as Record<string, string>;
  if (Object.hasOwn(fields, key)) return fields[key] as string;
  const [length, ...offsets] = (facts.lineBreaks as Record<string, number[]>)[key] ?? [];
  if (length === undefined) return text;
  if (length !== text.length || offsets.some((at) => text[at] !== ' '))
    throw new Error(`line breaks of ${key} do not fit its description any more`);
  const characters = [...text.split('')];
  for (const at of offsets) characters[at] = '\n';
  return characters.join('');
}

/** What the values of an enumeration mean, as upstream's generator writes it below a field. */
function withValues(key: string, text: string): string {
  const type = (facts.enumFields as Record<string, string>)[key];
  const values = type && (facts.enumValues as Record<string, Record<string, string>>)[type];
  if (!values) return text;
  const lines = Object.entries(values).map(([value, meaning]) => ` - \`"${value}"\` ${meaning}`.trimEnd());
  return [...(text === '' ? [] : [text, '']), 'Possible enum values:', ...lines.sort()].join('\n');
}

/** JSON whose text takes a byte a character in memory. */
const ascii = (json: string): string =>
  json.replace(/[^\x20-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** One line a type or kind of operation: its name, a tab, JSON. */
export function descriptions(root: string, table: SchemaTable): string {
  const generated = path.join(root, 'node_modules/@kubernetes/client-node/dist/gen');
  const parameters = fs.readFileSync(path.join(generated, 'types/ObjectParamAPI.d.ts'), 'utf8');
  const described = new Map<string, Described>();
  for (const [type, { f }] of Object.entries(table)) {
    const file = modelFile(path.join(generated, 'models'), type);
    const model = file ? readModel(fs.readFileSync(file, 'utf8')) : { f: {} };
    const request = options[type];
    if (request) model.f = readRequest(parameters, request).f;
    // Only what the type has: a name that its file shares with another's would bring strange fields.
    model.f = Object.fromEntries(Object.entries(model.f).filter(([field]) => Object.hasOwn(f, field) || request));
    described.set(type, model);
  }
  for (const [operation, request] of Object.entries(requests))
    described.set(`parameters/${operation}`, readRequest(parameters, request));
  for (const [type, text] of Object.entries(facts.types)) described.set(type, { d: text, f: {} });
  const missing = new Map<string, string[]>();
  for (const key of Object.keys(facts.fields)) {
    const [, type = '', field = ''] = /^(\w+\.\w+\.\w+)\.(.+)$/.exec(key) ?? [];
    missing.set(type, [...(missing.get(type) ?? []), field]);
  }
  const lines: string[] = [];
  for (const [name, { d, f }] of [...described].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const short = name.split('.').slice(-3).join('.');
    const all = [...new Set([...Object.keys(f), ...(missing.get(short) ?? [])])].sort();
    const fields = all.map((field) => [
      field,
      withValues(`${short}.${field}`, corrected(`${short}.${field}`, f[field] ?? '')),
    ]);
    if (d === undefined && fields.length === 0) continue;
    const own = d === undefined ? {} : { d: corrected(short, d) };
    lines.push(`${name}\t${ascii(JSON.stringify({ ...own, f: Object.fromEntries(fields) }))}`);
  }
  return `// Written by \`npm run gen\`; do not edit. Descriptions of types and parameters, from Kubernetes' OpenAPI document.\nexport const descriptions: string = ${JSON.stringify(lines.join('\n'))};\n`;
}
