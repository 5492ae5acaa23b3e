// Readers of logs against the plainest reading of the same lines: random lines, parts, streams, rotations and options.
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { type LogOptions, readLog } from './reader.ts';

interface Line {
  ms: number;
  time: string;
  stream: 'stdout' | 'stderr';
  partial: boolean;
  text: string;
}

/** Numbers that a seed decides. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function linesOf(random: (below: number) => number): Line[] {
  return Array.from({ length: random(400) }, (_, n) => {
    const whole = new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString().slice(0, 19);
    const fraction = ['', '.5', '.123456789'][random(3)]!;
    const time = `${whole}${fraction}Z`;
    const text = 'x'.repeat(random(10) === 0 ? random(20_000) : random(40));
    const stream = random(3) === 0 ? 'stderr' : 'stdout';
    return { ms: Date.parse(time), time, stream, partial: random(4) === 0, text: `${n} ${text}` };
  });
}

function model(all: readonly Line[], o: LogOptions): string {
  let out = '';
  let begins = true;
  for (const l of o.tailLines === undefined ? all : o.tailLines === 0 ? [] : all.slice(-o.tailLines)) {
    if (o.stream && l.stream !== o.stream) continue;
    if (o.sinceMs !== undefined && l.ms < o.sinceMs) continue;
    const [seconds, fraction = ''] = l.time.slice(0, -1).split('.');
    if (o.timestamps && begins) out += `${seconds}.${fraction.padEnd(9, '0')}Z `;
    out += l.partial ? l.text : `${l.text}\n`;
    begins = !l.partial;
  }
  return o.limitBytes === undefined ? out : out.slice(0, o.limitBytes);
}

test.each([1, 2, 3, 4, 5, 6, 7, 8])('as the plainest reading has it: seed %i', async (seed) => {
  const random = randomOf(seed);
  const maybe = <T>(value: () => T): T | undefined => (random(2) === 0 ? undefined : value());
  const directory = await fs.mkdtemp(path.join(os.tmpdir(), 'log-'));
  try {
    const all = linesOf(random);
    const raw = all.map((l) => `${l.time} ${l.stream} ${l.partial ? 'P' : 'F'} ${l.text}\n`);
    const cuts = [random(raw.length + 1), random(raw.length + 1)].toSorted((a, b) => a - b);
    const file = path.join(directory, '0.log');
    await fs.writeFile(`${file}.20260101-000000`, raw.slice(0, cuts[0]).join(''));
    await fs.writeFile(`${file}.20260101-000010`, raw.slice(cuts[0], cuts[1]).join(''));
    await fs.writeFile(file, raw.slice(cuts[1]).join(''));
    for (let i = 0; i < 40; i++) {
      const options: LogOptions = {
        tailLines: maybe(() => random(all.length + 5)),
        sinceMs: maybe(() => Date.UTC(2026, 0, 1) + random(all.length * 1000 + 1)),
        timestamps: maybe(() => true),
        limitBytes: maybe(() => 1 + random(random(2) === 0 ? 100 : 300_000)),
        stream: maybe(() => (random(2) === 0 ? 'stdout' : 'stderr')),
      };
      const parts: Buffer[] = [];
      await readLog(file, options, (data) => parts.push(Buffer.from(data)) > 0);
      expect(Buffer.concat(parts).toString(), JSON.stringify(options)).toBe(model(all, options));
    }
  } finally {
    await fs.rm(directory, { recursive: true });
  }
});
