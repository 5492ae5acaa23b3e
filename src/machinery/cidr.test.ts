import { describe, expect, it } from 'vitest';
import {
  canonicalCidrMessages,
  canonicalIpMessages,
  cidrMessages,
  cidrWarnings,
  firstAddress,
  ipMessages,
  ipWarnings,
  isDualStack,
  isStrictSubset,
  parseCidr,
  parseIp,
  specialIpMessages,
} from './cidr.ts';

const noIp = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const noCidr = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

describe('addresses', () => {
  it.each<[text: string, canonical: string | undefined, family?: 4 | 6]>([
    ['1.2.3.4', '1.2.3.4', 4],
    ['010.002.003.004', '10.2.3.4', 4],
    ['000000000001.2.3.4', '1.2.3.4', 4],
    ['::', '::', 6],
    ['::1', '::1', 6],
    ['1::', '1::', 6],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1', 6],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1', 6],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8', 6],
    ['1:0:3:4:5:6:7:8', '1:0:3:4:5:6:7:8', 6],
    ['00001::', '1::', 6],
    ['::ffff:1.2.3.4', '1.2.3.4', 4],
    ['::ffff:102:304', '1.2.3.4', 4],
    ['64:ff9b::1.2.3.4', '64:ff9b::102:304', 6],
    ['1.2.3', undefined],
    ['1.2.3.4.5', undefined],
    ['1.2.3.256', undefined],
    ['1.2.3.-4', undefined],
    ['1.2.3.4 ', undefined],
    ['', undefined],
    ['a', undefined],
    [':', undefined],
    [':1', undefined],
    [':::', undefined],
    ['1::2::3', undefined],
    ['12345::', undefined],
    ['1:2:3:4:5:6:7', undefined],
    ['1:2:3:4:5:6:7:8:9', undefined],
    ['1:2:3:4:5:6:7::8', undefined],
    ['1.2.3.4::', undefined],
    ['::1.2.3.4:5', undefined],
    ['fe80::1%eth0', undefined],
    ['::g', undefined],
    ['1.2.3.4/8', undefined],
  ])('%j is %j', (text, canonical, family) => {
    const ip = parseIp(text);
    expect(ip?.text).toBe(canonical);
    expect(ip?.family).toBe(family);
  });

  it.each<[string, legacy: string[], canonical: string[]]>([
    ['1.2.3.4', [], []],
    ['2001:db8::1', [], []],
    ['2001:DB8::1', [], ['must be in canonical form ("2001:db8::1")']],
    ['2001:db8:0::1', [], ['must be in canonical form ("2001:db8::1")']],
    ['010.2.3.4', ['must not have leading 0s'], ['must not have leading 0s']],
    ['::ffff:01.2.3.4', ['must not have leading 0s'], ['must not have leading 0s']],
    ['::ffff:1.2.3.4', ['must not be an IPv4-mapped IPv6 address'], ['must not be an IPv4-mapped IPv6 address']],
    ['1.2.3', [noIp], [noIp]],
    ['', [noIp], [noIp]],
  ])('%j is told %j, and %j where it must be canonical', (text, legacy, canonical) => {
    expect(ipMessages(text)).toEqual(legacy);
    expect(canonicalIpMessages(text)).toEqual(canonical);
    expect(ipMessages(text, [text])).toEqual([]);
  });

  it.each<[string, string[]]>([
    ['1.2.3.4', []],
    ['nonsense', []],
    [
      '010.2.3.4',
      [
        'f: non-standard IP address "010.2.3.4" will be considered invalid in a future Kubernetes release: use "10.2.3.4"',
      ],
    ],
    [
      '::ffff:1.2.3.4',
      [
        'f: non-standard IP address "::ffff:1.2.3.4" will be considered invalid in a future Kubernetes release: use "1.2.3.4"',
      ],
    ],
    ['2001:DB8::1', ['f: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")']],
  ])('%j is warned of with %j', (text, warnings) => {
    expect(ipWarnings('f', text)).toEqual(warnings);
  });

  it.each<[string, string[]]>([
    ['10.0.0.1', []],
    ['2001:db8::1', []],
    ['224.0.1.1', []],
    ['0.0.0.0', ['may not be unspecified (0.0.0.0)']],
    ['::', ['may not be unspecified (::)']],
    ['127.0.0.1', ['may not be in the loopback range (127.0.0.0/8, ::1/128)']],
    ['::1', ['may not be in the loopback range (127.0.0.0/8, ::1/128)']],
    ['169.254.1.1', ['may not be in the link-local range (169.254.0.0/16, fe80::/10)']],
    ['febf::1', ['may not be in the link-local range (169.254.0.0/16, fe80::/10)']],
    ['224.0.0.1', ['may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)']],
    ['ff02::1', ['may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)']],
    ['x', ['must be a valid IP address']],
  ])('%j as a destination: %j', (text, messages) => {
    expect(specialIpMessages(text)).toEqual(messages);
  });
});

describe('ranges', () => {
  it.each<[text: string, canonical: string | undefined]>([
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['10.1.2.3/0', '0.0.0.0/0'],
    ['10.1.2.3/32', '10.1.2.3/32'],
    ['10.1.2.255/25', '10.1.2.128/25'],
    ['010.0.0.0/08', '10.0.0.0/8'],
    ['2001:db8::ff/120', '2001:db8::/120'],
    ['::ffff:1.2.3.4/120', '1.2.3.0/24'],
    ['::ffff:1.2.3.4/64', '::/64'],
    ['10.0.0.0/33', undefined],
    ['::/129', undefined],
    ['10.0.0.0/', undefined],
    ['10.0.0.0/-1', undefined],
    ['10.0.0.0/8/8', undefined],
    ['10.0.0.0', undefined],
    ['/8', undefined],
    ['10.0.0/8', undefined],
  ])('%j is %j', (text, canonical) => {
    expect(parseCidr(text)?.text).toBe(canonical);
  });

  it.each<[string, legacy: string[], canonical: string[]]>([
    ['10.0.0.0/8', [], []],
    ['2001:db8::/64', [], []],
    ['2001:DB8::/64', [], ['must be in canonical form ("2001:db8::/64")']],
    [
      '010.0.0.0/8',
      ['must not have leading 0s in IP or prefix length'],
      ['must not have leading 0s in IP or prefix length'],
    ],
    [
      '10.0.0.0/08',
      ['must not have leading 0s in IP or prefix length'],
      ['must not have leading 0s in IP or prefix length'],
    ],
    [
      '::ffff:1.2.3.0/120',
      ['must not have an IPv4-mapped IPv6 address'],
      ['must not have an IPv4-mapped IPv6 address'],
    ],
    [
      '10.0.0.1/8',
      ['must not have bits set beyond the prefix length'],
      ['must not have bits set beyond the prefix length'],
    ],
    ['10.0.0.0', [noCidr], [noCidr]],
  ])('%j is told %j, and %j where it must be canonical', (text, legacy, canonical) => {
    expect(cidrMessages(text)).toEqual(legacy);
    expect(canonicalCidrMessages(text)).toEqual(canonical);
    expect(cidrMessages(text, [text])).toEqual([]);
  });

  it.each<[string, string[]]>([
    ['10.0.0.0/8', []],
    ['nonsense', []],
    [
      '10.0.0.1/8',
      ['f: CIDR value "10.0.0.1/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.0.0.1/32"?)'],
    ],
    [
      '010.0.0.0/8',
      [
        'f: non-standard CIDR value "010.0.0.0/8" will be considered invalid in a future Kubernetes release: use "10.0.0.0/8"',
      ],
    ],
    ['2001:DB8::/64', ['f: IPv6 CIDR value "2001:DB8::/64" should be in RFC 5952 canonical format ("2001:db8::/64")']],
  ])('%j is warned of with %j', (text, warnings) => {
    expect(cidrWarnings('f', text)).toEqual(warnings);
  });

  it.each([
    ['10.0.1.0/24', '10.0.0.0/16', true],
    ['10.0.0.0/16', '10.0.0.0/16', false],
    ['10.0.0.0/15', '10.0.0.0/16', false],
    ['10.1.0.0/24', '10.0.0.0/16', false],
    ['2001:db8:0:1::/64', '2001:db8::/32', true],
    ['2001:db8::/64', '0.0.0.0/0', false],
  ])('%s lies strictly in %s: %s', (inner, outer, within) => {
    expect(isStrictSubset(parseCidr(inner) as never, parseCidr(outer) as never)).toBe(within);
  });

  it('two of different families are dual stack', () => {
    expect(isDualStack([parseIp('1.2.3.4'), parseIp('::1')])).toBe(true);
    expect(isDualStack([parseIp('1.2.3.4'), parseIp('1.2.3.5')])).toBe(false);
    expect(isDualStack([parseIp('1.2.3.4'), parseIp('x')])).toBe(false);
    expect(isDualStack([parseIp('1.2.3.4')])).toBe(false);
  });

  it.each([
    ['10.96.0.0/16', '10.96.0.1'],
    ['10.96.255.0/16', '10.96.0.1'],
    ['2001:db8::/64', '2001:db8::1'],
  ])('the first address of %s is %s', (cidr, address) => {
    expect(firstAddress(cidr)).toBe(address);
  });
});
