// Commands in pods with real kubectl: exec, attach and cp; standard streams, terminals, exit codes, large files, and what is refused.
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { beforeAll, expect, inject, test } from 'vitest';
import { apply, background, cluster, deployment, kubeconfig, kubectl, type Outcome, tryKubectl, until } from './lib.ts';
import { forever, pod, sh } from './pods.ts';

const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');

cluster('streams exec', (ns) => {
  const k = (args: string[], input?: string): Promise<Outcome> =>
    tryKubectl(['-n', ns, ...args], { timeoutMs: 60_000, ...(input === undefined ? {} : { input }) });
  const inPod = (name: string, script: string, input?: string): Promise<Outcome> =>
    k(['exec', ...(input === undefined ? [] : ['-i']), name, '--', 'sh', '-c', script], input);

  beforeAll(async () => {
    await apply(
      ns,
      pod('shell', { containers: [sh('web', forever), sh('other', forever)] }, { labels: { app: 'shell' } }),
      pod('reader', {
        restartPolicy: 'Never',
        containers: [{ ...sh('web', 'cat; echo read all'), stdin: true, stdinOnce: true }],
      }),
      deployment('served', { image: 'tiffin.dev/busybox:1', command: ['sh', '-c', forever] }),
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'served' },
        spec: { selector: { app: 'served' }, ports: [{ port: 80 }] },
      }),
    );
    await kubectl(['rollout', 'status', 'deployment/served', '--timeout=60s', '-n', ns]);
    await kubectl(['wait', 'pod/shell', 'pod/reader', '--for=condition=Ready', '--timeout=60s', '-n', ns]);
  });

  test('exec: output, standard error apart, the exit code', async () => {
    expect(await inPod('shell', 'echo out; echo err >&2; exit 7')).toEqual({
      code: 7,
      stdout: 'out\n',
      stderr: expect.stringMatching(/^(Defaulted container[^\n]*\n)?err\ncommand terminated with exit code 7\n$/),
    });
  });

  test('exec -i: what is read, to its end', async () => {
    const text = randomBytes(300_000).toString('hex');
    const { code, stdout } = await inPod('shell', 'cat | wc -c; echo done', text);
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${text.length}\ndone\n` });
  });

  test('exec: a container by name, one that is not there, a command that is not there', async () => {
    expect((await k(['exec', 'shell', '-c', 'other', '--', 'hostname'])).stdout).toBe('shell\n');
    expect(await k(['exec', 'shell', '-c', 'absent', '--', 'true'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('container absent is not valid for pod shell'),
    });
    const missing = await k(['exec', 'shell', '--', '/no/such']);
    expect(missing.code).not.toBe(0);
    expect(missing.stderr).toContain('/no/such');
  });

  test('exec -it: a terminal, with the size of the one outside', async () => {
    const command = `${inject('kubectl')} --kubeconfig ${kubeconfig} -n ${ns} exec -it shell -- sh -c "tty; stty size"`;
    const child = spawn('script', ['-qec', `stty rows 33 cols 101; ${command}`, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    expect(await new Promise((resolve) => child.on('exit', resolve))).toBe(0);
    expect(output).toContain('/dev/pts/');
    expect(output).toContain('33 101');
  });

  test('attach -i: to a process that reads, until it has read all', async () => {
    const { stdout } = await k(['attach', '-i', 'reader'], 'hello\n');
    expect(stdout).toContain('hello\n');
    await kubectl(['wait', 'pod/reader', '--for=jsonpath={.status.phase}=Succeeded', '--timeout=30s', '-n', ns]);
    expect(await kubectl(['logs', 'reader', '-n', ns])).toBe('hello\nread all\n');
  });

  test('cp: both ways, every byte', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-cp-'));
    const data = randomBytes(50_000_000);
    fs.writeFileSync(path.join(folder, 'there'), data);
    expect((await k(['cp', path.join(folder, 'there'), 'shell:/tmp/large'])).code).toBe(0);
    expect((await inPod('shell', 'sha256sum /tmp/large')).stdout).toContain(sha256(data));
    expect((await k(['cp', 'shell:/tmp/large', path.join(folder, 'back')])).code).toBe(0);
    expect(sha256(fs.readFileSync(path.join(folder, 'back')))).toBe(sha256(data));
    await k(['cp', 'shell:/tmp/absent', path.join(folder, 'x')]);
    expect(fs.existsSync(path.join(folder, 'x'))).toBe(false);
    fs.rmSync(folder, { recursive: true });
  });

  test('cp: a folder with everything in it, both ways, and a container by name', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-cp-'));
    fs.mkdirSync(path.join(folder, 'tree/deep'), { recursive: true });
    fs.writeFileSync(path.join(folder, 'tree/a file'), 'one');
    fs.writeFileSync(path.join(folder, 'tree/deep/empty'), '');
    expect((await k(['cp', path.join(folder, 'tree'), 'shell:/tmp/tree', '-c', 'other'])).code).toBe(0);
    expect((await k(['exec', 'shell', '-c', 'other', '--', 'cat', '/tmp/tree/a file'])).stdout).toBe('one');
    expect((await inPod('shell', 'ls /tmp/tree')).code).not.toBe(0);
    expect((await k(['cp', 'shell:/tmp/tree', path.join(folder, 'back'), '-c', 'other'])).code).toBe(0);
    expect(fs.readFileSync(path.join(folder, 'back/a file'), 'utf8')).toBe('one');
    expect(fs.existsSync(path.join(folder, 'back/deep/empty'))).toBe(true);
    fs.rmSync(folder, { recursive: true });
  });

  test('cp: what a pod packs does not leave the folder', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-cp-'));
    const script = 'mkdir -p /tmp/evil; ln -sf /etc /tmp/evil/link; echo x > /tmp/evil/plain';
    expect((await inPod('shell', script)).code).toBe(0);
    await k(['cp', 'shell:/tmp/evil', path.join(folder, 'evil')]);
    expect(fs.readdirSync(path.join(folder, 'evil'))).toEqual(['plain']);
    fs.rmSync(folder, { recursive: true });
  });

  test('garbage, nothing at all, and a client that goes away', async () => {
    const garbage = randomBytes(200_000).toString('latin1');
    expect((await inPod('shell', 'sha256sum', garbage)).stdout).toContain(sha256(Buffer.from(garbage)));
    expect(await inPod('shell', 'cat', '')).toMatchObject({ code: 0, stdout: '' });
    const endless = spawn(inject('kubectl'), [
      ...['--kubeconfig', kubeconfig, '-n', ns, 'exec', 'shell', '-c', 'other', '--'],
      ...['sh', '-c', 'trap "" PIPE; echo $$ > /tmp/pid; yes'],
    ]);
    endless.stdout.once('data', () => endless.kill('SIGKILL'));
    await new Promise((resolve) => endless.on('exit', resolve));
    // Its output is let go of: it may end of that, but nobody waits for it, and others are served.
    expect((await k(['exec', 'shell', '-c', 'other', '--', 'echo', 'ok'])).stdout).toBe('ok\n');
  });

  test('what may not be: without the right to create, of a pod that has ended or is not there', async () => {
    const path = `/api/v1/namespaces/${ns}/pods`;
    const get = (await k(['auth', 'can-i', 'create', 'pods/exec', '--as', 'nobody'])).stdout;
    expect(get).toBe('no\n');
    const refused = await k(['exec', 'shell', '--as', 'nobody', '--as-group', 'system:authenticated', '--', 'true']);
    expect(refused.stderr).toContain('forbidden');
    expect((await k(['exec', 'absent', '--', 'true'])).stderr).toContain('pods "absent" not found');
    expect(await k(['exec', 'reader', '--', 'true'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('cannot exec into a container in a completed pod'),
    });
    const plain = await tryKubectl(['get', '--raw', `${path}/shell/exec?container=web&command=true&stdout=true`]);
    expect(plain).toMatchObject({ code: 1, stderr: expect.stringMatching(/pgrade/) });
  });

  test('SPDY, which cannot be accepted here: what helps is said', async () => {
    const rows: [string, string[]][] = [
      ['KUBECTL_REMOTE_COMMAND_WEBSOCKETS', ['exec', 'shell', '--', 'true']],
      ['KUBECTL_REMOTE_COMMAND_WEBSOCKETS', ['attach', 'shell']],
      ['KUBECTL_PORT_FORWARD_WEBSOCKETS', ['port-forward', 'shell', ':80']],
    ];
    for (const [variable, args] of rows) {
      const { code, stderr } = await tryKubectl(['-n', ns, ...args], { env: { [variable]: 'false' } });
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: expect.stringMatching(/only over WebSocket: use kubectl 1\.31/),
      });
    }
  });

  test('exec: what a Deployment or a Service stands for; signals as shells count them', async () => {
    const said = async (...args: string[]): Promise<[number, string]> => {
      const { code, stdout } = await k(['exec', ...args]);
      return [code, stdout];
    };
    expect(await said('deployment/served', '--', 'echo', 'deployed')).toEqual([0, 'deployed\n']);
    expect(await said('service/served', '--', 'echo', 'served')).toEqual([0, 'served\n']);
    expect(await said('shell', '-q', '--', 'sh', '-c', 'kill -9 $$')).toEqual([137, '']);
    expect(await said('shell', '-q', '--', 'sh', '-c', 'exit 255')).toEqual([255, '']);
    const words = (await k(['exec', 'shell', '-q', '--', 'absent'])).stderr;
    expect(words).toMatch(/^error: (Internal error occurred: ){2}error executing command in container: failed to exec/);
  });

  test('exec: through `kubectl proxy`, where that lets it', async () => {
    const proxy = background(inject('kubectl'), [
      '--kubeconfig',
      kubeconfig,
      'proxy',
      '--port=0',
      '--reject-paths=^-$',
    ]);
    const [, port = ''] = (await until('it listens', () => /127\.0\.0\.1:(\d+)/.exec(proxy.output()))) ?? [];
    expect((await k(['-s', `http://127.0.0.1:${port}`, 'exec', 'shell', '--', 'echo', 'through'])).stdout).toBe(
      'through\n',
    );
    proxy.stop();
  });
});
