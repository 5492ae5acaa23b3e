// /containerLogs/NAMESPACE/POD/CONTAINER: what `kubectl logs` reads, asked of the node itself.
import type { Pod } from '../../src/generated/schemas/core-v1.ts';
import { parseTime } from '../../src/machinery/time.ts';
import type { LogOffer } from '../../src/protocol/streams.ts';
import { specOf } from '../pods/context.ts';
import type { ServeBody } from '../streams/types.ts';
import { type Answer, notFound, type Request, text } from './http.ts';

type Options = { options: Record<string, string> } | { refused: Answer };

const invalid = (): Options => ({ refused: text('{"message": "Invalid request."}', 422) });
const undecodable = (): Options => ({ refused: text('{"message": "Unable to decode query."}', 400) });

const flags = ['follow', 'previous', 'timestamps'];
/** With the least that each may be. */
const numbers: Record<string, number> = { tailLines: 0, sinceSeconds: 1, limitBytes: 1 };
const truths: Record<string, string> = {
  '': 'true',
  '1': 'true',
  t: 'true',
  true: 'true',
  '0': 'false',
  f: 'false',
  false: 'false',
};
const streams = ['All', 'Stdout', 'Stderr'];

/** The options as an offer of logs has them, or why not. */
export function optionsOf(query: URLSearchParams): Options {
  const options: Record<string, string> = {};
  for (const name of flags) {
    const given = query.get(name);
    if (given === null) continue;
    const value = Object.hasOwn(truths, given.toLowerCase()) ? truths[given.toLowerCase()] : undefined;
    if (value === undefined) return undecodable();
    options[name] = value;
  }
  // `tail` is what it was called once.
  const tail = query.get('tail');
  const given = (name: string): string | null =>
    name === 'tailLines' && tail ? (tail === 'all' ? null : tail) : query.get(name);
  for (const [name, least] of Object.entries(numbers)) {
    const value = given(name);
    if (value === null || value === '') continue;
    if (!/^[+-]?\d{1,18}$/.test(value)) return undecodable();
    if (Number(value) < least) return invalid();
    options[name] = String(Number(value));
  }
  const sinceTime = query.get('sinceTime');
  if (sinceTime) {
    if (parseTime(sinceTime) === undefined) return undecodable();
    if (options.sinceSeconds) return invalid();
    options.sinceTime = sinceTime;
  }
  const stream = query.get('stream');
  if (stream) {
    if (!streams.includes(stream) || (stream !== 'All' && options.tailLines !== undefined)) return invalid();
    options.stream = stream;
  }
  return { options };
}

/** An answer, or undefined once the logs have been served. Throws ApiErrors. */
export async function containerLogs(
  request: Request,
  pods: readonly Pod[],
  serve: ServeBody<LogOffer>,
): Promise<Answer | undefined> {
  const [, , namespace, name, container, ...more] = request.path.split('/');
  if (!namespace || !name || !container || more.length > 0) return notFound();
  const checked = optionsOf(request.query);
  if ('refused' in checked) return checked.refused;
  const pod = pods.find((p) => p.metadata.namespace === namespace && p.metadata.name === name);
  if (!pod) return text(`pod "${name}" does not exist`, 404);
  if (!specOf(pod, container)) return text(`container "${container}" not found in pod "${name}"`, 404);
  const { stream } = request;
  await serve({
    offer: {
      id: stream.offer.id,
      kind: 'log',
      namespace,
      pod: name,
      podUid: pod.metadata.uid,
      container,
      options: checked.options,
    },
    signal: stream.signal,
    body: () => stream.body(),
    accept: async (head) => {
      const socket = await stream.accept(head);
      // Nobody resumes what is asked of the node.
      return {
        signal: socket.signal,
        send: (data) => socket.send(data),
        end: (status) => socket.end(status),
        cursor: () => {},
      };
    },
  });
  return undefined;
}
