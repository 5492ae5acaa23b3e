// A client that lists once and then watches for as long as the simulation runs, coming back with its last revision whenever
// the stream breaks. What it saw must be what was committed: every revision, in order, without gap or duplicate.
import type { SimulatedCluster } from '../harness/cluster.ts';
import { adminToken } from '../harness/cluster.ts';
import { senderOf } from '../harness/objects.ts';
import type { Journal } from './journal.ts';

interface Event {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  // biome-ignore lint/suspicious/noExplicitAny: objects of every kind
  object: any;
}

export class Watcher {
  readonly resource: string;
  readonly #cluster: SimulatedCluster;
  readonly #journal: Journal;
  readonly #path: string;
  readonly #fail: (text: string) => void;
  /** Revisions seen as events since the last list. */
  readonly seen: { revision: number; key: string; type: string }[] = [];
  readonly #state = new Map<string, string>();
  #listedAt = 0;
  #revision = 0;
  lists = 0;
  opened = 0;

  constructor(
    cluster: SimulatedCluster,
    journal: Journal,
    resource: string,
    path: string,
    fail: (text: string) => void,
  ) {
    this.#cluster = cluster;
    this.#journal = journal;
    this.resource = resource;
    this.#path = path;
    this.#fail = (text) => fail(`watcher of ${resource}: ${text}`);
  }

  async run(): Promise<never> {
    for (;;) {
      try {
        if (this.#revision === 0) await this.#list();
        else await this.#watch();
      } catch {
        // Broken off: again from where it was.
      }
      await this.#cluster.time.sleep(50 + this.#cluster.random.int(500));
    }
  }

  async #list(): Promise<void> {
    const { code, json } = await this.#cluster.request('GET', this.#path);
    if (code !== 200) return;
    this.lists++;
    this.seen.length = 0;
    this.#state.clear();
    for (const object of json.items) this.#state.set(this.#key(object), object.metadata.resourceVersion);
    this.#revision = Number(json.metadata.resourceVersion);
    this.#listedAt = this.#revision;
  }

  async #watch(): Promise<void> {
    const { outside } = this.#cluster;
    const url = `https://cluster.test${this.#path}?watch=1&allowWatchBookmarks=true&resourceVersion=${this.#revision}`;
    const response = await this.#cluster.fetch(
      outside,
      new Request(url, { headers: { authorization: `Bearer ${adminToken}` } }),
    );
    if (response.status === 410) this.#revision = 0;
    if (response.status !== 200 || !response.body) return;
    this.opened++;
    const reader = response.body.getReader();
    const ended = new Promise<{ done: true; value: undefined }>((resolve) => {
      senderOf(response)?.onEnd(() => resolve({ done: true, value: undefined }));
    });
    const decoder = new TextDecoder();
    let text = '';
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), ended]);
      if (done) return;
      text += decoder.decode(value, { stream: true });
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) if (line !== '' && !this.#take(JSON.parse(line) as Event)) return;
    }
  }

  /** False: the stream is over. */
  #take({ type, object }: Event): boolean {
    if (type === 'ERROR') {
      if (object.code === 410) this.#revision = 0;
      else this.#fail(`an error event: ${JSON.stringify(object)}`);
      return false;
    }
    const revision = Number(object.metadata.resourceVersion);
    if (type === 'BOOKMARK') {
      if (revision < this.#revision) this.#fail(`a bookmark of ${revision} after ${this.#revision}`);
      this.#revision = Math.max(this.#revision, revision);
      return true;
    }
    const key = this.#key(object);
    if (revision <= this.#revision) this.#fail(`${type} ${key} at ${revision} after ${this.#revision}`);
    if ((type === 'ADDED') === this.#state.has(key))
      this.#fail(`${type} ${key} at ${revision}, which it had or had not`);
    this.#revision = revision;
    this.seen.push({ revision, key, type });
    if (type === 'DELETED') this.#state.delete(key);
    else this.#state.set(key, object.metadata.resourceVersion);
    return true;
  }

  /** At rest: everything committed since its last list was seen, and what it holds is what there is. */
  check(): void {
    const wanted = this.#journal.entries.filter(
      ({ revision, key }) => revision > this.#listedAt && key.startsWith(`${this.resource}/`),
    );
    const typeOf = (entry: (typeof wanted)[number]): string =>
      entry.type === 'delete' ? 'DELETED' : entry.created ? 'ADDED' : 'MODIFIED';
    for (let i = 0; i < Math.max(wanted.length, this.seen.length); i++) {
      const [should, did] = [wanted[i], this.seen[i]];
      if (should && did && should.revision === did.revision && should.key === did.key && typeOf(should) === did.type)
        continue;
      this.#fail(`event ${i} should be ${JSON.stringify(should)}, is ${JSON.stringify(did)}`);
      break;
    }
    const state = new Map(this.#state);
    for (const [key, object] of this.#journal.live) {
      if (!key.startsWith(`${this.resource}/`)) continue;
      if (state.get(key) !== object.metadata.resourceVersion) this.#fail(`${key} is not as it is in the list`);
      state.delete(key);
    }
    for (const key of state.keys()) this.#fail(`${key} is not there any more`);
  }

  #key(object: Event['object']): string {
    const { namespace, name } = object.metadata;
    return namespace ? `${this.resource}/${namespace}/${name}` : `${this.resource}/${name}`;
  }
}
