// Whether an object is related to a node: its pod refers to it, or it names the node itself. Upstream's node authorizer asks a
// graph for that; here it is one look into the index of references, and at most two objects of the ledger.
//
//   pod → node                            secret, configmap, service account, claim → pod → node
//   volume attachment, slice → node       volume → its claim → pod → node            secret → volume → claim → pod → node
import type { PersistentVolume } from '../../generated/schemas/core-v1.ts';
import {
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  resourceSlices,
  secrets,
  volumeAttachments,
} from '../../generated/schemas/index.ts';
import type { Ledger } from '../../ledger/types.ts';
import { groupResource, objectKey, type ResourceToken } from '../../machinery/meta.ts';
import { podOnNode } from '../nodes/changes.ts';
import { decodeAs, entries, keyRange } from '../nodes/objects.ts';
import { referencesIn } from '../nodes/reference-index.ts';

export interface Relations {
  /** `resource`: plural and group, as in `pods` and `leases.coordination.k8s.io`. */
  related(node: string, resource: string, namespace: string, name: string): boolean;
}

export function nodeRelations(ledger: Ledger): Relations {
  const references = referencesIn(ledger);
  const volumeSecrets = new VolumeSecrets(ledger);
  /** The node that an object names in its spec. */
  const names = (token: ResourceToken, node: string, name: string): boolean => {
    const entry = ledger.get(objectKey(token, undefined, name));
    if (!entry) return false;
    const { spec } = decodeAs(token, entry.value) as { spec?: { nodeName?: string } };
    return spec?.nodeName === node;
  };
  return {
    related(node, resource, namespace, name) {
      switch (resource) {
        case groupResource(pods): {
          const entry = ledger.get(objectKey(pods, namespace, name));
          return entry !== undefined && podOnNode(entry.value, node);
        }
        case groupResource(volumeAttachments):
          return names(volumeAttachments, node, name);
        case groupResource(resourceSlices):
          return names(resourceSlices, node, name);
        case groupResource(persistentVolumes): {
          const entry = ledger.get(objectKey(persistentVolumes, undefined, name));
          const claim = entry && claimOf(decodeAs(persistentVolumes, entry.value));
          return claim !== undefined && references.refers(ledger, node, claim);
        }
        default: {
          const key = `${resource}/${namespace}/${name}`;
          if (references.refers(ledger, node, key)) return true;
          if (resource !== groupResource(secrets)) return false;
          return volumeSecrets.claimsOf(key).some((claim) => references.refers(ledger, node, claim));
        }
      }
    },
  };
}

/** Ledger key of the claim that a volume is bound to. */
function claimOf({ spec }: PersistentVolume): string | undefined {
  const { namespace, name } = spec?.claimRef ?? {};
  return namespace && name ? objectKey(persistentVolumeClaims, namespace, name) : undefined;
}

/** Members by which a volume's source refers to a secret that its node uses; those for controllers are not among them. */
const members = ['secretRef', 'nodePublishSecretRef', 'nodeStageSecretRef', 'nodeExpandSecretRef'] as const;

/** Ledger keys of the secrets that a bound volume lets its node read. */
function secretsOf({ spec }: PersistentVolume): string[] {
  const home = spec?.claimRef?.namespace;
  const keys: string[] = [];
  const { azureFile } = spec ?? {};
  if (azureFile) keys.push(objectKey(secrets, azureFile.secretNamespace || home, azureFile.secretName));
  for (const source of Object.values(spec ?? {})) {
    if (typeof source !== 'object' || source === null) continue;
    for (const member of members) {
      const reference = (source as Record<string, { name?: string; namespace?: string }>)[member];
      if (reference?.name) keys.push(objectKey(secrets, reference.namespace || home, reference.name));
    }
  }
  return keys;
}

/** The claims of the volumes that use a secret. All volumes are read once, when first asked, and followed from then on. */
class VolumeSecrets {
  readonly #ledger: Ledger;
  /** Secret → volume → claim; undefined: not read yet. */
  #bySecret: Map<string, Map<string, string>> | undefined;
  readonly #byVolume = new Map<string, string[]>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    const range = keyRange(persistentVolumes);
    ledger.subscribe((changes) => {
      if (!this.#bySecret) return;
      for (const { key, type, value } of changes)
        if (key >= range.start && key < range.end) this.#set(key, type === 'put' ? value : undefined);
    });
  }

  claimsOf(secret: string): string[] {
    if (!this.#bySecret) {
      this.#bySecret = new Map();
      for (const { key, value } of entries(this.#ledger, keyRange(persistentVolumes))) this.#set(key, value);
    }
    return [...(this.#bySecret.get(secret)?.values() ?? [])];
  }

  #set(key: string, value: string | undefined): void {
    for (const secret of this.#byVolume.get(key) ?? []) {
      const volumes = this.#bySecret?.get(secret);
      if (volumes?.delete(key) && volumes.size === 0) this.#bySecret?.delete(secret);
    }
    this.#byVolume.delete(key);
    if (value === undefined) return;
    const volume = decodeAs(persistentVolumes, value);
    const claim = claimOf(volume);
    const used = claim === undefined ? [] : secretsOf(volume);
    if (claim === undefined || used.length === 0) return;
    this.#byVolume.set(key, used);
    for (const secret of used) {
      const volumes = this.#bySecret?.get(secret) ?? new Map<string, string>();
      this.#bySecret?.set(secret, volumes.set(key, claim));
    }
  }
}
