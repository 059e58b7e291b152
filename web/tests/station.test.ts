import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import myEn from '@/my/locales/en.json';
import myZh from '@/my/locales/zh-CN.json';
import stationEn from '@/station/locales/en.json';
import stationZh from '@/station/locales/zh-CN.json';

const STATION_BY_CODE = ['flag.', 'step.', 'kind.', 'id.', 'advice.', 'fault.', 'phase.', 'typed.', 'reason.', 'box.'];
const placeholders = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!).sort();

describe.each([
  ['station', stationZh, stationEn, STATION_BY_CODE],
  ['my', myZh, myEn, []],
])("the %s application's sentences", (folder, zh, en, byCode) => {
  const chinese = new Map<string, string>(Object.entries(zh));
  const english = new Map<string, string>(Object.entries(en));
  it('are the same in both languages', () => {
    expect([...english.keys()]).toEqual([...chinese.keys()]);
    for (const [key, text] of chinese) expect(placeholders(english.get(key)!), key).toEqual(placeholders(text));
  });
  it('are not mixed up', () => {
    for (const [key, text] of english) if (key !== 'app.otherLanguage') expect(text, key).not.toMatch(/\p{Script=Han}/u);
    for (const [key, text] of chinese) if (!/^\W*$/u.test(text) && key !== 'app.otherLanguage') expect(text, key).toMatch(/\p{Script=Han}|^\{\w+\}/u);
  });
  it('are all used: by name, or as the word of a code', () => {
    const files = readdirSync(`src/${folder}`, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(ts|vue)$/.test(name));
    const all = files.map((name) => readFileSync(join(`src/${folder}`, name), 'utf8')).join('\n');
    const unused = [...chinese.keys()].filter((key) => !all.includes(`'${key}'`) && !byCode.some((start) => key.startsWith(start)));
    expect(unused).toEqual([]);
  });
});
