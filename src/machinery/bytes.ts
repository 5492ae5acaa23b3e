// Bytes as text (base64, base64url, hexadecimal), what stands for them (SHA-256), and whether two secrets are the same. Of what
// every JavaScript runtime has.

const utf8 = new TextEncoder();
/** A byte order mark is a character like any other; what is no UTF-8 is refused. */
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** A call takes only so many arguments. */
const argumentsMax = 8192;

export function toBase64(bytes: Uint8Array): string {
  let binary = '';
  for (let at = 0; at < bytes.length; at += argumentsMax)
    binary += String.fromCharCode(...bytes.subarray(at, at + argumentsMax));
  return btoa(binary);
}

/** Undefined: not base64. White space and missing padding are forgiven. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    return undefined;
  }
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

/** A text's UTF-8. */
export const textToBase64 = (text: string): string => toBase64(utf8.encode(text));

/** Undefined: not base64, or not UTF-8. */
export function textFromBase64(base64: string): string | undefined {
  const bytes = fromBase64(base64);
  try {
    return bytes && strictUtf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Without padding. */
export const toBase64Url = (bytes: Uint8Array): string =>
  toBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

/** Undefined unless the text is the one that encoding its bytes makes: no padding, no line breaks, no stray bits. */
export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[A-Za-z0-9_-]+$/.test(text)) return undefined;
  const bytes = fromBase64(text.replaceAll('-', '+').replaceAll('_', '/'));
  const rest = text.length % 4;
  if (!bytes || rest === 0) return bytes;
  return toBase64Url(bytes.subarray(bytes.length - (rest - 1))) === text.slice(-rest) ? bytes : undefined;
}

export const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** Of a text, its UTF-8. */
export async function sha256(of: string | Uint8Array): Promise<Uint8Array> {
  const bytes = typeof of === 'string' ? utf8.encode(of) : of;
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
}

/** Equality of two texts in a time that depends on their lengths alone. */
export function constantTimeEqual(one: string, other: string): boolean {
  const a = utf8.encode(one);
  const b = utf8.encode(other);
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let at = 0; at < a.length; at++) difference |= (a[at] as number) ^ (b[at] as number);
  return difference === 0;
}
