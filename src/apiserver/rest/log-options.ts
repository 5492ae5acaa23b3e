// The query of a pod's log, checked as upstream checks PodLogOptions.
import type { Pod } from '../../generated/schemas/core-v1.ts';
import { errors, type FieldError } from '../../machinery/errors.ts';
import type { KubeObject } from '../../machinery/meta.ts';
import { parseTime } from '../../machinery/time.ts';
import { isTrue } from '../routing.ts';

const integers = ['sinceSeconds', 'tailLines', 'limitBytes'] as const;
const streams: readonly string[] = ['All', 'Stderr', 'Stdout'];
const flags = ['follow', 'previous', 'timestamps', 'insecureSkipTLSVerifyBackend'] as const;

/** The options as plain strings, `container` always among them. Throws BadRequest or Invalid. */
export function logOptions(query: URLSearchParams, object: KubeObject): Record<string, string> {
  const pod = object as Pod;
  const options: Record<string, string> = {};
  const problems: FieldError[] = [];
  for (const name of flags) if (query.has(name)) options[name] = String(isTrue(query.get(name)));
  for (const name of integers) {
    const text = query.get(name);
    if (text === null || text === '') continue;
    if (!/^-?\d{1,18}$/.test(text))
      throw errors.badRequest(
        `unable to decode query parameter ${name}: strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`,
      );
    const value = Number(text);
    if (name === 'tailLines' ? value < 0 : value < 1)
      problems.push({
        type: 'Invalid',
        field: name,
        badValue: value,
        detail: `must be greater than ${name === 'tailLines' ? 'or equal to ' : ''}0`,
      });
    options[name] = String(value);
  }
  const sinceTime = query.get('sinceTime');
  if (sinceTime) {
    if (parseTime(sinceTime) === undefined)
      throw errors.badRequest(`unable to decode query parameter sinceTime: parsing time ${JSON.stringify(sinceTime)}`);
    options.sinceTime = sinceTime;
    if (options.sinceSeconds !== undefined)
      problems.push({
        type: 'Forbidden',
        field: '',
        detail: 'at most one of `sinceTime` or `sinceSeconds` may be specified',
      });
  }
  const stream = query.get('stream');
  if (stream) {
    options.stream = stream;
    if (!streams.includes(stream))
      problems.push({
        type: 'NotSupported',
        field: 'stream',
        badValue: stream,
        detail: `supported values: ${streams.map((name) => JSON.stringify(name)).join(', ')}`,
      });
    if (stream !== 'All' && options.tailLines !== undefined)
      problems.push({
        type: 'Forbidden',
        field: '',
        detail: '`tailLines` and specific `stream` are mutually exclusive for now',
      });
  }
  if (problems.length > 0) throw errors.invalid('', 'PodLogOptions', pod.metadata.name, problems);
  options.container = chooseContainer(query.get('container') ?? '', pod);
  return options;
}

/** The container that a request means; '': the only one. Throws BadRequest. */
export function chooseContainer(wanted: string, { spec, metadata }: Pod): string {
  const all = [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
  const names = all.map(({ name }) => name);
  if (wanted !== '') {
    if (names.includes(wanted)) return wanted;
    throw errors.badRequest(`container ${wanted} is not valid for pod ${metadata.name}`);
  }
  const [only, ...others] = spec.containers;
  if (only && others.length === 0) return only.name;
  throw errors.badRequest(
    `a container name must be specified for pod ${metadata.name}, choose one of: [${names.join(' ')}]`,
  );
}
