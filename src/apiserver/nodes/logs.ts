// `GET …/pods/NAME/log`: which container on which node, with which checked options (upstream's LogLocation and
// ValidatePodLogOptions). The reading is the node's business.

import type { Pod } from '../../generated/schemas/core-v1.ts';
import { ApiError, errors, type FieldError } from '../../machinery/errors.ts';
import type { StreamOffer } from '../../protocol/node.ts';

export interface LogTarget {
  node: string;
  offer: StreamOffer;
}

/** Undefined: the pod has no node yet, and so no logs. Throws ApiError for options that no node could serve. */
export function logTarget(pod: Pod, query: URLSearchParams, streamId: string): LogTarget | undefined {
  const container = containerOf(pod, query.get('container') ?? '');
  const options = logOptions(query);
  if (!pod.spec.nodeName) return undefined;
  return {
    node: pod.spec.nodeName,
    offer: {
      id: streamId,
      kind: 'log',
      namespace: pod.metadata.namespace ?? '',
      pod: pod.metadata.name,
      podUid: pod.metadata.uid,
      container,
      options,
    },
  };
}

function containerOf(pod: Pod, wanted: string): string {
  const names = (list: readonly { name: string }[] | undefined): string[] => (list ?? []).map(({ name }) => name);
  const ordinary = names(pod.spec.containers);
  const init = names(pod.spec.initContainers);
  const ephemeral = names(pod.spec.ephemeralContainers);
  if (wanted !== '') {
    if ([...ordinary, ...init, ...ephemeral].includes(wanted)) return wanted;
    throw errors.badRequest(`container ${wanted} is not valid for pod ${pod.metadata.name}`);
  }
  const [only, ...more] = ordinary;
  if (only !== undefined && more.length === 0) return only;
  let message = `a container name must be specified for pod ${pod.metadata.name}`;
  if (ordinary.length > 0) {
    message += `, choose one of: [${ordinary.join(' ')}]`;
    if (init.length > 0) message += ` or one of the init containers: [${init.join(' ')}]`;
    if (ephemeral.length > 0) message += ` or one of the ephemeral containers: [${ephemeral.join(' ')}]`;
  }
  throw errors.badRequest(message);
}

function logOptions(query: URLSearchParams): Record<string, string> {
  const options: Record<string, string> = {};
  const problems: FieldError[] = [];
  for (const name of ['follow', 'previous', 'timestamps']) {
    const value = query.get(name);
    // As upstream converts query parameters: only these two spellings are false.
    if (value !== null && !/^(false|0)$/i.test(value)) options[name] = 'true';
  }
  for (const [name, least] of [
    ['tailLines', 0],
    ['limitBytes', 1],
    ['sinceSeconds', 1],
  ] as const) {
    const text = query.get(name);
    if (text === null || text === '') continue;
    if (!/^[+-]?\d+$/.test(text))
      throw errors.badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
    const value = Number(text);
    if (value < least)
      problems.push({
        type: 'Invalid',
        field: name,
        badValue: value,
        detail: least === 0 ? 'must be greater than or equal to 0' : 'must be greater than 0',
      });
    options[name] = String(value);
  }
  const sinceTime = query.get('sinceTime');
  if (sinceTime) {
    if (Number.isNaN(Date.parse(sinceTime)))
      throw errors.badRequest(`parsing time ${JSON.stringify(sinceTime)} as "2006-01-02T15:04:05Z07:00": cannot parse`);
    if (options.sinceSeconds !== undefined)
      problems.push({
        type: 'Forbidden',
        field: '',
        detail: 'at most one of `sinceTime` or `sinceSeconds` may be specified',
      });
    options.sinceTime = sinceTime;
  }
  const stream = query.get('stream');
  if (stream && stream !== 'All') {
    if (stream !== 'Stdout' && stream !== 'Stderr')
      problems.push({
        type: 'NotSupported',
        field: 'stream',
        badValue: stream,
        detail: 'supported values: "All", "Stderr", "Stdout"',
      });
    else if (options.tailLines !== undefined)
      problems.push({
        type: 'Forbidden',
        field: '',
        detail: '`tailLines` and specific `stream` are mutually exclusive for now',
      });
    options.stream = stream;
  }
  if (problems.length > 0) throw errors.invalid('', 'PodLogOptions', '', problems);
  return options;
}

/** The answer for a pod that has not come to a node. */
export const noLogs = (): Response =>
  new Response('', { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' } });

export const unknownStream = (subresource: string): ApiError =>
  new ApiError('NotFound', `${subresource} is not served yet`);
