// @vitest-environment jsdom
import { afterEach, beforeEach, expect, it } from 'vitest';

import { listen, type Typed } from '@/station/scanner';

let heard: Typed[] = [];
let stop = (): void => undefined;
let now = 100_000;
beforeEach(() => { heard = []; stop = listen((typed) => { heard.push(typed); }); });
afterEach(() => { stop(); });

function key(name: string, after: number): KeyboardEvent {
  const event = new KeyboardEvent('keydown', { key: name, cancelable: true, bubbles: true });
  Object.defineProperty(event, 'timeStamp', { value: now += after });
  document.body.dispatchEvent(event);
  return event;
}
function type(text: string, after = 5): void {
  for (const letter of text) key(letter, after);
}

it('hears what was typed when Enter comes, and Enter presses nothing else', () => {
  type('TUBE0001');
  expect(key('Enter', 5).defaultPrevented).toBe(true);
  type('TUBE0002');
  key('Tab', 5);
  expect(heard).toEqual([{ text: 'TUBE0001', torn: false }, { text: 'TUBE0002', torn: false }]);
});

it('loses no letter where the phone stood still in the middle of a scan, and says that it did', () => {
  type('TUBE');
  key('0', 4_000);
  type('001');
  key('Enter', 5);
  type('TUBE0002');
  key('Enter', 4_000);
  type('TUBE0003');
  key('Enter', 5);
  expect(heard).toEqual([
    { text: 'TUBE0001', torn: true }, { text: 'TUBE0002', torn: true }, { text: 'TUBE0003', torn: false },
  ]);
});

it('forgets a stray key in time, and lets a lone Enter press its button', () => {
  key('x', 5);
  expect(key('Enter', 20_000).defaultPrevented).toBe(false);
  key('x', 5);
  expect(key('Enter', 5).defaultPrevented).toBe(false);
  type('TUBE0004', 5);
  key('Enter', 5);
  expect(heard).toEqual([{ text: 'TUBE0004', torn: false }]);
});

it('leaves alone what is typed into a field', () => {
  const field = document.body.appendChild(document.createElement('input'));
  field.dispatchEvent(new KeyboardEvent('keydown', { key: '7', bubbles: true }));
  type('TUBE0005');
  key('Enter', 5);
  expect(heard.map((one) => one.text)).toEqual(['TUBE0005']);
});
