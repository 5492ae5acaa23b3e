// Defaults of pod specs and pod templates, as upstream's SetDefaults_* functions of core/v1. Idempotent and free of
// context. What upstream's encoder always prints (`resources: {}`, `metadata: {}`) is filled in as well, so that what
// is stored is what a client of upstream reads.

import type {
  Container,
  LifecycleHandler,
  Pod,
  PodSpec,
  PodTemplateSpec,
  Probe,
  Volume,
} from '../../../generated/schemas/core-v1.ts';

const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const registry = `(?:${label}(?:\\.${label})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const part = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const digest = '[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}';
/** Reference to an image, as of the distribution project. */
const reference = new RegExp(`^((?:${registry}/)?${part}(?:/${part})*)(?::(\\w[\\w.-]{0,127}))?(@${digest})?$`);
const pathUnitsMax = 255;

/** The tag of an image reference, `latest` when it has neither tag nor digest, '' when it has only a digest or is none. */
export function imageTag(image: string): string {
  const [, name = '', tag, digest] = /^[0-9a-f]{64}$/.test(image) ? [] : (reference.exec(image) ?? []);
  if (name === '' || pathOf(name).length > pathUnitsMax) return '';
  return tag ?? (digest ? '' : 'latest');
}

/** A name without its registry; one of a single part is in the library of the default registry. */
function pathOf(name: string): string {
  const slash = name.indexOf('/');
  if (slash < 0) return `library/${name}`;
  const first = name.slice(0, slash);
  const isRegistry = /[.:A-Z]/.test(first) || first === 'localhost';
  return isRegistry ? name.slice(slash + 1) : name;
}

const pullPolicyOf = (image: string): 'Always' | 'IfNotPresent' =>
  imageTag(image) === 'latest' ? 'Always' : 'IfNotPresent';

function defaultHandler(handler: LifecycleHandler | undefined): void {
  if (handler?.httpGet) {
    handler.httpGet.path ||= '/';
    handler.httpGet.scheme ||= 'HTTP';
  }
}

function defaultProbe(probe: Probe | undefined): void {
  if (!probe) return;
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  defaultHandler(probe);
  if (probe.grpc) probe.grpc.service ??= '';
}

export function defaultContainer(container: Container): void {
  container.resources ??= {};
  container.imagePullPolicy ||= pullPolicyOf(container.image ?? '');
  container.terminationMessagePath ||= '/dev/termination-log';
  container.terminationMessagePolicy ||= 'File';
  for (const port of container.ports ?? []) port.protocol ||= 'TCP';
  for (const variable of container.env ?? []) {
    if (variable.valueFrom?.fieldRef) variable.valueFrom.fieldRef.apiVersion ||= 'v1';
    if (variable.valueFrom?.resourceFieldRef) variable.valueFrom.resourceFieldRef.divisor ||= '0';
    if (variable.valueFrom?.fileKeyRef) variable.valueFrom.fileKeyRef.optional ??= false;
  }
  defaultProbe(container.livenessProbe);
  defaultProbe(container.readinessProbe);
  defaultProbe(container.startupProbe);
  defaultHandler(container.lifecycle?.postStart);
  defaultHandler(container.lifecycle?.preStop);
}

const defaultModeOf = 0o644;

function defaultItems(
  items: { fieldRef?: { apiVersion?: string }; resourceFieldRef?: { divisor?: string } }[] | undefined,
): void {
  for (const item of items ?? []) {
    if (item.fieldRef) item.fieldRef.apiVersion ||= 'v1';
    if (item.resourceFieldRef) item.resourceFieldRef.divisor ||= '0';
  }
}

function defaultVolume(volume: Volume): void {
  const sources = Object.keys(volume).filter((key) => key !== 'name' && volume[key as keyof Volume] !== undefined);
  if (sources.length === 0) volume.emptyDir = {};
  if (volume.secret) volume.secret.defaultMode ??= defaultModeOf;
  if (volume.configMap) volume.configMap.defaultMode ??= defaultModeOf;
  if (volume.downwardAPI) {
    volume.downwardAPI.defaultMode ??= defaultModeOf;
    defaultItems(volume.downwardAPI.items);
  }
  if (volume.hostPath) volume.hostPath.type ??= '';
  if (volume.image) volume.image.pullPolicy ||= pullPolicyOf(volume.image.reference ?? '');
  if (volume.projected) {
    volume.projected.defaultMode ??= defaultModeOf;
    for (const source of volume.projected.sources ?? []) {
      if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= 3600;
      defaultItems(source.downwardAPI?.items);
    }
  }
  const claim = volume.ephemeral?.volumeClaimTemplate;
  if (claim) {
    claim.spec ??= {};
    claim.spec.volumeMode ??= 'Filesystem';
  }
  if (volume.iscsi) volume.iscsi.iscsiInterface ||= 'default';
  if (volume.rbd) {
    volume.rbd.pool ||= 'rbd';
    volume.rbd.user ||= 'admin';
    volume.rbd.keyring ||= '/etc/ceph/keyring';
  }
  if (volume.azureDisk) {
    volume.azureDisk.cachingMode ??= 'ReadWrite';
    volume.azureDisk.kind ??= 'Shared';
    volume.azureDisk.fsType ??= 'ext4';
    volume.azureDisk.readOnly ??= false;
  }
  if (volume.scaleIO) {
    volume.scaleIO.storageMode ||= 'ThinProvisioned';
    volume.scaleIO.fsType ||= 'xfs';
  }
}

/** Every container of a pod spec: init, ordinary and ephemeral ones. */
export function allContainers(spec: PodSpec): Container[] {
  return [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])];
}

export function defaultPodSpec(spec: PodSpec): void {
  spec.dnsPolicy ||= 'ClusterFirst';
  spec.restartPolicy ||= 'Always';
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  spec.schedulerName ||= 'default-scheduler';
  // The older name of serviceAccountName; whichever is given fills the other.
  if (spec.serviceAccountName) spec.serviceAccount = spec.serviceAccountName;
  else if (spec.serviceAccount) spec.serviceAccountName = spec.serviceAccount;
  for (const container of allContainers(spec)) defaultContainer(container);
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
  if (spec.hostNetwork) {
    for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])])
      for (const port of container.ports ?? []) port.hostPort ||= port.containerPort;
  }
}

export function defaultPodTemplate(template: PodTemplateSpec): void {
  template.metadata ??= {} as NonNullable<PodTemplateSpec['metadata']>;
  template.spec ??= {} as PodSpec;
  defaultPodSpec(template.spec);
}

/** What a Pod gets beyond its spec's defaults: requests from limits, service links. */
export function defaultPod(pod: Pod): void {
  pod.spec ??= {} as PodSpec;
  pod.status ??= {};
  defaultPodSpec(pod.spec);
  for (const container of [...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? [])]) {
    const limits = container.resources?.limits;
    if (limits && container.resources) container.resources.requests = { ...limits, ...container.resources.requests };
  }
  pod.spec.enableServiceLinks ??= true;
}
