// Sizes of the data of ConfigMaps and Secrets.

/** 1 MiB, of all values together (core.MaxSecretSize). */
export const dataBytesMax = 1024 * 1024;

/** Length in UTF-8. */
export function textBytes(text: string): number {
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : 3;
    // A surrogate pair is one character of four bytes.
    if (code >= 0xd800 && code < 0xdc00) {
      bytes++;
      i++;
    }
  }
  return bytes;
}

/** Length of what a base64 text stands for. */
export function base64Bytes(text: string): number {
  const trimmed = text.replace(/[=\s]+/g, '');
  return Math.floor((trimmed.length * 3) / 4);
}
