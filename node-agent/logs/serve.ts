// Serves `kubectl logs`: finds the instance's log file and reads it into a stream, with the kubelet's answers to what cannot be.
import path from 'node:path';
import type { Pod } from '../../src/generated/schemas/core-v1.ts';
import { errors } from '../../src/machinery/errors.ts';
import type { Clock } from '../../src/ports/index.ts';
import type { LogOffer } from '../../src/protocol/streams.ts';
import type { PodManager } from '../pods/manager.ts';
import { latest, previous } from '../pods/seen.ts';
import type { ServeBody } from '../streams/types.ts';
import { readLog } from './reader.ts';

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
    const record = options.previous === 'true' ? newest && previous({ containers: all }, newest) : newest;
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
    const file = path.join(
      logsDirectory,
      `${offer.namespace}_${offer.pod}_${offer.podUid}`,
      offer.container,
      `${record.attempt}.log`,
    );
    const number = (text: string | undefined): number | undefined =>
      text === undefined || text === '' ? undefined : Number(text);
    const sinceSeconds = number(options.sinceSeconds);
    const sinceMs =
      sinceSeconds !== undefined
        ? clock.now() - sinceSeconds * 1000
        : options.sinceTime
          ? Date.parse(options.sinceTime)
          : undefined;
    const finished = (): boolean => worker.state.containers.get(record.id)?.state !== 'running';
    await readLog(
      file,
      {
        tailLines: number(options.tailLines),
        sinceMs,
        timestamps: options.timestamps === 'true',
        limitBytes: number(options.limitBytes),
      },
      (data) => stream.send(data),
      options.follow === 'true' ? { finished, signal: stream.signal } : undefined,
    );
  };
}
