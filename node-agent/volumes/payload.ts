// The files of configMap, secret, downwardAPI and projected volumes, collected from the agent's own copy of the API. Throws
// with the kubelet's words when something that is not optional is missing.
import type {
  ConfigMap,
  DownwardAPIVolumeFile,
  KeyToPath,
  Pod,
  Secret,
  Volume,
} from '../../src/generated/schemas/core-v1.ts';
import type { Objects } from '../objects.ts';
import { type FieldContext, fieldValue, resourceValue } from '../pods/field-ref.ts';
import type { VolumeFile } from './atomic-writer.ts';

const defaultMode = 0o644;

export interface PayloadSource {
  objects: Objects;
  fields: FieldContext;
  /** A token of the pod's service account. */
  token(audience: string | undefined, expirationSeconds: number): Promise<string>;
}

export const isPayloadVolume = (v: Volume): boolean => !!(v.configMap ?? v.secret ?? v.downwardAPI ?? v.projected);

const text = (t: string): Uint8Array => Buffer.from(t, 'utf8');

function select(
  all: Map<string, Uint8Array>,
  items: readonly KeyToPath[] | undefined,
  mode: number,
  kind: 'config' | 'secret',
  optional: boolean,
): Map<string, VolumeFile> {
  const out = new Map<string, VolumeFile>();
  if (!items?.length) for (const [k, data] of all) out.set(k, { data, mode });
  for (const item of items ?? []) {
    const data = all.get(item.key);
    if (data) out.set(item.path, { data, mode: item.mode ?? mode });
    else if (!optional) throw new Error(`references non-existent ${kind} key: ${item.key}`);
  }
  return out;
}

function configMapData(map: ConfigMap | undefined): Map<string, Uint8Array> {
  return new Map([
    ...Object.entries(map?.data ?? {}).map(([k, v]): [string, Uint8Array] => [k, text(v)]),
    ...Object.entries(map?.binaryData ?? {}).map(([k, v]): [string, Uint8Array] => [k, Buffer.from(v, 'base64')]),
  ]);
}

const secretData = (secret: Secret | undefined): Map<string, Uint8Array> =>
  new Map(Object.entries(secret?.data ?? {}).map(([k, v]): [string, Uint8Array] => [k, Buffer.from(v, 'base64')]));

interface Reference {
  name: string;
  items?: readonly KeyToPath[];
  optional?: boolean;
}

function fromConfigMap(ref: Reference, mode: number, namespace: string, objects: Objects): Map<string, VolumeFile> {
  const map = objects.configMap(namespace, ref.name);
  if (!map && !ref.optional) throw new Error(`configmap "${ref.name}" not found`);
  return select(configMapData(map), ref.items, mode, 'config', ref.optional ?? false);
}

function fromSecret(ref: Reference, mode: number, namespace: string, objects: Objects): Map<string, VolumeFile> {
  const secret = objects.secret(namespace, ref.name);
  if (!secret && !ref.optional) throw new Error(`secret "${ref.name}" not found`);
  return select(secretData(secret), ref.items, mode, 'secret', ref.optional ?? false);
}

function fromDownward(
  items: readonly DownwardAPIVolumeFile[] | undefined,
  mode: number,
  fields: FieldContext,
): Map<string, VolumeFile> {
  const out = new Map<string, VolumeFile>();
  const containers = [...(fields.pod.spec?.containers ?? []), ...(fields.pod.spec?.initContainers ?? [])];
  for (const item of items ?? []) {
    let value: string | undefined;
    if (item.fieldRef) value = fieldValue(item.fieldRef, fields);
    else if (item.resourceFieldRef) {
      const container = containers.find((c) => c.name === item.resourceFieldRef!.containerName);
      value = container && resourceValue(item.resourceFieldRef, container, fields);
    }
    if (value === undefined) throw new Error(`unsupported downward API item ${item.path}`);
    out.set(item.path, { data: text(value), mode: item.mode ?? mode });
  }
  return out;
}

/** Owner of token files when all containers run as one user, as the kubelet chooses it. */
export function commonUser(pod: Pod): number | undefined {
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const users = new Set(containers.map((c) => c.securityContext?.runAsUser ?? pod.spec?.securityContext?.runAsUser));
  const [user] = users;
  return users.size === 1 ? user : undefined;
}

export async function payloadOf(volume: Volume, source: PayloadSource): Promise<Map<string, VolumeFile>> {
  const { fields, objects } = source;
  const namespace = fields.pod.metadata.namespace ?? '';
  const { configMap, secret, downwardAPI, projected } = volume;
  if (configMap)
    return fromConfigMap(
      { ...configMap, name: configMap.name ?? '' },
      configMap.defaultMode ?? defaultMode,
      namespace,
      objects,
    );
  if (secret)
    return fromSecret(
      { ...secret, name: secret.secretName ?? '' },
      secret.defaultMode ?? defaultMode,
      namespace,
      objects,
    );
  if (downwardAPI) return fromDownward(downwardAPI.items, downwardAPI.defaultMode ?? defaultMode, fields);
  const mode = projected?.defaultMode ?? defaultMode;
  const out = new Map<string, VolumeFile>();
  const add = (files: Map<string, VolumeFile>): void => {
    for (const [k, v] of files) out.set(k, v);
  };
  for (const s of projected?.sources ?? []) {
    if (s.configMap) add(fromConfigMap({ ...s.configMap, name: s.configMap.name ?? '' }, mode, namespace, objects));
    else if (s.secret) add(fromSecret({ ...s.secret, name: s.secret.name ?? '' }, mode, namespace, objects));
    else if (s.downwardAPI) add(fromDownward(s.downwardAPI.items, mode, fields));
    else if (s.serviceAccountToken) {
      const t = s.serviceAccountToken;
      const uid = commonUser(fields.pod);
      const restricted = uid !== undefined || fields.pod.spec?.securityContext?.fsGroup !== undefined;
      const token = await source.token(t.audience, t.expirationSeconds ?? 3600);
      out.set(t.path, { data: text(token), mode: restricted ? 0o600 : mode, ...(uid === undefined ? {} : { uid }) });
    }
  }
  return out;
}
