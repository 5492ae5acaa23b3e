// Counters, gauges and histograms, and their text in the Prometheus exposition format. A sample's labels are rendered once,
// when it is first used, so that counting allocates nothing.

/** What stands after the name (a histogram's suffix, labels) and the value. */
export type Sample = readonly [suffix: string, value: number];

export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  samples(): Iterable<Sample>;
}

/** `{a="x",b="y"}`, or '' when there are none. */
export function labels(pairs: Readonly<Record<string, string | number>>): string {
  const text = Object.entries(pairs).map(
    ([name, value]) =>
      `${name}="${String(value).replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`,
  );
  return text.length === 0 ? '' : `{${text.join(',')}}`;
}

export interface Cell {
  count: number;
}

export class Counter implements Family {
  readonly type = 'counter';
  readonly name: string;
  readonly help: string;
  readonly #cells = new Map<string, Cell>();

  constructor(name: string, help: string) {
    this.name = name;
    this.help = help;
  }

  /** The count of these labels, to be kept by who counts often. */
  cell(labelText: string): Cell {
    let cell = this.#cells.get(labelText);
    if (!cell) {
      cell = { count: 0 };
      this.#cells.set(labelText, cell);
    }
    return cell;
  }

  *samples(): Iterable<Sample> {
    for (const [text, { count }] of this.#cells) yield [text, count];
  }
}

/** A value that is read when it is asked for. */
export function gauge(name: string, help: string, samples: Family['samples']): Family {
  return { name, help, type: 'gauge', samples };
}

export class Histogram implements Family {
  readonly type = 'histogram';
  readonly name: string;
  readonly help: string;
  readonly #bounds: readonly number[];
  readonly #series = new Map<string, Series>();

  constructor(name: string, help: string, bounds: readonly number[]) {
    this.name = name;
    this.help = help;
    this.#bounds = bounds;
  }

  /** The series of these labels, to be kept by who observes often. */
  series(labelText: string): Series {
    let series = this.#series.get(labelText);
    if (!series) {
      series = new Series(this.#bounds);
      this.#series.set(labelText, series);
    }
    return series;
  }

  *samples(): Iterable<Sample> {
    for (const [text, series] of this.#series) yield* bucketSamples(this.#bounds, series.counts, series, text);
  }
}

/** A histogram's samples out of what each bucket counts by itself. */
export function* bucketSamples(
  bounds: readonly number[],
  counts: ArrayLike<number>,
  { count, sum }: { count: number; sum: number },
  labelText: string,
): Iterable<Sample> {
  const inner = labelText === '' ? '' : `${labelText.slice(1, -1)},`;
  let below = 0;
  for (const [index, bound] of bounds.entries()) {
    below += counts[index] ?? 0;
    yield [`_bucket{${inner}le="${bound}"}`, below];
  }
  yield [`_bucket{${inner}le="+Inf"}`, count];
  yield [`_sum${labelText}`, sum];
  yield [`_count${labelText}`, count];
}

export class Series {
  readonly #bounds: readonly number[];
  readonly counts: Float64Array;
  count = 0;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = new Float64Array(bounds.length);
  }

  observe(value: number): void {
    this.count++;
    this.sum += value;
    const bounds = this.#bounds;
    for (let i = 0; i < bounds.length; i++) {
      if (value > (bounds[i] as number)) continue;
      this.counts[i] = (this.counts[i] as number) + 1;
      return;
    }
  }
}

/** Families by name, as Prometheus reads them. A family without samples is left out. */
export function exposition(families: readonly Family[]): string {
  const parts: string[] = [];
  for (const family of [...families].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const { name, help, type } = family;
    const lines = [...family.samples()].map(([suffix, value]) => `${name}${suffix} ${number(value)}\n`);
    if (lines.length === 0) continue;
    parts.push(`# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}\n`);
    parts.push(...lines);
  }
  return parts.join('');
}

function number(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}
