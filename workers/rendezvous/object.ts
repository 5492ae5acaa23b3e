// Where the two halves of one stream meet: a small disposable object, named by the stream's id. Whichever half comes first waits;
// each is answered with one end of the same WebSocket pair, and from then on the runtime joins the connections: no message
// passes any code here. Nothing is stored, and nobody comes a second time: who is late, or of another node, is turned away.
import { createDurable } from 'itty-durable/itty-durable.js';
import { ApiError, errors } from '../../src/machinery/errors.ts';
import { asApiError, statusResponse } from '../../src/machinery/outcome.ts';
import { streamRefusal } from '../../src/protocol/streams.ts';
import { refusalResponse } from '../../src/relay/refusal.ts';
import { workerLog, workerTimers } from '../adapters/ambient.ts';
import { callObject } from '../adapters/stubs.ts';
import type { Env } from '../env.ts';
import { type Half, halfOf } from './meeting.ts';

type Side = 'client' | 'agent';

interface Waiting extends Half {
  side: Side;
  gone: AbortSignal;
  /** Once. */
  answer(response: Response): void;
}

/** itty-durable's own, as far as it is used here. */
interface State extends DurableObjectState {
  env: Pick<Env, 'NODE_LINK'>;
  router: Record<'get' | 'post', (path: string, handle: (request: Request) => Promise<Response>) => void>;
}

const log = workerLog('rendezvous');
const failed = (error: unknown): Response => statusResponse(asApiError(log, 'a stream', error));
const nobody = (): ApiError => errors.gone('nobody waits for this stream');

export class Rendezvous extends createDurable({ onError: failed }) {
  declare state: State;
  #waiting: Waiting | undefined;
  /** It was refused before the client came. */
  #refusal: { node: string; status: Record<string, unknown> } | undefined;
  #phase: 'open' | 'joined' | 'over' = 'open';

  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    const { router } = this.state;
    router.get('/client', (request) => this.#come('client', halfOf(request), request.signal));
    router.get('/agent', (request) => this.#come('agent', halfOf(request), request.signal));
    router.post('/refusal', (request) => this.#refused(request));
    router.get('/joined', async () => Response.json(this.#phase === 'joined'));
    // Whoever is connected is cut off, whoever waits gets nothing.
    router.post('/abort', async () => {
      this.#cut();
      return new Response();
    });
  }

  /** There is no other way to end what the runtime has joined. It says so in its log, as if something had failed. */
  #cut(): void {
    this.state.abort(
      'this stream was cut off, as it has to be once a side is lost or its node may not have it any more',
    );
  }

  async #come(side: Side, half: Half, gone: AbortSignal): Promise<Response> {
    const other = this.#waiting;
    if (this.#phase !== 'open' || other?.side === side || (other && other.node !== half.node)) throw nobody();
    if (side === 'client' && this.#refusal?.node === half.node) return this.#answered(this.#refusal.status);
    if (!other) return this.#wait(side, half, gone);
    this.#phase = 'joined';
    // A half whose connection broke just now is noticed with the next turn. The runtime itself does not notice one that breaks before
    // it is answered: the other would stay connected with nothing.
    await new Promise<void>((resolve) => workerTimers.after(0, resolve));
    if (this.#waiting !== other) throw nobody();
    if (gone.aborted) {
      this.#phase = 'over';
      other.answer(statusResponse(errors.unavailable(`the stream to node "${half.node}" was ended`)));
      throw nobody();
    }
    for (const signal of [gone, other.gone]) signal.addEventListener('abort', () => this.#cut(), { once: true });
    const { 0: theirs, 1: ours } = new WebSocketPair();
    const protocol = side === 'agent' ? (half.protocol ?? other.protocol) : (other.protocol ?? half.protocol);
    const end = (webSocket: WebSocket, of: Side): Response =>
      new Response(null, {
        status: 101,
        webSocket,
        headers: of === 'client' && protocol ? { 'Sec-WebSocket-Protocol': protocol } : {},
      });
    other.answer(end(theirs, other.side));
    return end(ours, side);
  }

  /** Until the other half has come, the time is over, or whoever waits has gone. */
  #wait(side: Side, half: Half, signal: AbortSignal): Promise<Response> {
    return new Promise((resolve) => {
      const give = (error: ApiError): void => {
        this.#phase = 'over';
        if (side === 'client') this.#withdraw(half);
        answer(statusResponse(error));
      };
      const gone = (): void => give(nobody());
      const stop = workerTimers.after(half.waitMs, () =>
        give(
          side === 'agent'
            ? nobody()
            : new ApiError('Timeout', `the agent of node "${half.node}" did not answer in time`),
        ),
      );
      const answer = (response: Response): void => {
        stop();
        signal.removeEventListener('abort', gone);
        this.#waiting = undefined;
        resolve(response);
      };
      this.#waiting = { ...half, side, answer, gone: signal };
      signal.addEventListener('abort', gone);
      if (signal.aborted) gone();
    });
  }

  async #refused(request: Request): Promise<Response> {
    const { node } = halfOf(request);
    const { status } = streamRefusal.parse(await request.json());
    const waiting = this.#waiting;
    if (this.#phase !== 'open' || waiting?.side === 'agent' || (waiting && waiting.node !== node)) throw nobody();
    if (waiting) waiting.answer(this.#answered(status));
    else this.#refusal ??= { node, status };
    return Response.json({});
  }

  #answered(status: Record<string, unknown>): Response {
    this.#phase = 'over';
    return refusalResponse(status);
  }

  /** The agent need not come any more. */
  #withdraw({ node, id }: Half): void {
    this.state.waitUntil(
      callObject(this.state.env.NODE_LINK, node, (link) => link.withdraw(id), { idempotent: true }).catch((error) =>
        log.info('an offer could not be withdrawn', { node, error: String(error) }),
      ),
    );
  }
}
