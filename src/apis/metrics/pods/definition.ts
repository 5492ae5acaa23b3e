// metrics.k8s.io/v1beta1 PodMetrics: what the containers of running pods use, asked of the links of their nodes when it is read,
// as metrics-server shows it. A pod that a container has only just started in has none yet. Nothing is stored, and nothing can
// be watched.
import { podMetrics, pods } from '../../../generated/schemas/index.ts';
import type { PodMetrics } from '../../../generated/schemas/metrics-v1beta1.ts';
import { errors } from '../../../machinery/errors.ts';
import { addQuantities, formatQuantity, zeroQuantity } from '../../../machinery/quantity.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { formatTime } from '../../../machinery/time.ts';
import { interval, resourceList, usageColumns } from '../usage.ts';

export default defineResource<PodMetrics>({
  ...podMetrics,
  singular: '',
  schema: 'io.k8s.metrics.pkg.apis.metrics.v1beta1.PodMetrics',
  verbs: ['get', 'list'],
  strategy: { generation: false },
  async computed({ clock, name, selected, usage }) {
    const found = selected(pods);
    if (name !== '' && found.length === 0) throw errors.notFound(pods, name);
    const running = found.filter(({ fields }) => fields['status.phase'] === 'Running');
    const used = await usage.ofPods(
      running.map(({ metadata, fields }) => ({ uid: metadata.uid, node: fields['spec.nodeName'] ?? '' })),
    );
    const made = running.flatMap(({ metadata: { name: pod, namespace, labels } }, i) => {
      const containers = used[i]?.containers ?? [];
      const [first, ...others] = containers;
      if (!first) return [];
      // As metrics-server: of the container whose sample is the oldest.
      const oldest = others.reduce((a, b) => (b.atMs < a.atMs ? b : a), first);
      const created = { creationTimestamp: formatTime(clock.now()), ...(labels ? { labels } : {}) };
      return [
        {
          metadata: { name: pod, ...(namespace ? { namespace } : {}), ...created },
          ...interval(oldest),
          containers: containers.map((one) => ({ name: one.name, usage: resourceList(one) })),
        },
      ];
    });
    if (name !== '' && made.length === 0)
      throw errors.notFound({ ...podMetrics, plural: 'podmetrics' }, `${found[0]?.metadata.namespace}/${name}`);
    return made;
  },
  columns: usageColumns(({ containers }) => {
    const sum = (resource: string): string =>
      formatQuantity(
        containers
          .map(({ usage }) => usage[resource] ?? '0')
          .reduce<ReturnType<typeof addQuantities>>(addQuantities, zeroQuantity),
      );
    return { cpu: sum('cpu'), memory: sum('memory') };
  }),
});
