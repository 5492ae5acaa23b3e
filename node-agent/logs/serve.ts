// Serves `kubectl logs`: finds the instance's log file and reads it into a stream, with the kubelet's answers to what cannot be.
import path from 'node:path';
import * as z from 'zod/mini';
import type { Pod } from '../../src/generated/schemas/core-v1.ts';
import { errors } from '../../src/machinery/errors.ts';
import type { Clock } from '../../src/ports/index.ts';
import type { LogOffer } from '../../src/protocol/streams.ts';
import type { PodManager } from '../pods/manager.ts';
import { latest, previous } from '../pods/seen.ts';
import type { ServeBody } from '../streams/types.ts';
import { instanceLog, podLogs } from './paths.ts';
import { type Place, readLog } from './reader.ts';

/** Why a container that nothing has been tried for waits, as its status says it. */
const initialReason = ({ spec }: Pod): string =>
  spec.initContainers?.length ? 'PodInitializing' : 'ContainerCreating';

export function logServer(pods: PodManager, logsDirectory: string, clock: Clock): ServeBody<LogOffer> {
  return async ({ offer, accept }) => {
    const worker = pods.worker(offer.podUid);
    const id = `${offer.namespace}/${offer.pod}`;
    if (!worker) throw errors.badRequest(`pod "${id}" is not running on this node`);
    const { options } = offer;
    const all = [...worker.state.containers.values()].filter((c) => c.state !== 'created');
    const newest = latest({ containers: all }, offer.container);
    const at = offer.cursor === undefined ? undefined : cursorOf(offer.cursor);
    const record = at
      ? all.find(({ name, attempt }) => name === offer.container && attempt === at.attempt)
      : options.previous === 'true'
        ? newest && previous({ containers: all }, newest)
        : newest;
    if (at && !record) throw errors.gone(`the log of container "${offer.container}" in pod "${offer.pod}" is gone`);
    if (!record) {
      if (options.previous === 'true')
        throw errors.badRequest(`previous terminated container "${offer.container}" in pod "${offer.pod}" not found`);
      const waiting = worker.state.waiting.get(offer.container)?.reason;
      const why =
        waiting && /Image|ErrPull/.test(waiting)
          ? 'trying and failing to pull image'
          : (waiting ?? initialReason(worker.state.pod));
      throw errors.badRequest(`container "${offer.container}" in pod "${offer.pod}" is waiting to start: ${why}`);
    }
    const stream = await accept({ status: 200, headers: [['content-type', 'text/plain']] });
    if (logsDirectory === '') return;
    const pod = { namespace: offer.namespace, name: offer.pod, uid: offer.podUid };
    const file = path.join(podLogs(logsDirectory, pod), instanceLog(offer.container, record.attempt));
    const sinceMs = at ? at.sinceMs : since(options, clock);
    const cursor = (place: Place): void =>
      stream.cursor(JSON.stringify({ ...place, sinceMs, attempt: record.attempt } satisfies Cursor));
    const finished = (): boolean => worker.state.containers.get(record.id)?.state !== 'running';
    await readLog(
      file,
      {
        tailLines: number(options.tailLines),
        sinceMs,
        timestamps: options.timestamps === 'true',
        limitBytes: number(options.limitBytes),
        stream: streams[options.stream ?? ''],
        from: at,
        began: cursor,
      },
      async (data, behind) => {
        const more = await stream.send(data);
        cursor(behind);
        return more;
      },
      options.follow === 'true' ? { finished, signal: stream.signal } : undefined,
    );
  };
}

const streams: Record<string, 'stdout' | 'stderr'> = Object.assign(Object.create(null), {
  Stdout: 'stdout',
  Stderr: 'stderr',
});

const number = (text: string | undefined): number | undefined =>
  text === undefined || text === '' ? undefined : Number(text);

/** Of the options; undefined: from the beginning. */
function since({ sinceSeconds, sinceTime }: Record<string, string>, clock: Clock): number | undefined {
  if (sinceSeconds) return clock.now() - Number(sinceSeconds) * 1000;
  return sinceTime ? Date.parse(sinceTime) : undefined;
}

/** Where a stream is: the instance, the place in its log, and what was relative to the time of the first request. */
const cursorForm = z.object({
  attempt: z.number(),
  inode: z.number(),
  offset: z.number().check(z.nonnegative()),
  begins: z.boolean(),
  left: z.optional(z.number()),
  sinceMs: z.optional(z.number()),
});
type Cursor = z.infer<typeof cursorForm>;

function cursorOf(text: string): Cursor {
  try {
    return cursorForm.parse(JSON.parse(text));
  } catch {
    throw errors.badRequest('not a cursor of a log');
  }
}
