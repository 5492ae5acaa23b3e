import { expect, it } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import type { RangeRequest, ReadView } from '../../ledger/types.ts';
import { testServer } from '../testing.ts';
import { joinedItems, joinedPages } from './joined.ts';

const maps = '/api/v1/namespaces/default/configmaps';

it('lists the same whole as row by row, page by page', async () => {
  const { call } = await testServer(openSql());
  for (let i = 0; i < 7; i++) await call('POST', maps, { metadata: { name: `m${i}` }, data: { value: `é${i}` } });
  const names = (list: { items: { metadata: { name: string } }[] }) => list.items.map(({ metadata }) => metadata.name);
  const rows = (await call('GET', `${maps}?labelSelector=!absent`)).json;
  expect(names(rows)).toContain('m0');
  expect((await call('GET', maps)).json).toEqual({ ...rows, metadata: (await call('GET', maps)).json.metadata });
  for (const limit of [1, 3, 7, 8, 100]) {
    const items: unknown[] = [];
    let next = '';
    do {
      const page = (await call('GET', `${maps}?limit=${limit}&continue=${next}`)).json;
      expect(page.items.length).toBeLessThanOrEqual(limit);
      items.push(...page.items);
      next = page.metadata.continue ?? '';
      expect(page.metadata.remainingItemCount ?? 0).toBe(rows.items.length - items.length);
    } while (next !== '');
    expect(items).toEqual(rows.items);
  }
  expect((await call('GET', '/api/v1/namespaces/nothing-here/configmaps')).json.items).toEqual([]);
});

it('asks for fewer rows where they are too large to be joined', () => {
  const values = Array.from({ length: 40 }, (_, i) => ({
    key: `k${String(i).padStart(2, '0')}`,
    size: i < 20 ? 1 : 60,
  }));
  const view = {
    text({ after = '', limit = 0 }: RangeRequest & { limit: number }) {
      const page = values.filter(({ key }) => key > after).slice(0, limit);
      if (page.reduce((sum, { size }) => sum + size, 0) > 100) return undefined;
      return { text: page.map(({ key }) => key).join(','), count: page.length, last: page.at(-1)?.key ?? '' };
    },
  } as unknown as ReadView;
  const range = { start: 'k', end: 'l' };
  const texts = (limit?: number) =>
    [...joinedPages(view, range, 1, undefined, limit)].map(({ text }) => text).join(',');
  expect(texts()).toBe(values.map(({ key }) => key).join(','));
  expect(texts(23)).toBe(
    values
      .slice(0, 23)
      .map(({ key }) => key)
      .join(','),
  );
  expect(joinedItems(view, range, 1, 'k37')).toMatchObject({ count: 1, last: 'k38' });
});
