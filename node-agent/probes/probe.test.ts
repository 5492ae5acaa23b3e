import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { probeHttp, probeTcp, urlOf } from './probe.ts';

const servers: net.Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listening(server: net.Server, host = '127.0.0.1'): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, host, resolve));
  return (server.address() as AddressInfo).port;
}
const serving = (answer: http.RequestListener): Promise<number> => listening(http.createServer(answer));
async function closedPort(host?: string): Promise<number> {
  const server = net.createServer();
  const port = await listening(server, host);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('a port that is open, and one that is not', async () => {
  const port = await listening(net.createServer());
  expect(await probeTcp('127.0.0.1', port, 1000)).toEqual({ outcome: 'success', output: '' });
  const closed = await closedPort();
  const why = `dial tcp 127.0.0.1:${closed}: connect: connection refused`;
  expect(await probeTcp('127.0.0.1', closed, 1000)).toEqual({ outcome: 'failure', output: why });
  const url = `http://127.0.0.1:${closed}/`;
  expect(await probeHttp({ host: '127.0.0.1', port: closed, path: '/' }, 1000)).toEqual({
    outcome: 'failure',
    output: `Get "${url}": ${why}`,
  });
});

test('an address of IPv6 is in brackets', async () => {
  expect(urlOf({ host: 'fd00::1', port: 80 })).toBe('http://[fd00::1]:80/');
  const { outcome, output } = await probeTcp('::1', await closedPort(), 1000);
  // There may be no IPv6 here.
  expect([outcome, output]).toEqual(['failure', expect.stringMatching(/^dial tcp \[::1\]:\d+: connect: \w/)]);
});

test('HTTP: a code, a redirect elsewhere, silence, and an end without an answer', async () => {
  const port = await serving(({ url = '' }, response) => {
    if (url === '/moved') response.writeHead(302, { location: '/200' }).end();
    else if (url === '/elsewhere') response.writeHead(302, { location: 'http://elsewhere.test/' }).end();
    else if (url === '/no-url') response.writeHead(302, { location: 'http://[' }).end();
    else if (url === '/no-web') response.writeHead(302, { location: `ftp://127.0.0.1:${port}/` }).end();
    else if (url === '/round') response.writeHead(307, { location: '/round' }).end();
    else if (url === '/slowly') setTimeout(() => response.writeHead(303, { location: '/slowly' }).end(), 100);
    else if (url === '/no-redirect') response.writeHead(300, { location: '/500' }).end();
    else if (url === '/cut') response.destroy();
    else if (url !== '/silence') response.writeHead(Number(url.slice(1))).end();
  });
  const at = (path: string) => probeHttp({ host: '127.0.0.1', port, path }, 300);
  for (const path of ['200', '/204', '/399', '/moved']) expect((await at(path)).outcome, path).toBe('success');
  expect(await at('/elsewhere')).toEqual({ outcome: 'success', output: 'Probe terminated redirects' });
  expect((await at('/no-redirect')).outcome).toBe('success');
  const get = (path: string) => `Get "http://127.0.0.1:${port}${path}": `;
  for (const [path, why] of [
    ['/no-url', `${get('/no-url')}failed to parse Location header "http://["`],
    ['/no-web', `Get "ftp://127.0.0.1:${port}/": unsupported protocol scheme "ftp"`],
    ['/round', `${get('/round')}stopped after 10 redirects`],
    // All hops together have the time.
    ['/slowly', `${get('/slowly')}context deadline exceeded (Client.Timeout exceeded while awaiting headers)`],
  ] as const)
    expect(await at(path)).toEqual({ outcome: 'failure', output: why });
  expect(await at('/500')).toEqual({ outcome: 'failure', output: 'HTTP probe failed with statuscode: 500' });
  expect((await at('/cut')).output).toBe(`Get "http://127.0.0.1:${port}/cut": EOF`);
  expect((await at('/silence')).output).toMatch(/ context deadline exceeded \(Client\.Timeout exceeded /);
});
