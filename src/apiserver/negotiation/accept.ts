// Which form the client wants its answer in, from the Accept header, as upstream negotiates it: in the order of q, the first
// clause that names an encoding which is written here and a transformation that the place allows. JSON is what is stored;
// YAML and protobuf are made from it.

import { ApiError } from '../../machinery/errors.ts';
import type { HttpRequest } from '../../machinery/http.ts';

export type Encoding = 'json' | 'yaml' | 'protobuf';

export interface AcceptForm {
  readonly encoding: Encoding;
  /** Which transformation the client asks for. */
  readonly as: 'object' | 'table' | 'partial' | 'partialList';
  /** Of the transformation's group, meta.k8s.io. */
  readonly version: 'v1' | 'v1beta1';
  /** JSON over many lines, for human readers. */
  readonly pretty: boolean;
}

interface Clause {
  /** The media range: `application/json`. */
  type: string;
  major: string;
  subtype: string;
  parameters: Record<string, string>;
  quality: number;
}

// In upstream's order, which is what a wildcard gets.
const mediaTypes: readonly (readonly [subtype: string, Encoding])[] = [
  ['json', 'json'],
  ['yaml', 'yaml'],
  ['vnd.kubernetes.protobuf', 'protobuf'],
];
export const mediaTypeOf: Record<Encoding, string> = {
  json: 'application/json',
  yaml: 'application/yaml',
  protobuf: 'application/vnd.kubernetes.protobuf',
};
export const acceptedTypes = 'application/json, application/yaml, application/vnd.kubernetes.protobuf';
const streamTypes = 'application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch';

/** Clauses in the client's order of preference; wildcards after what is named. */
function parseClauses(header: string): Clause[] {
  const clauses: Clause[] = [];
  for (const part of header.split(',')) {
    const [range = '', ...rest] = part.split(';');
    const [left = '', right = left.trim() === '*' ? '*' : undefined, more] = range.split('/');
    if (right === undefined || more !== undefined) continue;
    const major = left.trim();
    const subtype = right.trim();
    const clause: Clause = { type: `${major}/${subtype}`, major, subtype, parameters: {}, quality: 1 };
    for (const pair of rest) {
      const [key = '', value, surplus] = pair.split('=');
      if (value === undefined || surplus !== undefined) continue;
      if (key.trim() === 'q') clause.quality = Number.parseFloat(value) || 0;
      else Object.defineProperty(clause.parameters, key.trim(), { value: value.trim(), enumerable: true });
    }
    clauses.push(clause);
  }
  return clauses.sort(
    (a, b) =>
      b.quality - a.quality ||
      Number(a.major === '*') - Number(b.major === '*') ||
      Number(a.subtype === '*') - Number(b.subtype === '*'),
  );
}

// Clients send the same header again and again.
const parsedMax = 64;
const parsed = new Map<string, readonly Clause[]>();

export function parseAccept(header: string): readonly Clause[] {
  const known = parsed.get(header);
  if (known) return known;
  const clauses = parseClauses(header);
  if (parsed.size >= parsedMax) parsed.clear();
  parsed.set(header, clauses);
  return clauses;
}

/** How a list reads `application/*`: in upstream's order, all that match. */
function encodingsOf({ major, subtype }: Clause): Encoding[] {
  if (major !== 'application' && (major !== '*' || subtype !== '*')) return [];
  return mediaTypes.filter(([own]) => subtype === '*' || subtype === own).map(([, encoding]) => encoding);
}

type Transformation = Pick<AcceptForm, 'as' | 'version'>;
const untransformed: Transformation = { as: 'object', version: 'v1' };
const transformations: Record<string, AcceptForm['as']> = {
  Table: 'table',
  PartialObjectMetadata: 'partial',
  PartialObjectMetadataList: 'partialList',
};

/** What a clause's parameters ask for; undefined: something that this place or this encoding does not do. */
function transformation(clause: Clause, encoding: Encoding, transforms: Transforms): Transformation | undefined {
  const { as, g, v, stream, sv } = clause.parameters;
  if (stream && (stream !== 'watch' || encoding === 'yaml')) return undefined;
  if (sv && (sv !== 'v1' || transforms === 'none')) return undefined;
  if (as === undefined && g === undefined && v === undefined) return untransformed;
  if (transforms === 'none' || g !== 'meta.k8s.io' || (v !== 'v1' && v !== 'v1beta1')) return undefined;
  const form = as !== undefined && Object.hasOwn(transformations, as) ? transformations[as] : undefined;
  if (!form || (form === 'table' && (encoding === 'protobuf' || transforms === 'metadata'))) return undefined;
  return { as: form, version: v };
}

/** What a place can turn its answers into: tables and metadata alone, the latter, or neither. */
export type Transforms = 'all' | 'metadata' | 'none';

/** A request, or its Accept header. */
type Asked = HttpRequest | string | null;
const acceptOf = (asked: Asked): string | null =>
  typeof asked === 'object' && asked !== null ? asked.headers.get('accept') : asked;

/** Undefined when nothing of the client's list can be given. */
export function tryNegotiate(asked: Asked, transforms: Transforms = 'all'): AcceptForm | undefined {
  const header = acceptOf(asked) ?? '';
  const pretty = typeof asked === 'object' && asked !== null && isPretty(asked);
  if (header === '') return { encoding: 'json', ...untransformed, pretty };
  for (const clause of parseAccept(header))
    for (const encoding of encodingsOf(clause)) {
      const form = transformation(clause, encoding, transforms);
      if (form) return { encoding, ...form, pretty: pretty || clause.parameters.pretty === '1' };
    }
  return undefined;
}

/** The first form of the client's list that this server can give. Throws NotAcceptable (406). `streams`: watches too. */
export function negotiate(asked: Asked, transforms: Transforms = 'all', streams = false): AcceptForm {
  requireProducible(acceptOf(asked), streams);
  const form = tryNegotiate(asked, transforms);
  if (!form) throw notAcceptable(`only the following media types are accepted: ${acceptedTypes}`);
  return form;
}

/** Throws NotAcceptable (406) for a watch in an encoding without a streaming form. */
export function requireStreamable({ encoding }: AcceptForm): void {
  if (encoding === 'yaml') throw notAcceptable(`only the following media types are accepted: ${streamTypes}`);
}

export const notAcceptable = (message: string): ApiError => new ApiError('NotAcceptable', message);

/**
 * Upstream's router goes before negotiation: it wants one of the media types by its full name, or the full wildcard, whatever their
 * parameters and q.
 */
function requireProducible(header: string | null, streams: boolean): void {
  if (header === null || header === '') return;
  for (const clause of header.split(',')) {
    const type = (clause.split(';', 1)[0] as string).trim();
    if (type === '*/*' || mediaTypes.some(([subtype]) => type === `application/${subtype}`)) return;
  }
  throw new ApiError(
    'NotAcceptable',
    `406: Not Acceptable\n\nAvailable representations: ${acceptedTypes}${streams ? `, ${streamTypes}` : ''}`,
    {},
  );
}

/** The `pretty` parameter, or else whether the client is a person's. */
export function isPretty(request: HttpRequest): boolean {
  const question = request.url.indexOf('?');
  if (question >= 0 && request.url.includes('pretty', question)) {
    const value = new URLSearchParams(request.url.slice(question)).get('pretty') ?? '';
    if (value !== '') return ['1', 't', 'T', 'TRUE', 'true', 'True'].includes(value);
  }
  return /^(?:curl|Wget|Mozilla\/5\.0)/.test(request.headers.get('user-agent') ?? '');
}

/** In which encoding the client wants aggregated discovery; undefined: it prefers the legacy documents. */
export function aggregatedDiscovery(header: string | null): Encoding | undefined {
  if (!header) return undefined;
  for (const clause of parseAccept(header)) {
    const [encoding] = encodingsOf(clause);
    if (!encoding) continue;
    const { as, g, v } = clause.parameters;
    if (as === undefined) return undefined;
    if (g === 'apidiscovery.k8s.io' && as === 'APIGroupDiscoveryList' && v === 'v2') return encoding;
  }
  return undefined;
}
