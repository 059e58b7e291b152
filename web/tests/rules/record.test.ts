import { expect, it } from 'vitest';

import { columnsOf, textOf } from '@/rules/record';

it('reads a column as text and never shows an object', () => {
  const row = { a: 'x', b: 3, c: true, d: null, e: {}, f: ['y'] };
  expect(Object.keys(row).map((column) => textOf(row, column))).toEqual(['x', '3', 'true', '', '', '']);
  expect(textOf(row, 'missing')).toBe('');
});

it('leaves out columns that no record fills, and keeps the order', () => {
  expect(columnsOf([{ b: '', a: 1, flags: [] }, { b: null, a: 0, flags: [] }])).toEqual(['a']);
  expect(columnsOf([{ b: '', a: 1 }, { b: 'x', a: null }])).toEqual(['b', 'a']);
  expect(columnsOf([])).toEqual([]);
});
