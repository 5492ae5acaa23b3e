// What `tiffin can` was asked, as the attributes of a SubjectAccessReview: resources by any name that kubectl takes.
import type { ResourceAttributes } from '../../generated/schemas/authorization-v1.ts';
import { CliError } from '../errors.ts';

/** A kind as a server's discovery tells of it. */
export interface Served {
  group: string;
  resource: string;
  singular: string;
  shortNames: readonly string[];
  namespaced: boolean;
}

interface DiscoveryList {
  items: {
    metadata?: { name?: string };
    versions?: {
      resources?: { resource: string; singularResource?: string; shortNames?: string[]; scope: string }[];
    }[];
  }[];
}

/** Of aggregated discovery (`/api` and `/apis`), in its order: the first version of a group counts. */
export function servedOf(lists: readonly DiscoveryList[]): Served[] {
  return lists
    .flatMap(({ items }) => items)
    .flatMap(({ metadata, versions = [] }) =>
      versions.flatMap(({ resources = [] }) =>
        resources.map(({ resource, singularResource = '', shortNames = [], scope }) => ({
          group: metadata?.name ?? '',
          resource,
          singular: singularResource,
          shortNames,
          namespaced: scope === 'Namespaced',
        })),
      ),
    );
}

/**
 * `resource`: `pods`, `po`, `deployments.apps`, `pods/log`, `*`. Throws CliError for one that the server does not have: a
 * question about it would be answered, and mean nothing.
 */
export function attributesOf(
  verb: string,
  resource: string,
  name: string | undefined,
  namespace: string | undefined,
  served: readonly Served[],
): ResourceAttributes {
  const [asked = '', ...rest] = resource.split('/');
  const subresource = rest.join('/');
  const found = asked === '*' ? undefined : find(asked, served);
  if (asked !== '*' && !found) throw new CliError(`the cluster has no resource called ${asked}`);
  if (found && !found.namespaced && namespace !== undefined && found.resource !== 'namespaces')
    throw new CliError(`${found.resource} are not in namespaces: leave out --namespace`);
  return {
    verb,
    group: found ? found.group : '*',
    resource: found ? found.resource : '*',
    ...(subresource === '' ? {} : { subresource }),
    ...(name === undefined ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
  };
}

function find(asked: string, served: readonly Served[]): Served | undefined {
  const lower = asked.toLowerCase();
  const dot = lower.indexOf('.');
  const [plain, group] = dot < 0 ? [lower, undefined] : [lower.slice(0, dot), lower.slice(dot + 1)];
  const candidates = served.filter((one) => group === undefined || one.group === group);
  return (
    candidates.find(({ resource, singular }) => resource === plain || singular === plain) ??
    candidates.find(({ shortNames }) => shortNames.includes(plain))
  );
}
