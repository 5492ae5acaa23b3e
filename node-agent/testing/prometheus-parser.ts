// A strict reader of Prometheus' text format 0.0.4, for tests: it throws at whatever Prometheus itself would not take, and at what
// promlint would complain of: families apart, without help or type, counters that are not called `_total`, samples twice.
export interface Parsed {
  type: string;
  help: string;
  samples: { labels: Record<string, string>; value: number; atMs: number | undefined }[];
}

const line = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? (\S+)(?: (-?\d+))?$/;
const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/gy;

export function parsePrometheus(text: string): Map<string, Parsed> {
  const families = new Map<string, Parsed>();
  const seen = new Set<string>();
  let current = '';
  let help: [string, string] | undefined;
  if (text !== '' && !text.endsWith('\n')) throw new Error('the last line is not ended');
  for (const row of text.split('\n').slice(0, -1)) {
    const comment = /^# (HELP|TYPE) (\S+) (.+)$/.exec(row);
    if (comment) {
      const [, what, name = '', rest = ''] = comment;
      if (what === 'HELP') {
        if (families.has(name)) throw new Error(`${name} comes twice`);
        help = [name, rest];
      } else {
        if (help?.[0] !== name) throw new Error(`${name} has no help before its type`);
        if (!['counter', 'gauge'].includes(rest)) throw new Error(`${name} is of the type ${rest}`);
        families.set(name, { type: rest, help: help[1], samples: [] });
        current = name;
      }
      continue;
    }
    const match = line.exec(row);
    if (!match) throw new Error(`no sample: ${row}`);
    const [, name = '', given = '', number = '', at] = match;
    if (name !== current) throw new Error(`${name} is outside of its family`);
    const labels: Record<string, string> = {};
    const inside = given.slice(1, -1);
    label.lastIndex = 0;
    let end = 0;
    for (let m = label.exec(inside); m; m = label.exec(inside)) {
      if (Object.hasOwn(labels, m[1]!)) throw new Error(`${row}: ${m[1]} twice`);
      labels[m[1]!] = m[2]!.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c));
      end = label.lastIndex;
      if (end === inside.length) break;
    }
    if (end !== inside.length) throw new Error(`labels: ${row}`);
    const value =
      number === '+Inf' ? Number.POSITIVE_INFINITY : number === '-Inf' ? Number.NEGATIVE_INFINITY : Number(number);
    if (Number.isNaN(value) && number !== 'NaN') throw new Error(`value: ${row}`);
    const key = `${name} ${JSON.stringify(Object.entries(labels).toSorted())}`;
    if (seen.has(key)) throw new Error(`${row}: twice`);
    seen.add(key);
    const family = families.get(name)!;
    if (family.type === 'counter' && (value < 0 || !/(_total|failcnt)$/.test(name)))
      throw new Error(`a counter: ${row}`);
    const shape = Object.keys(labels).toSorted().join();
    const before = family.samples[0] && Object.keys(family.samples[0].labels).toSorted().join();
    // The kernel's counters have labels by what they count.
    if (before !== undefined && before !== shape) throw new Error(`${row}: other labels than ${before}`);
    family.samples.push({ labels, value, atMs: at === undefined ? undefined : Number(at) });
  }
  for (const [name, { samples }] of families) if (samples.length === 0) throw new Error(`${name} has no sample`);
  return families;
}
