// The volumes of pods under PODS/<uid>/volumes, in the kubelet's layout. What must not touch the disk (secrets, tokens) is in
// the same layout under one tmpfs of the node beside PODS: a mount of its own for each would cost every pod two processes.
// `mount` is idempotent and also brings files up to date; `mountsOf` turns a container's volumeMounts into host paths. It
// decides nothing about when.
import fs from 'node:fs/promises';
import path from 'node:path';
import type { Container, Pod, Volume } from '../../src/generated/schemas/core-v1.ts';
import { asBytes } from '../../src/machinery/quantity.ts';
import { ConfigError, expand } from '../pods/env.ts';
import type { Mount } from '../runtime.ts';
import { writeAtomically } from './atomic-writer.ts';
import { prepareHostPath } from './host-path.ts';
import { giveToGroup } from './ownership.ts';
import { isPayloadVolume, type PayloadSource, payloadOf } from './payload.ts';
import { subPathOf } from './sub-path.ts';
import { mountTmpfs, unmountBelow } from './tmpfs.ts';

export class MountError extends Error {
  readonly volume: string;
  constructor(volume: string, message: string) {
    super(message);
    this.volume = volume;
  }
}

export interface Volumes {
  /** Makes all volumes of the pod present and current. Throws MountError. */
  mount(pod: Pod, source: PayloadSource): Promise<void>;
  mountsOf(pod: Pod, container: Container, env: ReadonlyMap<string, string>): Promise<Mount[]>;
  unmount(uid: string): Promise<void>;
  /** Where the pod's own files are: termination messages, hosts file. */
  podDirectory(uid: string): string;
  /** Uids with a directory. */
  list(): Promise<string[]>;
}

const propagations = {
  None: 'PROPAGATION_PRIVATE',
  HostToContainer: 'PROPAGATION_HOST_TO_CONTAINER',
  Bidirectional: 'PROPAGATION_BIDIRECTIONAL',
} as const;

const kinds: readonly (keyof Volume)[] = ['emptyDir', 'configMap', 'secret', 'downwardAPI', 'projected'];
const pluginNames: Partial<Record<keyof Volume, string>> = {
  emptyDir: 'empty-dir',
  configMap: 'configmap',
  secret: 'secret',
  downwardAPI: 'downward-api',
  projected: 'projected',
};

/** Secrets stay off the disk. */
function inMemory(volume: Volume): boolean {
  return (volume.secret ?? volume.projected ?? volume.downwardAPI) !== undefined;
}

export class DiskVolumes implements Volumes {
  readonly #pods: string;
  readonly #memory: string;
  #memoryMounted: Promise<void> | undefined;
  readonly #now: () => number;

  constructor(podsDirectory: string, now: () => number) {
    this.#pods = podsDirectory;
    this.#memory = path.join(path.dirname(podsDirectory), 'memory');
    this.#now = now;
  }

  podDirectory(uid: string): string {
    return path.join(this.#pods, uid);
  }

  async list(): Promise<string[]> {
    return fs.readdir(this.#pods).catch(() => []);
  }

  async mount(pod: Pod, source: PayloadSource): Promise<void> {
    await fs.mkdir(path.join(this.podDirectory(pod.metadata.uid), 'volumes'), { recursive: true, mode: 0o750 });
    const results = await Promise.allSettled((pod.spec?.volumes ?? []).map((v) => this.#mountOne(pod, v, source)));
    const failed = results.findIndex((r) => r.status === 'rejected');
    if (failed < 0) return;
    const reason = (results[failed] as PromiseRejectedResult).reason as unknown;
    throw new MountError(pod.spec!.volumes![failed]!.name, reason instanceof Error ? reason.message : String(reason));
  }

  async #mountOne(pod: Pod, volume: Volume, source: PayloadSource): Promise<void> {
    if (volume.hostPath) return prepareHostPath(volume.hostPath);
    const directory = this.#directory(pod.metadata.uid, volume);
    if (!directory) throw new Error('no volume plugin matched');
    const fsGroup = pod.spec?.securityContext?.fsGroup;
    if (inMemory(volume)) await this.#mountMemory();
    const isNew = !(await fs.stat(directory).catch(() => undefined));
    await fs.mkdir(directory, { recursive: true });
    if (volume.emptyDir) {
      if (volume.emptyDir.medium === 'Memory')
        await mountTmpfs(directory, volume.emptyDir.sizeLimit ? asBytes(volume.emptyDir.sizeLimit) : undefined);
      if (isNew) {
        await fs.chmod(directory, 0o777);
        if (fsGroup !== undefined) await giveToGroup(directory, fsGroup, false);
      }
      return;
    }
    if (!isPayloadVolume(volume)) return;
    const payload = await payloadOf(volume, {
      ...source,
      token: (a, e) => this.#token(directory, volume, source, a, e),
    });
    await fs.chmod(directory, 0o777);
    await writeAtomically(directory, payload, this.#now(), async (fresh) => {
      if (fsGroup !== undefined) await giveToGroup(fresh, fsGroup, true);
    });
  }

  /** While the control plane is away, the token that is already in the volume has to do. */
  async #token(
    directory: string,
    volume: Volume,
    source: PayloadSource,
    audience: string | undefined,
    seconds: number,
  ): Promise<string> {
    try {
      return await source.token(audience, seconds);
    } catch (error) {
      const projection = volume.projected?.sources?.find(
        (s) => s.serviceAccountToken?.audience === audience,
      )?.serviceAccountToken;
      const before =
        projection && (await fs.readFile(path.join(directory, projection.path), 'utf8').catch(() => undefined));
      if (before) return before;
      throw error;
    }
  }

  #directory(uid: string, volume: Volume): string | undefined {
    const kind = kinds.find((k) => volume[k] !== undefined);
    const root = inMemory(volume) ? this.#memory : this.#pods;
    return kind && path.join(root, uid, 'volumes', `kubernetes.io~${pluginNames[kind]}`, volume.name);
  }

  async #mountMemory(): Promise<void> {
    this.#memoryMounted ??= (async () => {
      await fs.mkdir(this.#memory, { recursive: true, mode: 0o750 });
      await mountTmpfs(this.#memory, undefined);
      await fs.chmod(this.#memory, 0o750);
    })();
    try {
      await this.#memoryMounted;
    } catch (error) {
      this.#memoryMounted = undefined;
      throw error;
    }
  }

  async mountsOf(pod: Pod, container: Container, env: ReadonlyMap<string, string>): Promise<Mount[]> {
    const mounts: Mount[] = [];
    for (const m of container.volumeMounts ?? []) {
      const volume = pod.spec?.volumes?.find((v) => v.name === m.name);
      const root = volume && (volume.hostPath?.path ?? this.#directory(pod.metadata.uid, volume));
      if (!volume || !root)
        throw new ConfigError(`cannot find volume "${m.name}" to mount into container "${container.name}"`);
      const sub = m.subPathExpr ? expand(m.subPathExpr, (n) => env.get(n)) : m.subPath;
      let hostPath = root;
      if (sub) {
        hostPath = await subPathOf(root, sub).catch((error: unknown) => {
          throw new ConfigError(
            `failed to prepare subPath for volumeMount "${m.name}" of container "${container.name}": ${String(error)}`,
          );
        });
      }
      mounts.push({
        container_path: path.isAbsolute(m.mountPath) ? m.mountPath : path.join('/', m.mountPath),
        host_path: hostPath,
        // As the kubelet: what the API fills is never writable from inside.
        readonly: (m.readOnly ?? false) || isPayloadVolume(volume),
        propagation: propagations[(m.mountPropagation ?? 'None') as keyof typeof propagations],
      });
    }
    return mounts;
  }

  async unmount(uid: string): Promise<void> {
    const directory = this.podDirectory(uid);
    await unmountBelow(directory);
    await fs.rm(path.join(this.#memory, uid), { recursive: true, force: true });
    await fs.rm(directory, { recursive: true, force: true });
  }
}

/** For simulated nodes: everything that a pod refers to has to exist, and nothing touches the disk. */
export class NoVolumes implements Volumes {
  async mount(pod: Pod, source: PayloadSource): Promise<void> {
    for (const v of pod.spec?.volumes ?? []) {
      if (!isPayloadVolume(v)) continue;
      await payloadOf(v, { ...source, token: async () => '' }).catch((error: unknown) => {
        throw new MountError(v.name, error instanceof Error ? error.message : String(error));
      });
    }
  }
  async mountsOf(): Promise<Mount[]> {
    return [];
  }
  async unmount(): Promise<void> {}
  podDirectory(): string {
    return '';
  }
  async list(): Promise<string[]> {
    return [];
  }
}
