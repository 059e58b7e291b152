/** A column of a list: `field` names the cell's slot; `text` spells the value where it is not the field itself. */
export type ListColumn<Row> = Readonly<{
  field: string;
  header: string;
  sortBy?: string;
  sortable?: boolean;
  numeric?: boolean;
  /** The row's name: becomes the heading of its card on a phone. */
  lead?: boolean;
  /** On a phone the cell takes the whole line; `bare` without its heading. */
  phone?: 'wide' | 'bare';
  width?: string;
  text?: (row: Row) => string;
}>;
