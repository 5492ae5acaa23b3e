// This agent's ends of named pipes, as Node.js streams. Neither waits for the other end to be opened. What is read is copied to whoever
// reads as of a stream, and lent, many small pieces at once, to whoever asks for that.
import { constants, open } from 'node:fs';
import net from 'node:net';
import { promisify } from 'node:util';
import type { Output } from '../streams/processes.ts';

/** The descriptor itself: whoever is given it closes it. */
const rawFd = promisify(open) as (file: string, flags: number) => Promise<number>;

const { O_RDONLY, O_WRONLY, O_NONBLOCK } = constants;

/** As much as a pipe holds. */
const readBytes = 64 * 1024;
/** With less room there is no other read before what was read is passed on. */
const roomMin = 16 * 1024;
/** Of all who read as of a stream: they copy what came at once. */
const shared = Buffer.allocUnsafeSlow(readBytes);

/**
 * What is lent is gathered while more of it comes with each turn of the event loop: many programs write 4 KiB at a time, which would
 * each wake everybody up to the client.
 *
 *   own:  |.|read|read|room …      begin is behind the byte that is the taker's, end where the next read goes
 */
function reading(fd: number): net.Socket & Output {
  let own: Buffer | undefined;
  let [begin, end] = [1, 1];
  /** Something was read into `own`. False: nothing more for now. */
  let gathered: (() => boolean) | undefined;
  const socket = new net.Socket({
    fd,
    readable: true,
    writable: false,
    onread: {
      buffer: () => own?.subarray(end) ?? shared,
      callback(length) {
        if (!gathered) return socket.push(Buffer.from(shared.subarray(0, length)));
        if (!own) {
          own = Buffer.allocUnsafeSlow(1 + readBytes);
          shared.copy(own, 1, 0, length);
        }
        end += length;
        return gathered();
      },
    },
  });
  const lend: Output['lend'] = async (take) => {
    // What came before.
    for (let data = socket.read() as Buffer | null; data; data = socket.read())
      if (!(await take(Buffer.concat([Buffer.alloc(1), data])))) return;
    if (socket.closed) return;
    await new Promise<void>((resolve, reject) => {
      let turn: NodeJS.Immediate | undefined;
      let more = false;
      const pass = (then: () => void): void => {
        clearImmediate(turn);
        turn = undefined;
        const piece = own!.subarray(begin - 1, end);
        begin = end = own!.length - end < roomMin ? 1 : end;
        take(piece).then((on) => (on ? then() : resolve()), reject);
      };
      const goOn = (): void => void socket.resume();
      const turned = (): void => {
        if (more) {
          more = false;
          turn = setImmediate(turned);
        } else {
          socket.pause();
          pass(goOn);
        }
      };
      gathered = () => {
        more = own!.length - end >= roomMin;
        if (more) turn ??= setImmediate(turned);
        else pass(goOn);
        return more;
      };
      socket.once('close', () => (end > begin ? pass(resolve) : resolve())).resume();
    });
  };
  return Object.assign(socket, { lend });
}

/** Does not wait for a writer, and takes none for an end before there was one. */
export async function openReader(file: string): Promise<net.Socket & Output> {
  return reading(await rawFd(file, O_RDONLY | O_NONBLOCK));
}

/** Undefined while nobody has opened it for reading. */
export async function openWriter(file: string): Promise<net.Socket | undefined> {
  try {
    return new net.Socket({ fd: await rawFd(file, O_WRONLY | O_NONBLOCK), readable: false, writable: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENXIO') return undefined;
    throw error;
  }
}
