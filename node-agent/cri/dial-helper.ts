// What runs in a sandbox's network namespace: connects to ports of its localhost, as it is asked over the channel to its parent,
// and hands the connections over. It reads nothing of them, knows nothing else, and ends with its parent.
import { type DialFailure, dialLocalhost } from './localhost.ts';

export type DialRequest = { id: number; port: number };
/** Together with a connection, or with why there is none. */
export type DialAnswer = { id: number; failure?: DialFailure };

process.on('disconnect', () => process.exit());
process.on('message', ({ id, port }: DialRequest) => {
  dialLocalhost(port, true).then(
    (socket) => process.send!({ id } satisfies DialAnswer, socket, { keepOpen: false }),
    (failure: DialFailure) => process.send!({ id, failure } satisfies DialAnswer),
  );
});
