// make_map.mjs OUT.js: the world's land and borders as two SVG paths in whole pixels, from Natural
// Earth 110m (public domain; package world-atlas), in the projection of web/projection.js.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { geoEqualEarth, geoPath } from 'd3-geo';
import { feature, mesh } from 'topojson-client';
import { height, scale, top, width } from '../web/projection.js';

const require = createRequire(import.meta.url);
const projection = geoEqualEarth().scale(scale).translate([width / 2, top]);

// Collects what geoPath draws as lists of whole pixels, without repetitions and without points on
// the straight line between their neighbours.
class Lines {
  lines = [];
  moveTo(x, y) {
    this.line = { points: [[Math.round(x), Math.round(y)]], closed: false };
    this.lines.push(this.line);
  }
  lineTo(x, y) {
    const to = [Math.round(x), Math.round(y)], { points } = this.line;
    const [b, a] = [points.at(-1), points.at(-2)];
    if (b[0] === to[0] && b[1] === to[1]) return;
    if (a && (b[0] - a[0]) * (to[1] - b[1]) === (b[1] - a[1]) * (to[0] - b[0]) &&
        (b[0] - a[0]) * (to[0] - b[0]) + (b[1] - a[1]) * (to[1] - b[1]) > 0)
      points.pop();
    points.push(to);
  }
  closePath() {
    this.line.closed = true;
  }
}

// Relative moves: the shortest text. A minus sign separates as well as a space.
const pair = (x, y) => `${x}${y < 0 ? '' : ' '}${y}`;

function path(geometry) {
  const context = new Lines();
  geoPath(projection, context)(geometry);
  let text = '', pen = [0, 0];
  for (const { points, closed } of context.lines) {
    const [first, ...rest] = points;
    const last = points.at(-1);
    if (closed && rest.length && last[0] === first[0] && last[1] === first[1]) rest.pop();
    if (rest.length < (closed ? 2 : 1)) continue; // an islet smaller than a pixel
    text += `m${pair(first[0] - pen[0], first[1] - pen[1])}`;
    pen = first;
    text += `l${rest.map((to) => {
      const step = pair(to[0] - pen[0], to[1] - pen[1]);
      pen = to;
      return step;
    }).join(' ').replaceAll(' -', '-')}`;
    if (closed) {
      text += 'z';
      pen = first;
    }
  }
  return text.replace(/^m/, 'M');
}

function main(out) {
  const land = require('world-atlas/land-110m.json');
  const countries = require('world-atlas/countries-110m.json');
  const polygons = feature(land, land.objects.land).features
    .flatMap(({ geometry: g }) => (g.type === 'Polygon' ? [g.coordinates] : g.coordinates))
    .filter((rings) => rings[0].some(([, lat]) => lat > -60)); // not Antarctica
  const borders = mesh(countries, countries.objects.countries, (a, b) => a !== b);
  writeFileSync(out, `// Made by tools/make_map.mjs from Natural Earth (public domain).
export const width = ${width};
export const height = ${height};
export const land = '${path({ type: 'MultiPolygon', coordinates: polygons })}';
export const borders = '${path(borders)}';
`);
}

main(process.argv[2]);
