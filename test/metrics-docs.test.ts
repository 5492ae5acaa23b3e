// The Prometheus configuration of the docs leads where it says, by Prometheus' rules of relabelling.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { requestInfo } from '../src/apiserver/routing.ts';

interface Rule {
  action?: 'replace' | 'keep' | 'labelmap';
  source_labels?: string[];
  regex?: string;
  target_label?: string;
  replacement?: string;
}
interface Job {
  job_name: string;
  relabel_configs?: Rule[];
}

const text = fs.readFileSync(path.resolve(import.meta.dirname, '../docs/metrics.md'), 'utf8');
const [configuration = ''] = [...text.matchAll(/^```yaml\n(# prometheus.yml\n.*?)^```/gms)].map((m) => m[1]);
const { scrape_configs: jobs } = parse(configuration) as { scrape_configs: Job[] };

/** Undefined: the target is dropped. */
function relabelled(rules: readonly Rule[], given: Record<string, string>): Record<string, string> | undefined {
  const labels: Record<string, string> = { __metrics_path__: '/metrics', ...given };
  for (const {
    action = 'replace',
    source_labels = [],
    regex = '(.*)',
    target_label = '',
    replacement = '$1',
  } of rules) {
    const whole = new RegExp(`^(?:${regex})$`, 's');
    const match = whole.exec(source_labels.map((name) => labels[name] ?? '').join(';'));
    if (action === 'keep' && !match) return undefined;
    if (action === 'replace' && match)
      labels[target_label] = replacement.replace(/\$\{?(\d)\}?/g, (_, n: string) => match[Number(n)] ?? '');
  }
  return labels;
}

const job = (name: string): Rule[] => jobs.find((j) => j.job_name === name)?.relabel_configs ?? [];
const pathOf = (name: string, labels: Record<string, string>) => relabelled(job(name), labels)?.__metrics_path__;

const meta = '__meta_kubernetes_';
const pod = {
  [`${meta}namespace`]: 'shop',
  [`${meta}pod_name`]: 'web-0',
  [`${meta}pod_phase`]: 'Running',
  [`${meta}pod_container_port_number`]: '8080',
  [`${meta}pod_annotation_prometheus_io_scrape`]: 'true',
};

test('nodes', () => {
  const node = { __address__: '10.0.0.1:0', [`${meta}node_name`]: 'n1' };
  expect(relabelled(job('kubernetes-nodes'), node)?.__address__).toBe('kubernetes.default.svc:443');
  expect(pathOf('kubernetes-nodes', node)).toBe('/api/v1/nodes/n1/proxy/metrics');
  expect(pathOf('kubernetes-cadvisor', node)).toBe('/api/v1/nodes/n1/proxy/metrics/cadvisor');
});

test.each([
  [{}, '/api/v1/namespaces/shop/pods/web-0:8080/proxy/metrics'],
  [{ port: '9100' }, '/api/v1/namespaces/shop/pods/web-0:9100/proxy/metrics'],
  [{ scheme: 'https', path: '/m/x' }, '/api/v1/namespaces/shop/pods/https:web-0:8080/proxy/m/x'],
  [{ scrape: 'false' }, undefined],
] as const)('pods annotated with %j', (annotations, expected) => {
  const given = Object.fromEntries(
    Object.entries(annotations).map(([name, value]) => [`${meta}pod_annotation_prometheus_io_${name}`, value]),
  );
  const found = pathOf('kubernetes-pods', { ...pod, ...given });
  expect(found).toBe(expected);
  if (found)
    expect(requestInfo('GET', found, new URLSearchParams())).toMatchObject({
      verb: 'get',
      resource: 'pods',
      subresource: 'proxy',
    });
});

test('pods without a port, and such as do not run, are left out', () => {
  expect(pathOf('kubernetes-pods', { ...pod, [`${meta}pod_container_port_number`]: '' })).toBeUndefined();
  expect(pathOf('kubernetes-pods', { ...pod, [`${meta}pod_phase`]: 'Succeeded' })).toBeUndefined();
});
