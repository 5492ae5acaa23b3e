// A pod of a runtime class gets what the class says of it: the overhead of the runtime, and where it runs.
import type { Pod, Toleration } from '../../generated/schemas/core-v1.ts';
import { runtimeClasses } from '../../generated/schemas/index.ts';
import type { RuntimeClass } from '../../generated/schemas/node-v1.ts';
import { errors } from '../../machinery/errors.ts';
import { groupResource } from '../../machinery/meta.ts';
import { deepEqual } from '../../machinery/validation.ts';
import type { AdmissionPlugin, AdmissionRequest } from './chain.ts';

export const runtimeClass: AdmissionPlugin = {
  name: 'RuntimeClass',
  admit(request) {
    if (!isPodCreate(request)) return;
    const pod = request.object as Pod;
    const found = classOf(request, pod);
    const overhead = found?.overhead?.podFixed;
    if (overhead) {
      if (pod.spec.overhead && !deepEqual(overhead, pod.spec.overhead)) throw refuse(request, mismatch);
      pod.spec.overhead = { ...overhead };
    }
    if (!found?.scheduling) return;
    const { nodeSelector = {}, tolerations = [] } = found.scheduling;
    for (const [key, value] of Object.entries(nodeSelector)) {
      const own = pod.spec.nodeSelector?.[key];
      if (own !== undefined && own !== value)
        throw refuse(
          request,
          `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`,
        );
    }
    const selector = { ...pod.spec.nodeSelector, ...nodeSelector };
    if (Object.keys(selector).length > 0) pod.spec.nodeSelector = selector;
    const merged = mergeTolerations([...(pod.spec.tolerations ?? []), ...tolerations]);
    if (merged.length > 0) pod.spec.tolerations = merged;
  },
  validate(request) {
    if (!isPodCreate(request)) return;
    const pod = request.object as Pod;
    const overhead = classOf(request, pod)?.overhead;
    if (overhead) {
      if (!deepEqual(overhead.podFixed, pod.spec.overhead)) throw refuse(request, mismatch);
    } else if (pod.spec.overhead) {
      throw refuse(request, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
    }
  },
};

const mismatch = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";

const isPodCreate = ({ operation, definition, subresource }: AdmissionRequest): boolean =>
  operation === 'CREATE' && subresource === '' && groupResource(definition) === 'pods';

const refuse = ({ definition, name }: AdmissionRequest, why: string) => errors.forbidden(definition, name, why);

function classOf(request: AdmissionRequest, pod: Pod): RuntimeClass | undefined {
  const name = pod.spec.runtimeClassName;
  if (name === undefined) return undefined;
  const found = request.context.get<RuntimeClass>(runtimeClasses, undefined, name);
  if (!found) throw refuse(request, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
  return found;
}

/** All of them but those that another one implies; of equal ones the first. Two passes, however many there are. */
function mergeTolerations(all: readonly Toleration[]): Toleration[] {
  const later = new Widest();
  const kept = all.toReversed().filter((one) => {
    const implied = later.implies(one);
    later.add(one);
    return !implied;
  });
  const earlier = new Widest();
  const seen = new Set<string>();
  return kept.reverse().filter((one) => {
    if (seen.has(textOf(one)) || earlier.implies(one)) return false;
    seen.add(textOf(one));
    earlier.add(one);
    return true;
  });
}

const textOf = ({ key, operator, value, effect, tolerationSeconds }: Toleration): string =>
  JSON.stringify([key || '', operator || '', value || '', effect || '', tolerationSeconds]);

/** Of tolerations that differ in nothing but their seconds the one that implies the others. */
class Widest {
  readonly #widest = new Map<string, Toleration>();

  add(one: Toleration): void {
    const { key = '', operator, effect = '' } = one;
    if (operator && operator !== 'Exists' && operator !== 'Equal') return;
    const place = placeOf(key, operator === 'Exists' ? undefined : (one.value ?? ''), effect);
    const known = this.#widest.get(place);
    if (!known || secondsOf(known) < secondsOf(one)) this.#widest.set(place, one);
  }

  /** Whether another than an equal one implies it. */
  implies(one: Toleration): boolean {
    const { key = '', effect = '' } = one;
    for (const wanted of new Set([effect, ''])) {
      const places = [placeOf(key, undefined, wanted), placeOf('', undefined, wanted)];
      if (one.operator === 'Equal') places.push(placeOf(key, one.value ?? '', wanted));
      for (const place of places) {
        const wide = this.#widest.get(place);
        if (wide && implies(wide, one) && !deepEqual(wide, one)) return true;
      }
    }
    return false;
  }
}

/** `value`: of those that exist, undefined. */
const placeOf = (key: string, value: string | undefined, effect: string): string =>
  JSON.stringify([key, value, effect]);

const secondsOf = ({ effect, tolerationSeconds }: Toleration): number =>
  effect === 'NoExecute' ? (tolerationSeconds ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;

function implies(wide: Toleration, narrow: Toleration): boolean {
  if (deepEqual(wide, narrow)) return true;
  if ((narrow.key ?? '') !== (wide.key ?? '') && (wide.key || wide.operator !== 'Exists')) return false;
  if ((narrow.effect ?? '') !== (wide.effect ?? '') && wide.effect) return false;
  if (wide.effect === 'NoExecute' && wide.tolerationSeconds !== undefined)
    if (narrow.tolerationSeconds === undefined || narrow.tolerationSeconds > wide.tolerationSeconds) return false;
  if (wide.operator === 'Exists') return true;
  return (
    (!wide.operator || wide.operator === 'Equal') &&
    narrow.operator === 'Equal' &&
    (narrow.value ?? '') === (wide.value ?? '')
  );
}
