// A client library inside a pod, with nothing but its in-cluster configuration: lists, watches, and prints what it saw.
import * as k8s from '@kubernetes/client-node';

async function main(): Promise<void> {
  const config = new k8s.KubeConfig();
  config.loadFromCluster();
  const namespace = process.env.NAMESPACE as string;
  const core = config.makeApiClient(k8s.CoreV1Api);
  const list = await core.listNamespacedConfigMap({ namespace });
  console.log(`server ${config.getCurrentCluster()?.server}`);
  console.log(
    `listed ${list.items
      .map((i) => i.metadata?.name)
      .sort()
      .join(',')}`,
  );
  const watch = new k8s.Watch(config);
  await watch.watch(
    `/api/v1/namespaces/${namespace}/configmaps`,
    { resourceVersion: list.metadata?.resourceVersion },
    (type, object: k8s.V1ConfigMap) => console.log(`watched ${type} ${object.metadata?.name}`),
    (error) => console.log(`ended ${error ?? ''}`),
  );
  try {
    await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'forbidden' } } });
  } catch (error) {
    console.log(`refused ${(error as { code?: number }).code}`);
  }
  setTimeout(() => process.exit(0), 60_000);
}

main().catch((error: unknown) => {
  console.log(`failed ${error}`);
  process.exit(1);
});
