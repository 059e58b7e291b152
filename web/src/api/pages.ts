/** A list that is shown whole (a county has hundreds of sites, not millions) is read page after page. */
export async function allPages<Item>(
  page: (after: string | null) => Promise<Readonly<{ items: Item[]; next: string | null }>>,
): Promise<Item[]> {
  const items: Item[] = [];
  let after: string | null = null;
  do {
    const got: Readonly<{ items: Item[]; next: string | null }> = await page(after);
    items.push(...got.items);
    after = got.next;
  } while (after !== null);
  return items;
}
