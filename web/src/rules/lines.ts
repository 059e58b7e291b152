type Geo = Readonly<{ type?: unknown; features?: unknown; geometry?: unknown; geometries?: unknown; coordinates?: unknown }>;

/** The geometries of a GeoJSON file without what else it tells of them; null where it is none. The server judges the rest. */
export function geometriesOf(text: string): unknown {
  let found: Geo | null;
  try {
    found = JSON.parse(text.replace(/^\uFEFF/, '')) as Geo | null;
  } catch {
    return null;
  }
  if (typeof found !== 'object' || found === null || typeof found.type !== 'string') return null;
  if (found.type === 'Feature') return found.geometry ?? null;
  if (found.type !== 'FeatureCollection') return found;
  if (!Array.isArray(found.features)) return null;
  const geometries = (found.features as readonly (Geo | null)[]).map((one) => one?.geometry).filter((one) => one !== null && one !== undefined);
  return { type: 'GeometryCollection', geometries };
}

/** How many lines and places geometries hold; areas count by their edges, as the server counts them. */
export function counted(given: unknown): Readonly<{ lines: number; places: number }> {
  const found = { lines: 0, places: 0 };
  const depths: Readonly<Record<string, number>> = { LineString: 0, MultiLineString: 1, Polygon: 1, MultiPolygon: 2 };
  const deep = (values: unknown, depth: number): void => {
    if (!Array.isArray(values)) return;
    if (depth > 0) for (const value of values) deep(value, depth - 1);
    else if (values.length > 1) {
      found.lines += 1;
      found.places += values.length;
    }
  };
  const walk = (one: Geo | null): void => {
    if (typeof one !== 'object' || one === null) return;
    if (Array.isArray(one.geometries)) for (const part of one.geometries as readonly Geo[]) walk(part);
    deep(one.coordinates, depths[String(one.type)] ?? Infinity);
  };
  walk(given as Geo | null);
  return found;
}
