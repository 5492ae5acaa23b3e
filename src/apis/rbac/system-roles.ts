// The roles that every cluster has beside those of its controllers, in the notation of rules.ts.

/** Cluster roles by name. */
export const clusterRoles: Readonly<Record<string, string>> = {
  'cluster-admin': `
    * *: *
    * *
  `,
  'system:aggregate-to-admin': `
    create authorization.k8s.io: localsubjectaccessreviews
    manage rbac.authorization.k8s.io: rolebindings roles
  `,
  'system:aggregate-to-edit': `
    read core: pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy
    impersonate core: serviceaccounts
    write core: pods pods/attach pods/exec pods/portforward pods/proxy
    write core: configmaps endpoints persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy
    write apps: daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale
    write autoscaling: horizontalpodautoscalers
    write batch: cronjobs jobs
    write extensions: daemonsets deployments deployments/rollback deployments/scale ingresses networkpolicies replicasets replicasets/scale replicationcontrollers/scale
    write policy: poddisruptionbudgets
    write networking.k8s.io: ingresses networkpolicies
    create core: pods/eviction
    create core: serviceaccounts/token
    each-write core: events
    each-write events.k8s.io: events
    each-manage coordination.k8s.io: leases
    each-write resource.k8s.io: resourceclaims
    each-write resource.k8s.io: resourceclaimtemplates
  `,
  'system:aggregate-to-view': `
    read core: configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status
    read core: bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status
    read core: namespaces
    read apps: controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status
    read autoscaling: horizontalpodautoscalers horizontalpodautoscalers/status
    read batch: cronjobs cronjobs/status jobs jobs/status
    read extensions: daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status networkpolicies replicasets replicasets/scale replicasets/status replicationcontrollers/scale
    read policy: poddisruptionbudgets poddisruptionbudgets/status
    read networking.k8s.io: ingresses ingresses/status networkpolicies
    each-read events.k8s.io: events
    each-read discovery.k8s.io: endpointslices
    each-read resource.k8s.io: resourceclaims
    each-read resource.k8s.io: resourceclaims/status
    each-read resource.k8s.io: resourceclaimtemplates
  `,
  'system:aggregated-metrics-reader': `
    read metrics.k8s.io: nodes pods
  `,
  'system:auth-delegator': `
    create authentication.k8s.io: tokenreviews
    create authorization.k8s.io: subjectaccessreviews
  `,
  'system:basic-user': `
    create authorization.k8s.io: selfsubjectaccessreviews selfsubjectrulesreviews
    create authentication.k8s.io: selfsubjectreviews
  `,
  'system:certificates.k8s.io:certificatesigningrequests:nodeclient': `
    create certificates.k8s.io: certificatesigningrequests/nodeclient
  `,
  'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient': `
    create certificates.k8s.io: certificatesigningrequests/selfnodeclient
  `,
  'system:certificates.k8s.io:kube-apiserver-client-approver': `
    approve certificates.k8s.io: signers = kubernetes.io/kube-apiserver-client
  `,
  'system:certificates.k8s.io:kube-apiserver-client-kubelet-approver': `
    approve certificates.k8s.io: signers = kubernetes.io/kube-apiserver-client-kubelet
  `,
  'system:certificates.k8s.io:kubelet-serving-approver': `
    approve certificates.k8s.io: signers = kubernetes.io/kubelet-serving
  `,
  'system:certificates.k8s.io:legacy-unknown-approver': `
    approve certificates.k8s.io: signers = kubernetes.io/legacy-unknown
  `,
  'system:discovery': `
    get /api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/
  `,
  'system:heapster': `
    read core: events namespaces nodes pods
    read extensions: deployments
  `,
  'system:kube-aggregator': `
    read core: endpoints services
  `,
  'system:kube-controller-manager': `
    record
    create coordination.k8s.io: leases
    get,update coordination.k8s.io: leases = kube-controller-manager
    create core: endpoints
    get,update core: endpoints = kube-controller-manager
    create core: secrets serviceaccounts
    delete core: secrets
    get core: configmaps namespaces secrets serviceaccounts
    update core: secrets serviceaccounts
    create authentication.k8s.io: tokenreviews
    create authorization.k8s.io: subjectaccessreviews
    list,watch *: *
    create core: serviceaccounts/token
  `,
  'system:kube-dns': `
    list,watch core: endpoints services
  `,
  'system:kube-scheduler': `
    record
    create coordination.k8s.io: leases
    get,update coordination.k8s.io: leases = kube-scheduler
    create core: endpoints
    get,update core: endpoints = kube-scheduler
    read core: nodes
    delete,get,list,watch core: pods
    create core: bindings pods/binding
    patch,update core: pods/status
    read core: replicationcontrollers services
    read apps,extensions: replicasets
    read apps: statefulsets
    read policy: poddisruptionbudgets
    read core: persistentvolumeclaims persistentvolumes
    create authentication.k8s.io: tokenreviews
    create authorization.k8s.io: subjectaccessreviews
    read storage.k8s.io: csinodes
    list|watch coordination.k8s.io: leases = kube-scheduler
    each-manage coordination.k8s.io: leasecandidates
    each-read storage.k8s.io: volumeattachments
    each-read core: namespaces
    each-read storage.k8s.io: csidrivers
    each-read storage.k8s.io: csistoragecapacities
    each-read resource.k8s.io: deviceclasses
    get|list|patch|update|watch resource.k8s.io: resourceclaims
    get|list|patch|update|watch resource.k8s.io: resourceclaims/status
    update core: pods/finalizers
    each-read resource.k8s.io: resourceslices
    create|delete resource.k8s.io: resourceclaims
    patch|update resource.k8s.io: resourceclaims/binding
  `,
  'system:kubelet-api-admin': `
    read core: nodes
    proxy core: nodes
    * core: nodes/log nodes/metrics nodes/proxy nodes/spec nodes/stats
    * core: nodes/configz
    * core: nodes/healthz
    * core: nodes/pods
  `,
  'system:monitoring': `
    get /healthz /healthz/* /livez /livez/* /metrics /readyz /readyz/*
    get /flagz
    get /metrics/slis
    get /statusz
    get core: nodes/metrics
  `,
  'system:node': `
    create authentication.k8s.io: tokenreviews
    create authorization.k8s.io: localsubjectaccessreviews subjectaccessreviews
    read core: services
    create,get,list,watch core: nodes
    patch,update core: nodes/status
    patch,update core: nodes
    create,patch,update core: events
    read core: pods
    create,delete core: pods
    patch,update core: pods/status
    create core: pods/eviction
    read core: configmaps secrets
    get core: persistentvolumeclaims persistentvolumes
    get core: endpoints
    create,get,list,watch certificates.k8s.io: certificatesigningrequests
    create,delete,get,patch,update coordination.k8s.io: leases
    get storage.k8s.io: volumeattachments
    create core: serviceaccounts/token
    get,patch,update core: persistentvolumeclaims/status
    read storage.k8s.io: csidrivers
    create,delete,get,patch,update storage.k8s.io: csinodes
    read node.k8s.io: runtimeclasses
    create|patch|update events.k8s.io: events
    get resource.k8s.io: resourceclaims
    deletecollection resource.k8s.io: resourceslices
    get core: serviceaccounts
  `,
  'system:node-bootstrapper': `
    create,get,list,watch certificates.k8s.io: certificatesigningrequests
  `,
  'system:node-problem-detector': `
    get core: nodes
    patch core: nodes/status
    record
  `,
  'system:node-proxier': `
    list,watch core: endpoints services
    read core: nodes
    record
    list,watch discovery.k8s.io: endpointslices
    list|watch networking.k8s.io: servicecidrs
  `,
  'system:persistent-volume-provisioner': `
    create,delete,get,list,watch core: persistentvolumes
    get,list,update,watch core: persistentvolumeclaims
    read storage.k8s.io: storageclasses
    watch core: events
    record
  `,
  'system:public-info-viewer': `
    get /healthz /livez /readyz /version /version/
  `,
  'system:service-account-issuer-discovery': `
    get /.well-known/openid-configuration /openid/v1/jwks
    get /.well-known/openid-configuration/
    get /openid/v1/jwks/
  `,
  'system:volume-scheduler': `
    get,list,patch,update,watch core: persistentvolumes
    read storage.k8s.io: storageclasses
    get,list,patch,update,watch core: persistentvolumeclaims
  `,
};

/** Cluster roles whose rules are those of all roles that aggregate to them. */
export const aggregatingRoles = ['admin', 'edit', 'view'] as const;

/** Which roles a role aggregates to. */
export const aggregatesTo: Readonly<Record<string, readonly (typeof aggregatingRoles)[number][]>> = {
  edit: ['admin'],
  view: ['edit'],
  'system:aggregate-to-admin': ['admin'],
  'system:aggregate-to-edit': ['edit'],
  'system:aggregate-to-view': ['view'],
  'system:aggregated-metrics-reader': ['view', 'edit', 'admin'],
};

/** Roles by namespace and name. */
export const namespacedRoles: Readonly<Record<string, string>> = {
  'kube-public/system:controller:bootstrap-signer': `
    read core: configmaps
    update core: configmaps = cluster-info
    record
  `,
  'kube-system/extension-apiserver-authentication-reader': `
    read core: configmaps = extension-apiserver-authentication
  `,
  'kube-system/system::leader-locking-kube-controller-manager': `
    watch core: configmaps
    get,update core: configmaps = kube-controller-manager
    create|get|list|update|watch coordination.k8s.io: leases
    create|get|list|update|watch coordination.k8s.io: leasecandidates
  `,
  'kube-system/system::leader-locking-kube-scheduler': `
    watch core: configmaps
    get,update core: configmaps = kube-scheduler
    create|get|list|update|watch coordination.k8s.io: leases
    create|get|list|update|watch coordination.k8s.io: leasecandidates
  `,
  'kube-system/system:controller:bootstrap-signer': `
    read core: secrets
  `,
  'kube-system/system:controller:cloud-provider': `
    create,get,list,watch core: configmaps
  `,
  'kube-system/system:controller:token-cleaner': `
    delete,get,list,watch core: secrets
    record
  `,
};
