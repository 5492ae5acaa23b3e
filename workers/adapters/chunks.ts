// A body in pieces of a size that is worth a message: read plainly, the runtime gives out 4 KiB at a time.

const chunkBytes = 128 * 1024;

/** Throws where the body breaks off. Who stops reading cancels it. */
export async function* chunks(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader({ mode: 'byob' });
  if (!reader) return;
  try {
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array(chunkBytes));
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
