// What types, their fields, query parameters and columns of tables mean, as `kubectl explain` prints it. The texts take most of the
// generated file, and few servers are asked: they are compiled package by package and parsed type by type, on use.
import { descriptions } from '../../generated/descriptions.ts';

export interface Description {
  /** Of the type itself. */
  d?: string;
  /** By field, or by parameter. */
  f: Readonly<Record<string, string>>;
}

/** `name`: a type (`io.k8s.api.core.v1.Pod`), or a kind of operation (`parameters/list`). */
export function describe(name: string): Description {
  const [, scope = '', own = ''] = /^(.+)[./](.+)$/.exec(name) ?? [];
  const json = descriptions[scope]?.()[own];
  return json === undefined ? { f: {} } : (JSON.parse(json) as Description);
}

/** Of a field of a type (`core.v1.PodStatus.podIP`), as columns of tables have it: without what its values mean. */
export function describeField(path: string): string {
  const dot = path.lastIndexOf('.');
  const root = path.startsWith('meta.') ? 'io.k8s.apimachinery.pkg.apis' : 'io.k8s.api';
  const text = describe(`${root}.${path.slice(0, dot)}`).f[path.slice(dot + 1)] ?? '';
  return text.split(/\n*Possible enum values:/, 1)[0] ?? '';
}
