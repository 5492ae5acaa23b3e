import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { takeLock } from './lock.ts';
import { statePaths } from './paths.ts';
import { alive, end, find, findAll, logFile, pidFile, sleep, start } from './processes.ts';

const paths = statePaths(fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-processes-')));
afterAll(async () => {
  for (const { pid } of findAll(paths)) await end(pid, 100);
  fs.rmSync(paths.dir, { recursive: true, force: true });
});

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
const sleeper = { name: 'sleeper', command: ['sleep', '60'], env: {}, fingerprint: 'one' };

describe.runIf(process.platform === 'linux')('components', () => {
  test('are found by pid file and mark, and end when told to', async () => {
    expect(find(paths, 'sleeper')).toBeUndefined();
    const pid = await start(paths, sleeper);
    expect(find(paths, 'sleeper')).toEqual({ pid, fingerprint: 'one' });
    expect(findAll(paths)).toEqual([{ pid, name: 'sleeper', shim: false }]);
    fs.rmSync(pidFile(paths, 'sleeper'));
    expect(find(paths, 'sleeper')).toEqual({ pid, fingerprint: 'one' });
    await end(pid, 1000);
    expect(alive(pid)).toBe(false);
    expect(find(paths, 'sleeper')).toBeUndefined();
  });

  test("of a state directory inside another are not the outer one's", async () => {
    const inner = statePaths(path.join(paths.dir, 'inner'));
    const pid = await start(inner, sleeper);
    expect(findAll(paths)).toEqual([]);
    expect(findAll(inner)).toEqual([{ pid, name: 'sleeper', shim: false }]);
    await end(pid, 1000);
  });

  test('a pid that now belongs to someone else is not taken for the component', () => {
    fs.writeFileSync(pidFile(paths, 'sleeper'), `${process.pid}\n`);
    expect(find(paths, 'sleeper')).toBeUndefined();
  });

  test('one that ignores SIGTERM is killed', async () => {
    const pid = await start(paths, {
      ...sleeper,
      name: 'deaf',
      command: ['sh', '-c', "trap '' TERM; while :; do sleep 0.05; done"],
    });
    await sleep(100);
    await end(pid, 200);
    expect(alive(pid)).toBe(false);
  });

  test('a program that does not exist is reported in its log', async () => {
    const why = await new Promise<string>((resolve) => {
      void start(paths, { ...sleeper, name: 'absent', command: ['/nonexistent/program'] }, resolve);
    });
    expect(why).toContain('ENOENT');
    expect(fs.readFileSync(logFile(paths, 'absent'), 'utf8')).toContain('cannot start absent');
  });

  test('one that listens is given its sockets, whose connections are kept alive; a port that is taken is reported', async () => {
    const script = `
      const net = require('node:net');
      const fd = Number(process.argv.at(-1).split('=')[1]);
      net.createServer((socket) => socket.write('hello')).listen({ fd });
    `;
    const [port, other] = [await freePort(), await freePort()];
    const listens = [
      { name: 'a', host: '127.0.0.1', port: other },
      { name: 'b', host: '127.0.0.1', port },
    ];
    const server = { ...sleeper, name: 'server', command: [process.execPath, '-e', script, '--'], listens };
    const pid = await start(paths, server);
    const socket = net.connect(port, '127.0.0.1');
    expect(String(await new Promise((resolve) => socket.once('data', resolve)))).toBe('hello');
    // Of the server's end: a timer of kind 2, which is keepalive's (proc(5)).
    const ends = fs.readFileSync('/proc/net/tcp', 'utf8').split('\n');
    const hex = (n: number): string => n.toString(16).toUpperCase().padStart(4, '0');
    const served = ends.find((line) => line.includes(`:${hex(port)} 0100007F:${hex(socket.localPort!)}`));
    expect(served?.trim().split(/\s+/)[5]).toMatch(/^02:/);
    const why: string[] = [];
    expect(await start(paths, { ...server, name: 'second' }, (said) => why.push(said))).toBe(0);
    expect(why).toEqual([expect.stringContaining('EADDRINUSE')]);
    expect(fs.readFileSync(logFile(paths, 'second'), 'utf8')).toContain('EADDRINUSE');
    socket.destroy();
    await end(pid, 1000);
  });
});

describe('the lock of a state directory', () => {
  const file = path.join(paths.dir, 'lock');
  test('keeps a second command out until it is released', async () => {
    const release = await takeLock(file);
    await expect(takeLock(file)).rejects.toThrow(/another tiffin command/);
    release();
    (await takeLock(file))();
  });
  test('is taken over from a process that is gone', async () => {
    fs.writeFileSync(file, '999999999\n');
    (await takeLock(file))();
    expect(fs.existsSync(file)).toBe(false);
  });
});
