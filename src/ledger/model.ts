// A plain model of the ledger for property tests: every write ever made, in an array; every answer by scanning it.
import type { Change, Entry } from './types.ts';

export interface ModelWrite {
  type: 'put' | 'delete';
  key: string;
  value: string;
  side: string;
  tags: readonly string[];
}

export class Model {
  readonly writes: ModelWrite[] = [];
  compacted = 0;

  get revision(): number {
    return this.writes.length;
  }

  put(key: string, value: string, side: string, tags: readonly string[]): number {
    return this.writes.push({ type: 'put', key, value, side, tags });
  }

  delete(key: string, value: string, side: string): number {
    return this.writes.push({ type: 'delete', key, value, side, tags: [] });
  }

  at(key: string, revision = this.revision): Entry | undefined {
    for (let r = revision; r > 0; r--) {
      const write = this.writes[r - 1]!;
      if (write.key !== key) continue;
      if (write.type === 'delete') return undefined;
      return { key, value: write.value, side: write.side, revision: r, createRevision: this.#created(key, r) };
    }
    return undefined;
  }

  list(start: string, end: string, revision = this.revision, tag?: string): Entry[] {
    const keys = [...new Set(this.writes.map((write) => write.key))].filter((key) => key >= start && key < end).sort();
    return keys
      .map((key) => this.at(key, revision))
      .filter((entry) => entry !== undefined)
      .filter((entry) => tag === undefined || this.writes[entry.revision - 1]!.tags.includes(tag));
  }

  changes(after: number): Change[] {
    return this.writes.slice(after).map((write, i) => {
      const revision = after + i + 1;
      const before = this.at(write.key, revision - 1);
      return {
        type: write.type,
        key: write.key,
        revision,
        createRevision: before?.createRevision ?? revision,
        value: write.value,
        side: write.side,
        ...(before ? { previous: { revision: before.revision, value: before.value, side: before.side } } : {}),
      };
    });
  }

  #created(key: string, revision: number): number {
    let created = revision;
    for (let r = revision; r > 0; r--) {
      const write = this.writes[r - 1]!;
      if (write.key !== key) continue;
      if (write.type === 'delete') break;
      created = r;
    }
    return created;
  }
}
