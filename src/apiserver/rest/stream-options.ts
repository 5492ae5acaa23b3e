// The query of a request that begins a stream to a pod, checked before anybody carries it out.
import type { Pod } from '../../generated/schemas/core-v1.ts';
import { errors } from '../../machinery/errors.ts';
import type { KubeObject } from '../../machinery/meta.ts';
import type { User } from '../core.ts';
import { chooseContainer, logOptions } from './log-options.ts';

/** Everything of a request to a `connect` subresource (log, exec, …) that whoever carries it out needs. */
export interface Connection {
  user: User;
  object: KubeObject;
  subresource: string;
  /** The query's parameters, checked; of a log: `container` always among them. */
  options: Record<string, string>;
}

const toContainer = new Set(['attach', 'exec']);
const toNode = new Set([...toContainer, 'portforward']);

/** The options as plain strings; of what goes to a container: `container` always among them. Throws BadRequest or Invalid. */
export function streamOptions(subresource: string, query: URLSearchParams, object: KubeObject): Record<string, string> {
  if (subresource === 'log') return logOptions(query, object);
  const options = Object.fromEntries(query);
  if (object.kind !== 'Pod' || !toNode.has(subresource)) return options;
  const pod = object as Pod;
  const container = toContainer.has(subresource) ? chooseContainer(options.container ?? '', pod) : undefined;
  if (!pod.spec.nodeName) throw errors.badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
  return container === undefined ? options : { ...options, container };
}
