// metrics.k8s.io/v1beta1 NodeMetrics: what nodes use, asked of their links when it is read, as metrics-server shows it. A node
// of which nothing is known has none. Nothing is stored, and nothing can be watched.

import { nodeMetrics, nodes } from '../../../generated/schemas/index.ts';
import type { NodeMetrics } from '../../../generated/schemas/metrics-v1beta1.ts';
import { errors } from '../../../machinery/errors.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { formatTime } from '../../../machinery/time.ts';
import { interval, resourceList, usageColumns } from '../usage.ts';

export default defineResource<NodeMetrics>({
  ...nodeMetrics,
  singular: '',
  schema: 'io.k8s.metrics.pkg.apis.metrics.v1beta1.NodeMetrics',
  verbs: ['get', 'list'],
  strategy: { generation: false },
  async computed({ clock, name, selected, usage }) {
    const found = selected(nodes).map(({ metadata }) => metadata);
    if (name !== '' && found.length === 0) throw errors.notFound(nodes, name);
    const rates = await usage.ofNodes(found.map((node) => node.name));
    const made = found.flatMap(({ name: node, labels }, i) => {
      const rate = rates[i];
      if (!rate) return [];
      const metadata = { name: node, creationTimestamp: formatTime(clock.now()), ...(labels ? { labels } : {}) };
      return [{ metadata, ...interval(rate), usage: resourceList(rate) }];
    });
    if (name !== '' && made.length === 0) throw errors.notFound({ ...nodeMetrics, plural: 'nodemetrics' }, name);
    return made;
  },
  columns: usageColumns(({ usage }) => usage),
});
