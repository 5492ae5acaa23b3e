// `tiffin cp` on real containers: both ways, folders as they are, copies that are cut short on either side, and what a container
// that means harm sends.
import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { encodeHeader } from '../../src/cli/cp/tar-header.ts';
import type { Pod } from '../../src/generated/schemas/core-v1.ts';
import {
  apply,
  cluster,
  componentPid,
  containerPid,
  get,
  kubeconfig,
  kubectl,
  type Outcome,
  root,
  run,
  stateDir,
  tiffin,
  tryKubectl,
  until,
} from './lib.ts';
import { forever, pod, sh } from './pods.ts';

const megabyte = 1_000_000;

cluster('cp', (ns) => {
  const folder = inject('skip') ? '' : fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-cp-'));
  const at = (name: string) => path.join(folder, name);
  const cp = (from: string, to: string, ...more: string[]) => tiffin('cp', from, to, '-n', ns, ...more);
  const inPod = async (script: string, name = 'shell', input?: string) =>
    (await kubectl(['-n', ns, 'exec', ...(input === undefined ? [] : ['-i']), name, '--', 'sh', '-c', script], {
      ...(input === undefined ? {} : { input }),
    })) as string;
  const digest = (file: string) => createHash('sha256').update(fs.readFileSync(file)).digest('hex');

  /** A copy that goes on in the background until `stop` says how to end it. */
  function begin(...args: string[]) {
    const child = spawn(path.join(root, 'tiffin'), ['cp', ...args, '-n', ns, '--state-dir', stateDir], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const ended = new Promise<Pick<Outcome, 'code' | 'stderr'>>((resolve) => {
      child.on('close', (code) => resolve({ code: code ?? -1, stderr }));
    });
    return { child, ended };
  }
  const grown = (file: string, bytes = megabyte) =>
    until(`${file} grows`, () => (fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0) >= bytes, 30_000, 5);

  beforeAll(async () => {
    await apply(
      ns,
      pod('shell', {
        containers: [
          sh('web', forever, { volumeMounts: [{ name: 'small', mountPath: '/small' }] }),
          sh('bare', `rm /bin/tar; ${forever}`),
        ],
        volumes: [{ name: 'small', emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } }],
      }),
      pod('evil', {}),
      pod('mortal', {}),
    );
    const wait = '--for=condition=Ready --timeout=60s';
    await kubectl(`wait pod/shell pod/evil pod/mortal ${wait} -n ${ns}`);
    fs.writeFileSync(at('large'), randomBytes(120 * megabyte));
  });
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

  test('a large file, both ways', async () => {
    const up = await cp(at('large'), 'shell:/tmp/large');
    expect(up).toMatchObject({ code: 0, stdout: expect.stringMatching(/: 1 file, 120 MB in .*\/s\)\n$/) });
    expect(await inPod('sha256sum < /tmp/large')).toContain(digest(at('large')));
    const down = await cp('shell:/tmp/large', at('back'));
    expect(down).toMatchObject({ code: 0, stdout: expect.stringContaining('1 file, 120 MB') });
    expect(digest(at('back'))).toBe(digest(at('large')));
  });

  test('a folder with everything in it, there and back', async () => {
    const tree = at('tree');
    const write = (name: string, body: string, mode = 0o644) => {
      fs.mkdirSync(path.dirname(path.join(tree, name)), { recursive: true });
      fs.writeFileSync(path.join(tree, name), body, { mode });
      fs.utimesSync(path.join(tree, name), 1e9, 1e9);
    };
    write('a file', 'one');
    write('-rf', 'dash');
    write('new\nline', 'two', 0o600);
    write('grüße/😀', 'three', 0o755);
    write('deep/er/empty', '');
    write(`${'d'.repeat(120)}/${'f'.repeat(200)}`, 'long');
    fs.mkdirSync(path.join(tree, 'hollow'), { mode: 0o700 });
    fs.symlinkSync('a file', path.join(tree, 'link'));
    expect(await cp(tree, `${ns}/shell:/tmp/tree`)).toMatchObject({
      code: 0,
      stderr: expect.not.stringContaining('tar'),
    });
    expect(await inPod('cd /tmp/tree; readlink link; stat -c "%a %Y" grüße/* hollow | head -n 1; cat ./-rf')).toBe(
      'a file\n755 1000000000\ndash',
    );
    const down = await cp('shell:/tmp/tree', at('tree2'));
    expect(down).toMatchObject({ code: 0, stderr: expect.stringContaining('link: a symbolic link to a file') });
    fs.rmSync(path.join(tree, 'link'));
    execFileSync('diff', ['-r', tree, at('tree2')]);
    const list = (root: string) =>
      execFileSync('find', ['.', '-type', 'f', '-printf', '%p %m %T@\n'], { cwd: root }).toString().split('\n').sort();
    expect(list(at('tree2'))).toEqual(list(tree));
    expect(fs.statSync(at('tree2/hollow')).mode & 0o777).toBe(0o700);
  });

  test('where things go: into folders that exist, as kubectl cp does', async () => {
    await inPod('mkdir -p /tmp/there /tmp/src/sub; echo 1 > /tmp/src/one; echo 2 > /tmp/src/sub/two');
    fs.mkdirSync(at('src'));
    fs.writeFileSync(at('src/a'), 'a');
    for (const [from, to] of [
      [at('src'), '/tmp/there'],
      [at('src/a'), '/tmp/there/'],
      [`${at('src')}/.`, '/tmp/there'],
      [at('src/a'), '/tmp/new/'],
    ] as const)
      expect(await cp(from, `shell:${to}`), to).toMatchObject({ code: 0 });
    expect(await inPod('cd /tmp; find there new -type f | sort')).toBe('new/a\nthere/a\nthere/src/a\n');
    fs.mkdirSync(at('into'));
    for (const [from, to] of [
      ['/tmp/src', 'into'],
      ['/tmp/src/one', 'into/'],
      ['/tmp/src/sub/.', 'into/new'],
    ] as const)
      expect(await cp(`shell:${from}`, at(to) + (to.endsWith('/') ? '/' : '')), from).toMatchObject({ code: 0 });
    const found = execFileSync('find', ['.', '-type', 'f'], { cwd: at('into') })
      .toString()
      .trim()
      .split('\n')
      .sort();
    expect(found).toEqual(['./new/two', './one', './sub/two']);
  });

  test('another kubeconfig, a container by name, and what is not there', async () => {
    const elsewhere = await run(path.join(root, 'tiffin'), [
      ...['cp', `${ns}/shell:/etc/hostname`, at('name'), '-c', 'web', '--kubeconfig', kubeconfig],
    ]);
    expect(elsewhere).toMatchObject({ code: 0 });
    expect(fs.readFileSync(at('name'), 'utf8')).toBe('shell\n');
    for (const [from, to, more, message] of [
      ['shell:/no/such', at('x'), [], /no such|No such/],
      ['absent:/x', at('x'), [], /pods "absent" not found/],
      ['shell:/x', at('x'), ['-c', 'absent'], /container absent is not valid for pod shell/],
      ['shell:/tmp/large', at('x'), ['-c', 'bare'], /there is no tar in pod .*\/shell, container bare/],
      [at('large'), 'shell:/x', ['-c', 'bare'], /there is no tar in pod .*\/shell, container bare/],
      [at('absent'), 'shell:/x', [], /absent: there is no such file/],
      [at('large'), 'shell:/no/such/folder/x', [], /no such|No such/i],
      ['shell:/etc/hostname', '/dev/null', [], /no regular file/],
    ] as const) {
      const outcome = await cp(from, to, ...more);
      expect(outcome).toMatchObject({ code: 1, stderr: expect.stringMatching(message) });
    }
    expect(fs.existsSync(at('x'))).toBe(false);
  });

  test('interrupted on the way down: how much arrived, and where it is', async () => {
    const { child, ended } = begin('shell:/tmp/large', at('cut'));
    await grown(at('cut.part'));
    child.kill('SIGINT');
    const { code, stderr } = await ended;
    expect(code).toBe(130);
    expect(stderr).toMatch(
      /^tiffin: interrupted; [\d.]+ MB arrived, 0 files are complete; .*\/cut is incomplete: [\d.]+ MB of 120 MB, kept as .*\/cut\.part$/m,
    );
    expect(fs.existsSync(at('cut'))).toBe(false);
    const kept = fs.readFileSync(at('cut.part'));
    expect(kept.equals(fs.readFileSync(at('large')).subarray(0, kept.length))).toBe(true);
  });

  test('interrupted on the way up: how much was sent, and what the container has of it', async () => {
    // A tar that takes 3 MB and no more: what is sent waits, and not for memory.
    await inPod("printf '#!/bin/sh\\nhead -c 3000000 > /tmp/half; sleep 1000\\n' > /bin/tar.new", 'evil');
    await inPod('chmod 755 /bin/tar.new; mv /bin/tar.new /bin/tar', 'evil');
    const { child, ended } = begin(at('large'), 'evil:/tmp/half');
    await until(
      'it has taken all that it takes',
      async () => (await inPod('cat /tmp/half | wc -c', 'evil')) === '3000000\n',
    );
    child.kill('SIGTERM');
    const { code, stderr } = await ended;
    expect(code).toBe(143);
    const sent =
      /interrupted; sent ([\d.]+) MB of 120 MB, 0 whole files; half is incomplete in the container: 3.00 MB of 120 MB\n/;
    expect(stderr).toMatch(sent);
    expect(Number(sent.exec(stderr)?.[1])).toBeLessThan(60);
  });

  test('the agent dies: the download goes on where it was', async () => {
    const { spec } = await get<Pod>(`pod shell -n ${ns}`);
    const { ended } = begin('shell:/tmp/large', at('resumed'), '--retries', '30');
    await grown(at('resumed.part'));
    process.kill(componentPid(`agent-${spec.nodeName}`), 'SIGKILL');
    const { code, stderr } = await ended;
    expect(stderr).toMatch(/; going on \(attempt 1\)/);
    expect(stderr).not.toContain('beginning anew');
    expect(code).toBe(0);
    expect(digest(at('resumed'))).toBe(digest(at('large')));
  });

  test('the container dies: how much arrived', async () => {
    await inPod('head -c 400000000 /dev/zero > /tmp/zeros', 'mortal');
    const { status } = await get<Pod>(`pod mortal -n ${ns}`);
    const { ended } = begin('mortal:/tmp/zeros', at('zeros'), '--retries', '1');
    await grown(at('zeros.part'));
    process.kill(containerPid(status.containerStatuses![0]!.containerID!), 'SIGKILL');
    const { code, stderr } = await ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/arrived, 0 files are complete; .*zeros is incomplete: .* of 400 MB, kept as /);
  });

  test('a disk that is full, there and here', async () => {
    const there = await cp(at('large'), 'shell:/small/large');
    expect(there).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/No space left on device[\s\S]*sent [\d.]+ MB of 120 MB/),
    });
    const disk = at('disk');
    fs.mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', disk]);
    try {
      const here = await cp('shell:/tmp/large', path.join(disk, 'large'));
      expect(here).toMatchObject({ code: 1, stderr: expect.stringMatching(/the disk is full; [\d.]+ MB arrived/) });
      expect(fs.existsSync(path.join(disk, 'large'))).toBe(false);
    } finally {
      execFileSync('umount', [disk]);
    }
  });

  test('a tar that means harm writes nothing outside, and moves no cursor', async () => {
    const evil = at('evil');
    fs.mkdirSync(evil);
    const script = [
      'import io, sys, tarfile',
      't = tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.GNU_FORMAT)',
      'def add(name, type=tarfile.REGTYPE, link="", body=b"evil", mode=0o6777):',
      '  i = tarfile.TarInfo(name); i.type = type; i.linkname = link; i.mode = mode',
      '  i.size = len(body) if type == tarfile.REGTYPE else 0',
      '  t.addfile(i, io.BytesIO(body) if i.size else None)',
      'add("../escaped"); add("/tmp/tiffin-escaped"); add("data/../../escaped"); add("other/x")',
      'add("data/up", tarfile.SYMTYPE, ".."); add("data/up/escaped")',
      'add("data/pw", tarfile.LNKTYPE, "/etc/passwd"); add("data/hard", tarfile.LNKTYPE, "../outside")',
      'add("data/null", tarfile.CHRTYPE); add("data/pipe", tarfile.FIFOTYPE)',
      'add("data/\\x1b]0;owned\\x07\\x1b[2J", tarfile.FIFOTYPE)',
      'add("data/" + "n" * 300); add("data/good", body=b"good")',
      't.close()',
    ].join('\n');
    const archive = execFileSync('python3', ['-c', script]);
    await inPod('base64 -d > /tmp/evil.tar', 'evil', archive.toString('base64'));
    await inPod(
      "printf '#!/bin/sh\\ncat /tmp/evil.tar\\n' > /bin/tar.new; chmod 755 /bin/tar.new; mv /bin/tar.new /bin/tar",
      'evil',
    );
    const { code, stderr } = await cp('evil:/data', path.join(evil, 'in'));
    expect(code).toBe(1);
    expect(stderr).toContain('not everything was copied');
    expect(stderr.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    expect(fs.readdirSync(evil)).toEqual(['in']);
    expect(fs.readdirSync(path.join(evil, 'in')).sort()).toEqual(['good', 'up']);
    // What its own symbolic link was said to be is a folder.
    expect(fs.lstatSync(path.join(evil, 'in/up')).isDirectory()).toBe(true);
    expect(fs.statSync(path.join(evil, 'in/good')).mode & 0o7000).toBe(0);
    expect(fs.existsSync('/tmp/tiffin-escaped')).toBe(false);
  });

  test('an archive that breaks off: what there is of it; names and words of the container move no cursor', async () => {
    const name = 'data\x1b]0;owned\x07\x1b[2J';
    const header = encodeHeader({ type: 'file', name, mode: 0o644, uid: 0, gid: 0, size: 9e9, mtime: 0 });
    await inPod('base64 -d > /tmp/header', 'evil', header.toString('base64'));
    const fake = [
      '#!/bin/sh',
      'cat /tmp/header; head -c 3000000 /dev/zero',
      "printf 'tar: \\033[2J\\033]0;owned\\007\\rgone\\n' >&2; exit 2\n",
    ].join('\n');
    const install = 'base64 -d > /bin/tar.new; chmod 755 /bin/tar.new; mv /bin/tar.new /bin/tar';
    await inPod(install, 'evil', Buffer.from(fake).toString('base64'));
    const { code, stderr } = await cp(`evil:/${name}`, at('broken'));
    expect(code).toBe(1);
    // What came with the very end may not have been looked at any more.
    expect(stderr).toMatch(
      /^tiffin: tar: \\u\{1b\}.*gone; [23]\.\d+ MB arrived, 0 files are complete; .*\/broken is incomplete: [23]\.\d+ MB of 9.00 GB, kept as .*\/broken\.part$/m,
    );
    expect(stderr.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  });

  test('who may not exec may not copy', async () => {
    const token = (await tryKubectl(['create', 'token', 'default', '-n', ns])).stdout.trim();
    const server = (await kubectl('config view --minify -o jsonpath={.clusters[0].cluster.server}')).trim();
    const config = JSON.parse(await kubectl('config view --raw -o json'));
    const caFile = at('ca');
    fs.writeFileSync(caFile, Buffer.from(config.clusters[0].cluster['certificate-authority-data'], 'base64'));
    const refused = await run(path.join(root, 'tiffin'), [
      ...['cp', `${ns}/shell:/etc/hostname`, at('x'), '--url', server, '--token', token, '--ca-file', caFile],
    ]);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('forbidden') });
  });
});
