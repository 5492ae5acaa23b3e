// Makes the image of a container present by its pull policy, with the kubelet's errors, events and back-off (10 s doubling to
// 5 min, per image and pod). At most one pull of an image at a time.
import type { Container, Pod } from '../../src/generated/schemas/core-v1.ts';
import { formatDuration } from '../../src/machinery/time.ts';
import type { Clock } from '../../src/ports/index.ts';
import type { Objects } from '../objects.ts';
import { initialMs, maxMs } from '../pods/backoff.ts';
import type { Image, Runtime, SandboxConfig } from '../runtime.ts';
import { credentialsFor } from './pull-secrets.ts';

/** Why an image is not there; `reason` is a waiting reason. */
export class ImageError extends Error {
  readonly reason: string;
  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

export type RecordEvent = (type: 'Normal' | 'Warning', reason: string, message: string) => void;

// distribution/reference's grammar, names without a registry included.
const component = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const domain =
  '(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?';
const reference = new RegExp(
  `^(?:${domain}/)?${component}(?:/${component})*(?::[\\w][\\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?$`,
);

export const isReference = (image: string): boolean => reference.test(image);

/** With `:latest` where neither tag nor digest is given. */
export function withTag(image: string): string {
  const last = image.slice(image.lastIndexOf('/') + 1);
  return last.includes(':') || image.includes('@') ? image : `${image}:latest`;
}

export class ImageManager {
  readonly #runtime: Runtime;
  readonly #objects: Objects;
  readonly #clock: Clock;
  readonly #pulls = new Map<string, Promise<string>>();
  readonly #backoffs = new Map<string, { ms: number; atMs: number; message: string }>();

  constructor(runtime: Runtime, objects: Objects, clock: Clock) {
    this.#runtime = runtime;
    this.#objects = objects;
    this.#clock = clock;
  }

  /** Throws ImageError; `retryAfterMs` of a back-off is {@link backoffUntilMs}. */
  async ensure(pod: Pod, container: Container, sandbox: SandboxConfig, record: RecordEvent): Promise<Image> {
    const image = container.image ?? '';
    if (!isReference(image)) {
      const message = `Failed to apply default image tag "${image}": couldn't parse image name "${image}": invalid reference format`;
      record('Warning', 'InspectFailed', message);
      throw new ImageError('InvalidImageName', message);
    }
    const name = withTag(image);
    const policy =
      container.imagePullPolicy ?? (name.endsWith(':latest') && !image.includes('@') ? 'Always' : 'IfNotPresent');
    const present = await this.#runtime.imageStatus(name).catch((error: unknown) => {
      const message = `Failed to inspect image "${image}": ${messageOf(error)}`;
      record('Warning', 'InspectFailed', message);
      throw new ImageError('ImageInspectError', message);
    });
    if (present && policy !== 'Always') {
      record(
        'Normal',
        'Pulled',
        `Container image "${image}" already present on machine and can be accessed by the pod`,
      );
      return present;
    }
    if (policy === 'Never') {
      const message = `Container image "${image}" is not present with pull policy of Never`;
      record('Warning', 'ErrImageNeverPull', message);
      throw new ImageError('ErrImageNeverPull', message);
    }
    const key = `${pod.metadata.uid}/${name}`;
    const backoff = this.#backoffs.get(key);
    if (backoff && this.#clock.now() < backoff.atMs + backoff.ms) {
      record('Normal', 'BackOff', `Back-off pulling image "${image}"`);
      throw new ImageError('ImagePullBackOff', `Back-off pulling image "${image}": ${backoff.message}`);
    }
    await this.#pull(pod, image, name, key, sandbox, record);
    const pulled = await this.#runtime.imageStatus(name);
    if (!pulled) throw new ImageError('ErrImagePull', `image "${image}" is absent after its pull`);
    return pulled;
  }

  /** When the next pull may be tried. */
  backoffUntilMs(pod: Pod, container: Container): number | undefined {
    const b = this.#backoffs.get(`${pod.metadata.uid}/${withTag(container.image ?? '')}`);
    return b && b.atMs + b.ms;
  }

  forget(uid: string): void {
    for (const key of this.#backoffs.keys()) if (key.startsWith(`${uid}/`)) this.#backoffs.delete(key);
  }

  async #pull(
    pod: Pod,
    image: string,
    name: string,
    key: string,
    sandbox: SandboxConfig,
    record: RecordEvent,
  ): Promise<void> {
    record('Normal', 'Pulling', `Pulling image "${image}"`);
    const startedMs = this.#clock.now();
    try {
      const credentials = credentialsFor(pod, image, this.#objects);
      // Two pods with the same image share a pull when neither brings credentials.
      const shared = credentials.length === 0 ? this.#pulls.get(name) : undefined;
      const work = shared ?? this.#tryEach(name, credentials, sandbox);
      if (!shared && credentials.length === 0) {
        this.#pulls.set(name, work);
        void work.finally(() => this.#pulls.delete(name)).catch(() => {});
      }
      await work;
      this.#backoffs.delete(key);
    } catch (error) {
      const before = this.#backoffs.get(key);
      const message = messageOf(error);
      const ms = before ? Math.min(before.ms * 2, maxMs) : initialMs;
      this.#backoffs.set(key, { ms, atMs: this.#clock.now(), message: `ErrImagePull: ${message}` });
      record('Warning', 'Failed', `Failed to pull image "${image}": ${message}`);
      throw new ImageError('ErrImagePull', message);
    }
    const took = formatDuration(this.#clock.now() - startedMs);
    const size = (await this.#runtime.imageStatus(name))?.sizeBytes ?? 0;
    record(
      'Normal',
      'Pulled',
      `Successfully pulled image "${image}" in ${took} (${took} including waiting). Image size: ${size} bytes.`,
    );
  }

  async #tryEach(
    name: string,
    credentials: ReturnType<typeof credentialsFor>,
    sandbox: SandboxConfig,
  ): Promise<string> {
    if (credentials.length === 0) return this.#runtime.pullImage(name, undefined, sandbox);
    let last: unknown;
    for (const auth of credentials) {
      try {
        return await this.#runtime.pullImage(name, auth, sandbox);
      } catch (error) {
        last = error;
      }
    }
    throw last;
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
