type Geo = Readonly<{ type?: unknown; features?: unknown; geometry?: unknown }>;

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
  const geometries = (found.features as readonly Geo[]).map((one) => one.geometry).filter((one) => one !== null && one !== undefined);
  return { type: 'GeometryCollection', geometries };
}
