// A WebSocket of the runtime, accepted here, as the messages of streams want it. The runtime does not say when the other side has
// taken something: who sends has to bound that by other means (credit).
import type { MessageSocket } from '../../src/protocol/framed.ts';

const encoder = new TextEncoder();

export function messageSocket(socket: WebSocket): MessageSocket {
  socket.accept();
  socket.binaryType = 'arraybuffer';
  const queue: { data: Uint8Array; text: boolean }[] = [];
  let open = true;
  let wake = (): void => {};
  const over = (): void => {
    open = false;
    wake();
  };
  const close = (code: number, reason?: string): void => {
    try {
      socket.close(code, reason);
    } catch {
      // It is closed already.
    }
  };
  socket.addEventListener('message', ({ data }) => {
    const text = typeof data === 'string';
    queue.push({ data: text ? encoder.encode(data) : new Uint8Array(data as ArrayBuffer), text });
    wake();
  });
  socket.addEventListener('close', () => {
    close(1000);
    over();
  });
  socket.addEventListener('error', over);
  return {
    async send(data) {
      if (open) {
        try {
          socket.send(data);
        } catch {
          over();
        }
      }
      return open;
    },
    async *messages() {
      for (;;) {
        const next = queue.shift();
        if (next) yield next;
        else if (!open) return;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    },
    close(code = 1000, reason) {
      close(code, reason);
      over();
    },
  };
}
