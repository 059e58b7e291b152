/** A map without any outside map: degrees (WGS 84) on a sheet of paper, and back. Good for a county; not near the poles. */
export type Place = readonly [lon: number, lat: number];
export type Spot = readonly [x: number, y: number];
/** `scale`: paper units in a kilometre; `narrow`: how much shorter a degree of longitude is here. */
export type Frame = Readonly<{ width: number; height: number; lon: number; lat: number; narrow: number; scale: number }>;
/** What is looked at: how near, and around which place; null: the middle of everything. */
export type View = Readonly<{ zoom: number; middle: Place | null }>;

export const KM_PER_DEGREE = 111.32;
const EDGE = 0.06;
const LEAST_DEGREES = 0.005;

/** The sheet on which all places are seen, with an edge left free. */
export function frameOf(places: readonly Place[], width: number, height: number): Frame {
  if (places.length === 0) return { width, height, lon: 0, lat: 0, narrow: 1, scale: 1 };
  const [west, east] = span(places.map(([lon]) => lon));
  const [south, north] = span(places.map(([, lat]) => lat));
  const narrow = Math.cos((((south + north) / 2) * Math.PI) / 180);
  const wide = Math.max((east - west) * narrow, LEAST_DEGREES) * KM_PER_DEGREE;
  const high = Math.max(north - south, LEAST_DEGREES) * KM_PER_DEGREE;
  return { width, height, lon: (west + east) / 2, lat: (south + north) / 2, narrow, scale: Math.min(width / wide, height / high) * (1 - 2 * EDGE) };
}

function span(values: readonly number[]): readonly [number, number] {
  return values.reduce<readonly [number, number]>(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
}

/** Where a place is on the sheet. */
export function onSheet(frame: Frame, view: View, [lon, lat]: Place): Spot {
  const [x, y] = view.middle ?? [frame.lon, frame.lat];
  const unit = KM_PER_DEGREE * frame.scale * view.zoom;
  return [frame.width / 2 + (lon - x) * frame.narrow * unit, frame.height / 2 - (lat - y) * unit];
}

/** Which place a spot on the sheet is. */
export function onGround(frame: Frame, view: View, [x, y]: Spot): Place {
  const [lon, lat] = view.middle ?? [frame.lon, frame.lat];
  const unit = KM_PER_DEGREE * frame.scale * view.zoom;
  return [lon + (x - frame.width / 2) / (frame.narrow * unit), lat - (y - frame.height / 2) / unit];
}

/** A place some metres further east and north. */
export function shifted([lon, lat]: Place, east: number, north: number): Place {
  const metres = KM_PER_DEGREE * 1000;
  return [lon + east / (metres * Math.cos((lat * Math.PI) / 180)), lat + north / metres];
}

/** Metres between two places of a county, straight. */
export function metresBetween(a: Place, b: Place): number {
  const narrow = Math.cos((((a[1] + b[1]) / 2) * Math.PI) / 180);
  return Math.hypot((b[0] - a[0]) * narrow, b[1] - a[1]) * KM_PER_DEGREE * 1000;
}

const DIGITS = 6;
/** A place as a list of the county writes it: to a tenth of a metre. */
export function written([lon, lat]: Place): Place {
  return [Number(lon.toFixed(DIGITS)), Number(lat.toFixed(DIGITS))];
}
