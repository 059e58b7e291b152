import type { Figure } from '@/api/shapes';

export type FigureCardData = Figure & Readonly<{ tone: 'plain' | 'warn' | 'bad' }>;

/** What a commander reads first; a figure the server does not give is left out. */
const FIRST = ['due', 'sampled', 'resulted', 'excused', 'missed', 'positive'] as const;
/** Figures that should be nought: any count asks for attention. */
const SHOULD_BE_NOUGHT = new Map<string, 'warn' | 'bad'>([
  ['missed', 'warn'],
  ['positive', 'bad'],
]);

export function figureCards(figures: readonly Figure[]): FigureCardData[] {
  const byKey = new Map(figures.map((figure) => [figure.key, figure]));
  return FIRST.flatMap((key) => {
    const figure = byKey.get(key);
    if (figure === undefined) return [];
    const tone = figure.value > 0 ? (SHOULD_BE_NOUGHT.get(key) ?? 'plain') : 'plain';
    return [{ ...figure, tone }];
  });
}
