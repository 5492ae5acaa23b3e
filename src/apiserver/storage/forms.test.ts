import { expect, it } from 'vitest';
import { resources } from '../../generated/resources.ts';
import type { AnyResource } from '../../machinery/resource.ts';
import { columnsText, rowText } from './forms.ts';

it('prints ages between their prefix and suffix, as of the read', () => {
  const pods = resources.find(({ plural }) => plural === 'pods') as AnyResource;
  const since = '2026-01-02T03:00:00Z';
  const side = JSON.stringify({ m: 0, c: ['web', { since, prefix: '3 (', suffix: ' ago)' }, { since }, null, 7] });
  const form = { type: 'table', includeObject: 'None', columns: true, version: 'v1' } as const;
  const row = JSON.parse(rowText(pods, { value: '', side }, form, Date.parse('2026-01-02T03:05:00Z')));
  expect(row).toEqual({ cells: ['web', '3 (5m ago)', '5m', null, 7], object: null });
});

it('finds the description of each column that refers to a field, without what its values mean', () => {
  for (const definition of resources) {
    const columns = JSON.parse(columnsText(definition)) as { name: string; description: string }[];
    for (const [at, { name, description }] of columns.entries()) {
      const where = `${definition.plural}.${definition.group}: ${name}`;
      // Upstream takes that of runtime classes' handler from a type that has no such field; metrics-server describes none.
      const bare = where === 'runtimeclasses.node.k8s.io: Handler' || definition.group === 'metrics.k8s.io';
      if (!bare) expect(description, where).not.toBe('');
      if (definition.columns[at]?.doc) expect(description, where).not.toMatch(/Possible enum values|\n$/);
    }
  }
});
