import { expect, it } from 'vitest';
import { resources } from '../../generated/resources.ts';
import type { AnyResource } from '../../machinery/resource.ts';
import { rowText } from './forms.ts';

it('prints ages between their prefix and suffix, as of the read', () => {
  const pods = resources.find(({ plural }) => plural === 'pods') as AnyResource;
  const since = '2026-01-02T03:00:00Z';
  const side = JSON.stringify({ m: 0, c: ['web', { since, prefix: '3 (', suffix: ' ago)' }, { since }, null, 7] });
  const form = { type: 'table', includeObject: 'None', columns: true, version: 'v1' } as const;
  const row = JSON.parse(rowText(pods, { value: '', side }, form, Date.parse('2026-01-02T03:05:00Z')));
  expect(row).toEqual({ cells: ['web', '3 (5m ago)', '5m', null, 7], object: null });
});
