// Core types as upstream has them in memory: fields under Go's names, in the order of the struct, with what is unset. That is
// how messages show a value that is refused (see machinery/diff.ts for the notation). A pod's host namespaces and its
// users are part of the security context there.

import type { PodSpec, PodTemplateSpec } from '../../generated/schemas/core-v1.ts';
import { type GoForm, goFormOf, sorted } from '../../machinery/diff.ts';
import type { LabelSelector, ObjectMeta } from '../../machinery/meta.ts';

export const taintForm = 'Key:key=s Value:value=s Effect:effect=s TimeAdded:timeAdded=p';
export const servicePortForm =
  'Name:name=s Protocol:protocol=s AppProtocol:appProtocol=p Port:port=i TargetPort:targetPort=i NodePort:nodePort=i';
/** Labels and whatever else is a map, as messages show it. */
export const goMap = (map: object | undefined): unknown => sorted(map ?? null);

/** A type of the API itself, which is in memory as it is on the wire. */
export const labelSelectorForm = 'matchLabels:matchLabels=o matchExpressions:matchExpressions=o';
export const goLabelSelector = (selector: LabelSelector | undefined): object | null =>
  selector ? goFormOf(labelSelectorForm, selector) : null;

const requirementForm = 'Key:key=s Operator:operator=s Values:values=p';
export const nodeSelectorTermForm = `MatchExpressions:matchExpressions(${requirementForm}) MatchFields:matchFields(${requirementForm})`;

const named = 'Name:name=s';
const optional = 'Optional:optional=p';
const keyed = `${named} Key:key=s ${optional}`;
const items = 'Items:items(Key:key=s Path:path=s Mode:mode=p)';
const fieldRef = 'FieldRef:fieldRef{APIVersion:apiVersion=s FieldPath:fieldPath=s}';
const resourceRef =
  'ResourceFieldRef:resourceFieldRef{ContainerName:containerName=s Resource:resource=s Divisor:divisor=s}';
const downwardItems = `Items:items(Path:path=s ${fieldRef} ${resourceRef} Mode:mode=p)`;
const localSecret = `SecretRef:secretRef{${named}}`;
const fsReadOnly = 'FSType:fsType=s ReadOnly:readOnly=b';
const claimSpec = [
  `AccessModes:accessModes=p Selector:selector{${labelSelectorForm}} Resources:resources[Limits:limits=p Requests:requests=p]`,
  'VolumeName:volumeName=s StorageClassName:storageClassName=p VolumeMode:volumeMode=p',
  'DataSource:dataSource{APIGroup:apiGroup=p Kind:kind=s Name:name=s}',
  'DataSourceRef:dataSourceRef{APIGroup:apiGroup=p Kind:kind=s Name:name=s Namespace:namespace=p}',
  'VolumeAttributesClassName:volumeAttributesClassName=p',
].join(' ');

const projection = [
  `Secret:secret{${named} ${items} ${optional}}`,
  `DownwardAPI:downwardAPI{${downwardItems}}`,
  `ConfigMap:configMap{${named} ${items} ${optional}}`,
  'ServiceAccountToken:serviceAccountToken{Audience:audience=s ExpirationSeconds:expirationSeconds=i Path:path=s}',
  `ClusterTrustBundle:clusterTrustBundle{Name:name=p SignerName:signerName=p LabelSelector:labelSelector{${labelSelectorForm}} ${optional} Path:path=s}`,
  'PodCertificate:podCertificate{SignerName:signerName=s KeyType:keyType=s MaxExpirationSeconds:maxExpirationSeconds=p CredentialBundlePath:credentialBundlePath=s KeyPath:keyPath=s CertificateChainPath:certificateChainPath=s UserAnnotations:userAnnotations=p}',
].join(' ');

const volumeForm = [
  named,
  'HostPath:hostPath{Path:path=s Type:type=p}',
  'EmptyDir:emptyDir{Medium:medium=s SizeLimit:sizeLimit=p}',
  'GCEPersistentDisk:gcePersistentDisk{PDName:pdName=s FSType:fsType=s Partition:partition=i ReadOnly:readOnly=b}',
  'AWSElasticBlockStore:awsElasticBlockStore{VolumeID:volumeID=s FSType:fsType=s Partition:partition=i ReadOnly:readOnly=b}',
  'GitRepo:gitRepo{Repository:repository=s Revision:revision=s Directory:directory=s}',
  `Secret:secret{SecretName:secretName=s ${items} DefaultMode:defaultMode=p ${optional}}`,
  'NFS:nfs{Server:server=s Path:path=s ReadOnly:readOnly=b}',
  `ISCSI:iscsi{TargetPortal:targetPortal=s IQN:iqn=s Lun:lun=i ISCSIInterface:iscsiInterface=s ${fsReadOnly} Portals:portals=p DiscoveryCHAPAuth:chapAuthDiscovery=b SessionCHAPAuth:chapAuthSession=b ${localSecret} InitiatorName:initiatorName=p}`,
  'Glusterfs:glusterfs{EndpointsName:endpoints=s Path:path=s ReadOnly:readOnly=b}',
  'PersistentVolumeClaim:persistentVolumeClaim{ClaimName:claimName=s ReadOnly:readOnly=b}',
  `RBD:rbd{CephMonitors:monitors=p RBDImage:image=s FSType:fsType=s RBDPool:pool=s RadosUser:user=s Keyring:keyring=s ${localSecret} ReadOnly:readOnly=b}`,
  'Quobyte:quobyte{Registry:registry=s Volume:volume=s ReadOnly:readOnly=b User:user=s Group:group=s Tenant:tenant=s}',
  `FlexVolume:flexVolume{Driver:driver=s FSType:fsType=s ${localSecret} ReadOnly:readOnly=b Options:options=p}`,
  `Cinder:cinder{VolumeID:volumeID=s ${fsReadOnly} ${localSecret}}`,
  `CephFS:cephfs{Monitors:monitors=p Path:path=s User:user=s SecretFile:secretFile=s ${localSecret} ReadOnly:readOnly=b}`,
  'Flocker:flocker{DatasetName:datasetName=s DatasetUUID:datasetUUID=s}',
  `DownwardAPI:downwardAPI{${downwardItems} DefaultMode:defaultMode=p}`,
  'FC:fc{TargetWWNs:targetWWNs=p Lun:lun=p FSType:fsType=s ReadOnly:readOnly=b WWIDs:wwids=p}',
  'AzureFile:azureFile{SecretName:secretName=s ShareName:shareName=s ReadOnly:readOnly=b}',
  `ConfigMap:configMap{${named} ${items} DefaultMode:defaultMode=p ${optional}}`,
  'VsphereVolume:vsphereVolume{VolumePath:volumePath=s FSType:fsType=s StoragePolicyName:storagePolicyName=s StoragePolicyID:storagePolicyID=s}',
  'AzureDisk:azureDisk{DiskName:diskName=s DataDiskURI:diskURI=s CachingMode:cachingMode=p FSType:fsType=p ReadOnly:readOnly=p Kind:kind=p}',
  'PhotonPersistentDisk:photonPersistentDisk{PdID:pdID=s FSType:fsType=s}',
  `Projected:projected{Sources:sources(${projection}) DefaultMode:defaultMode=p}`,
  `PortworxVolume:portworxVolume{VolumeID:volumeID=s ${fsReadOnly}}`,
  `ScaleIO:scaleIO{Gateway:gateway=s System:system=s ${localSecret} SSLEnabled:sslEnabled=b ProtectionDomain:protectionDomain=s StoragePool:storagePool=s StorageMode:storageMode=s VolumeName:volumeName=s ${fsReadOnly}}`,
  `StorageOS:storageos{VolumeName:volumeName=s VolumeNamespace:volumeNamespace=s ${fsReadOnly} ${localSecret}}`,
  `CSI:csi{Driver:driver=s ReadOnly:readOnly=p FSType:fsType=p VolumeAttributes:volumeAttributes=p NodePublishSecretRef:nodePublishSecretRef{${named}}}`,
  `Ephemeral:ephemeral{VolumeClaimTemplate:volumeClaimTemplate{Spec:spec[${claimSpec}]}}`,
  'Image:image{Reference:reference=s PullPolicy:pullPolicy=s}',
].join(' ');

const actions = [
  'Exec:exec{Command:command=p}',
  'HTTPGet:httpGet{Path:path=s Port:port=i Host:host=s Scheme:scheme=s HTTPHeaders:httpHeaders(Name:name=s Value:value=s)}',
  'TCPSocket:tcpSocket{Port:port=i Host:host=s}',
].join(' ');
const probe = `{${actions} GRPC:grpc{Port:port=i Service:service=p} InitialDelaySeconds:initialDelaySeconds=i TimeoutSeconds:timeoutSeconds=i PeriodSeconds:periodSeconds=i SuccessThreshold:successThreshold=i FailureThreshold:failureThreshold=i TerminationGracePeriodSeconds:terminationGracePeriodSeconds=p}`;
const handler = `{${actions} Sleep:sleep{Seconds:seconds=i}}`;
const seLinux = 'SELinuxOptions:seLinuxOptions{User:user=s Role:role=s Type:type=s Level:level=s}';
const windows =
  'WindowsOptions:windowsOptions{GMSACredentialSpecName:gmsaCredentialSpecName=p GMSACredentialSpec:gmsaCredentialSpec=p RunAsUserName:runAsUserName=p HostProcess:hostProcess=p}';
const runAs = 'RunAsUser:runAsUser=p RunAsGroup:runAsGroup=p RunAsNonRoot:runAsNonRoot=p';
const profiles =
  'SeccompProfile:seccompProfile{Type:type=s LocalhostProfile:localhostProfile=p} AppArmorProfile:appArmorProfile{Type:type=s LocalhostProfile:localhostProfile=p}';
const resources = 'Limits:limits=p Requests:requests=p Claims:claims(Name:name=s Request:request=s)';

const containerForm = [
  'Name:name=s Image:image=s Command:command=p Args:args=p WorkingDir:workingDir=s',
  'Ports:ports(Name:name=s HostPort:hostPort=i ContainerPort:containerPort=i Protocol:protocol=s HostIP:hostIP=s)',
  `EnvFrom:envFrom(Prefix:prefix=s ConfigMapRef:configMapRef{${named} ${optional}} SecretRef:secretRef{${named} ${optional}})`,
  `Env:env(Name:name=s Value:value=s ValueFrom:valueFrom{${fieldRef} ${resourceRef} ConfigMapKeyRef:configMapKeyRef{${keyed}} SecretKeyRef:secretKeyRef{${keyed}} FileKeyRef:fileKeyRef{VolumeName:volumeName=s Path:path=s Key:key=s ${optional}}})`,
  `Resources:resources[${resources}] ResizePolicy:resizePolicy(ResourceName:resourceName=s RestartPolicy:restartPolicy=s)`,
  'RestartPolicy:restartPolicy=p RestartPolicyRules:restartPolicyRules(Action:action=s ExitCodes:exitCodes{Operator:operator=s Values:values=p})',
  'VolumeMounts:volumeMounts(Name:name=s ReadOnly:readOnly=b RecursiveReadOnly:recursiveReadOnly=p MountPath:mountPath=s SubPath:subPath=s MountPropagation:mountPropagation=p SubPathExpr:subPathExpr=s)',
  'VolumeDevices:volumeDevices(Name:name=s DevicePath:devicePath=s)',
  `LivenessProbe:livenessProbe${probe} ReadinessProbe:readinessProbe${probe} StartupProbe:startupProbe${probe}`,
  `Lifecycle:lifecycle{PostStart:postStart${handler} PreStop:preStop${handler} StopSignal:stopSignal=p}`,
  'TerminationMessagePath:terminationMessagePath=s TerminationMessagePolicy:terminationMessagePolicy=s ImagePullPolicy:imagePullPolicy=s',
  `SecurityContext:securityContext{Capabilities:capabilities{Add:add=p Drop:drop=p} Privileged:privileged=p ${seLinux} ${windows} ${runAs} ReadOnlyRootFilesystem:readOnlyRootFilesystem=p AllowPrivilegeEscalation:allowPrivilegeEscalation=p ProcMount:procMount=p ${profiles}}`,
  'Stdin:stdin=b StdinOnce:stdinOnce=b TTY:tty=b',
].join(' ');

export const ephemeralContainerForm = `${containerForm} TargetContainerName:targetContainerName=s`;

const podTerm = `LabelSelector:labelSelector{${labelSelectorForm}} Namespaces:namespaces=p TopologyKey:topologyKey=s NamespaceSelector:namespaceSelector{${labelSelectorForm}} MatchLabelKeys:matchLabelKeys=p MismatchLabelKeys:mismatchLabelKeys=p`;
const podTerms = `{RequiredDuringSchedulingIgnoredDuringExecution:requiredDuringSchedulingIgnoredDuringExecution(${podTerm}) PreferredDuringSchedulingIgnoredDuringExecution:preferredDuringSchedulingIgnoredDuringExecution(Weight:weight=i PodAffinityTerm:podAffinityTerm[${podTerm}])}`;
const affinity = [
  `NodeAffinity:nodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution:requiredDuringSchedulingIgnoredDuringExecution{NodeSelectorTerms:nodeSelectorTerms(${nodeSelectorTermForm})} PreferredDuringSchedulingIgnoredDuringExecution:preferredDuringSchedulingIgnoredDuringExecution(Weight:weight=i Preference:preference[${nodeSelectorTermForm}])}`,
  `PodAffinity:podAffinity${podTerms} PodAntiAffinity:podAntiAffinity${podTerms}`,
].join(' ');

const podSpecForm: GoForm = [
  `Volumes:volumes(${volumeForm}) InitContainers:initContainers(${containerForm}) Containers:containers(${containerForm})`,
  `EphemeralContainers:ephemeralContainers(${ephemeralContainerForm})`,
  'RestartPolicy:restartPolicy=s TerminationGracePeriodSeconds:terminationGracePeriodSeconds=p ActiveDeadlineSeconds:activeDeadlineSeconds=p',
  'DNSPolicy:dnsPolicy=s NodeSelector:nodeSelector=p ServiceAccountName:serviceAccountName=s',
  'AutomountServiceAccountToken:automountServiceAccountToken=p NodeName:nodeName=s',
  `SecurityContext:securityContext{HostNetwork:hostNetwork=b HostPID:hostPID=b HostIPC:hostIPC=b ShareProcessNamespace:shareProcessNamespace=p HostUsers:hostUsers=p ${seLinux} ${windows} ${runAs} SupplementalGroups:supplementalGroups=p SupplementalGroupsPolicy:supplementalGroupsPolicy=p FSGroup:fsGroup=p FSGroupChangePolicy:fsGroupChangePolicy=p Sysctls:sysctls(Name:name=s Value:value=s) ${profiles} SELinuxChangePolicy:seLinuxChangePolicy=p}`,
  `ImagePullSecrets:imagePullSecrets(${named}) Hostname:hostname=s Subdomain:subdomain=s SetHostnameAsFQDN:setHostnameAsFQDN=p`,
  `Affinity:affinity{${affinity}} SchedulerName:schedulerName=s`,
  'Tolerations:tolerations(Key:key=s Operator:operator=s Value:value=s Effect:effect=s TolerationSeconds:tolerationSeconds=p)',
  'HostAliases:hostAliases(IP:ip=s Hostnames:hostnames=p) PriorityClassName:priorityClassName=s Priority:priority=p PreemptionPolicy:preemptionPolicy=p',
  'DNSConfig:dnsConfig{Nameservers:nameservers=p Searches:searches=p Options:options(Name:name=s Value:value=p)}',
  'ReadinessGates:readinessGates(ConditionType:conditionType=s) RuntimeClassName:runtimeClassName=p Overhead:overhead=p EnableServiceLinks:enableServiceLinks=p',
  `TopologySpreadConstraints:topologySpreadConstraints(MaxSkew:maxSkew=i TopologyKey:topologyKey=s WhenUnsatisfiable:whenUnsatisfiable=s LabelSelector:labelSelector{${labelSelectorForm}} MinDomains:minDomains=p NodeAffinityPolicy:nodeAffinityPolicy=p NodeTaintsPolicy:nodeTaintsPolicy=p MatchLabelKeys:matchLabelKeys=p)`,
  'OS:os{Name:name=s} SchedulingGates:schedulingGates(Name:name=s)',
  'ResourceClaims:resourceClaims(Name:name=s ResourceClaimName:resourceClaimName=p ResourceClaimTemplateName:resourceClaimTemplateName=p)',
  `Resources:resources{${resources}} HostnameOverride:hostnameOverride=p SchedulingGroup:schedulingGroup{PodGroupName:podGroupName=p}`,
].join(' ');

/** A pod's spec in upstream's form. */
export function goPodSpec(spec: PodSpec | undefined): Record<string, unknown> {
  const { hostNetwork, hostPID, hostIPC, shareProcessNamespace, hostUsers, securityContext } = spec ?? {};
  const host = { hostNetwork, hostPID, hostIPC, shareProcessNamespace, hostUsers };
  return goFormOf(podSpecForm, { ...spec, securityContext: { ...host, ...securityContext } });
}

const metadataOrder = ['name', 'generateName', 'namespace', 'labels', 'annotations', 'ownerReferences', 'finalizers'];

/** A pod template in upstream's form; metadata keeps its names and stands beside the spec. */
export function goPodTemplate({ metadata, spec }: PodTemplateSpec): Record<string, unknown> {
  const given = (metadata ?? {}) as Partial<ObjectMeta> as Record<string, unknown>;
  const known = metadataOrder.filter((name) => given[name] !== undefined).map((name) => [name, sorted(given[name])]);
  return { ...Object.fromEntries(known), Spec: goPodSpec(spec) };
}
