// The agent's way out is https and nothing else: a server that speaks plain http hears nothing of it.
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildAgents } from '../build.ts';
import { webSocketDialer } from '../streams/dial.ts';
import { nodeFetch } from './http.ts';

const heard: string[] = [];
const server = http.createServer((request, response) => {
  heard.push(`${request.method} ${request.url} ${request.headers.authorization}`);
  response.end('{}');
});
server.on('upgrade', (request, socket) => {
  heard.push(`upgrade ${request.headers.authorization}`);
  socket.destroy();
});
let url = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

const why = /the control plane is reached over https only/;

test('requests', async () => {
  const request = new Request(`${url}/api`, { headers: { authorization: 'Bearer secret' } });
  await expect(nodeFetch(undefined)(request)).rejects.toThrow(why);
  expect(heard).toEqual([]);
});

test('streams', async () => {
  const dialer = webSocketDialer(url, 'n', () => 'secret', undefined, nodeFetch(undefined));
  await expect(dialer.dial('1')).rejects.toThrow(why);
  await expect(dialer.refuse('1', {} as Parameters<typeof dialer.refuse>[1])).rejects.toThrow(why);
  expect(heard).toEqual([]);
});

test('an agent does not start', () => {
  const config = { nodeName: 'n', url, stateDir: '/nowhere', runDir: '/nowhere', address: '127.0.0.1', networkId: 'n' };
  expect(() => buildAgents(config, {} as Parameters<typeof buildAgents>[1])).toThrow(why);
});
