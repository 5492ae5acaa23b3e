// Service account tokens of pods: asked for on the ordinary API as the node, kept in memory, renewed when 80 % of their life
// or a day has passed, as the kubelet does.
import type { Pod } from '../../src/generated/schemas/core-v1.ts';
import type { Clock } from '../../src/ports/index.ts';
import type { ControlPlane } from './api.ts';

interface Held {
  token: string;
  renewAtMs: number;
  expiresAtMs: number;
  podUid: string;
}

const dayMs = 24 * 3600_000;

export class Tokens {
  readonly #api: ControlPlane;
  readonly #clock: Clock;
  readonly #held = new Map<string, Held>();
  readonly #asking = new Map<string, Promise<string>>();

  constructor(api: ControlPlane, clock: Clock) {
    this.#api = api;
    this.#clock = clock;
  }

  get(pod: Pod, audience: string | undefined, expirationSeconds: number): Promise<string> {
    const { uid } = pod.metadata;
    const key = JSON.stringify([uid, audience, expirationSeconds]);
    const held = this.#held.get(key);
    if (held && this.#clock.now() < held.renewAtMs) return Promise.resolve(held.token);
    const asking = this.#asking.get(key) ?? this.#ask(key, pod, audience, expirationSeconds, held);
    this.#asking.set(key, asking);
    return asking.finally(() => this.#asking.delete(key));
  }

  /** Pods with a token that is due. */
  due(): Set<string> {
    const now = this.#clock.now();
    return new Set([...this.#held.values()].filter((h) => now >= h.renewAtMs).map((h) => h.podUid));
  }

  keepOnly(uids: ReadonlySet<string>): void {
    for (const [key, h] of this.#held) if (!uids.has(h.podUid)) this.#held.delete(key);
  }

  async #ask(
    key: string,
    pod: Pod,
    audience: string | undefined,
    seconds: number,
    held: Held | undefined,
  ): Promise<string> {
    const { namespace = '', name, uid } = pod.metadata;
    try {
      const askedMs = this.#clock.now();
      const answer = await this.#api.token(
        namespace,
        pod.spec?.serviceAccountName || 'default',
        { name, uid },
        audience,
        seconds,
      );
      const lifeMs = answer.expiresAtMs - askedMs;
      this.#held.set(key, { ...answer, podUid: uid, renewAtMs: askedMs + Math.min(dayMs, lifeMs * 0.8) });
      return answer.token;
    } catch (error) {
      // An older token that still holds is better than none.
      if (held && this.#clock.now() < held.expiresAtMs) return held.token;
      throw new Error(`failed to fetch token: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
