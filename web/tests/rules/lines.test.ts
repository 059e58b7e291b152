import { describe, expect, it } from 'vitest';

import { counted, geometriesOf } from '@/rules/lines';

const line = { type: 'LineString', coordinates: [[106, 38], [106.1, 38.2]] };

describe('lines of a map program', () => {
  it('keeps the geometries and nothing else of a file', () => {
    const features = [{ type: 'Feature', properties: { name: '河' }, geometry: line }, { type: 'Feature', geometry: null }];
    expect(geometriesOf(`\uFEFF${JSON.stringify({ type: 'FeatureCollection', name: 'x', features })}`)).toEqual({ type: 'GeometryCollection', geometries: [line] });
    expect(geometriesOf(JSON.stringify(features[0]))).toEqual(line);
    expect(geometriesOf(JSON.stringify(line))).toEqual(line);
  });

  it('counts lines and places, areas by their edges', () => {
    const area = { type: 'MultiPolygon', coordinates: [[line.coordinates, line.coordinates]] };
    const point = { type: 'Point', coordinates: [106, 38] };
    expect(counted({ type: 'GeometryCollection', geometries: [line, area, point, null] })).toEqual({ lines: 3, places: 6 });
    expect(counted({ type: 'MultiLineString', coordinates: [line.coordinates, [[106, 38]]] })).toEqual({ lines: 1, places: 2 });
  });

  it.each([{ type: 'Point', coordinates: [106, 38] }, { type: 'LineString' }, { type: 'LineString', coordinates: [[106, 38]] }, { type: 'Topology', arcs: [line.coordinates] }, null])('counts nothing in %j', (given) => {
    expect(counted(given)).toEqual({ lines: 0, places: 0 });
  });

  it('leaves out features that are none', () => {
    expect(geometriesOf('{"type":"FeatureCollection","features":[null]}')).toEqual({ type: 'GeometryCollection', geometries: [] });
  });

  it.each(['', 'x', '[]', '3', 'null', '{}', '{"type":"FeatureCollection"}', '{"type":"Feature"}'])('takes %s for none', (text) => {
    expect(geometriesOf(text)).toBeNull();
  });
});
