import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import en from '@/locales/en.json';
import zh from '@/locales/zh-CN.json';

interface Tree { [key: string]: string | Tree }

function flat(tree: Tree, path = ''): Map<string, string> {
  const out = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    const here = path === '' ? key : `${path}.${key}`;
    if (typeof value === 'string') out.set(here, value);
    else for (const [inner, text] of flat(value, here)) out.set(inner, text);
  }
  return out;
}

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|vue)$/.test(name) && !name.includes('schema.d.ts'))
    .map((name) => join(folder, name));
}

const chinese = flat(zh);
const english = flat(en);
const placeholders = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!).sort();

describe('the two languages', () => {
  it('have the same keys', () => {
    expect([...english.keys()].sort()).toEqual([...chinese.keys()].sort());
  });
  it('leave nothing empty and fill in the same parameters', () => {
    for (const [key, text] of chinese) {
      expect(text.trim(), key).not.toBe('');
      expect(english.get(key)!.trim(), key).not.toBe('');
      expect(placeholders(english.get(key)!), key).toEqual(placeholders(text));
    }
  });
  it('are not mixed up', () => {
    const own = new Set(['nav.language.zh-CN', 'nav.language.en']); // each language is named in itself
    for (const [key, text] of english) if (!own.has(key)) expect(text, key).not.toMatch(/\p{Script=Han}/u);
    const symbolsOnly = /^[^\p{L}]*$|^\{\w+\} \/ \{\w+\}$/u;
    for (const [key, text] of chinese) {
      if (!own.has(key) && !symbolsOnly.test(text)) expect(text, key).toMatch(/\p{Script=Han}/u);
    }
  });
});

describe('the screens', () => {
  const files = sources('src').map((name) => ({ name, text: readFileSync(name, 'utf8') }));
  it('ask only for sentences that exist', () => {
    for (const { name, text } of files) {
      for (const match of text.matchAll(/\bt\('([\w.-]+)'/g)) expect(chinese.has(match[1]!), `${name}: ${match[1]!}`).toBe(true);
    }
  });
  it('use every sentence (words of a vocabulary are looked up by code)', () => {
    const all = files.map((file) => file.text).join('\n');
    const unused = [...chinese.keys()].filter(
      (key) => !key.startsWith('word.') && !key.startsWith('nav.language.') && !all.includes(`'${key}'`),
    );
    expect(unused).toEqual([]);
  });
  it('hold no Chinese outside comments: sentences live in the language files', () => {
    for (const { name, text } of files) {
      const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$|<!--[\s\S]*?-->/gm, '');
      expect(code.replaceAll("'、'", '').match(/\p{Script=Han}+/gu) ?? [], name).toEqual([]);
    }
  });
});
