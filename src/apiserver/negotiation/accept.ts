// Which form the client wants its answer in, from the Accept header. JSON is the one encoding written (YAML is made from
// it); protobuf is never offered, so a client that lists it first gets JSON if it takes JSON as well.
import { ApiError } from '../../machinery/errors.ts';

export interface AcceptForm {
  /** How the text is written. */
  encoding: 'json' | 'yaml';
  /** Which transformation the client asks for. */
  as: 'object' | 'table' | 'partial' | 'partialList';
}

interface MediaRange {
  type: string;
  parameters: Record<string, string>;
  quality: number;
}

/** Media ranges in the client's order of preference. */
export function parseAccept(header: string): MediaRange[] {
  const ranges: MediaRange[] = [];
  for (const part of header.split(',')) {
    const [type = '', ...rest] = part.split(';').map((piece) => piece.trim());
    if (type === '') continue;
    const parameters: Record<string, string> = {};
    let quality = 1;
    for (const pair of rest) {
      const equals = pair.indexOf('=');
      if (equals < 0) continue;
      const key = pair.slice(0, equals).trim().toLowerCase();
      const value = pair
        .slice(equals + 1)
        .trim()
        .replace(/^"(.*)"$/, '$1');
      if (key === 'q') quality = Number.isFinite(Number(value)) ? Number(value) : 0;
      else parameters[key] = value;
    }
    ranges.push({ type: type.toLowerCase(), parameters, quality });
  }
  return ranges.filter((range) => range.quality > 0).sort((a, b) => b.quality - a.quality);
}

const encodings: Record<string, AcceptForm['encoding']> = {
  'application/json': 'json',
  'application/yaml': 'yaml',
  'application/*': 'json',
  '*/*': 'json',
};

const notAcceptable = () =>
  new ApiError(
    'NotAcceptable',
    'only the following media types are accepted: application/json, application/yaml, application/json;stream=watch',
  );

/** The first form of the client's list that this server can give. Throws NotAcceptable (406). */
export function negotiate(header: string | null, allowTransform = true): AcceptForm {
  if (header === null || header.trim() === '') return { encoding: 'json', as: 'object' };
  for (const { type, parameters } of parseAccept(header)) {
    const encoding = encodings[type];
    if (!encoding) continue;
    const { as, g, v } = parameters;
    if (as === undefined) return { encoding, as: 'object' };
    if (!allowTransform || g !== 'meta.k8s.io' || (v !== 'v1' && v !== 'v1beta1')) continue;
    if (as === 'Table') return { encoding, as: 'table' };
    if (as === 'PartialObjectMetadata') return { encoding, as: 'partial' };
    if (as === 'PartialObjectMetadataList') return { encoding, as: 'partialList' };
  }
  throw notAcceptable();
}

/** The version of aggregated discovery that the client prefers over the legacy documents, if any. */
export function wantsAggregatedDiscovery(header: string | null): 'v2' | 'v2beta1' | undefined {
  if (!header) return undefined;
  for (const { type, parameters } of parseAccept(header)) {
    if (!(type in encodings)) continue;
    if (parameters.as === undefined) return undefined;
    if (parameters.g !== 'apidiscovery.k8s.io' || parameters.as !== 'APIGroupDiscoveryList') continue;
    if (parameters.v === 'v2' || parameters.v === 'v2beta1') return parameters.v;
  }
  return undefined;
}
