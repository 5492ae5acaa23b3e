// What every runtime's `execute` has to do, as one suite: it runs on containerd and on the simulated one. Commands are of those
// that the simulated one knows.
import type { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import type { Executed, Processes, StandardStreams } from './processes.ts';

export interface ExecuteSubject {
  processes: Pick<Processes, 'execute'>;
  /** A container that runs; another one each time. */
  container(): Promise<string>;
  /** Ends it, from outside; resolves when the runtime knows. */
  kill(containerId: string): Promise<void>;
}

const output: StandardStreams = { stdin: false, stdout: true, stderr: true, tty: false };
const input: StandardStreams = { ...output, stdin: true };
const soon = (ms: number): Promise<'later'> => new Promise((r) => setTimeout(r, ms, 'later' as const));

/** Bytes without a pattern that repeats with a buffer's size. */
function bytesOf(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0, x = 1; i < length; i++) {
    x = (x * 1103515245 + 12345) & 0x7fffffff;
    bytes[i] = x >> 16;
  }
  return bytes;
}

/** How much is read until nothing more comes for a while. */
async function taken(stream: Readable): Promise<number> {
  let length = 0;
  const take = (chunk: Buffer): void => {
    length += chunk.length;
  };
  stream.on('data', take);
  for (let before = -1; before !== length; await soon(200)) before = length;
  stream.off('data', take);
  return length;
}

export function executeContract(subject: () => ExecuteSubject): void {
  const run = async (command: string[], streams = output): Promise<Executed> =>
    subject().processes.execute(await subject().container(), command, streams);
  const outcome = async (e: Executed) => {
    const [stdout, stderr, code] = await Promise.all([text(e.stdout!), e.stderr ? text(e.stderr) : '', e.exit]);
    return { stdout, stderr, code };
  };

  test('output and errors come apart, and the exit code after them', async () => {
    expect(await outcome(await run(['echo', 'a b', 'c']))).toEqual({ stdout: 'a b c\n', stderr: '', code: 0 });
    const command = ['sh', '-c', 'echo out; echo err >&2; exit 7'];
    expect(await outcome(await run(command))).toEqual({ stdout: 'out\n', stderr: 'err\n', code: 7 });
  });

  test('input arrives whole, and ends', async () => {
    const e = await run(['cat'], input);
    const sent = bytesOf(3_000_000);
    const back = buffer(e.stdout!);
    for (let i = 0; i < sent.length; i += 50_001) {
      if (!e.stdin!.write(sent.subarray(i, i + 50_001))) await new Promise((r) => e.stdin!.once('drain', r));
    }
    expect(await Promise.race([e.exit, soon(100)])).toBe('later');
    e.stdin!.end();
    expect((await back).equals(sent)).toBe(true);
    expect(await e.exit).toBe(0);
  });

  test('input that ends at once is empty; what is written just before the end is not lost', async () => {
    for (const said of ['', 'last words']) {
      const e = await run(['cat'], input);
      e.stdin!.end(said);
      expect(await outcome(e)).toEqual({ stdout: said, stderr: '', code: 0 });
    }
  });

  test('streams that are not wanted are not there, and keep nothing waiting', async () => {
    const none = { stdin: false, stdout: false, stderr: false, tty: false };
    const e = await run(['head', '-c', '5000000', '/dev/zero'], none);
    expect([e.stdin, e.stdout, e.stderr]).toEqual([undefined, undefined, undefined]);
    expect(await e.exit).toBe(0);
    // Nobody gives it anything: it sees the end of file.
    expect(await (await run(['cat'], { ...none, stderr: true })).exit).toBe(0);
  });

  test('a reader that stops stops the process; one that goes on misses nothing', async () => {
    const length = 20_000_000;
    const e = await run(['head', '-c', String(length), '/dev/zero']);
    const first = await new Promise<Buffer>((r) => e.stdout!.once('data', r).once('data', () => e.stdout!.pause()));
    expect(await Promise.race([e.exit, soon(500)])).toBe('later');
    expect(e.stdout!.readableLength).toBeLessThan(1_000_000);
    expect(first.length + (await buffer(e.stdout!)).length).toBe(length);
    expect(await e.exit).toBe(0);
  });

  test('a process that does not read stops the writer; killed, it ends as by SIGKILL', async () => {
    const e = await run(['sleep', '1000'], input);
    const chunk = Buffer.alloc(65_536);
    let written = 0;
    for (;;) {
      written += chunk.length;
      const open = e.stdin!.write(chunk) || new Promise((r) => e.stdin!.once('drain', r));
      if ((await Promise.race([open, soon(300)])) === 'later') break;
    }
    expect(written).toBeLessThan(4_000_000);
    await e.kill();
    expect(await outcome(e)).toEqual({ stdout: '', stderr: '', code: 137 });
    await e.kill();
  });

  test('a process that is let go of is not read any more, and runs on', async () => {
    const [e, idle] = [await run(['yes']), await run(['sleep', '1000'])];
    expect(await taken(e.stdout!.once('data', () => soon(50).then(() => e.close())))).toBeGreaterThan(0);
    idle.close();
    idle.close();
    expect(await Promise.race([e.exit, idle.exit, soon(300)])).toBe('later');
    await Promise.all([e.kill(), idle.kill()]);
    expect(await Promise.all([e.exit, idle.exit])).toEqual([137, 137]);
    const reads = await run(['cat'], input);
    reads.stdin!.write('x');
    reads.close();
    expect(await reads.exit).toBe(0);
  });

  test('a terminal: one stream, which has a size', async () => {
    const e = await run(['cat'], { stdin: true, stdout: true, stderr: false, tty: true });
    expect(e.stderr).toBeUndefined();
    await e.resize(132, 43);
    e.stdin!.write('x\n');
    let seen = '';
    for await (const chunk of e.stdout!) {
      seen += String(chunk);
      // The terminal's echo, and what was read.
      if (seen === 'x\r\nx\r\n') break;
    }
    await e.kill();
    expect(await e.exit).toBe(137);
  });

  test('the end of its container is its end', async () => {
    const { processes, container, kill } = subject();
    const id = await container();
    const e = await processes.execute(id, ['cat'], input);
    const killed = kill(id);
    expect(await outcome(e)).toEqual({ stdout: '', stderr: '', code: 137 });
    await killed;
    await expect(processes.execute(id, ['true'], output)).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: 'failed to exec in container: container is in CONTAINER_EXITED state',
    });
  });

  test('what cannot be executed', async () => {
    await expect(run(['absent-command', 'x'])).rejects.toThrow(
      /^failed to exec in container: failed to start exec "[0-9a-f]{64}": OCI runtime exec failed: exec failed: unable to start container process: exec: "absent-command": executable file not found in \$PATH: unknown$/,
    );
    await expect(subject().processes.execute('absent', ['true'], output)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'failed to exec in container: failed to find container "absent" in store: not found',
    });
  });
}
