// How the server keeps its own flow control objects up to date (upstream's ensurer): the annotation says whether an
// object's spec follows the built-in one. Mandatory objects always do; the others until an operator says otherwise.

import type { KubeObject, New, ObjectMeta } from '../../machinery/meta.ts';
import { deepEqual } from '../../machinery/validation.ts';

/** The field manager of the built-in objects. */
export const producer = 'api-priority-and-fairness-config-producer-v1';

export const autoUpdateKey = 'apf.kubernetes.io/autoupdate-spec';

/** Metadata of a built-in object. */
export const builtIn = (name: string): { name: string; annotations: Record<string, string> } => ({
  name,
  annotations: { [autoUpdateKey]: 'true' },
});

/** As Go's strconv.ParseBool. */
function parseBool(text: string | undefined): boolean | undefined {
  if (/^(1|t|T|true|TRUE|True)$/.test(text ?? '')) return true;
  return /^(0|f|F|false|FALSE|False)$/.test(text ?? '') ? false : undefined;
}

const annotated = (metadata: Partial<ObjectMeta>): boolean | undefined =>
  parseBool(metadata.annotations?.[autoUpdateKey]);

/** Without a usable annotation, what nobody has changed yet may follow. */
const follows = (metadata: Partial<ObjectMeta>): boolean => annotated(metadata) ?? metadata.generation === 1;

type Specified = KubeObject & { spec: unknown };

/** What `live` must become; undefined when it agrees, or is none of the annotated ones. `always`: whatever it says. */
export function reconciled<T extends Specified>(live: T, wanted: New<T>, always: boolean): T | undefined {
  if (annotated(wanted.metadata) === undefined) return undefined;
  const follow = always || follows(live.metadata);
  const spec = follow ? (wanted.spec as T['spec']) : live.spec;
  const said = live.metadata.annotations?.[autoUpdateKey];
  if (said === String(follow) && deepEqual(spec, live.spec)) return undefined;
  const annotations = { ...live.metadata.annotations, [autoUpdateKey]: String(follow) };
  return { ...live, metadata: { ...live.metadata, annotations }, spec };
}

/** Whether an object that is none of the built-in ones is removed: an earlier release put it there. */
export const isLeftOver = ({ metadata }: KubeObject): boolean => annotated(metadata) === true;
