import type * as Writer from 'zxing-wasm/writer';
import wasmUrl from 'zxing-wasm/writer/zxing_writer.wasm?url';

/** A QR code as a path of unit squares, drawn on the phone itself: `size` modules on a side, without the quiet zone. */
export type Drawn = Readonly<{ size: number; path: string }>;

let ready: Promise<typeof Writer> | null = null;

async function writer(): Promise<typeof Writer> {
  const loaded = await import('zxing-wasm/writer');
  loaded.prepareZXingModule({ overrides: { locateFile: () => wasmUrl } });
  return loaded;
}

/** `level`: L where screens are read at once, M where paper may get a stain. Raises where the text is too long for a code. */
export async function drawn(text: string, level: 'L' | 'M'): Promise<Drawn> {
  ready ??= writer();
  const { writeBarcode } = await ready;
  const made = await writeBarcode(text, { format: 'QRCode', options: `ecLevel=${level}` });
  if (made.error !== '') throw new RangeError(made.error);
  const { data, width } = made.symbol;
  const rows: string[] = [];
  data.forEach((shade, place) => {
    if (shade === 0) rows.push(`M${place % width} ${Math.floor(place / width)}h1v1h-1z`);
  });
  return { size: width, path: rows.join('') };
}
