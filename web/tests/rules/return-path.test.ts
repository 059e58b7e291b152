import { expect, it } from 'vitest';

import { HOME, safeReturnPath } from '@/rules/return-path';

it.each(['/console', '/console/rounds', '/console/rounds/0190?x=1'])('goes back to %s', (path) => {
  expect(safeReturnPath(path)).toBe(path);
});

it.each([undefined, ['/console'], '', '//evil.example', 'https://evil.example', '/console//evil.example', '/consoles', '/console/\\evil', 'javascript:alert(1)'])(
  'goes home instead of %s',
  (path) => {
    expect(safeReturnPath(path)).toBe(HOME);
  },
);
