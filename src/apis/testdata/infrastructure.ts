// An object with everything in it of each kind of storage, networking and certificates, for the test of robustness.

import type { AnyResource } from '../../machinery/resource.ts';
import certificateSigningRequests from '../certificates/certificatesigningrequests/definition.ts';
import componentStatuses from '../core/componentstatuses/definition.ts';
import persistentVolumeClaims from '../core/persistentvolumeclaims/definition.ts';
import persistentVolumes from '../core/persistentvolumes/definition.ts';
import ingressClasses from '../networking/ingressclasses/definition.ts';
import ingresses from '../networking/ingresses/definition.ts';
import ipAddresses from '../networking/ipaddresses/definition.ts';
import networkPolicies from '../networking/networkpolicies/definition.ts';
import serviceCidrs from '../networking/servicecidrs/definition.ts';
import csiDrivers from '../storage/csidrivers/definition.ts';
import csiNodes from '../storage/csinodes/definition.ts';
import csiStorageCapacities from '../storage/csistoragecapacities/definition.ts';
import storageClasses from '../storage/storageclasses/definition.ts';
import volumeAttachments from '../storage/volumeattachments/definition.ts';
import volumeAttributesClasses from '../storage/volumeattributesclasses/definition.ts';

const selector = { matchLabels: { a: 'b' }, matchExpressions: [{ key: 'k', operator: 'In', values: ['v'] }] };
const secretRef = { name: 's', namespace: 'n' };
const sources = {
  gcePersistentDisk: { pdName: 'a', partition: 1 },
  awsElasticBlockStore: { volumeID: 'a', partition: 1 },
  hostPath: { path: '/a', type: 'File' },
  glusterfs: { endpoints: 'a', path: 'b', endpointsNamespace: 'n' },
  nfs: { server: 'a', path: '/b' },
  rbd: { monitors: ['a'], image: 'b', secretRef },
  quobyte: { registry: 'a:1,[::1]:2', volume: 'v', tenant: 't' },
  iscsi: {
    targetPortal: 'a',
    iqn: 'iqn.2020-01.a:b',
    lun: 1,
    initiatorName: 'iqn.2020-01.a:c',
    secretRef,
    chapAuthSession: true,
  },
  flexVolume: { driver: 'a/b', options: { a: 'b' } },
  cinder: { volumeID: 'a', secretRef },
  cephfs: { monitors: ['a'] },
  fc: { targetWWNs: ['a'], lun: 1, wwids: ['b'] },
  flocker: { datasetName: 'a', datasetUUID: 'b' },
  azureFile: { secretName: 'a', shareName: 'b', secretNamespace: 'n' },
  vsphereVolume: { volumePath: 'a' },
  azureDisk: { diskName: 'a', diskURI: 'https://b', cachingMode: 'None', kind: 'Managed' },
  photonPersistentDisk: { pdID: 'a' },
  portworxVolume: { volumeID: 'a' },
  scaleIO: { gateway: 'a', system: 'b', volumeName: 'c', secretRef },
  local: { path: '/a' },
  storageos: { volumeName: 'a', volumeNamespace: 'b', secretRef },
  csi: { driver: 'a', volumeHandle: 'b', controllerPublishSecretRef: secretRef, controllerExpandSecretRef: secretRef },
};
const volume = {
  accessModes: ['ReadWriteOnce'],
  capacity: { storage: '1Gi' },
  claimRef: { namespace: 'n', name: 'c' },
  nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: selector.matchExpressions }] } },
  persistentVolumeReclaimPolicy: 'Recycle',
  storageClassName: 's',
  volumeAttributesClassName: 'v',
  volumeMode: 'Block',
};
const backend = {
  service: { name: 'a', port: { number: 1, name: 'x' } },
  resource: { apiGroup: 'g', kind: 'k', name: 'n' },
};
const peer = {
  podSelector: selector,
  namespaceSelector: selector,
  ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] },
};
const ports = [
  { port: 1, endPort: 2, protocol: 'TCP' },
  { port: 'http', endPort: 1 },
];
const conditions = [{ type: 'Approved', status: 'True' }];
const parameters = { a: 'b' };

export const infrastructureKinds: [AnyResource, object][] = [
  [
    certificateSigningRequests,
    {
      spec: { request: 'LS0t', signerName: 'a.b/c', usages: ['any'], expirationSeconds: 600 },
      status: { conditions, certificate: 'LS0t' },
    },
  ],
  [componentStatuses, { conditions: [{ type: 'Healthy', status: 'True', message: 'ok', error: 'e' }] }],
  [
    persistentVolumeClaims,
    {
      metadata: { annotations: { 'volume.beta.kubernetes.io/storage-class': 's' } },
      spec: {
        accessModes: ['ReadWriteOnce'],
        selector,
        resources: { requests: { storage: '1Gi' }, limits: { storage: '1Gi' } },
        volumeName: 'v',
        storageClassName: 's',
        volumeMode: 'Block',
        volumeAttributesClassName: 'a',
        dataSource: { apiGroup: 'g', kind: 'k', name: 'n' },
        dataSourceRef: { apiGroup: 'g', kind: 'k', name: 'n', namespace: 'o' },
      },
      status: {
        phase: 'Bound',
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteOnce'],
        allocatedResources: { storage: '1Gi' },
        allocatedResourceStatuses: { storage: 'NodeResizePending' },
        currentVolumeAttributesClassName: 'a',
      },
    },
  ],
  [persistentVolumes, { spec: { ...volume, ...sources }, status: { phase: 'Bound', reason: 'r' } }],
  ...Object.entries(sources).map(([name, source]): [AnyResource, object] => [
    persistentVolumes,
    { spec: { ...volume, [name]: source }, status: { phase: 'Bound' } },
  ]),
  [
    ingressClasses,
    {
      spec: {
        controller: 'a/b',
        parameters: { apiGroup: 'g', kind: 'k', name: 'n', scope: 'Namespace', namespace: 'x' },
      },
    },
  ],
  [
    ingresses,
    {
      metadata: { annotations: { 'kubernetes.io/ingress.class': 'a' } },
      spec: {
        defaultBackend: backend,
        ingressClassName: 'a',
        rules: [{ host: '*.a', http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }],
        tls: [{ hosts: ['a'], secretName: 's' }],
      },
      status: { loadBalancer: { ingress: [{ ip: '1.2.3.4', hostname: 'h' }] } },
    },
  ],
  [ipAddresses, { spec: { parentRef: { group: 'g', resource: 'services', namespace: 'n', name: 'x' } } }],
  [
    networkPolicies,
    {
      spec: {
        podSelector: selector,
        ingress: [{ ports, from: [peer] }],
        egress: [{ ports, to: [peer] }],
        policyTypes: ['Ingress'],
      },
    },
  ],
  [serviceCidrs, { spec: { cidrs: ['10.0.0.0/16', '2001:db8::/64'] }, status: { conditions } }],
  [
    csiDrivers,
    {
      spec: {
        attachRequired: true,
        fsGroupPolicy: 'File',
        tokenRequests: [{ audience: 'a', expirationSeconds: 600 }],
        volumeLifecycleModes: ['Persistent'],
        nodeAllocatableUpdatePeriodSeconds: 10,
        serviceAccountTokenInSecrets: true,
      },
    },
  ],
  [csiNodes, { spec: { drivers: [{ name: 'a', nodeID: 'b', topologyKeys: ['k'], allocatable: { count: 1 } }] } }],
  [csiStorageCapacities, { storageClassName: 's', nodeTopology: selector }],
  [
    storageClasses,
    {
      provisioner: 'a/b',
      parameters,
      reclaimPolicy: 'Delete',
      volumeBindingMode: 'Immediate',
      allowedTopologies: [{ matchLabelExpressions: [{ key: 'k', values: ['v'] }] }],
    },
  ],
  [
    volumeAttachments,
    {
      spec: {
        attacher: 'a',
        nodeName: 'n',
        source: { persistentVolumeName: 'p', inlineVolumeSpec: { ...volume, csi: sources.csi } },
      },
      status: { attached: true, attachmentMetadata: { a: 'b' }, attachError: { message: 'm', errorCode: 1 } },
    },
  ],
  [volumeAttributesClasses, { driverName: 'a', parameters }],
];
