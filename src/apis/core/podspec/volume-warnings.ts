// Warnings about files of one volume that fall on each other: two at one path, or one at a path within another's (api/pod:
// warningsForOverlappingVirtualPaths).

import type { Volume, VolumeProjection } from '../../../generated/schemas/core-v1.ts';

interface File {
  path: string;
  /** Where it comes from, where a volume has several sources. */
  source: string;
}

const text = ({ path, source }: File): string =>
  source === '' ? JSON.stringify(path) : `${JSON.stringify(path)} (${source})`;

const isWithin = (path: string, other: string): boolean =>
  path.startsWith(other) && (path.length === other.length || path[other.length] === '/');

/** Nobody is told of more, nor are more files than these held against each other. */
const overlapsMax = 1000;
const filesMax = 1000;

/** Each file with those before it that it falls on. */
function overlaps(files: readonly File[]): string[] {
  const seen: File[] = [];
  const out: string[] = [];
  for (const given of files.slice(0, filesMax)) {
    const file = { ...given, path: withoutEnd(given.path) };
    if (file.path === '') continue;
    for (const other of seen)
      if (out.length < overlapsMax && (isWithin(other.path, file.path) || isWithin(file.path, other.path)))
        out.push(`${text(file)} with ${text(other)}`);
    seen.push(file);
  }
  return out;
}

/** Without the slashes that it ends with. */
function withoutEnd(path: string): string {
  let end = path.length;
  while (path[end - 1] === '/') end--;
  return path.slice(0, end);
}

const filesOf = (items: readonly { path?: string }[] | undefined, source: string): File[] =>
  (items ?? []).map(({ path = '' }) => ({ path, source }));
const named = (kind: string, name: string | undefined): string => `${kind} ${JSON.stringify(name ?? '')}`;

/** Undefined: the projection says nothing of its paths. */
function projected(source: VolumeProjection): File[] {
  if (source.configMap?.items) return filesOf(source.configMap.items, named('ConfigMap', source.configMap.name));
  if (source.secret?.items) return filesOf(source.secret.items, named('Secret', source.secret.name));
  if (source.downwardAPI?.items) return filesOf(source.downwardAPI.items, 'DownwardAPI');
  if (source.serviceAccountToken) return filesOf([source.serviceAccountToken], 'ServiceAccountToken');
  if (source.clusterTrustBundle) {
    const { name, signerName } = source.clusterTrustBundle;
    return filesOf([source.clusterTrustBundle], named('ClusterTrustBundle', name ?? signerName));
  }
  const certificate = source.podCertificate;
  return [
    ...filesOf([{ path: certificate?.certificateChainPath }] as { path?: string }[], 'PodCertificate chain'),
    ...filesOf([{ path: certificate?.keyPath }] as { path?: string }[], 'PodCertificate key'),
    ...filesOf(
      [{ path: certificate?.credentialBundlePath }] as { path?: string }[],
      'PodCertificate credential bundle',
    ),
  ].filter(({ path }) => path !== '');
}

function ofVolume(volume: Volume): string[] {
  const name = JSON.stringify(volume.name ?? '');
  const warn = (what: string, files: readonly File[]): string[] =>
    overlaps(files).map((overlap) => `volume ${name} (${what}): overlapping paths: ${overlap}`);
  const sources = volume.projected?.sources ?? [];
  const empty = sources.filter((source) => Object.values(source).every((value) => value === undefined));
  return [
    ...warn(named('ConfigMap', volume.configMap?.name), filesOf(volume.configMap?.items, '')),
    ...warn(named('Secret', volume.secret?.secretName), filesOf(volume.secret?.items, '')),
    ...warn('DownwardAPI', filesOf(volume.downwardAPI?.items, '')),
    ...empty.map(() => `volume ${name} (Projected) has no sources provided`),
    ...warn('Projected', sources.flatMap(projected)),
  ];
}

export const pathWarnings = (volumes: readonly Volume[]): string[] => volumes.flatMap(ofVolume);
