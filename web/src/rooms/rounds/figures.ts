import type { Figure } from '@/api/shapes';

export type FigureCardData = Readonly<{ key: string; label: string; value: number; of: number | null; tone: 'plain' | 'warn' | 'bad' }>;

/** What a commander reads first, in this order; a figure the server does not give is left out. */
const FIRST = ['due_people', 'people_sampled', 'people_resulted', 'people_waiting', 'people_missed', 'positives'];
/** Counted against everyone due. */
const OF_DUE = new Set(['people_sampled', 'people_resulted', 'people_waiting', 'people_missed']);
/** Figures that should be nought: any count asks for attention. */
const SHOULD_BE_NOUGHT = new Map<string, 'warn' | 'bad'>([
  ['people_missed', 'warn'],
  ['positives', 'bad'],
]);

/** The cards at the head of a round's page. */
export function figureCards(figures: readonly Figure[]): FigureCardData[] {
  const values = new Map(figures.map((figure) => [figure.key, figure]));
  const due = values.get('due_people')?.value;
  return FIRST.flatMap((key) => {
    const figure = values.get(key);
    if (figure === undefined || typeof figure.value !== 'number') return [];
    const of = OF_DUE.has(key) && typeof due === 'number' ? due : null;
    const tone = figure.value > 0 ? (SHOULD_BE_NOUGHT.get(key) ?? 'plain') : 'plain';
    return [{ key, label: figure.label, value: figure.value, of, tone }];
  });
}

/** Which vocabulary spells the codes of a column; `state` means something else in each kind of record. */
export function vocabularyOf(figureKey: string, column: string): string | null {
  if (column === 'state') {
    if (figureKey.startsWith('tubes') || figureKey === 'samples') return 'tube';
    if (figureKey === 'sites') return 'site';
    if (figureKey === 'boxes') return 'box';
    if (figureKey === 'pools_flagged') return 'pool';
    return figureKey === 'positives' ? 'positive' : 'due';
  }
  if (column === 'kind') return figureKey.startsWith('discrepancies') ? 'discrepancy' : 'kind';
  if (column === 'code') return figureKey.startsWith('clocks') ? 'clock' : null;
  if (column === 'reason') return figureKey === 'people_excused' ? 'excuse' : null;
  const same: Record<string, string> = {
    outcome: 'outcome',
    owner_role: 'role',
    job: 'role',
    mode: 'mode',
    entry: 'entry',
    category: 'category',
    party: 'party',
    flags: 'flag',
    resolution: 'resolution',
  };
  return same[column] ?? null;
}
