import { describe, expect, it } from 'vitest';

import { geometriesOf } from '@/rules/lines';

const line = { type: 'LineString', coordinates: [[106, 38], [106.1, 38.2]] };

describe('lines of a map program', () => {
  it('keeps the geometries and nothing else of a file', () => {
    const features = [{ type: 'Feature', properties: { name: '河' }, geometry: line }, { type: 'Feature', geometry: null }];
    expect(geometriesOf(`\uFEFF${JSON.stringify({ type: 'FeatureCollection', name: 'x', features })}`)).toEqual({ type: 'GeometryCollection', geometries: [line] });
    expect(geometriesOf(JSON.stringify(features[0]))).toEqual(line);
    expect(geometriesOf(JSON.stringify(line))).toEqual(line);
  });

  it.each(['', 'x', '[]', '3', 'null', '{}', '{"type":"FeatureCollection"}', '{"type":"Feature"}'])('takes %s for none', (text) => {
    expect(geometriesOf(text)).toBeNull();
  });
});
