// The commands that simulated containers know: few, and what they do of it is what tests and demonstrations of streams need.
// `sh -c` takes simple commands joined with `;`, whose output may go to `>&2`.
import type { Readable } from 'node:stream';

export interface ProgramIo {
  args: readonly string[];
  stdin: Readable;
  /** Resolves when more may be written. Rejects when the process is killed. */
  out(data: string | Uint8Array): Promise<void>;
  err(data: string | Uint8Array): Promise<void>;
  /** Rejects when the process is killed. */
  sleep(ms: number): Promise<void>;
}

/** Resolves with the exit code. */
export type Program = (io: ProgramIo) => Promise<number>;

const zeros = Buffer.alloc(65_536);
const lines = Buffer.alloc(65_536, 'y\n');

export const programs: Readonly<Record<string, Program>> = {
  __proto__: null as never,
  true: async () => 0,
  false: async () => 1,
  echo: async ({ args, out }) => {
    await out(`${args.join(' ')}\n`);
    return 0;
  },
  cat: async ({ stdin, out }) => {
    for await (const data of stdin) await out(data as Uint8Array);
    return 0;
  },
  yes: async ({ out }) => {
    for (;;) await out(lines);
  },
  /** `head -c N /dev/zero`. */
  head: async ({ args, out }) => {
    for (let left = Number(args[1]); left > 0; left -= zeros.length) await out(zeros.subarray(0, left));
    return 0;
  },
  sleep: async ({ args, sleep }) => {
    await sleep(Number(args[0]) * 1000);
    return 0;
  },
  sh: async (io) => {
    let code = 0;
    for (const text of (io.args[1] ?? '').split(';')) {
      const words = text.trim().split(/\s+/);
      const aside = words.at(-1) === '>&2';
      const [name = '', ...args] = aside ? words.slice(0, -1) : words;
      if (name === '') continue;
      if (name === 'exit') return Number(args[0] ?? code) & 0xff;
      const program = programs[name];
      if (program) code = await program({ ...io, args, out: aside ? io.err : io.out });
      else {
        await io.err(`sh: ${name}: not found\n`);
        code = 127;
      }
    }
    return code;
  },
};
