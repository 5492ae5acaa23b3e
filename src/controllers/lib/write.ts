// Outcomes of batched writes, as controllers treat them: what failed is thrown, so that the key backs off and is retried.
import { ApiError, type Status, type StatusReason } from '../../machinery/errors.ts';
import type { KubeObject } from '../../machinery/meta.ts';
import type { Write, WriteOutcome, Writer } from '../../reconcile/types.ts';

export class WriteFailed extends ApiError {
  readonly status: Status;
  constructor(status: Status) {
    super(
      (status.reason ?? 'InternalError') as StatusReason,
      status.message ?? status.reason ?? 'write failed',
      status.details,
    );
    this.name = 'WriteFailed';
    this.status = status;
  }
}

/** Throws the first failure of a batch. A delete of what is gone, or has been replaced since, has succeeded. */
export function assertWritten(writes: readonly Write[], outcomes: readonly WriteOutcome[]): void {
  outcomes.forEach((outcome, i) => {
    if (!outcome.ok && !isDeletionOfAbsent(writes[i], outcome.status)) throw new WriteFailed(outcome.status);
  });
}

export function isDeletionOfAbsent(write: Write | undefined, status: Status): boolean {
  return (
    write?.verb === 'delete' &&
    (status.code === 404 || (status.code === 409 && write.uid !== undefined && write.resourceVersion === undefined))
  );
}

/** Executes the writes; none is no round trip. */
export async function writeAll(client: Writer, writes: readonly Write[]): Promise<WriteOutcome[]> {
  if (writes.length === 0) return [];
  const outcomes = await client.write(writes);
  assertWritten(writes, outcomes);
  return outcomes;
}

/** Executes one write and returns the object as it is now. */
export async function writeOne<T extends KubeObject>(client: Writer, write: Write): Promise<T> {
  const [outcome] = await client.write([write]);
  if (outcome === undefined) throw new Error('a write was not answered');
  if (!outcome.ok) throw new WriteFailed(outcome.status);
  return outcome.object as T;
}

/** The namespace is being deleted: creating in it is pointless, retrying too. */
export function isNamespaceTerminating(status: Status): boolean {
  return status.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating') ?? false;
}
