// As much of a terminal's line discipline as a person notices: an echo, line ends, Ctrl-C and Ctrl-D.
import { PassThrough, type Readable } from 'node:stream';

const interrupt = 0x03;
const endOfFile = 0x04;

/** What the program reads of what is typed. */
export function terminalInput(
  typed: Readable,
  echo: (data: Uint8Array) => Promise<void>,
  interrupted: () => void,
): Readable {
  const read = new PassThrough();
  typed.on('data', (data: Buffer) => {
    const stop = data.findIndex((byte) => byte === interrupt || byte === endOfFile);
    const text = stop < 0 ? data : data.subarray(0, stop);
    if (text.length > 0) {
      echo(terminalOutput(text)).catch(() => {});
      // Enter is a carriage return.
      read.write(Buffer.from(text.map((byte) => (byte === 0x0d ? 0x0a : byte))));
    }
    if (data[stop] === interrupt) interrupted();
    else if (data[stop] === endOfFile) read.end();
  });
  return read;
}

export const terminalOutput = (data: string | Uint8Array): Buffer =>
  Buffer.from(
    Buffer.from(data)
      .toString('latin1')
      .replace(/\r?\n|\r/g, '\r\n'),
    'latin1',
  );
