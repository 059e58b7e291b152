import { expect, it } from 'vitest';

import { allPages } from '@/api/pages';

it('reads every page once and in order', async () => {
  const asked: (string | null)[] = [];
  const items = await allPages((after) => {
    asked.push(after);
    const next = after === null ? 'b' : after === 'b' ? 'c' : null;
    return Promise.resolve({ items: [`${after ?? 'a'}1`, `${after ?? 'a'}2`], next });
  });
  expect(items).toEqual(['a1', 'a2', 'b1', 'b2', 'c1', 'c2']);
  expect(asked).toEqual([null, 'b', 'c']);
});
