// The real kernel, in a network namespace of the test's own: two neighbours stand in for pods, and Services are followed
// through the packet filter, the resolver and the API endpoint.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const able = process.getuid?.() === 0 && fs.existsSync('/usr/sbin/nft');
const ns = `tnet${process.pid}`;
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-network-'));
const children: ChildProcess[] = [];
const run = (command: string) => execFileSync('sh', ['-c', command], { encoding: 'utf8' });
const inside = (command: string, where = ns) => run(`ip netns exec ${where} sh -c '${command}'`);
const start = (where: string, ...args: string[]) => {
  const child = spawn('nsenter', [`--net=/run/netns/${where}`, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  return child;
};
const pods = ['10.244.1.7', '10.244.1.9'];

beforeAll(async () => {
  if (!able) return;
  run(`ip netns add ${ns} && ip -n ${ns} link set lo up`);
  const subject = start(ns, process.execPath, path.join(import.meta.dirname, 'testdata/subject.ts'), directory);
  await new Promise<void>((resolve, reject) => {
    subject.stdout?.once('data', () => resolve());
    subject.once('exit', () => reject(new Error('the subject ended')));
  });
  for (const [i, ip] of pods.entries()) {
    run(`ip netns add ${ns}p${i} && ip -n ${ns}p${i} link set lo up`);
    run(
      `ip -n ${ns} link add v${i} type veth peer name eth0 netns ${ns}p${i} && ip -n ${ns} link set v${i} master t-pods up && nsenter --net=/run/netns/${ns} bridge link set dev v${i} hairpin on`,
    );
    run(
      `ip -n ${ns}p${i} addr add ${ip}/24 dev eth0 && ip -n ${ns}p${i} link set eth0 up && ip -n ${ns}p${i} route add default via 10.244.1.1`,
    );
    fs.mkdirSync(`${directory}/www${i}`);
    fs.writeFileSync(`${directory}/www${i}/index.html`, `pod ${i}\n`);
    start(`${ns}p${i}`, 'busybox', 'httpd', '-f', '-p', '8080', '-h', `${directory}/www${i}`);
  }
  for (const [i, ip] of pods.entries())
    for (let tries = 0; get(`http://${ip}:8080/`, ns) !== `pod ${i}`; tries++) {
      if (tries > 200) throw new Error(`pod ${i} does not serve`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
});

afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  if (able) for (const name of [`${ns}p0`, `${ns}p1`, ns]) run(`ip netns del ${name} || true`);
  fs.rmSync(directory, { recursive: true, force: true });
});

const get = (url: string, where: string) => inside(`busybox wget -q -O - ${url} || true`, where).trim();

test.skipIf(!able)('a Service answers from its pods: to other pods, to itself, to the node', () => {
  for (const where of [`${ns}p0`, `${ns}p1`, ns]) {
    const seen = new Set(Array.from({ length: 12 }, () => get('http://10.96.0.50/', where)));
    expect([...seen].sort(), where).toEqual(['pod 0', 'pod 1']);
  }
});
test.skipIf(!able)('node ports and host ports answer on the node', () => {
  expect(get('http://10.244.1.1:30080/', `${ns}p0`)).toMatch(/^pod [01]$/);
  expect(get('http://10.244.1.1:8081/', `${ns}p1`)).toBe('pod 0');
});
test.skipIf(!able)('a Service without endpoints is refused at once', () => {
  // Where nothing answers, the first attempt alone takes a second, and all of them two minutes.
  const script = 'timeout 20 busybox wget -O - http://10.96.0.51/ 2>&1 || true';
  expect(inside(script, `${ns}p0`)).toContain('Connection refused');
});
test.skipIf(!able)('the API inside pods is 503 as a Status while the control plane is away', () => {
  const script = `https.get("https://10.96.0.1/api", { ca: fs.readFileSync("${directory}/ca.pem") }, (r) => r.pipe(process.stdout))`;
  const answer = run(`nsenter --net=/run/netns/${ns}p0 ${process.execPath} -e '${script}'`);
  expect(JSON.parse(answer)).toMatchObject({ kind: 'Status', code: 503, reason: 'ServiceUnavailable' });
});
test.skipIf(!able)('names resolve', () => {
  const answer = inside('busybox nslookup web.default.svc.cluster.local 10.96.0.10', `${ns}p0`);
  expect(answer).toContain('10.96.0.50');
});
