// The front door: routes the node protocol to the nodes' links and everything else to the API server. Keeps nothing and
// decides nothing: authentication and authorisation are made where the data is; only that a node's link is not even made for
// a stranger is seen to here (node-door.ts). Streams: streams.ts.
import { Hono } from 'hono/tiny';
import { readJson } from '../../src/machinery/body.ts';
import { ApiError, errors } from '../../src/machinery/errors.ts';
import { asApiError, type Outcome, statusResponse, unwrap } from '../../src/machinery/outcome.ts';
import { bearerOf, nodePath } from '../../src/node-link/requests.ts';
import { joinRequest, renewRequest, sealedMessage } from '../../src/protocol/node.ts';
import { workerLog, workerTimers } from '../adapters/ambient.ts';
import { callObject } from '../adapters/stubs.ts';
import { type Env, mainObject } from '../env.ts';
import { NodeDoor } from './node-door.ts';
import { agentHalf, toApiServer } from './streams.ts';
import { refusal } from './target.ts';

const log = workerLog('gateway');
const joinBytesMax = 64 * 1024;

/** One per isolate. */
let door: NodeDoor | undefined;

function doorOf(env: Env): NodeDoor {
  door ??= new NodeDoor(
    async (token) =>
      unwrap(
        await callObject(
          env.API_SERVER,
          mainObject,
          async (stub) => (await stub.nodeOfCredential(token)) as Outcome<string | null>,
          { idempotent: true },
        ),
      ),
    () => workerTimers.now(),
  );
  return door;
}

const app = new Hono<{ Bindings: Env }>();

app.post('/tiffin.dev/v1/join', async (c) => {
  const body = await readJson(c.req.raw, joinBytesMax);
  const sealed = sealedMessage.safeParse(body);
  const parsed = sealed.success ? sealed : joinRequest.safeParse(body);
  if (!parsed.success) throw errors.badRequest('the body must be {"token": string, "nodeName": string}');
  const join = async () =>
    unwrap(
      await callObject(c.env.API_SERVER, mainObject, async (stub) => (await stub.join(parsed.data)) as Outcome<object>),
    );
  return Response.json(await doorOf(c.env).limited(c.req.raw, JSON.stringify(parsed.data), join));
});

/** Whoever joins knows the hash of the key, and holds this against it. */
app.get('/tiffin.dev/v1/cluster', (c) => Response.json({ ca: c.env.CLUSTER_CA_CERT }));

// Past the link: a credential that is good for this may be good for nothing else any more.
app.post('/tiffin.dev/v1/renew', async (c) => {
  const token = bearerOf(c.req.raw);
  const body = renewRequest.safeParse(await readJson(c.req.raw, joinBytesMax));
  if (!body.success) throw errors.badRequest('the body must be {"credential": string}');
  const { credential } = body.data;
  const renew = async () =>
    unwrap(
      await callObject(
        c.env.API_SERVER,
        mainObject,
        async (stub) => (await stub.renew(token, credential)) as Outcome<object>,
        { idempotent: true },
      ),
    );
  return Response.json(await doorOf(c.env).limited(c.req.raw, token, renew));
});

app.all('/tiffin.dev/v1/nodes/*', async (c) => {
  // Of the path as the link will see it: which node it is must not depend on who reads it.
  const asked = nodePath(new URL(c.req.raw.url).pathname);
  if (asked === undefined) throw new ApiError('NotFound', 'the server could not find the requested resource');
  const { node, what } = asked;
  await doorOf(c.env).check(c.req.raw, node);
  const half = await agentHalf(c.req.raw, c.env, node, what);
  return half ?? callObject(c.env.NODE_LINK, node, (stub) => stub.fetch(c.req.raw));
});

app.all('*', (c) => toApiServer(c.req.raw, c.env, (work) => c.executionCtx.waitUntil(work)));

app.notFound(() => statusResponse(errors.badRequest('the server could not find the requested resource')));
app.onError((error, c) => statusResponse(asApiError(log, `${c.req.method} ${new URL(c.req.url).pathname}`, error)));

export const gateway: ExportedHandler<Env> = {
  fetch: (request, env, context) => {
    const refused = refusal(request.url, request.headers.get('host') ?? '');
    return refused ? statusResponse(refused) : app.fetch(request, env, context);
  },
};
