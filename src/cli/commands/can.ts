// `tiffin can USER VERB RESOURCE`: yes, and by which binding; or no, and the one line that would allow it. Exit code 1 for no.
import type { SubjectAccessReview } from '../../generated/schemas/authorization-v1.ts';
import { allowingLine } from '../../machinery/access-line.ts';
import { printable } from '../access/columns.ts';
import { ownGroups } from '../access/grants.ts';
import { attributesOf, doubts, servedOf } from '../access/question.ts';
import { Api, type TargetOptions, targetOf } from '../api.ts';
import { CliError } from '../errors.ts';

interface CanOptions extends TargetOptions {
  namespace?: string;
  subresource?: string;
  group?: string[];
}

const discovery = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** `thing`: a resource as kubectl takes it, or a path such as `/metrics`. */
export async function can(user: string, verb: string, thing: string, options: CanOptions): Promise<void> {
  if (user === '') throw new CliError('a user has a name');
  const api = new Api(targetOf(options));
  try {
    const groups = [...ownGroups(user), ...(options.group ?? [])];
    const spec = { user, groups, ...(await about(api, user, verb, thing, options)) };
    const { status } = await api.json<SubjectAccessReview>(
      'POST',
      '/apis/authorization.k8s.io/v1/subjectaccessreviews',
      { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec },
    );
    if (status?.allowed) {
      const why = groups.includes('system:masters') ? 'system:masters may do everything' : status.reason;
      console.log(`yes${why ? `: ${printable(why)}` : ''}`);
      return;
    }
    console.log(`no${status?.reason ? `: ${printable(status.reason)}` : ''}`);
    process.exitCode = 1;
    const line = lineFor(spec);
    if (line) console.log(`\nIt would be allowed by:\n${line}`);
  } finally {
    api.close();
  }
}

type Spec = NonNullable<SubjectAccessReview['spec']> & { user: string; groups: string[] };

async function about(
  api: Api,
  user: string,
  verb: string,
  thing: string,
  { namespace, subresource }: CanOptions,
): Promise<Partial<Spec>> {
  if (thing.startsWith('/')) return { nonResourceAttributes: { verb, path: thing } };
  const lists = await Promise.all(
    ['/api', '/apis'].map((path) =>
      api.json<Parameters<typeof servedOf>[0][number]>('GET', path, undefined, discovery),
    ),
  );
  const question = {
    verb,
    thing,
    ...(namespace === undefined ? {} : { namespace }),
    ...(subresource === undefined ? {} : { subresource }),
  };
  const served = servedOf(lists);
  const resourceAttributes = attributesOf(question, served);
  for (const doubt of doubts(user, question, served)) console.error(`note: ${printable(doubt)}`);
  if (namespace && (await api.request('GET', `/api/v1/namespaces/${encodeURIComponent(namespace)}`)).status === 404)
    console.error(`note: there is no namespace ${printable(namespace)}`);
  return { resourceAttributes };
}

function lineFor({ user, groups, resourceAttributes, nonResourceAttributes }: Spec): string | undefined {
  // What nodes may do no role says.
  if (groups.includes('system:nodes')) return undefined;
  const { group = '', resource = '', subresource = '', name = '', namespace = '' } = resourceAttributes ?? {};
  return allowingLine({
    user: { name: user, groups },
    verb: resourceAttributes?.verb ?? nonResourceAttributes?.verb ?? '',
    isResource: resourceAttributes !== undefined,
    path: nonResourceAttributes?.path ?? '',
    group,
    resource,
    subresource,
    name,
    namespace,
  });
}
