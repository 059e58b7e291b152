import { describe, expect, it } from 'vitest';

import zh from '@/locales/zh-CN.json';
import { figureCards, vocabularyOf } from '@/rooms/rounds/figures';

import { overview } from './mock/answers';

describe('figureCards', () => {
  it('puts the denominator first and counts people against it', () => {
    const cards = figureCards(overview.figures);
    expect(cards[0]).toMatchObject({ key: 'due_people', value: 7409, of: null });
    expect(cards.find((card) => card.key === 'people_sampled')).toMatchObject({ of: 7409, tone: 'plain' });
  });
  it('marks what should be nought only when it is not', () => {
    const tones = (missed: number): string | undefined => {
      const figures = overview.figures.map((figure) => (figure.key === 'people_missed' ? { ...figure, value: missed } : figure));
      return figureCards(figures).find((card) => card.key === 'people_missed')?.tone;
    };
    expect(tones(0)).toBe('plain');
    expect(tones(1)).toBe('warn');
  });
  it('leaves out what the server does not give, and times', () => {
    const [first] = overview.figures;
    expect(figureCards([{ ...first!, key: 'due_people', value: '2022-03-15T07:00:00+08:00' }])).toEqual([]);
    expect(figureCards([])).toEqual([]);
  });
});

describe('vocabularyOf', () => {
  it('spells a state by the kind of record it belongs to', () => {
    const kinds = ['due_people', 'tubes', 'samples', 'sites', 'boxes', 'pools_flagged', 'positives'];
    expect(kinds.map((key) => vocabularyOf(key, 'state'))).toEqual(['due', 'tube', 'tube', 'site', 'box', 'pool', 'positive']);
    expect(vocabularyOf('clocks_running', 'code')).toBe('clock');
    expect(vocabularyOf('sites', 'code')).toBeNull();
    expect(vocabularyOf('sites', 'name')).toBeNull();
  });
  it('names vocabularies that the language files have', () => {
    for (const column of ['outcome', 'owner_role', 'mode', 'entry', 'category', 'flags', 'resolution', 'kind']) {
      expect(Object.keys(zh.word), column).toContain(vocabularyOf('discrepancies', column));
    }
  });
});
