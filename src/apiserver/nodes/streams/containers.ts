// `pods/exec`, `attach` and `portforward`: options of the query, and the protocol in which the agent is to speak to the client.
import type { Pod } from '../../../generated/schemas/core-v1.ts';
import { errors } from '../../../machinery/errors.ts';
import type { RestRequest } from '../../rest/context.ts';
import { chooseContainer } from '../../rest/log-options.ts';
import { isTrue } from '../../routing.ts';
import { chosenProtocol, portForwardProtocols, remoteCommandProtocols } from './protocols.ts';
import type { Streamed } from './target.ts';

export function exec(pod: Pod, rest: RestRequest, id: string): Streamed {
  const container = chooseContainer(rest.url.searchParams.get('container') ?? '', pod);
  const command = rest.url.searchParams.getAll('command');
  const node = nodeOf(pod);
  if (command.length === 0) throw errors.badRequest('you must specify at least 1 command for the container');
  const streams = standardStreams(rest.url.searchParams);
  const protocol = chosenProtocol(rest, remoteCommandProtocols);
  return { target: { node, offer: { id, kind: 'exec', ...of(pod), container, command, ...streams, protocol } } };
}

export function attach(pod: Pod, rest: RestRequest, id: string): Streamed {
  const container = chooseContainer(rest.url.searchParams.get('container') ?? '', pod);
  const node = nodeOf(pod);
  const streams = standardStreams(rest.url.searchParams);
  const protocol = chosenProtocol(rest, remoteCommandProtocols);
  return { target: { node, offer: { id, kind: 'attach', ...of(pod), container, ...streams, protocol } } };
}

export function portForward(pod: Pod, rest: RestRequest, id: string): Streamed {
  const node = nodeOf(pod);
  const protocol = chosenProtocol(rest, portForwardProtocols);
  const ports = protocol.startsWith('SPDY/') ? [] : portsOf(rest.url.searchParams);
  return { target: { node, offer: { id, kind: 'portforward', ...of(pod), ports, protocol } } };
}

const of = ({ metadata: { namespace = '', name, uid } }: Pod) => ({ namespace, pod: name, podUid: uid });

function nodeOf({ metadata, spec }: Pod): string {
  if (!spec.nodeName) throw errors.badRequest(`pod ${metadata.name} does not have a host assigned`);
  return spec.nodeName;
}

function standardStreams(query: URLSearchParams) {
  const [stdin, stdout, tty] = ['stdin', 'stdout', 'tty'].map((name) => isTrue(query.get(name))) as [
    boolean,
    boolean,
    boolean,
  ];
  // A terminal has one output.
  const stderr = isTrue(query.get('stderr')) && !tty;
  if (!stdin && !stdout && !stderr) throw errors.badRequest('you must specify at least 1 of stdin, stdout, stderr');
  return { stdin, stdout, stderr, tty };
}

/** As upstream's query parameter `ports`, of which there may be several, each of several. */
function portsOf(query: URLSearchParams): number[] {
  const texts = query.getAll('ports').flatMap((text) => text.split(','));
  if (texts.length === 0) throw errors.badRequest('query parameter "port" is required');
  return texts.map((text) => {
    if (text === '') throw errors.badRequest('query parameter "port" cannot be empty');
    const port = Number(text);
    if (!/^\d+$/.test(text) || port > 65_535)
      throw errors.badRequest(
        `unable to parse ${JSON.stringify(text)} as a port: strconv.ParseUint: parsing ${JSON.stringify(text)}: ${/^\d+$/.test(text) ? 'value out of range' : 'invalid syntax'}`,
      );
    if (port < 1) throw errors.badRequest(`port ${JSON.stringify(text)} must be > 0`);
    return port;
  });
}
