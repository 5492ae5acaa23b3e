// What types, their fields, query parameters and columns mean, as `kubectl explain` prints it. The text is one generated string of lines
// (name, tab, JSON), taken apart on first use and parsed type by type, for it costs memory and few servers are asked.
import { descriptions } from '../../generated/descriptions.ts';

export interface Description {
  /** Of the type itself. */
  d?: string;
  /** By field, or by parameter. */
  f: Readonly<Record<string, string>>;
}

let lines: Map<string, string> | undefined;
const nothing: Description = { f: {} };

/** `name`: a type (`io.k8s.api.core.v1.Pod`), or a kind of operation (`parameters/list`). */
export function describe(name: string): Description {
  lines ??= new Map(
    descriptions.split('\n').map((line) => {
      const tab = line.indexOf('\t');
      return [line.slice(0, tab), line.slice(tab + 1)];
    }),
  );
  const line = lines.get(name);
  return line === undefined ? nothing : (JSON.parse(line) as Description);
}

/** Of a field of a type (`core.v1.PodStatus.podIP`), as columns of tables have it: without what its values mean. */
export function describeField(path: string): string {
  const dot = path.lastIndexOf('.');
  const root = path.startsWith('meta.') ? 'io.k8s.apimachinery.pkg.apis' : 'io.k8s.api';
  const text = describe(`${root}.${path.slice(0, dot)}`).f[path.slice(dot + 1)] ?? '';
  return text.split(/\n*Possible enum values:/, 1)[0] ?? '';
}
