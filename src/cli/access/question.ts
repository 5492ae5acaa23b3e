// What `tiffin can` was asked, as the attributes of a SubjectAccessReview: resources by any name that kubectl takes.
import type { ResourceAttributes } from '../../generated/schemas/authorization-v1.ts';
import { CliError } from '../errors.ts';

/** A kind as a server's discovery tells of it. */
export interface Served {
  group: string;
  resource: string;
  singular: string;
  shortNames: readonly string[];
  subresources: readonly string[];
  namespaced: boolean;
}

interface DiscoveryList {
  items: {
    metadata?: { name?: string };
    versions?: {
      resources?: {
        resource: string;
        singularResource?: string;
        shortNames?: string[];
        subresources?: { subresource: string }[];
        scope: string;
      }[];
    }[];
  }[];
}

/** Of aggregated discovery (`/api` and `/apis`), in its order: the first version of a group counts. */
export function servedOf(lists: readonly DiscoveryList[]): Served[] {
  return lists
    .flatMap(({ items }) => items)
    .flatMap(({ metadata, versions = [] }) =>
      versions.flatMap(({ resources = [] }) =>
        resources.map(({ resource, singularResource = '', shortNames = [], subresources = [], scope }) => ({
          group: metadata?.name ?? '',
          resource,
          singular: singularResource,
          shortNames,
          subresources: subresources.map(({ subresource }) => subresource),
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

/** What kubectl takes as a verb, of resources and of paths. */
const verbs = new Set(
  `get list watch create update patch delete deletecollection use bind escalate impersonate approve sign attest
  post put head options *`.split(/\s+/),
);

/** What is probably meant otherwise, though it can be asked: a line each. */
export function doubts(user: string, { verb, thing, subresource }: Question, served: readonly Served[]): string[] {
  const [asked = '', name] = thing.split('/');
  const found = find(asked, served);
  return [
    ...(verbs.has(verb) || verb.startsWith('impersonate') ? [] : [`no request has the verb ${verb}`]),
    ...(subresource === undefined && name !== undefined && found?.subresources.includes(name)
      ? [`this asks for an object called ${name}: the subresource is asked for with --subresource ${name}`]
      : []),
    ...(/^system:serviceaccount:(?![^:]+:[^:]+$)/.test(user)
      ? ['a service account is system:serviceaccount:NAMESPACE:NAME']
      : []),
    ...(/^system:(masters|authenticated|unauthenticated|nodes|serviceaccounts)$/.test(user)
      ? [`${user} is a group: any name with --group ${user}`]
      : []),
  ];
}

const made = (group: string, resource: string, namespaced = false): Served => ({
  group,
  resource,
  singular: '',
  shortNames: [],
  subresources: [],
  namespaced,
});

const everything = made('*', '*', true);

/** What rules name and no server serves. */
const onlyInRules = [
  made('', 'users'),
  made('', 'groups'),
  made('authentication.k8s.io', 'uids'),
  made('authentication.k8s.io', 'userextras'),
  made('certificates.k8s.io', 'signers'),
];

function find(asked: string, served: readonly Served[]): Served | undefined {
  const lower = asked.toLowerCase();
  const dot = lower.indexOf('.');
  const [plain, group] = dot < 0 ? [lower, undefined] : [lower.slice(0, dot), lower.slice(dot + 1)];
  const candidates = [...served, ...onlyInRules].filter((one) => group === undefined || one.group === group);
  return (
    candidates.find(({ resource, singular }) => resource === plain || singular === plain) ??
    candidates.find(({ shortNames }) => shortNames.includes(plain))
  );
}
