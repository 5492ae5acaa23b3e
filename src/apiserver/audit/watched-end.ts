// A stream that passes another on, piece by piece as it is read, and says once when it is over: at its end, when it breaks, or
// when its reader leaves.
export function watchedEnd(source: ReadableStream<Uint8Array>, over: () => void): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  let told = false;
  const tell = () => {
    if (!told) over();
    told = true;
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (!done) {
            controller.enqueue(value);
            return;
          }
          tell();
          controller.close();
        } catch (error) {
          tell();
          controller.error(error);
        }
      },
      cancel(reason) {
        tell();
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
