/** Reading records whose columns are known by name only (the rows behind a figure). */

/** One column as text; nothing, objects and lists give an empty text. */
export function textOf(row: Readonly<Record<string, unknown>>, column: string): string {
  const value = row[column];
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

/** The columns of a set of records, in the order of the first; columns that are empty in every record are left out. */
export function columnsOf(rows: readonly Readonly<Record<string, unknown>>[]): string[] {
  const empty = (value: unknown): boolean =>
    value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
  return Object.keys(rows[0] ?? {}).filter((column) => rows.some((row) => !empty(row[column])));
}
