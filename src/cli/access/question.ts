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

export interface Question {
  verb: string;
  /** As kubectl takes it: `pods`, `po`, `deployments.apps`, `pods/web-0`, `*`. */
  thing: string;
  subresource?: string;
  namespace?: string;
}

/**
 * Throws CliError for a resource that the server does not have, or a namespace where there is none: the question would be
 * answered, and mean nothing.
 */
export function attributesOf(
  { verb, thing, subresource, namespace }: Question,
  served: readonly Served[],
): ResourceAttributes {
  const slash = thing.indexOf('/');
  const [asked, name] = slash < 0 ? [thing, undefined] : [thing.slice(0, slash), thing.slice(slash + 1)];
  const found = asked === '*' ? everything : find(asked, served);
  if (!found) throw new CliError(`the cluster has no resource called ${asked}`);
  if (!found.namespaced && namespace !== undefined)
    throw new CliError(`${found.resource} are in no namespace: leave out --namespace`);
  return {
    verb,
    group: found.group,
    resource: found.resource,
    ...(subresource === undefined ? {} : { subresource }),
    ...(name === undefined ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
  };
}

const everything: Served = { group: '*', resource: '*', singular: '', shortNames: [], namespaced: true };

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
