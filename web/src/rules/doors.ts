/** The list of a home-visit team in the order of its walk. Pure. */

export type Door = Readonly<{ key: string; name: string; address: string; area: string; single: boolean; done: boolean }>;
/** `way`: what the addresses of a village have in common; `address`: the rest, which tells the doors apart. */
export type House = Readonly<{ area: string; way: string; address: string; people: readonly Door[]; left: number }>;

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
  const ways = new Map<string, string>();
  for (const { area, address } of doors) ways.set(area, shared(ways.get(area) ?? address, address));
  return [...houses.values()]
    .map((people): House => {
      const [{ area, address } = { area: '', address: '' }] = people;
      const way = houses.size > 1 ? wholeWords(ways.get(area) ?? '') : '';
      return { area, way, address: address.slice(way.length), people, left: people.filter((one) => !one.done).length };
    })
    .sort((one, other) => order.compare(one.area, other.area) || order.compare(one.address, other.address));
}

function shared(one: string, other: string): string {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length += 1;
  return one.slice(0, length);
}

/** Without a number or word that is cut in the middle: of 1号 and 12号 the way has no 1. */
const wholeWords = (way: string): string => way.replace(/[0-9A-Za-z０-９-]+$/u, '');
