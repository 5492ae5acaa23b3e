// Whether what the control plane holds of this node and its pods is still what the node says. Others write there too: the
// node-lifecycle controller sets conditions of a node that was silent, and of its pods, and never sets them back. Compared is
// only what the node alone decides, so that defaults and the conditions of others are no difference. Pure but for its memory:
// a difference that was answered and came back unchanged is not answered again.
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

/** What was found different, by subject, until it is no longer. */
export class Drift {
  readonly #answered = new Map<string, string>();

  /** True once for each difference. */
  found(subject: string, stored: string, said: string): boolean {
    if (stored === said) {
      this.#answered.delete(subject);
      return false;
    }
    if (this.#answered.get(subject) === stored) return false;
    this.#answered.set(subject, stored);
    return true;
  }

  keepOnly(subjects: ReadonlySet<string>): void {
    for (const s of this.#answered.keys()) if (!subjects.has(s)) this.#answered.delete(s);
  }
}
