// Cluster roles with an aggregationRule: their rules are those of the roles that they select. Any role may be selected by any
// other, so that there is one key for all of them; a role that aggregates another one follows in the next round.
import { clusterRoles } from '../../generated/schemas/index.ts';
import type { Controller, ReconcileContext, Result } from '../../reconcile/types.ts';
import { source } from '../../reconcile/types.ts';
import type { ControllerOptions } from '../lib/options.ts';
import { writeAll } from '../lib/write.ts';
import { outdated } from './plan.ts';

const controllerName = 'clusterrole-aggregation-controller';
const all = 'all';

export function create(_options: ControllerOptions): Controller {
  return {
    name: controllerName,
    sources: [source(clusterRoles, () => [all])],
    reconcile,
  };
}

async function reconcile(_key: string, { client }: ReconcileContext): Promise<Result> {
  const roles = await client.list(clusterRoles);
  await writeAll(
    client,
    outdated(roles).map(({ apiVersion, kind, metadata: { name, uid }, rules }) => ({
      verb: 'apply',
      resource: clusterRoles,
      manager: controllerName,
      force: true,
      object: { apiVersion, kind, metadata: { name, uid }, ...(rules?.length ? { rules } : {}) },
    })),
  );
  return {};
}
