// The ConfigMap `kube-root-ca.crt` of every active namespace: what pods trust the API server by. Keys: namespace names.
import type { ConfigMap } from '../../generated/schemas/core-v1.ts';
import { configMaps, namespaces } from '../../generated/schemas/index.ts';
import { equalJson } from '../../machinery/schema/json.ts';
import type { Controller, ReconcileContext, Result, Write } from '../../reconcile/types.ts';
import { source } from '../../reconcile/types.ts';
import type { ControllerOptions } from '../lib/options.ts';
import { isNamespaceTerminating, WriteFailed } from '../lib/write.ts';

const mapName = 'kube-root-ca.crt';
const annotation = 'kubernetes.io/description';
const description =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service ' +
  'IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.';

export function create({ caCertificate }: ControllerOptions): Controller {
  return {
    name: 'root-ca-certificate-publisher',
    sources: [
      source(namespaces, ({ type, object, previous }) =>
        type === 'put' && previous === undefined ? [object.metadata.name] : [],
      ),
      source(
        configMaps,
        ({ object: { metadata } }) => (metadata.name === mapName && metadata.namespace ? [metadata.namespace] : []),
        { name: mapName },
      ),
    ],
    reconcile: (key, context) => reconcile(key, caCertificate, context),
  };
}

async function reconcile(name: string, caCertificate: string, { client }: ReconcileContext): Promise<Result> {
  const [namespace, current] = await Promise.all([
    client.get(namespaces, undefined, name),
    client.get(configMaps, name, mapName),
  ]);
  if (namespace === undefined || namespace.metadata.deletionTimestamp !== undefined) return {};
  const write = planMap(name, current, caCertificate);
  if (write === undefined) return {};
  const [outcome] = await client.write([write]);
  if (outcome?.ok === false && outcome.status.reason !== 'AlreadyExists' && !isNamespaceTerminating(outcome.status)) {
    throw new WriteFailed(outcome.status);
  }
  return {};
}

/** Pure. Undefined: it is as it should be. */
export function planMap(namespace: string, current: ConfigMap | undefined, caCertificate: string): Write | undefined {
  const data = { 'ca.crt': caCertificate };
  if (current === undefined) {
    const object = { metadata: { name: mapName, namespace, annotations: { [annotation]: description } }, data };
    return { verb: 'create', resource: configMaps, namespace, object };
  }
  const annotated = current.metadata.annotations?.[annotation] !== undefined;
  if (annotated && equalJson(current.data, data)) return undefined;
  const annotations = { ...current.metadata.annotations, [annotation]: description };
  return {
    verb: 'update',
    resource: configMaps,
    object: { ...current, metadata: { ...current.metadata, annotations }, data } as ConfigMap,
  };
}
