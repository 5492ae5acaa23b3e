// networking.k8s.io/v1 IPAddress: named by the address, held by its parent.

import { ipAddresses } from '../../../generated/schemas/index.ts';
import type { IPAddress } from '../../../generated/schemas/networking-v1.ts';
import { canonicalIpMessages, firstAddress } from '../../../machinery/cidr.ts';
import { goFormOf } from '../../../machinery/diff.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { deepEqual } from '../../../machinery/validation.ts';
import { nameColumn } from '../../columns.ts';
import { fieldImmutableMessage, Problems } from '../../problems.ts';
import { addressOf } from '../addresses.ts';
import { validateParent } from '../references.ts';

const parentForm = 'Group:group=s Resource:resource=s Namespace:namespace=s Name:name=s';

export default defineResource<IPAddress>({
  ...ipAddresses,
  singular: 'ipaddress',
  shortNames: ['ip'],
  schema: 'io.k8s.api.networking.v1.IPAddress',
  strategy: {
    revalidatesMetadata: true,
    generation: false,
    validateName: canonicalIpMessages,
    validate({ spec }) {
      const problems = new Problems();
      if (!spec?.parentRef) problems.required('spec.parentRef');
      else validateParent(problems, 'spec.parentRef', spec.parentRef);
      return problems.list;
    },
    validateUpdate(object, old) {
      const problems = new Problems();
      const parent = object.spec?.parentRef;
      if (!deepEqual(parent, old.spec?.parentRef))
        problems.invalid('spec.parentRef', parent ? goFormOf(parentForm, parent) : null, fieldImmutableMessage);
      return problems.list;
    },
  },
  bootstrap: {
    objects: (config) => [addressOf(firstAddress(config.serviceCidr), 'default', 'kubernetes')],
  },
  columns: [
    nameColumn,
    {
      name: 'ParentRef',
      type: 'string',
      doc: 'networking.v1.IPAddressSpec.parentRef',
      cell({ spec }) {
        const parent = spec?.parentRef;
        if (!parent) return '<none>';
        const resource = parent.group ? `${parent.resource ?? ''}.${parent.group}` : (parent.resource ?? '');
        return [resource.toLowerCase(), ...(parent.namespace ? [parent.namespace] : []), parent.name ?? ''].join('/');
      },
    },
  ],
});
