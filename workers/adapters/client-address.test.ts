import { expect, it } from 'vitest';
import { clientAddress } from './client-address.ts';

const forged = { 'cf-connecting-ip': '9.9.9.9', 'x-forwarded-for': '8.8.8.8', 'x-real-ip': '7.7.7.7' };

it.each([
  ['Cloudflare', { colo: 'VIE', clientIp: '6.6.6.6' }, '9.9.9.9'],
  ['workerd', { clientIp: '192.0.2.1:4711' }, '192.0.2.1'],
  ['workerd on IPv6', { clientIp: '[2001:db8::1]:4711' }, '2001:db8::1'],
  ['workerd without a port', { clientIp: '2001:db8::1' }, '2001:db8::1'],
  ['nobody', undefined, undefined],
  ['nothing known', {}, undefined],
])('%s says where a client is, whatever the client says', (_who, cf, expected) => {
  expect(clientAddress({ cf: cf as never, headers: new Headers(forged) })).toBe(expected);
});
