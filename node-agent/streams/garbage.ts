// Buffers that have passed, given back in time. V8 counts their memory, which is not in its heap, but frees it only with the small
// objects that stand for them; left alone it lets 64 MB gather and then marks the whole heap, which costs more than all else that
// is done with a stream. A collection of the nursery costs less than a millisecond.
import v8 from 'node:v8';
import vm from 'node:vm';

const bytesMax = 16 * 1024 * 1024;
let bytes = 0;
let collect: ((options: { type: 'minor' }) => void) | undefined;

/** So much has passed. */
export function passed(length: number): void {
  bytes += length;
  if (bytes < bytesMax) return;
  bytes = 0;
  collect ??= exposed();
  collect({ type: 'minor' });
}

/** Nothing where a version of V8 has no such thing. */
function exposed(): typeof collect & {} {
  v8.setFlagsFromString('--expose-gc');
  return vm.runInNewContext('typeof gc === "function" ? gc : () => {}') as typeof collect & {};
}
