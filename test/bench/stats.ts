// Percentiles and how they are printed. Figures of one machine and one run: only their ratios mean something.

export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)] ?? Number.NaN;
}

export interface Figure {
  name: string;
  samplesMs: number[];
}

export const p50 = (f: Figure): number => percentile(f.samplesMs, 50);
export const p99 = (f: Figure): number => percentile(f.samplesMs, 99);

export function print(figure: Figure, note = ''): void {
  const n = figure.samplesMs.length;
  console.log(
    `${figure.name.padEnd(52)} p50 ${p50(figure).toFixed(0).padStart(6)} ms   p99 ${p99(figure).toFixed(0).padStart(6)} ms   n=${n}${note ? `   ${note}` : ''}`,
  );
}

export const ratio = (a: number, b: number): string => `${(a / b).toFixed(2)}×`;
