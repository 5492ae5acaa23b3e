// What the controllers of a cluster may do: a cluster role each, `system:controller:` and its name, in the notation of
// rules.ts, bound to the controller's service account in kube-system.

export const controllerRoles: Readonly<Record<string, string>> = {
  'attachdetach-controller': `
    list,watch core: persistentvolumeclaims persistentvolumes
    read core: nodes
    patch,update core: nodes/status
    list,watch core: pods
    record
    create,delete,get,list,watch storage.k8s.io: volumeattachments
    read storage.k8s.io: csidrivers
    read storage.k8s.io: csinodes
  `,
  'certificate-controller': `
    delete,get,list,watch certificates.k8s.io: certificatesigningrequests
    update certificates.k8s.io: certificatesigningrequests/approval certificatesigningrequests/status
    approve certificates.k8s.io: signers = kubernetes.io/kube-apiserver-client-kubelet
    sign certificates.k8s.io: signers = kubernetes.io/kube-apiserver-client kubernetes.io/kube-apiserver-client-kubelet kubernetes.io/kubelet-serving kubernetes.io/legacy-unknown
    create authorization.k8s.io: subjectaccessreviews
    record
  `,
  'clusterrole-aggregation-controller': `
    escalate,get,list,patch,update,watch rbac.authorization.k8s.io: clusterroles
  `,
  'cronjob-controller': `
    get,list,update,watch batch: cronjobs
    create,delete,get,list,patch,update,watch batch: jobs
    update batch: cronjobs/status
    update batch: cronjobs/finalizers
    delete,list core: pods
    record
    watch core: pods
  `,
  'daemon-set-controller': `
    read apps,extensions: daemonsets
    update apps,extensions: daemonsets/status
    update apps,extensions: daemonsets/finalizers
    list,watch core: nodes
    create,delete,list,patch,watch core: pods
    create core: pods/binding
    create,delete,get,list,patch,update,watch apps: controllerrevisions
    record
  `,
  'deployment-controller': `
    get,list,update,watch apps,extensions: deployments
    update apps,extensions: deployments/status
    update apps,extensions: deployments/finalizers
    create,delete,get,list,patch,update,watch apps,extensions: replicasets
    get,list,update,watch core: pods
    record
  `,
  'device-taint-eviction-controller': `
    delete,get,list,watch core: pods
    patch,update core: pods/status
    read resource.k8s.io: resourceclaims
    read resource.k8s.io: resourceslices
    read resource.k8s.io: deviceclasses
    record
  `,
  'disruption-controller': `
    read apps,extensions: deployments
    read apps,extensions: replicasets
    read core: replicationcontrollers
    read policy: poddisruptionbudgets
    read apps: statefulsets
    update policy: poddisruptionbudgets/status
    get *: */scale
    record
    patch|update core: pods/status
  `,
  'endpoint-controller': `
    read core: pods services
    create,delete,get,list,update core: endpoints
    create core: endpoints/restricted
    record
    watch core: endpoints
  `,
  'endpointslice-controller': `
    read core: nodes pods services
    update core: services/finalizers
    create,delete,get,list,update discovery.k8s.io: endpointslices
    record
    watch discovery.k8s.io: endpointslices
    create discovery.k8s.io: endpointslices/restricted
  `,
  'endpointslicemirroring-controller': `
    read core: endpoints services
    update core: services/finalizers
    update core: endpoints/finalizers
    create,delete,get,list,update discovery.k8s.io: endpointslices
    record
    watch discovery.k8s.io: endpointslices
    create discovery.k8s.io: endpointslices/restricted
  `,
  'ephemeral-volume-controller': `
    read core: pods
    update core: pods/finalizers
    create,get,list,watch core: persistentvolumeclaims
    record
  `,
  'expand-controller': `
    get,list,patch,update,watch core: persistentvolumes
    patch,update core: persistentvolumeclaims/status
    read core: persistentvolumeclaims
    read storage.k8s.io: storageclasses
    get core: endpoints services
    get core: secrets
    record
  `,
  'generic-garbage-collector': `
    delete,get,list,patch,update,watch *: *
    record
  `,
  'horizontal-pod-autoscaler': `
    read autoscaling: horizontalpodautoscalers
    update autoscaling: horizontalpodautoscalers/status
    get,update *: */scale
    list core: pods
    get core: services/proxy = http:heapster: https:heapster:
    list metrics.k8s.io: pods
    get,list custom.metrics.k8s.io: *
    record
    watch core: pods
    watch metrics.k8s.io: pods
    watch custom.metrics.k8s.io: *
    each-read external.metrics.k8s.io: *
  `,
  'job-controller': `
    get,list,update,watch batch: jobs
    update batch: jobs/status
    update batch: jobs/finalizers
    create,delete,list,patch,watch core: pods
    record
    patch batch: jobs
  `,
  'legacy-service-account-token-cleaner': `
    get core: configmaps = kube-apiserver-legacy-service-account-token-tracking
    delete,patch core: secrets
  `,
  'namespace-controller': `
    delete,get,list,watch core: namespaces
    update core: namespaces/finalize namespaces/status
    delete,deletecollection,get,list *: *
    watch *: *
  `,
  'node-controller': `
    delete,get,list,patch,update core: nodes
    patch,update core: nodes/status
    update core: pods/status
    delete,list core: pods
    record
    watch core: nodes
    patch core: pods/status
    get|watch core: pods
  `,
  'persistent-volume-binder': `
    create,delete,get,list,update,watch core: persistentvolumes
    update core: persistentvolumes/status
    get,list,update,watch core: persistentvolumeclaims
    update core: persistentvolumeclaims/status
    create,delete,get,list,watch core: pods
    read storage.k8s.io: storageclasses
    create,delete,get,update core: endpoints
    create,delete,get core: services
    get core: secrets
    get,list core: nodes
    watch core: events
    record
    watch core: nodes
  `,
  'pod-garbage-collector': `
    delete,list,watch core: pods
    get,list core: nodes
    watch core: nodes
    patch core: pods/status
  `,
  'pv-protection-controller': `
    get,list,update,watch core: persistentvolumes
    record
  `,
  'pvc-protection-controller': `
    get,list,update,watch core: persistentvolumeclaims
    read core: pods
    record
    update core: persistentvolumeclaims/status
  `,
  'replicaset-controller': `
    get,list,update,watch apps,extensions: replicasets
    update apps,extensions: replicasets/status
    update apps,extensions: replicasets/finalizers
    create,delete,list,patch,watch core: pods
    record
  `,
  'replication-controller': `
    get,list,update,watch core: replicationcontrollers
    update core: replicationcontrollers/status
    update core: replicationcontrollers/finalizers
    create,delete,list,patch,watch core: pods
    record
  `,
  'resource-claim-controller': `
    read core: pods
    update core: pods/finalizers
    create,delete,get,list,watch resource.k8s.io: resourceclaims
    patch,update resource.k8s.io: resourceclaims resourceclaims/status
    patch,update core: pods/status
    record
    patch,update resource.k8s.io: resourceclaims/binding
  `,
  'resourcequota-controller': `
    list,watch *: *
    update core: resourcequotas/status
    record
  `,
  'root-ca-cert-publisher': `
    create,update core: configmaps
    record
  `,
  'route-controller': `
    list,watch core: nodes
    patch core: nodes/status
    record
  `,
  'selinux-warning-controller': `
    record
    read core: persistentvolumes
    read core: persistentvolumeclaims
    read core: pods
    read storage.k8s.io: csidrivers
  `,
  'service-account-controller': `
    create core: serviceaccounts
    record
  `,
  'service-ca-cert-publisher': `
    create,update core: configmaps
    record
  `,
  'service-cidrs-controller': `
    get,list,patch,update,watch networking.k8s.io: servicecidrs
    patch,update networking.k8s.io: servicecidrs/finalizers
    patch,update networking.k8s.io: servicecidrs/status
    read networking.k8s.io: ipaddresses
    record
  `,
  'service-controller': `
    read core: services
    patch,update core: services/status
    list,watch core: nodes
    record
  `,
  'statefulset-controller': `
    list,watch core: pods
    read apps: statefulsets
    update apps: statefulsets/status
    update apps: statefulsets/finalizers
    create,delete,get,patch,update core: pods
    create,delete,get,list,patch,update,watch apps: controllerrevisions
    create,get core: persistentvolumeclaims
    record
    list|watch|delete|update core: persistentvolumeclaims
    update core: pods/finalizers
  `,
  'ttl-after-finished-controller': `
    delete,get,list,watch batch: jobs
    record
  `,
  'ttl-controller': `
    list,patch,update,watch core: nodes
    record
  `,
  'validatingadmissionpolicy-status-controller': `
    read admissionregistration.k8s.io: validatingadmissionpolicies
    get,patch,update admissionregistration.k8s.io: validatingadmissionpolicies/status
    record
  `,
  'volumeattributesclass-protection-controller': `
    read core: persistentvolumeclaims
    read core: persistentvolumes
    get,list,update,watch storage.k8s.io: volumeattributesclasses
    record
  `,
};
