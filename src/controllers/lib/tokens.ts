// All resource types that this release serves, for controllers that treat every kind alike.
import * as schemas from '../../generated/schemas/index.ts';
import type { ResourceToken } from '../../machinery/meta.ts';
import { groupOf } from './owners.ts';

export const allTokens: readonly ResourceToken[] = (Object.values(schemas) as unknown[]).filter(isToken);

function isToken(value: unknown): value is ResourceToken {
  return typeof value === 'object' && value !== null && 'plural' in value && 'namespaced' in value;
}

/** By group and kind; a reference's version does not matter. */
export function tokenOfKind(apiVersion: string, kind: string): ResourceToken | undefined {
  const group = groupOf(apiVersion);
  return allTokens.find((token) => token.group === group && token.kind === kind);
}
