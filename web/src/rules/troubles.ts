/** What somebody lets go wrong on a planned day, as it stands in a form: clock times, nothing chosen, percents as planned. */
export interface Hours { from: string; to: string }
export interface TroublesForm {
  absent: number | null;
  turnout: number | null;
  patience: number | null;
  infected: number | null;
  slower: Hours & { on: boolean; percent: number | null };
  still: Hours & { sites: string[] };
  vehicle: Hours & { name: string };
  laboratory: Hours & { name: string };
  few: { site: string; tubes: number | null; until: string };
}
type Spell = Readonly<{ start: number; end: number }>;
export type TroublesAsked = Readonly<{
  absent: number;
  turnout: number;
  patience?: number;
  infected?: number;
  slower?: Spell & Readonly<{ percent: number }>;
  still?: Spell & Readonly<{ sites: string[] }>;
  vehicle?: Spell & Readonly<{ name: string }>;
  laboratory?: Spell & Readonly<{ name: string }>;
  few?: Readonly<{ site: string; tubes: number; until: number }>;
}>;

const DAY = 1440;

/** A form on which nothing goes wrong. */
export function nothingWrong(): TroublesForm {
  return {
    absent: 0,
    turnout: 100,
    patience: null,
    infected: 1,
    slower: { on: false, from: '10:00', to: '11:00', percent: 200 },
    still: { sites: [], from: '10:00', to: '10:40' },
    vehicle: { name: '', from: '12:00', to: '14:00' },
    laboratory: { name: '', from: '12:00', to: '16:00' },
    few: { site: '', tubes: null, until: '14:00' },
  };
}

/** Minutes since midnight of a clock time; null when it is none. */
export function minuteOf(time: string): number | null {
  const found = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(time);
  return found ? Number(found[1]) * 60 + Number(found[2]) : null;
}

/** From one clock time to the next such: an end before its start is on the day after. */
function spellOf(hours: Hours): Spell | null {
  const [start, end] = [minuteOf(hours.from), minuteOf(hours.to)];
  if (start === null || end === null) return null;
  return { start, end: end > start ? end : end + DAY };
}

/** What to ask for; null while the form says nothing, or half of something. */
export function troublesOf(form: TroublesForm): TroublesAsked | null {
  const [absent, turnout, infected] = [form.absent ?? 0, form.turnout ?? 100, form.infected ?? 1]; // an emptied field: as planned
  if (form.slower.on && form.slower.percent === null) return null;
  const parts: Partial<Record<'slower' | 'still' | 'vehicle' | 'laboratory', Spell & Record<string, unknown>>> = {};
  const chosen = [
    ['slower', form.slower.on, form.slower, { percent: form.slower.percent }],
    ['still', form.still.sites.length > 0, form.still, { sites: [...form.still.sites] }],
    ['vehicle', form.vehicle.name !== '', form.vehicle, { name: form.vehicle.name }],
    ['laboratory', form.laboratory.name !== '', form.laboratory, { name: form.laboratory.name }],
  ] as const;
  for (const [name, wanted, hours, more] of chosen) {
    if (!wanted) continue;
    const spell = spellOf(hours);
    if (spell === null) return null;
    parts[name] = { ...spell, ...more };
  }
  const until = minuteOf(form.few.until);
  const { site, tubes } = form.few;
  if (site !== '' && (tubes === null || until === null)) return null;
  const few = site !== '' && tubes !== null && until !== null ? { few: { site, tubes, until } } : {};
  const people = { ...(form.patience === null ? {} : { patience: form.patience }), ...(infected > 1 ? { infected } : {}) };
  const nothing = absent === 0 && turnout === 100;
  if (nothing && [parts, few, people].every((part) => Object.keys(part).length === 0)) return null;
  return { absent, turnout, ...people, ...parts, ...few } as TroublesAsked;
}
