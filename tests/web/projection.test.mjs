// web/projection.js against d3-geo's Equal Earth, and the drawn map against known land and sea.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { geoEqualEarth } from 'd3-geo';
import { height, project, width } from '../../web/projection.js';

test('agrees with d3-geo on a grid of the whole world', () => {
  const d3 = geoEqualEarth();
  // d3 at its own scale, moved and stretched so that 180 W and 180 E of the equator are the edges.
  const [west, middle] = d3([-180 + 1e-9, 0]), [east] = d3([180 - 1e-9, 0]);
  const k = width / (east - west), equator = project(0, 0)[1];
  for (let lat = -90; lat <= 90; lat += 3)
    for (let lon = -179.5; lon < 180; lon += 7.25) {
      const [x, y] = project(lat, lon), [dx, dy] = d3([lon, lat]);
      assert.ok(Math.abs(x - (dx - west) * k) < 1e-5, `x at ${lat}, ${lon}`);
      assert.ok(Math.abs(y - equator - (dy - middle) * k) < 1e-5, `y at ${lat}, ${lon}`);
    }
});

test('callers are inside the picture', () => {
  assert.ok(Number.isInteger(height) && height > 380 && height < 467);
  for (const [lat, lon] of [[78.2, 15.6], [-54.9, -67.6], [-16.8, 179.99], [52.9, -179.99]]) {
    const [x, y] = project(lat, lon);
    assert.ok(x >= 0 && x <= width && y >= 0 && y <= height, `${lat}, ${lon}`);
  }
  assert.deepEqual(project(10, 190), project(10, -170));
  assert.deepEqual(project(10, -550), project(10, 170));
});

// Reads the relative path that make_map.mjs writes back into rings of absolute points.
function rings(path) {
  const out = [];
  let x = 0, y = 0;
  for (const [, command, text] of path.matchAll(/([Mmlz])([^Mmlz]*)/g)) {
    const n = [...text.matchAll(/-?\d+/g)].map(Number);
    assert.equal(n.length % 2, 0);
    if (command === 'z') [x, y] = out.at(-1)[0];
    if (command === 'm' || command === 'M') out.push([]);
    for (let i = 0; i < n.length; i += 2) out.at(-1).push([(x += n[i]), (y += n[i + 1])]);
  }
  return out;
}

// Even-odd rule, as the picture is filled.
function inside(list, [px, py]) {
  let odd = false;
  for (const ring of list)
    ring.forEach(([x1, y1], i) => {
      const [x0, y0] = ring.at(i - 1);
      if (y0 > py !== y1 > py && px < x0 + ((py - y0) / (y1 - y0)) * (x1 - x0)) odd = !odd;
    });
  return odd;
}

test('the drawn land is where the land is', { skip: !process.env.MAP_JS }, async () => {
  const text = readFileSync(process.env.MAP_JS, 'utf8');
  const map = await import(`data:text/javascript,${encodeURIComponent(text)}`);
  assert.deepEqual(Object.keys(map).sort(), ['borders', 'height', 'land', 'width']);
  assert.equal(map.width, width);
  assert.equal(map.height, height);
  const land = rings(map.land);
  for (const [x, y] of [...land, ...rings(map.borders)].flat())
    assert.ok(x >= 0 && x <= width && y >= 0 && y <= height, `${x}, ${y}`);
  const dry = { Kansas: [39, -98], Paris: [48.8, 2.3], Delhi: [28.6, 77.2], Moscow: [55.7, 37.6],
    Nairobi: [-1.3, 36.8], 'Alice Springs': [-23.7, 133.9], Brasilia: [-15.8, -47.9],
    Madagascar: [-19, 46.7], Chukotka: [67, 178], Greenland: [75, -40] };
  const wet = { Atlantic: [30, -40], Pacific: [0, -140], Indian: [-20, 80], Baltic: [58.5, 20],
    'Gulf of Mexico': [25, -90], Caspian: [42, 50.5], 'Black Sea': [43, 34], Bering: [58, 179] };
  for (const [name, at] of Object.entries(dry)) assert.ok(inside(land, project(...at)), name);
  for (const [name, at] of Object.entries(wet)) assert.ok(!inside(land, project(...at)), name);
});
