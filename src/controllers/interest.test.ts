// What a source says it wants to see must hold all that it finds work in, or work would be forgotten.
import { expect, it } from 'vitest';
import { controllers } from '../generated/controllers.ts';
import { groupResource } from '../machinery/meta.ts';
import { interestOf, wants } from '../reconcile/interest.ts';

const owners = [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u' }];
const extras: Record<string, unknown>[] = [
  {},
  { finalizers: ['a.example/b'] },
  { ownerReferences: owners },
  { deletionTimestamp: '2026-11-22T00:00:00Z', finalizers: ['foregroundDeletion'] },
];
const names = ['x', 'kube-root-ca.crt', 'default'];

it('of no controller leaves out a change in which it finds work', async () => {
  const sources = controllers.flatMap((create) =>
    create({
      contacts: { lastContact: async () => undefined },
      caCertificate: 'CA',
      secretToken: async () => 't',
    }).sources.filter(({ only }) => only),
  );
  expect(sources.length).toBeGreaterThan(10);
  let asked = 0;
  for (const each of sources) {
    const wanted = wants(interestOf([each]));
    const { namespaced } = each.resource;
    for (const type of ['put', 'delete'] as const)
      for (const extra of extras)
        for (const before of [undefined, ...extras])
          for (const name of names) {
            const object = { metadata: { name, uid: name, ...(namespaced ? { namespace: 'n' } : {}), ...extra } };
            const previous = before && { metadata: { ...object.metadata, ...before } };
            const key = `${groupResource(each.resource)}/${namespaced ? 'n/' : ''}${name}`;
            if (wanted({ type, key, value: JSON.stringify(object) })) continue;
            asked++;
            const change = { type, resource: each.resource, revision: 1, object, previous } as never;
            expect(await each.keys(change, undefined as never), `${key} ${type}`).toEqual([]);
          }
  }
  expect(asked).toBeGreaterThan(1000);
});
