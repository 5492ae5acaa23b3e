// IP addresses and CIDR ranges (k8s.io/apimachinery/pkg/util/validation/ip.go, k8s.io/utils/net). Parsing is lenient, as
// stored objects may be old: leading zeros are decimal, IPv4 may come mapped into IPv6; what new objects may not say is told
// by the messages. Pure; knows no field, only the path that a warning starts with.
//
// An example: `010.0.0.5/8` parses, and is told to have leading zeros; `10.0.0.5/8` has bits beyond its prefix; `10.0.0.0/8`
// is canonical.

import ipaddr from 'ipaddr.js';

export interface Ip {
  readonly family: 4 | 6;
  /** 4 or 16 of them; of a mapped address the 4 that it stands for. */
  readonly bytes: readonly number[];
  /** Canonical: RFC 5952 for IPv6, dotted for IPv4 and for what was mapped. */
  readonly text: string;
  /** An IPv4 address written as IPv6 (`::ffff:1.2.3.4`). */
  readonly mapped: boolean;
  /** Written with zeros that other software reads as octal, or with more digits than a group has. */
  readonly padded: boolean;
}

export interface Cidr {
  /** The address as written, and the network that it lies in. */
  readonly ip: Ip;
  readonly network: Ip;
  /** Of the network's family. */
  readonly bits: number;
  readonly text: string;
  readonly padded: boolean;
}

interface Parsed {
  bytes: number[];
  padded: boolean;
}

function parseIpv4(text: string): Parsed | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d+$/.test(part) && Number(part) <= 255)) return undefined;
  return { bytes: parts.map(Number), padded: parts.some((part) => part.length > 1 && part.startsWith('0')) };
}

/** The 16-bit groups of one side of `::`; the last may be a dotted IPv4 address. */
function parseGroups(text: string): Parsed | undefined {
  const out: Parsed = { bytes: [], padded: false };
  if (text === '') return out;
  const groups = text.split(':');
  for (const [index, group] of groups.entries()) {
    if (index === groups.length - 1 && group.includes('.')) {
      const tail = parseIpv4(group);
      if (!tail) return undefined;
      out.bytes.push(...tail.bytes);
      out.padded ||= tail.padded;
    } else {
      const value = /^[0-9a-f]+$/i.test(group) ? Number.parseInt(group, 16) : Number.NaN;
      if (!(value <= 0xffff)) return undefined;
      out.bytes.push(value >> 8, value & 0xff);
      out.padded ||= group.length > 4;
    }
  }
  return out;
}

function parseIpv6(text: string): Parsed | undefined {
  const sides = text.split('::');
  if (sides.length > 2 || !text.includes(':')) return undefined;
  const [head, tail] = sides.map(parseGroups);
  if (!head || (sides.length === 2 && !tail)) return undefined;
  const padded = head.padded || (tail?.padded ?? false);
  // Dotted notation stands at the very end only.
  if (tail && sides[0]?.includes('.')) return undefined;
  if (!tail) return head.bytes.length === 16 ? head : undefined;
  const gap = 16 - head.bytes.length - tail.bytes.length;
  return gap < 2 ? undefined : { bytes: [...head.bytes, ...new Array<number>(gap).fill(0), ...tail.bytes], padded };
}

const isMapped = (bytes: readonly number[]): boolean =>
  bytes.length === 16 && bytes.every((byte, i) => i >= 12 || byte === (i < 10 ? 0 : 255));

function ipOf({ bytes, padded }: Parsed): Ip {
  const mapped = isMapped(bytes);
  const own = mapped ? bytes.slice(12) : bytes;
  const text = own.length === 4 ? own.join('.') : new ipaddr.IPv6(own).toRFC5952String();
  return { family: own.length === 4 ? 4 : 6, bytes: own, text, mapped, padded };
}

const parseBytes = (text: string): Parsed | undefined => (text.includes(':') ? parseIpv6(text) : parseIpv4(text));

export function parseIp(text: string): Ip | undefined {
  const parsed = parseBytes(text);
  return parsed && ipOf(parsed);
}

const masked = (bytes: readonly number[], bits: number): number[] =>
  bytes.map((byte, i) => byte & (0xff00 >> Math.min(Math.max(bits - 8 * i, 0), 8)) & 0xff);

export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/');
  const prefix = text.slice(slash + 1);
  const parsed = slash < 0 ? undefined : parseBytes(text.slice(0, slash));
  if (!parsed || !/^\d+$/.test(prefix) || Number(prefix) > 8 * parsed.bytes.length) return undefined;
  const network = ipOf({ bytes: masked(parsed.bytes, Number(prefix)), padded: false });
  const bits = Number(prefix) - (network.mapped ? 96 : 0);
  const padded = parsed.padded || (prefix.length > 1 && prefix.startsWith('0'));
  return { ip: ipOf(parsed), network, bits, text: `${network.text}/${bits}`, padded };
}

export const cidrContains = (cidr: Cidr, ip: Ip): boolean =>
  ip.family === cidr.network.family &&
  ipOf({ bytes: masked(ip.bytes, cidr.bits), padded: false }).text === cidr.network.text;

/** Whether `inner` lies in `outer` and is not all of it. */
export const isStrictSubset = (inner: Cidr, outer: Cidr): boolean =>
  cidrContains(outer, inner.network) && inner.bits > outer.bits;

/** What an address in a field of long standing may not be; `kept`: values of the stored object, which stay allowed. */
export function ipMessages(text: string, kept: readonly string[] = []): string[] {
  if (kept.includes(text)) return [];
  const ip = parseIp(text);
  if (!ip) return ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'];
  if (ip.padded) return ['must not have leading 0s'];
  return ip.mapped ? ['must not be an IPv4-mapped IPv6 address'] : [];
}

/** As {@link ipMessages}, of newer fields: canonical form too. */
export function canonicalIpMessages(text: string): string[] {
  const wrong = ipMessages(text);
  const canonical = parseIp(text)?.text;
  return wrong.length > 0 || text === canonical ? wrong : [`must be in canonical form ("${canonical}")`];
}

export function cidrMessages(text: string, kept: readonly string[] = []): string[] {
  if (kept.includes(text)) return [];
  const cidr = parseCidr(text);
  if (!cidr) return ['must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'];
  if (cidr.padded) return ['must not have leading 0s in IP or prefix length'];
  if (cidr.ip.mapped) return ['must not have an IPv4-mapped IPv6 address'];
  return cidr.ip.text === cidr.network.text ? [] : ['must not have bits set beyond the prefix length'];
}

export function canonicalCidrMessages(text: string): string[] {
  const wrong = cidrMessages(text);
  const canonical = parseCidr(text)?.text;
  return wrong.length > 0 || text === canonical ? wrong : [`must be in canonical form ("${canonical}")`];
}

const future = 'will be considered invalid in a future Kubernetes release';

/** Of a valid value in a form that is not the usual one. Nothing is said of what is no address. */
export function ipWarnings(path: string, text: string): string[] {
  const ip = parseIp(text);
  if (!ip) return [];
  const quoted = JSON.stringify(text);
  if (ip.padded || ip.mapped) return [`${path}: non-standard IP address ${quoted} ${future}: use "${ip.text}"`];
  return ip.text === text
    ? []
    : [`${path}: IPv6 address ${quoted} should be in RFC 5952 canonical format ("${ip.text}")`];
}

export function cidrWarnings(path: string, text: string): string[] {
  const cidr = parseCidr(text);
  if (!cidr) return [];
  const quoted = JSON.stringify(text);
  const out: string[] = [];
  if (cidr.ip.text !== cidr.network.text) {
    const single = `${cidr.ip.text}/${8 * cidr.network.bytes.length}`;
    out.push(`${path}: CIDR value ${quoted} is ambiguous in this context (should be "${cidr.text}" or "${single}"?)`);
  }
  if (cidr.padded || cidr.ip.mapped)
    out.push(`${path}: non-standard CIDR value ${quoted} ${future}: use "${cidr.text}"`);
  if (out.length === 0 && cidr.text !== text)
    out.push(`${path}: IPv6 CIDR value ${quoted} should be in RFC 5952 canonical format ("${cidr.text}")`);
  return out;
}

/** One address of each family at most, and two in all (IsDualStack…). */
export const isDualStack = (values: readonly (Ip | undefined)[]): boolean =>
  values.length === 2 && values[0] !== undefined && values[1] !== undefined && values[0].family !== values[1].family;

/** The first address of a CIDR range: of the service range, that of the `kubernetes` Service. The range is valid. */
export function firstAddress(cidr: string): string {
  const bytes = [...(parseCidr(cidr)?.network.bytes ?? [])];
  for (let i = bytes.length - 1; i >= 0; i--) {
    bytes[i] = ((bytes[i] as number) + 1) & 0xff;
    if (bytes[i] !== 0) break;
  }
  return ipOf({ bytes, padded: false }).text;
}

/** Messages of an address that makes no sense as a destination: unspecified, loopback, link-local (ValidateEndpointIP). */
export function specialIpMessages(text: string): string[] {
  const ip = parseIp(text);
  if (!ip) return ['must be a valid IP address'];
  const [a = 0, b = 0, c = 0] = ip.bytes;
  const loopback = ip.family === 4 ? a === 127 : ip.text === '::1';
  const linkLocal = ip.family === 4 ? a === 169 && b === 254 : a === 0xfe && (b & 0xc0) === 0x80;
  const multicast = ip.family === 4 ? a === 224 && b === 0 && c === 0 : a === 0xff && (b & 0x0f) === 2;
  if (ip.bytes.every((byte) => byte === 0)) return [`may not be unspecified (${text})`];
  if (loopback) return ['may not be in the loopback range (127.0.0.0/8, ::1/128)'];
  if (linkLocal) return ['may not be in the link-local range (169.254.0.0/16, fe80::/10)'];
  return multicast ? ['may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'] : [];
}
