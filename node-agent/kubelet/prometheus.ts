// The text format of Prometheus, version 0.0.4: families of samples, each with its help and type. It collects nothing.
export interface Sample {
  labels?: Readonly<Record<string, string>>;
  value: number;
  /** When it was measured, where that is not now. */
  atMs?: number | undefined;
}

export interface Family {
  name: string;
  type: 'counter' | 'gauge';
  help: string;
  samples: readonly Sample[];
}

/** A row of a table of families: what is measured of one subject. Undefined: nothing. */
export interface Measure<T> extends Omit<Family, 'samples'> {
  of(subject: T): number | readonly Sample[] | undefined;
}

export const contentType = 'text/plain; version=0.0.4; charset=utf-8';

/** The families of a table, over all subjects. */
export function familiesOf<T>(
  measures: readonly Measure<T>[],
  subjects: readonly T[],
  about: (subject: T) => { labels?: Readonly<Record<string, string>>; atMs?: number | undefined },
): Family[] {
  return measures.map(({ name, type, help, of }) => ({
    name,
    type,
    help,
    samples: subjects.flatMap((subject) => {
      const measured = of(subject);
      if (measured === undefined) return [];
      const { labels, atMs } = about(subject);
      const samples: readonly Sample[] = typeof measured === 'number' ? [{ value: measured }] : measured;
      return samples.map((s) => ({ ...s, labels: { ...labels, ...s.labels }, atMs: s.atMs ?? atMs }));
    }),
  }));
}

/** Families without a sample are left out, as Prometheus' own library does. */
export function exposition(families: readonly Family[]): string {
  let out = '';
  for (const { name, type, help, samples } of families) {
    if (samples.length === 0) continue;
    out += `# HELP ${name} ${help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}\n# TYPE ${name} ${type}\n`;
    for (const { labels = {}, value, atMs } of samples) {
      const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
      out += `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${shown(value)}${atMs === undefined ? '' : ` ${Math.floor(atMs)}`}\n`;
    }
  }
  return out;
}

const escaped = (text: string): string => text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');

function shown(value: number): string {
  if (Number.isFinite(value) || Number.isNaN(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}
