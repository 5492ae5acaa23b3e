// What is wrong with a review of access (authorization/validation), in upstream's words.
import type {
  FieldSelectorAttributes,
  LabelSelectorAttributes,
  LocalSubjectAccessReview,
  NonResourceAttributes,
  SelfSubjectAccessReview,
  SubjectAccessReview,
} from '../../generated/schemas/authorization-v1.ts';
import type { FieldError } from '../../machinery/errors.ts';
import type { LabelSelectorRequirement, ObjectMeta } from '../../machinery/meta.ts';
import { invalid, isLabelValue, isQualifiedName, required } from '../../machinery/validation.ts';

export type AccessReview = SelfSubjectAccessReview | SubjectAccessReview | LocalSubjectAccessReview;

/** `kind`: a self-review names no subject, a local one is about its own namespace. */
export function reviewProblems(review: AccessReview, kind: 'self' | 'subject' | 'local'): FieldError[] {
  const { resourceAttributes: resource, nonResourceAttributes: path } = review.spec ?? {};
  const out: FieldError[] = [];
  if (resource && path)
    out.push(
      invalid('spec.nonResourceAttributes', shown(path), 'cannot be specified in combination with resourceAttributes'),
    );
  if (!resource && !path)
    out.push(
      invalid(
        'spec.resourceAttributes',
        'null',
        'exactly one of nonResourceAttributes or resourceAttributes must be specified',
      ),
    );
  if (kind !== 'self') {
    const { user = '', groups = [] } = (review as SubjectAccessReview).spec ?? {};
    if (user === '' && groups.length === 0)
      out.push(invalid('spec.user', user, 'at least one of user or group must be specified'));
  }
  out.push(
    ...selectorProblems(resource?.fieldSelector, 'spec.resourceAttributes.fieldSelector', fieldRequirementProblems),
    ...selectorProblems(resource?.labelSelector, 'spec.resourceAttributes.labelSelector', labelRequirementProblems),
    ...metadataProblems(review.metadata, kind === 'local'),
  );
  if (kind === 'local') {
    const namespace = resource?.namespace ?? '';
    if (resource && namespace !== (review.metadata.namespace ?? ''))
      out.push(invalid('spec.resourceAttributes.namespace', namespace, 'must match metadata.namespace'));
    if (path) out.push(invalid('spec.nonResourceAttributes', shown(path), 'disallowed on this kind of request'));
  }
  return out;
}

/** By the names of its Go fields. */
const shown = ({ path = '', verb = '' }: NonResourceAttributes): object => ({ Path: path, Verb: verb });

function metadataProblems(metadata: ObjectMeta, namespaced: boolean): FieldError[] {
  const { namespace, managedFields: _managedFields, ...rest } = metadata;
  if (Object.keys(rest).length === 0 && (namespaced || !namespace)) return [];
  return [invalid('metadata', metadata, namespaced ? 'must be empty except for namespace' : 'must be empty')];
}

interface Requirement {
  key?: string;
  operator?: string;
  values?: string[];
}

function selectorProblems(
  selector: FieldSelectorAttributes | LabelSelectorAttributes | undefined,
  path: string,
  problemsOf: (requirement: Requirement, path: string) => FieldError[],
): FieldError[] {
  if (!selector) return [];
  const { rawSelector = '', requirements = [] } = selector;
  const out: FieldError[] = [];
  if (rawSelector !== '' && requirements.length > 0)
    out.push(invalid(`${path}.rawSelector`, rawSelector, 'may not specified at the same time as requirements'));
  if (rawSelector === '' && requirements.length === 0)
    out.push(required(`${path}.requirements`, `when ${path} is specified, requirements or rawSelector is required`));
  requirements.forEach((requirement, i) => {
    out.push(...problemsOf(requirement as Requirement, `${path}.requirements[${i}]`));
  });
  return out;
}

/** An operator that is not known yet is let through: newer clients may know more. */
function operandProblems({ operator, values = [] }: Requirement, path: string): FieldError[] {
  if ((operator === 'In' || operator === 'NotIn') && values.length === 0)
    return [required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'")];
  if ((operator === 'Exists' || operator === 'DoesNotExist') && values.length > 0)
    return [
      {
        type: 'Forbidden',
        field: `${path}.values`,
        detail: "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
      },
    ];
  return [];
}

function fieldRequirementProblems(requirement: Requirement, path: string): FieldError[] {
  const missing = requirement.key ? [] : [required(`${path}.key`, 'must be specified')];
  return [...operandProblems(requirement, path), ...missing];
}

function labelRequirementProblems(requirement: Requirement, path: string): FieldError[] {
  const { key = '', values = [] } = requirement as Partial<LabelSelectorRequirement>;
  return [
    ...operandProblems(requirement, path),
    ...isQualifiedName(key).map((message) => invalid(`${path}.key`, key, message)),
    ...values.flatMap((value, i) =>
      isLabelValue(value).map((message) => invalid(`${path}.values[${i}]`, value, message)),
    ),
  ];
}
