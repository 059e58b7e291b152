/** Places of a plan that the next plan is made around: they stay, or nobody is sent there. By the key of the place. */

export type Lock = 'stay' | 'never';
export type Locks = Readonly<Record<string, Lock>>;
type Place = Readonly<{ properties: Readonly<Record<string, string | number>> }>;

const keyOf = ({ properties: about }: Place): string => String(about['layer'] === 'site' ? about['candidate'] : about['key']);

/** What a plan was itself made around. */
export function locksIn(places: readonly Place[]): Locks {
  const found = places.flatMap((place): [string, Lock][] => {
    const { layer, lock } = place.properties;
    if (layer === 'site' && lock === 'stay') return [[keyOf(place), 'stay']];
    return layer === 'candidate' && lock === 'never' ? [[keyOf(place), 'never']] : [];
  });
  return Object.fromEntries(found);
}

/** The same lock again takes it off. */
export function turned(locks: Locks, key: string, kind: Lock): Locks {
  const { [key]: before, ...rest } = locks;
  return before === kind ? rest : { ...rest, [key]: kind };
}

/** Names of what is locked so; a place this plan does not show has none and is told by its key. */
export function named(places: readonly Place[], locks: Locks, kind: Lock): string[] {
  const names = new Map(places.filter((place) => ['site', 'candidate'].includes(String(place.properties['layer']))).map((place) => [keyOf(place), String(place.properties['name'])]));
  return Object.keys(locks).filter((key) => locks[key] === kind).map((key) => names.get(key) ?? key);
}
