// When the ledger's commit queue is drained: at once while the disk is idle; while an earlier commit is on its way to the
// disk, once it has arrived there, so that all that was queued meanwhile shares the next one.

export function groupCommit(storage: DurableObjectStorage): (drain: () => void) => void {
  let syncing = false;
  let waiting: (() => void) | undefined;
  const run = (drain: () => void): void => {
    syncing = true;
    queueMicrotask(() => {
      try {
        drain();
      } finally {
        storage
          .sync()
          .catch(() => undefined)
          .finally(() => {
            syncing = false;
            const next = waiting;
            waiting = undefined;
            if (next) run(next);
          });
      }
    });
  };
  return (drain) => {
    if (syncing) waiting = drain;
    else run(drain);
  };
}
