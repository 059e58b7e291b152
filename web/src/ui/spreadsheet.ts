export type SheetOrder = Readonly<{
  fileName: string;
  header: readonly string[];
  rows: readonly (readonly (string | number)[])[];
}>;

/** Saves what a list shows as an Excel file. Texts stay texts: a code keeps its leading zeros, a formula is never run. */
export async function saveSheet(order: SheetOrder): Promise<void> {
  const { default: write } = await import('write-excel-file/browser');
  const head = order.header.map((value) => ({ value, type: String, fontWeight: 'bold' as const }));
  const rows = order.rows.map((row) =>
    row.map((value) => (typeof value === 'number' ? { value, type: Number } : { value, type: String })),
  );
  const columns = order.header.map((value, at) => ({
    width: Math.min(40, Math.max(value.length * 2, ...order.rows.map((row) => String(row[at] ?? '').length * 1.6), 8)),
  }));
  await write([head, ...rows], { columns, stickyRowsCount: 1 }).toFile(`${order.fileName}.xlsx`);
}
