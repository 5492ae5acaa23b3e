// Every pod runs as a service account that exists: `default` unless it says otherwise. Its token, the cluster's CA and the
// namespace are mounted through one projected volume, unless pod or account opt out or the path is taken. The account's
// imagePullSecrets are the pod's when it has none.
import type { Container, Pod, ServiceAccount, Volume } from '../../generated/schemas/core-v1.ts';
import { pods, serviceAccounts } from '../../generated/schemas/index.ts';
import { errors } from '../../machinery/errors.ts';
import { groupResource } from '../../machinery/meta.ts';
import { randomSuffix } from '../rest/create.ts';
import type { AdmissionPlugin, AdmissionRequest } from './chain.ts';
import { foreignSecret, referencesSecret } from './secret-references.ts';

const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';
const volumePrefix = 'kube-api-access-';
/** As kubelet asks for: an hour and a little, so that it can warn of tokens used past their hour. */
const tokenSeconds = 3607;
const enforceAnnotation = 'kubernetes.io/enforce-mountable-secrets';
const mirrorAnnotation = 'kubernetes.io/config.mirror';

export const serviceAccount: AdmissionPlugin = {
  name: 'ServiceAccount',
  admit(request) {
    if (!isPodCreate(request)) return;
    const pod = request.object as Pod;
    if (pod.metadata.annotations?.[mirrorAnnotation]) {
      checkMirror(request, pod);
      return;
    }
    pod.spec.serviceAccountName ||= 'default';
    pod.spec.serviceAccount = pod.spec.serviceAccountName;
    const account = find(request, pod);
    if (mounts(pod, account)) mountToken(request, pod);
    if (!pod.spec.imagePullSecrets?.length && account.imagePullSecrets?.length)
      pod.spec.imagePullSecrets = account.imagePullSecrets.map((reference) => ({ ...reference }));
  },
  validate(request) {
    const { operation, definition, subresource, object } = request;
    const ephemeral = operation === 'UPDATE' && subresource === 'ephemeralcontainers';
    if (!isPodCreate(request) && !(ephemeral && groupResource(definition) === groupResource(pods))) return;
    const pod = object as Pod;
    if (pod.metadata.annotations?.[mirrorAnnotation]) {
      checkMirror(request, pod);
      return;
    }
    const account = find(request, pod);
    if (account.metadata.annotations?.[enforceAnnotation] !== 'true') return;
    const why = foreignSecret(account, pod, ephemeral);
    if (why !== undefined) throw errors.forbidden(definition, request.name, why);
  },
};

function isPodCreate({ operation, definition, subresource }: AdmissionRequest): boolean {
  return operation === 'CREATE' && subresource === '' && groupResource(definition) === groupResource(pods);
}

function checkMirror({ definition, name }: AdmissionRequest, pod: Pod): void {
  if (pod.spec.serviceAccountName)
    throw errors.forbidden(definition, name, 'a mirror pod may not reference service accounts');
  if (referencesSecret(pod)) throw errors.forbidden(definition, name, 'a mirror pod may not reference secrets');
  const sources = pod.spec.volumes?.flatMap((volume) => volume.projected?.sources ?? []) ?? [];
  if (sources.some((source) => source.serviceAccountToken))
    throw errors.forbidden(definition, name, 'a mirror pod may not use ServiceAccountToken volume projections');
}

function find({ definition, namespace, name, context }: AdmissionRequest, pod: Pod): ServiceAccount {
  const wanted = pod.spec.serviceAccountName ?? '';
  const account = context.get<ServiceAccount>(serviceAccounts, namespace, wanted);
  if (account) return account;
  throw errors.forbidden(
    definition,
    name,
    `error looking up service account ${namespace}/${wanted}: serviceaccount ${JSON.stringify(wanted)} not found`,
  );
}

function mounts(pod: Pod, account: ServiceAccount): boolean {
  return pod.spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
}

function mountToken({ context }: AdmissionRequest, pod: Pod): void {
  const existing = pod.spec.volumes?.find(({ name }) => name.startsWith(volumePrefix))?.name;
  const volumeName = existing ?? `${volumePrefix}${randomSuffix(context.random)}`;
  let needed = false;
  for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers] as Container[]) {
    if (container.volumeMounts?.some((mount) => mount.mountPath === mountPath)) continue;
    container.volumeMounts = [...(container.volumeMounts ?? []), { mountPath, name: volumeName, readOnly: true }];
    needed = true;
  }
  if (!needed || existing) return;
  const volume: Volume = {
    name: volumeName,
    projected: {
      defaultMode: 0o644,
      sources: [
        { serviceAccountToken: { expirationSeconds: tokenSeconds, path: 'token' } },
        { configMap: { items: [{ key: 'ca.crt', path: 'ca.crt' }], name: 'kube-root-ca.crt' } },
        {
          downwardAPI: {
            items: [{ fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' }, path: 'namespace' }],
          },
        },
      ],
    },
  };
  pod.spec.volumes = [...(pod.spec.volumes ?? []), volume];
}
