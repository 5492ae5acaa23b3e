// Whether what the control plane holds of this node and its pods is still what the node says. Others write there too: the
// node-lifecycle controller sets conditions of a node that was silent, and of its pods, and never sets them back. Compared is
// only what the node alone decides, so that defaults and the conditions of others are no difference. Pure but for its memory:
// a difference that stands there unchanged after an answer is not answered again. One that was written once more is, as who
// wrote it may have overtaken the answer; but not for ever, lest two writers fight.
import type { NodeStatus, PodStatus } from '../../src/generated/schemas/core-v1.ts';

const podConditions = new Set(['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady']);

export function podFacts(status: PodStatus): string {
  const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  return JSON.stringify([
    status.phase,
    (status.conditions ?? [])
      .filter((c) => podConditions.has(c.type))
      .map((c) => `${c.type}=${c.status}`)
      .sort(),
    containers.map((c) => [c.name, c.containerID ?? '', c.restartCount, c.ready, Object.keys(c.state ?? {})]),
  ]);
}

/** `said` names the conditions that count. */
export function nodeFacts(status: NodeStatus | undefined, said: NodeStatus): string {
  const own = new Set((said.conditions ?? []).map((c) => c.type));
  return JSON.stringify(
    (status?.conditions ?? [])
      .filter((c) => own.has(c.type))
      .map((c) => `${c.type}=${c.status}/${c.reason}`)
      .sort(),
  );
}

/** How often the same difference is answered until it has been gone. */
const answersMax = 5;

/** What was found different, by subject, until it is no longer. */
export class Drift {
  readonly #answered = new Map<string, { stored: string; revision: string; times: number }>();

  /** True once for each difference, and each time that it is there again. `revision`: of what is stored. */
  found(subject: string, stored: string, said: string, revision = ''): boolean {
    if (stored === said) {
      this.#answered.delete(subject);
      return false;
    }
    const before = this.#answered.get(subject);
    const times = before?.stored === stored ? before.times + 1 : 1;
    if (times > 1 && (before?.revision === revision || times > answersMax)) return false;
    this.#answered.set(subject, { stored, revision, times });
    return true;
  }

  keepOnly(subjects: ReadonlySet<string>): void {
    for (const s of this.#answered.keys()) if (!subjects.has(s)) this.#answered.delete(s);
  }
}
