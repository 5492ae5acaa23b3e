// networking.k8s.io/v1 IngressClass.

import { ingressClasses } from '../../../generated/schemas/index.ts';
import type { IngressClass, IngressClassParametersReference } from '../../../generated/schemas/networking-v1.ts';
import { isDns1123Label, isDns1123Subdomain, regexMessage } from '../../../machinery/names.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { ageColumn, nameColumn } from '../../columns.ts';
import { fieldImmutableMessage, Problems } from '../../problems.ts';
import { validateTypedReference } from '../references.ts';

const controllerBytesMax = 250;
const pathFormat = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";

/** `acme.io/foo`. */
function validateController(problems: Problems, controller: string): void {
  const path = 'spec.controller';
  if (new TextEncoder().encode(controller).length > controllerBytesMax) problems.tooLong(path, controllerBytesMax);
  if (controller === '') {
    problems.required(path);
    return;
  }
  const slash = controller.indexOf('/');
  const [host, rest] = [controller.slice(0, slash), controller.slice(slash + 1)];
  if (slash < 1 || rest === '') {
    problems.invalid(path, controller, 'must be a domain-prefixed path (such as "acme.io/foo")');
    return;
  }
  problems.invalidAll(path, host, isDns1123Subdomain(host));
  if (!new RegExp(`^${pathFormat}$`).test(rest)) problems.invalid(path, rest, regexMessage('Invalid path', pathFormat));
}

function validateParameters(problems: Problems, parameters: IngressClassParametersReference): void {
  const path = 'spec.parameters';
  const { scope, namespace } = parameters;
  validateTypedReference(problems, path, parameters);
  problems.oneOf(`${path}.scope`, scope, ['Cluster', 'Namespace'], scope === undefined ? 'required' : 'unsupported');
  if (scope === 'Namespace') {
    if (namespace === undefined) problems.required(`${path}.namespace`, "`parameters.scope` is set to 'Namespace'");
    else problems.invalidAll(`${path}.namespace`, namespace, isDns1123Label(namespace));
  } else if (scope === 'Cluster' && namespace !== undefined)
    problems.forbidden(`${path}.namespace`, "`parameters.scope` is set to 'Cluster'");
}

function validate(problems: Problems, object: IngressClass): void {
  validateController(problems, object.spec?.controller ?? '');
  if (object.spec?.parameters) validateParameters(problems, object.spec.parameters);
}

export default defineResource<IngressClass>({
  ...ingressClasses,
  singular: 'ingressclass',
  schema: 'io.k8s.api.networking.v1.IngressClass',
  strategy: {
    revalidatesMetadata: true,
    defaults(object) {
      object.spec ??= {};
      if (object.spec.parameters) object.spec.parameters.scope ??= 'Cluster';
    },
    // Upstream says of an update first what changed, then what is wrong.
    validate(object, context) {
      const problems = new Problems();
      if (context.operation === 'create') validate(problems, object);
      return problems.list;
    },
    validateUpdate(object, old) {
      const problems = new Problems();
      const controller = object.spec?.controller ?? '';
      if (controller !== (old.spec?.controller ?? ''))
        problems.invalid('spec.controller', controller, fieldImmutableMessage);
      validate(problems, object);
      return problems.list;
    },
  },
  columns: [
    nameColumn,
    {
      name: 'Controller',
      type: 'string',
      description: 'Controller that is responsible for handling this class',
      cell: (object) => object.spec?.controller ?? '',
    },
    {
      name: 'Parameters',
      type: 'string',
      description: 'A reference to a resource with additional parameters',
      cell({ spec }) {
        const reference = spec?.parameters;
        if (!reference) return '<none>';
        const group = reference.apiGroup === undefined ? '' : `.${reference.apiGroup}`;
        return `${reference.kind ?? ''}${group}/${reference.name ?? ''}`;
      },
    },
    ageColumn,
  ],
});
