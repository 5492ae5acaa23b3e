// Claims that name no storage class, and ingresses that name no ingress class, get the one that is marked as the default: of
// several the newest, then the first by name.
import type { PersistentVolumeClaim } from '../../generated/schemas/core-v1.ts';
import { ingressClasses, persistentVolumeClaims, storageClasses } from '../../generated/schemas/index.ts';
import type { Ingress } from '../../generated/schemas/networking-v1.ts';
import { groupResource, type KubeObject, type ResourceToken } from '../../machinery/meta.ts';
import type { AdmissionPlugin, AdmissionRequest } from './chain.ts';

const isCreateOf = ({ operation, subresource, definition }: AdmissionRequest, resource: string): boolean =>
  operation === 'CREATE' && subresource === '' && groupResource(definition) === resource;

function defaultOf(
  { list }: AdmissionRequest,
  classes: ResourceToken,
  annotations: readonly string[],
): string | undefined {
  const [first] = list<KubeObject>(classes, '')
    .filter(({ metadata }) => annotations.some((annotation) => metadata.annotations?.[annotation] === 'true'))
    .sort(
      ({ metadata: a }, { metadata: b }) =>
        Date.parse(b.creationTimestamp) - Date.parse(a.creationTimestamp) || (a.name < b.name ? -1 : 1),
    );
  return first?.metadata.name;
}

export const defaultStorageClass: AdmissionPlugin = {
  name: 'DefaultStorageClass',
  admit(request) {
    if (!isCreateOf(request, groupResource(persistentVolumeClaims))) return;
    const claim = request.object as PersistentVolumeClaim;
    const annotated = Object.hasOwn(claim.metadata.annotations ?? {}, 'volume.beta.kubernetes.io/storage-class');
    if (annotated || claim.spec?.storageClassName !== undefined) return;
    const name = defaultOf(request, storageClasses, [
      'storageclass.kubernetes.io/is-default-class',
      'storageclass.beta.kubernetes.io/is-default-class',
    ]);
    if (name !== undefined) claim.spec = { ...claim.spec, storageClassName: name };
  },
};

export const defaultIngressClass: AdmissionPlugin = {
  name: 'DefaultIngressClass',
  admit(request) {
    if (!isCreateOf(request, 'ingresses.networking.k8s.io')) return;
    const ingress = request.object as Ingress;
    const annotated = Object.hasOwn(ingress.metadata.annotations ?? {}, 'kubernetes.io/ingress.class');
    if (annotated || ingress.spec?.ingressClassName !== undefined) return;
    const name = defaultOf(request, ingressClasses, ['ingressclass.kubernetes.io/is-default-class']);
    if (name !== undefined) ingress.spec = { ...ingress.spec, ingressClassName: name };
  },
};
