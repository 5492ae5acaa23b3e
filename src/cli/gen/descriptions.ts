// Descriptions of types, fields and query parameters, out of the declarations of two packages: kubernetes-models (types and
// fields, as upstream's OpenAPI document of this release has them) and @kubernetes/client-node (what the former's types leave
// out: apiVersion and kind, and the parameters of operations). What neither has is not described. What is written is read by
// src/apiserver/openapi/descriptions.ts.
import fs from 'node:fs';
import path from 'node:path';
import type { SchemaTable } from '../../machinery/schema/table.ts';
import { addedDescriptions } from './added-types.ts';

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

/** Folders of API groups whose types are called after their first word only, where that is not the folder's. */
const groupFolders: Record<string, string> = {
  core: '',
  flowcontrol: 'flowcontrol.apiserver.k8s.io',
  rbac: 'rbac.authorization.k8s.io',
};

/** The declaration of a type in kubernetes-models: a file each, under its group and version or its package of apimachinery. */
function declarationFile(modules: string, type: string): string | undefined {
  const machinery = /^io\.k8s\.apimachinery\.pkg\.(.+)$/.exec(type)?.[1];
  if (machinery) return path.join(modules, '@kubernetes-models/apimachinery', `${machinery.replaceAll('.', '/')}.d.ts`);
  const [group = '', version = '', kind = ''] = type.split('.').slice(-3);
  return [groupFolders[group] ?? group, `${group}.k8s.io`]
    .map((folder) => path.join(modules, 'kubernetes-models', folder, version, `${kind}.d.ts`))
    .find((file) => fs.existsSync(file));
}

/** A doc comment's text, line by line as it was, without what only TypeScript is told. */
const commentText = (comment: string): string =>
  comment
    .split('\n')
    .map((line) => line.replace(/^ *\* ?/, ''))
    .filter((line) => !line.startsWith('@deprecated'))
    .join('\n')
    .trimEnd()
    .replace(/\\([*/])/g, '$1');

/** What the type's interface says of itself and of its fields; a class of the same fields below it says nothing of these. */
function readDeclaration(text: string): Described {
  const own = /(?:^|\n)\/\*\*\n((?: \*.*\n)*) \*\/\nexport (?:interface|type)/.exec(text)?.[1];
  const found: Described = { f: {} };
  if (own) found.d = commentText(own);
  for (const [, comment, name] of text.matchAll(/ {4}\/\*\*\n((?: {5}\*.*\n)*) {5}\*\/\n {4}"([^"]+)"\??:/g))
    found.f[name as string] = commentText(comment as string);
  return found;
}

/** Types that the schema table writes out where they are used, so that it has none of the name. */
const inlined = [
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1',
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Patch',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time',
  'io.k8s.apimachinery.pkg.runtime.RawExtension',
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
];

/** Fields of releases past whose descriptions are those of columns of tables (`doc` of a column) to this day. */
const columnsOnly: Readonly<Record<string, readonly string[]>> = {
  'io.k8s.api.certificates.v1beta1.CertificateSigningRequestSpec': ['request', 'signerName'],
  'io.k8s.api.certificates.v1beta1.CertificateSigningRequestStatus': ['conditions'],
  'io.k8s.api.discovery.v1beta1.EndpointSlice': ['addressType', 'ports'],
  'io.k8s.api.extensions.v1beta1.DaemonSetSpec': ['selector'],
  'io.k8s.api.extensions.v1beta1.DaemonSetStatus': ['numberReady'],
  'io.k8s.api.extensions.v1beta1.DeploymentSpec': ['selector'],
  'io.k8s.api.extensions.v1beta1.NetworkPolicySpec': ['podSelector'],
  'io.k8s.api.extensions.v1beta1.ReplicaSetSpec': ['selector'],
  'io.k8s.api.rbac.v1beta1.ClusterRoleBinding': ['roleRef'],
  'io.k8s.api.rbac.v1beta1.RoleBinding': ['roleRef'],
};

/** In client-node's comments some characters are escaped, others are entities. */
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

/** The model's file in client-node: `V1Pod`, or with its group where several groups have such a kind (`CoreV1Event`). */
function modelFile(models: string, type: string): string | undefined {
  const [, group = '', version = '', kind = ''] = /([a-z]+)\.(v\w+)\.(\w+)$/.exec(type) ?? [];
  return [`${capital(group)}${capital(version)}${kind}`, `${capital(version)}${kind}`]
    .map((name) => path.join(models, `${name}.d.ts`))
    .find((file) => fs.existsSync(file));
}

function readModel(text: string): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const [, comment, name] of text.matchAll(/\/\*\*\n +\* (.*)\n +\*\/\n +'([^']+)'\??:/g))
    fields[baseName(name as string)] = unescaped(comment as string);
  return fields;
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

/**
 * Where the parameters of a list have line breaks, which client-node writes as blanks: the text's length, then the offsets. The
 * length holds them to the text that they were found for.
 */
const lineBreaks: Readonly<Record<string, readonly [length: number, ...offsets: number[]]>> = {
  continue: [1223, 1057, 1058],
  limit: [1364, 747, 748],
  resourceVersion: [204, 185, 186],
  resourceVersionMatch: [294, 275, 276],
  sendInitialEvents: [1380, 564, 565, 753, 830, 888, 971, 1053, 1126, 1166, 1223, 1252, 1253],
  shardSelector: [
    1544, 205, 206, 269, 412, 413, 564, 588, 618, 619, 879, 880, 890, 907, 996, 1086, 1103, 1192, 1281, 1370, 1460,
    1461,
  ],
};

function withLineBreaks(parameter: string, text: string): string {
  const [length, ...offsets] = lineBreaks[parameter] ?? [];
  if (length === undefined) return text;
  if (length !== text.length || offsets.some((at) => text[at] !== ' '))
    throw new Error(`the line breaks of ${parameter} do not fit its description any more`);
  const characters = text.split('');
  for (const at of offsets) characters[at] = '\n';
  return characters.join('');
}

/** JSON whose text takes a byte a character in memory. */
const ascii = (json: string): string =>
  json.replace(/[^\x20-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** By package (or `parameters`), then by type (or kind of operation): JSON. Functions, so that importing them compiles nothing. */
const type = 'export const descriptions: Readonly<Record<string, () => Readonly<Record<string, string>>>> = ';

/** Whose apiVersion and kind are described as everybody's. */
const anyKind = 'io.k8s.api.core.v1.Pod';
const pick = (from: Readonly<Record<string, string>>, fields: readonly string[]): Record<string, string> =>
  Object.fromEntries(fields.map((field) => [field, from[field] ?? '']));

/** The text of src/generated/descriptions.ts. */
export function descriptions(root: string, table: SchemaTable): string {
  const modules = path.join(root, 'node_modules');
  const generated = path.join(modules, '@kubernetes/client-node/dist/gen');
  const parameters = fs.readFileSync(path.join(generated, 'types/ObjectParamAPI.d.ts'), 'utf8');
  const read = (file: string | undefined): string => (file && fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '');
  const described = new Map<string, Described>();
  for (const [type, { f }] of [...Object.entries(table), ...inlined.map((type) => [type, { f: {} }] as const)]) {
    const request = options[type];
    if (request) {
      described.set(type, readRequest(parameters, request));
      continue;
    }
    const declared = readDeclaration(read(declarationFile(modules, type)));
    const added = addedDescriptions[type];
    if (added) {
      const { f: standard } = described.get(anyKind) ?? { f: {} };
      const shared = ['apiVersion', 'kind'].filter((field) => Object.hasOwn(f, field));
      described.set(type, { d: added.d, f: { ...pick(standard, shared), ...added.f } });
      continue;
    }
    const all = { ...readModel(read(modelFile(path.join(generated, 'models'), type))), ...declared.f };
    // Only what the type has: a name that its file shares with another's would bring strange fields.
    declared.f = Object.fromEntries(Object.entries(all).filter(([field]) => Object.hasOwn(f, field)));
    described.set(type, declared);
  }
  for (const [type, fields] of Object.entries(columnsOnly)) {
    const { f } = readDeclaration(read(declarationFile(modules, type)));
    described.set(type, { f: Object.fromEntries(fields.map((field) => [field, f[field] ?? ''])) });
  }
  for (const [operation, request] of Object.entries(requests))
    described.set(`parameters/${operation}`, readRequest(parameters, request));
  const list = described.get('parameters/list') as Described;
  for (const [parameter, text] of Object.entries(list.f)) list.f[parameter] = withLineBreaks(parameter, text);
  const packages = new Map<string, string[]>();
  for (const [name, { d, f }] of [...described].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const fields = Object.entries(f).sort(([a], [b]) => (a < b ? -1 : 1));
    if (d === undefined && fields.length === 0) continue;
    const json = ascii(JSON.stringify({ ...(d === undefined ? {} : { d }), f: Object.fromEntries(fields) }));
    const [, scope = '', own = ''] = /^(.+)[./](.+)$/.exec(name) ?? [];
    packages.set(scope, [...(packages.get(scope) ?? []), `    ${JSON.stringify(own)}: ${JSON.stringify(json)},\n`]);
  }
  const entries = [...packages].map(
    ([scope, lines]) => `  ${JSON.stringify(scope)}: () => ({\n${lines.join('')}  }),\n`,
  );
  return `// Written by \`npm run gen\`; do not edit. Descriptions of types and parameters, from Kubernetes' OpenAPI document.\n${type}{\n${entries.join('')}};\n`;
}
