/** Which towns and villages a round's list is frozen for: all of them, until somebody leaves some out. */

export type AreaChoice = Readonly<{
  /** What was said of an area itself; the rest goes with the area around it. */
  own: Readonly<Record<string, boolean>>;
  /** The areas directly below one, as far as they were looked at. */
  below: Readonly<Record<string, readonly string[]>>;
  /** Risk areas and sealed estates. */
  classes: Readonly<Record<string, string>>;
}>;

export const ALL: AreaChoice = { own: {}, below: {}, classes: {} };
export const AREA_CLASSES = ['medium_high_risk_area', 'low_risk_area', 'sealed_estate'] as const;

const without = <T>(kept: Readonly<Record<string, T>>, below: string): Record<string, T> => Object.fromEntries(Object.entries(kept).filter(([area]) => !area.startsWith(below)));

/** Whether an area is of the round: what was said of it, else of the closest area around it. */
export function isIn(choice: AreaChoice, area: string): boolean {
  const said = Object.entries(choice.own).filter(([one]) => area.startsWith(one)).sort(([a], [b]) => b.length - a.length);
  return said[0]?.[1] ?? true;
}

/** Whether something else was said of a part of an area than of the area. */
export const isMixed = (choice: AreaChoice, area: string): boolean =>
  Object.entries(choice.own).some(([one, on]) => one !== area && one.startsWith(area) && on !== isIn(choice, area));

/** Takes an area with all that is in it into the round, or leaves it out. */
export const put = (choice: AreaChoice, area: string, on: boolean): AreaChoice => ({ ...choice, own: { ...without(choice.own, area), [area]: on } });

export const looked = (choice: AreaChoice, area: string, below: readonly string[]): AreaChoice => ({ ...choice, below: { ...choice.below, [area]: below } });

/** Names what an area is; an empty class takes the name away. */
export function classed(choice: AreaChoice, area: string, kind: string): AreaChoice {
  const rest = Object.entries(choice.classes).filter(([one]) => one !== area);
  return { ...choice, classes: Object.fromEntries(kind === '' ? rest : [...rest, [area, kind]]) };
}

/** The parts a round is of, none inside another: the round's own area where nothing was left out. */
export function partsOf(choice: AreaChoice, area: string): readonly string[] {
  if (!isMixed(choice, area)) return isIn(choice, area) ? [area] : [];
  return (choice.below[area] ?? []).flatMap((one) => partsOf(choice, one));
}
