// The annotation in which client-side `kubectl apply` keeps what it applied, for those who change over to server-side apply.
import { isJsonObject } from '../schema/json.ts';
import { goJson } from './element.ts';

type Json = Record<string, unknown>;

const annotation = 'kubectl.kubernetes.io/last-applied-configuration';
const annotationsBytesMax = 256 * 1024;

function annotationsOf(object: Json): Json | undefined {
  const metadata = object.metadata;
  return isJsonObject(metadata) && isJsonObject(metadata.annotations) ? metadata.annotations : undefined;
}

export function hasLastApplied(object: Json): boolean {
  const value = annotationsOf(object)?.[annotation];
  return typeof value === 'string' && value !== '';
}

/** What was applied last, where the annotation holds an object. */
export function lastAppliedAnnotation(object: Json): Json | undefined {
  const text = annotationsOf(object)?.[annotation];
  if (typeof text !== 'string' || text === '') return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Go writes maps by the names of their keys. */
function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, ordered(value[name])]),
  );
}

/** `object` with the annotation telling of `patch`, or without it where that would be too long. */
export function setLastApplied(object: Json, patch: Json): Json {
  const metadata = isJsonObject(patch.metadata) ? { ...patch.metadata } : undefined;
  if (metadata && isJsonObject(metadata.annotations)) {
    const { [annotation]: _, ...others } = metadata.annotations;
    metadata.annotations = others;
  }
  const applied = `${goJson(ordered(metadata ? { ...patch, metadata } : patch))}\n`;
  const annotations: Json = { ...annotationsOf(object), [annotation]: applied };
  const bytes = Object.entries(annotations).reduce(
    (sum, [name, value]) => sum + new TextEncoder().encode(name + String(value)).length,
    0,
  );
  if (bytes > annotationsBytesMax) delete annotations[annotation];
  return { ...object, metadata: { ...(object.metadata as Json), annotations } };
}
