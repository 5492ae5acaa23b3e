// What users do to the cluster, at random. Remembers what it asked for only as far as the checks need it: whether a thing
// was acknowledged, and why a pod may be stuck. Every action says what it does in one line of the trace.
import type { Answer, SimulatedCluster } from '../harness/cluster.ts';
import type { SeededRandom } from '../harness/time.ts';
import type { Journal, Live } from './journal.ts';

export interface Acknowledged {
  key: string;
  revision: number;
  what: string;
}

const apps = '/apis/apps/v1';
const deploymentsMax = 8;

export class Workload {
  readonly acknowledged: Acknowledged[] = [];
  readonly #cluster: SimulatedCluster;
  readonly #journal: Journal;
  readonly #random: SeededRandom;
  readonly #say: (text: string) => void;
  #names = 0;

  constructor(cluster: SimulatedCluster, journal: Journal, random: SeededRandom, say: (text: string) => void) {
    this.#cluster = cluster;
    this.#journal = journal;
    this.#random = random;
    this.#say = say;
  }

  /** One random action; requests are not waited for. */
  act(): void {
    const actions: [number, () => void][] = [
      [4, () => this.#createDeployment()],
      [4, () => this.#scale()],
      [4, () => this.#update()],
      [2, () => this.#rollback()],
      [2, () => this.#deleteDeployment()],
      [1, () => this.#pause()],
      [4, () => this.#deletePod()],
      [1, () => this.#createPod()],
      [3, () => this.#createService()],
      [1, () => this.#deleteService()],
      [1, () => this.#createNamespace()],
      [1, () => this.#deleteNamespace()],
      [1, () => this.#cordon()],
      [1, () => this.#configMap()],
    ];
    const total = actions.reduce((sum, [weight]) => sum + weight, 0);
    let at = this.#random.int(total);
    for (const [weight, action] of actions) {
      at -= weight;
      if (at >= 0) continue;
      action();
      return;
    }
  }

  /** Takes back what would keep the cluster from ever coming to rest: crash loops and pauses. */
  calm(): void {
    const crashes = ({ metadata }: Live): boolean =>
      'simulated.tiffin.dev/run-seconds' in (metadata?.annotations ?? {});
    const ownerOf = ({ metadata }: Live): string => metadata.ownerReferences?.[0]?.uid ?? '';
    const crashing = this.#journal.of('replicasets.apps').filter(({ spec }) => crashes(spec.template));
    const roots = new Set(crashing.map(ownerOf));
    for (const deployment of this.#journal.of('deployments.apps')) {
      // One that goes on to a better template may be stuck half way: it has to go altogether.
      const bad = roots.has(deployment.metadata.uid) || crashes(deployment.spec.template);
      if (bad) this.#send('DELETE', this.#pathOf('deployments', deployment));
      else if (deployment.spec.paused)
        this.#send('PATCH', this.#pathOf('deployments', deployment), { spec: { paused: null } });
    }
    for (const set of crashing) if (ownerOf(set) === '') this.#send('DELETE', this.#pathOf('replicasets', set));
    for (const pod of this.#journal.of('pods'))
      if (crashes(pod) && ownerOf(pod) === '') this.#send('DELETE', this.#pathOf('pods', pod));
  }

  #send(method: string, path: string, body?: unknown, type?: string): void {
    const what = `${method} ${path}${body === undefined ? '' : ` ${JSON.stringify(body)}`}`;
    this.#say(what.slice(0, 400));
    void this.#cluster.request(method, path, body, type).then((answer) => this.#answered(what, answer));
  }

  #answered(what: string, { code, json }: Answer): void {
    if (code >= 500 && code !== 503 && code !== 504) throw new Error(`${what}: ${code} ${JSON.stringify(json)}`);
    if (code < 200 || code >= 300 || !json?.metadata?.resourceVersion || json.kind === 'Status') return;
    const plural = { Deployment: 'deployments.apps', Pod: 'pods', Service: 'services', Namespace: 'namespaces' }[
      json.kind as string
    ];
    if (!plural) return;
    const { namespace, name, resourceVersion } = json.metadata;
    const key = namespace ? `${plural}/${namespace}/${name}` : `${plural}/${name}`;
    this.acknowledged.push({ key, revision: Number(resourceVersion), what: what.slice(0, 200) });
  }

  #namespaces(): string[] {
    return this.#journal
      .of('namespaces')
      .filter(({ metadata }) => /^(default|ns-)/.test(metadata.name) && !metadata.deletionTimestamp)
      .map(({ metadata }) => metadata.name);
  }

  #pathOf(plural: string, { metadata }: Live): string {
    const root = plural === 'deployments' || plural === 'replicasets' ? apps : '/api/v1';
    return `${root}/namespaces/${metadata.namespace}/${plural}/${metadata.name}`;
  }

  #oneOf(resource: string): Live | undefined {
    return this.#random.pick(
      this.#journal.of(resource).filter(({ metadata }) => !metadata.namespace?.startsWith('kube')),
    );
  }

  #template(app: string): Live {
    const r = this.#random;
    const annotations = r.chance(0.1)
      ? {
          'simulated.tiffin.dev/run-seconds': String(1 + r.int(40)),
          'simulated.tiffin.dev/exit-code': String(r.int(2)),
        }
      : undefined;
    const cpu = r.chance(0.05) ? '9' : `${50 * (1 + r.int(16))}m`;
    const requests = r.chance(0.8) ? { resources: { requests: { cpu, memory: `${16 * (1 + r.int(16))}Mi` } } } : {};
    const probe = r.chance(0.3) ? { readinessProbe: { exec: { command: ['true'] }, periodSeconds: 3 } } : {};
    const containers = [{ name: 'main', image: `image:${r.int(100)}`, ...requests, ...probe }];
    if (r.chance(0.2)) containers.push({ name: 'side', image: 'side:1' });
    return {
      metadata: { labels: { app, version: String(r.int(1000)) }, ...(annotations ? { annotations } : {}) },
      spec: {
        containers,
        ...(r.chance(0.7) ? { terminationGracePeriodSeconds: r.int(20) } : {}),
      },
    };
  }

  #createDeployment(): void {
    const r = this.#random;
    if (this.#journal.of('deployments.apps').length >= deploymentsMax) this.#deleteDeployment();
    const namespace = r.pick(this.#namespaces()) ?? 'default';
    const name = `d${++this.#names}`;
    const template = this.#template(name);
    const rolling = { maxSurge: r.pick([0, 1, '25%', '100%']), maxUnavailable: r.pick([1, '25%', '50%']) };
    this.#send('POST', `${apps}/namespaces/${namespace}/deployments`, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name },
      spec: {
        replicas: r.int(7),
        selector: { matchLabels: { app: name } },
        strategy: r.chance(0.2) ? { type: 'Recreate' } : { type: 'RollingUpdate', rollingUpdate: rolling },
        minReadySeconds: r.chance(0.2) ? r.int(10) : 0,
        revisionHistoryLimit: r.int(4),
        progressDeadlineSeconds: 120,
        template,
      },
    });
  }

  #scale(): void {
    const deployment = this.#oneOf('deployments.apps');
    if (deployment)
      this.#send('PATCH', `${this.#pathOf('deployments', deployment)}/scale`, {
        spec: { replicas: this.#random.int(9) },
      });
  }

  #update(): void {
    const deployment = this.#oneOf('deployments.apps');
    if (!deployment) return;
    const { app } = deployment.spec.selector.matchLabels;
    const template = this.#template(app);
    const fresh = this.#random.chance(0.5);
    // Half of them from what was read a while ago: those conflict when somebody else was faster.
    if (fresh) this.#send('PATCH', this.#pathOf('deployments', deployment), { spec: { template } });
    else this.#send('PUT', this.#pathOf('deployments', deployment), this.#with(deployment, { template }));
  }

  #with(deployment: Live, spec: Live): Live {
    const { metadata } = deployment;
    return { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { ...deployment.spec, ...spec } };
  }

  #rollback(): void {
    const deployment = this.#oneOf('deployments.apps');
    const old = this.#random.pick(
      this.#journal
        .of('replicasets.apps')
        .filter(({ metadata }) => metadata.ownerReferences?.[0]?.uid === deployment?.metadata.uid),
    );
    if (!deployment || !old) return;
    const { 'pod-template-hash': _, ...labels } = old.spec.template.metadata.labels;
    const template = { ...old.spec.template, metadata: { ...old.spec.template.metadata, labels } };
    const patch = [{ op: 'replace', path: '/spec/template', value: template }];
    this.#send('PATCH', this.#pathOf('deployments', deployment), patch, 'application/json-patch+json');
  }

  #pause(): void {
    const deployment = this.#oneOf('deployments.apps');
    if (deployment)
      this.#send('PATCH', this.#pathOf('deployments', deployment), { spec: { paused: !deployment.spec.paused } });
  }

  #deleteDeployment(): void {
    const deployment = this.#oneOf('deployments.apps');
    const propagationPolicy = this.#random.pick(['Background', 'Foreground', 'Background', 'Orphan']);
    if (deployment) this.#send('DELETE', this.#pathOf('deployments', deployment), { propagationPolicy });
  }

  #deletePod(): void {
    const pod = this.#oneOf('pods');
    const now = this.#random.chance(0.2) ? { gracePeriodSeconds: 0 } : undefined;
    if (pod) this.#send('DELETE', this.#pathOf('pods', pod), now);
  }

  #createPod(): void {
    const namespace = this.#random.pick(this.#namespaces()) ?? 'default';
    const name = `p${++this.#names}`;
    const { metadata, spec } = this.#template(name);
    const restartPolicy = this.#random.pick(['Always', 'OnFailure', 'Never']);
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name }, spec: { ...spec, restartPolicy } };
    this.#send('POST', `/api/v1/namespaces/${namespace}/pods`, pod);
  }

  #createService(): void {
    const deployment = this.#oneOf('deployments.apps');
    if (!deployment) return;
    this.#send('POST', `/api/v1/namespaces/${deployment.metadata.namespace}/services`, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: deployment.metadata.name },
      spec: {
        selector: deployment.spec.selector.matchLabels,
        ports: [{ port: 80, targetPort: 8080 }],
        ...(this.#random.chance(0.2) ? { clusterIP: 'None' } : {}),
        ...(this.#random.chance(0.2) ? { publishNotReadyAddresses: true } : {}),
      },
    });
  }

  #deleteService(): void {
    const service = this.#random.pick(this.#journal.of('services').filter(({ spec }) => spec.selector));
    if (service) this.#send('DELETE', this.#pathOf('services', service));
  }

  #createNamespace(): void {
    this.#send('POST', '/api/v1/namespaces', { metadata: { name: `ns-${++this.#names}` } });
  }

  #deleteNamespace(): void {
    const name = this.#random.pick(this.#namespaces().filter((other) => other !== 'default'));
    if (name) this.#send('DELETE', `/api/v1/namespaces/${name}`);
  }

  #cordon(): void {
    const node = this.#random.pick(this.#journal.of('nodes'));
    if (!node) return;
    const unschedulable = node.spec?.unschedulable ? null : true;
    this.#send('PATCH', `/api/v1/nodes/${node.metadata.name}`, { spec: { unschedulable } });
  }

  #configMap(): void {
    const namespace = this.#random.pick(this.#namespaces()) ?? 'default';
    const name = 'settings';
    if (this.#journal.live.has(`configmaps/${namespace}/${name}`))
      this.#send('PATCH', `/api/v1/namespaces/${namespace}/configmaps/${name}`, {
        data: { at: String(this.#cluster.time.now()) },
      });
    else this.#send('POST', `/api/v1/namespaces/${namespace}/configmaps`, { metadata: { name }, data: { at: '' } });
  }
}
