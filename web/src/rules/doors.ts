/** The list of a home-visit team in the order of its walk. Pure. */

export type Door = Readonly<{ key: string; name: string; address: string; area: string; single: boolean; done: boolean }>;
export type House = Readonly<{ area: string; address: string; people: readonly Door[]; left: number }>;

/** 2号 comes before 10号: numbers in an address count as numbers. */
const order = new Intl.Collator('zh-CN', { numeric: true });

/** People by house, houses by village and address; whoever was swabbed here, or is known to be, counts as done. */
export function housesOf(doors: readonly Door[], swabbed: (key: string) => boolean): House[] {
  const houses = new Map<string, Door[]>();
  for (const door of doors) {
    const place = `${door.area} ${door.address}`;
    const here = houses.get(place) ?? [];
    here.push({ ...door, done: door.done || swabbed(door.key) });
    houses.set(place, here);
  }
  return [...houses.values()]
    .map((people): House => ({ area: people[0]?.area ?? '', address: people[0]?.address ?? '', people, left: people.filter((one) => !one.done).length }))
    .sort((one, other) => order.compare(one.area, other.area) || order.compare(one.address, other.address));
}
