// From an authorised request to a `connect` subresource to the stream that it begins, and the node that serves it. What can be
// told from here is refused here, in upstream's words; the rest is the agent's business.
import type { Node, Pod, Service } from '../../../generated/schemas/core-v1.ts';
import { errors } from '../../../machinery/errors.ts';
import type { StreamTarget } from '../../../protocol/streams.ts';
import type { RestRequest } from '../../rest/context.ts';
import { findObject } from '../../storage/read.ts';
import { attach, exec, portForward } from './containers.ts';
import { log } from './log.ts';
import { type ProxyTarget, proxyOffer, rootRedirect, splitName } from './proxy.ts';
import { nodeTarget, podTarget, serviceTarget } from './proxy-targets.ts';

/** `nothing`: there is nothing to stream; `redirect`: the client asks again with a slash. */
export type Streamed = { target: StreamTarget } | { redirect: string } | { nothing: true };

type Begin = (rest: RestRequest, id: string) => Streamed;

const ofPod =
  (begin: (pod: Pod, rest: RestRequest, id: string) => Streamed): Begin =>
  (rest, id) => {
    const { definition, core, info } = rest;
    const pod = findObject<Pod>(definition, core.ledger, info.namespace, info.name);
    if (!pod) throw errors.notFound(definition, info.name);
    return begin(pod, rest, id);
  };

const proxy =
  <T extends Pod | Service | Node>(
    what: string,
    targetOf: (object: T, name: ProxyName, rest: RestRequest) => ProxyTarget,
  ): Begin =>
  (rest, id) => {
    const { definition, core, info } = rest;
    const name = splitName(info.name);
    if (!name) throw errors.badRequest(`invalid ${what} request ${JSON.stringify(info.name)}`);
    const object = findObject<T>(definition, core.ledger, info.namespace, name.name);
    if (!object) throw errors.notFound(definition, name.name);
    const target = targetOf(object, name, rest);
    const redirect = rootRedirect(rest);
    return redirect === undefined ? { target: proxyOffer(rest, id, target) } : { redirect };
  };
type ProxyName = NonNullable<ReturnType<typeof splitName>>;

const begins: Readonly<Record<string, Begin>> = {
  'pods/log': ofPod(log),
  'pods/exec': ofPod(exec),
  'pods/attach': ofPod(attach),
  'pods/portforward': ofPod(portForward),
  'pods/proxy': proxy<Pod>('pod', podTarget),
  'services/proxy': proxy<Service>('service', serviceTarget),
  'nodes/proxy': proxy<Node>('node', nodeTarget),
};

/** Throws ApiErrors. */
export function beginStream(rest: RestRequest, id: string): Streamed {
  const begin = begins[`${rest.definition.plural}/${rest.info.subresource}`];
  if (!begin) throw errors.unavailable(`${rest.definition.plural}/${rest.info.subresource} is not served`);
  return begin(rest, id);
}
