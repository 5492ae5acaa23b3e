// Actions that are collections too, whose bodies name the object (a POST to `bindings`, the form before subresources).
import { errors } from '../../machinery/errors.ts';
import type { KubeObject } from '../../machinery/meta.ts';
import { copyJson } from '../../machinery/schema/json.ts';
import type { Core } from '../core.ts';
import { successStatus } from '../negotiation/respond.ts';
import { execute } from './execute.ts';
import type { VirtualResource } from './virtual.ts';

export function actionCollections(core: Core): VirtualResource[] {
  return core.registry.definitions.flatMap((definition) =>
    (definition.subresources ?? []).flatMap((subresource): VirtualResource[] => {
      const { collection, kind } = subresource;
      if (!collection || !kind) return [];
      return [
        {
          ...kind,
          plural: collection,
          singular: kind.kind.toLowerCase(),
          namespaced: definition.namespaced,
          async create(body, user, namespace, dryRun) {
            const { name } = body.metadata;
            if (!name) throw errors.badRequest('Name parameter required.');
            const scope = { core, user, definition, requested: definition, namespace, name, subresource, dryRun };
            await core.ledger.commit((tx) =>
              execute({ ...scope, tx, warnings: [] }, { verb: 'create', body: copyJson(body) }),
            );
            return { ...successStatus(undefined), details: undefined, code: 201 } as unknown as KubeObject;
          },
        },
      ];
    }),
  );
}
