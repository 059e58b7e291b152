import { expect, it, vi } from 'vitest';

import { lead } from '@/offline/leader';

it('lets one page lead; a later one leads by taking over, and the first is told', async () => {
  const locks = navigator.locks;
  const [first, second] = [vi.fn(), vi.fn()];
  expect(await lead(locks, first)).toBe(true);
  expect(await lead(locks, second)).toBe(false);
  expect(first).not.toHaveBeenCalled();
  expect(await lead(locks, second, true)).toBe(true);
  await vi.waitFor(() => { expect(first).toHaveBeenCalledOnce(); });
  expect(second).not.toHaveBeenCalled();
});

it('leads where the browser has no locks', async () => {
  expect(await lead(undefined, vi.fn())).toBe(true);
});
