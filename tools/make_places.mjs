// make_places.mjs OUT.c: the tables of core/place.c, made at build time.
//
// Area codes come from data/nanp.csv. A country's or territory's place is a point inside its
// largest piece of land in Natural Earth (public domain, package world-atlas). Calling codes come
// from libphonenumber's metadata (package libphonenumber-js). See data/README.md for sources.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { geoArea, geoCentroid, geoContains } from 'd3-geo';
import { feature } from 'topojson-client';
import iso from 'i18n-iso-countries';

const require = createRequire(import.meta.url);
const atlas = (scale) => {
  const topology = require(`world-atlas/countries-${scale}.json`);
  return feature(topology, topology.objects.countries).features;
};

// Codes that Natural Earth draws as a part of another feature: its name there, and roughly where
// that part lies (latitude, longitude). The part whose middle is nearest is taken.
const PARTS = {
  AC: ['Saint Helena', -7.9, -14.4],
  BQ: ['Netherlands', 12.2, -68.3],
  CC: ['Indian Ocean Ter.', -12.2, 96.9],
  CX: ['Indian Ocean Ter.', -10.5, 105.7],
  GF: ['France', 3.9, -53.2],
  GP: ['France', 16.2, -61.7],
  MQ: ['France', 14.7, -61.0],
  RE: ['France', -21.1, 55.5],
  SJ: ['Norway', 78.6, 16.0],
  TA: ['Saint Helena', -37.1, -12.3],
  TK: ['New Zealand', -9.3, -171.2],
  XK: ['Kosovo', 42.6, 20.9],
  YT: ['France', -12.8, 45.1],
};

// Where the middle of the land is far from nearly all of the people, and the nearest site would
// change with it: Russia's is in Siberia, closer to Tokyo than to Frankfurt; Canada's is north of
// Manitoba, closer to Oregon than to Montreal. Placed by hand: Moscow, Toronto.
const MOVED = { CA: [43.7, -79.4], RU: [55.75, 37.62] };

const polygons = ({ geometry: g }) =>
  (g.type === 'Polygon' ? [g.coordinates] : g.coordinates)
    .map((coordinates) => ({ type: 'Polygon', coordinates }));

// The middle of the widest stretch of land on the centroid's parallel: always inside.
function widestMiddle(polygon, lat) {
  const cuts = [];
  for (const ring of polygon.coordinates)
    for (let i = 1; i < ring.length; i++) {
      const [x0, y0] = ring[i - 1], [x1, y1] = ring[i];
      if (y0 > lat !== y1 > lat) cuts.push(x0 + ((lat - y0) / (y1 - y0)) * (x1 - x0));
    }
  cuts.sort((a, b) => a - b);
  let best = [0, 0];
  for (let i = 0; i + 1 < cuts.length; i += 2)
    if (cuts[i + 1] - cuts[i] > best[1] - best[0]) best = [cuts[i], cuts[i + 1]];
  return (best[0] + best[1]) / 2;
}

function pointInside(polygon) {
  const [lon, lat] = geoCentroid(polygon);
  return geoContains(polygon, [lon, lat]) ? [lat, lon] : [lat, widestMiddle(polygon, lat)];
}

const largest = (list) => list.reduce((a, b) => (geoArea(b) > geoArea(a) ? b : a));

function nearestPart(parts, lat, lon) {
  const off = (p) => {
    const [x, y] = geoCentroid(p);
    return Math.hypot(y - lat, x - lon);
  };
  const best = parts.reduce((a, b) => (off(b) < off(a) ? b : a));
  if (off(best) > 1) throw new Error(`no part of the map near ${lat}, ${lon}`);
  return best;
}

function countryPlaces() {
  const land = new Map(); // alpha-2 -> polygons; 50m is enough, 10m has the smallest islands
  const fine = atlas('10m');
  for (const features of [fine, atlas('50m')]) {
    const seen = new Map();
    for (const f of features) {
      const code = f.id && iso.numericToAlpha2(f.id);
      if (code) seen.set(code, [...(seen.get(code) ?? []), ...polygons(f)]);
    }
    for (const [code, list] of seen) land.set(code, list);
  }
  const places = new Map();
  for (const [code, list] of land) places.set(code, pointInside(largest(list)));
  for (const [code, [name, lat, lon]] of Object.entries(PARTS)) {
    const parts = fine.filter((f) => f.properties.name === name).flatMap(polygons);
    places.set(code, pointInside(nearestPart(parts, lat, lon)));
  }
  for (const [code, place] of Object.entries(MOVED)) places.set(code, place);
  return new Map([...places].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function areaCodes(countries) {
  const text = readFileSync(new URL('../data/nanp.csv', import.meta.url), 'utf8');
  const [header, ...rows] = text.trimEnd().split('\n');
  if (header !== 'npa,lat,lon,country,region,source') throw new Error('data/nanp.csv: header');
  return rows.map((row) => {
    const [npa, lat, lon, country, , source] = row.split(',');
    if (!/^[2-9]\d\d$/.test(npa)) throw new Error(`data/nanp.csv: ${npa}`);
    if (source === 'no-place') return { npa };
    const own = [parseFloat(lat), parseFloat(lon)];
    const at = source === 'natural-earth' ? countries.get(country) : own;
    if (!countries.has(country) || !at.every(Number.isFinite))
      throw new Error(`data/nanp.csv: ${npa} has no place`);
    return { npa, at, country };
  });
}

// The first three digits of a number settle its calling code, which has one to three digits. A
// code that several countries share stands for the first, which libphonenumber calls the main one.
function callingCodes(index) {
  const codes = require('libphonenumber-js/metadata.min.json').country_calling_codes;
  const table = new Array(1000).fill(-1);
  for (const [code, [country]] of Object.entries(codes)) {
    if (!/^[1-9]\d{0,2}$/.test(code)) throw new Error(`calling code ${code}`);
    if (country === '001') continue; // no country: satellite networks, freephone, ...
    if (!index.has(country)) throw new Error(`no place for ${country}, calling code ${code}`);
    const width = 10 ** (3 - code.length);
    table.fill(index.get(country), code * width, code * width + width);
  }
  return table;
}

function rowText([lat, lon], country, npa) {
  const r = Math.PI / 180, c = Math.cos(lat * r);
  const v = [c * Math.cos(lon * r), c * Math.sin(lon * r), Math.sin(lat * r)];
  return `    {{${v.join(', ')}}, ${lat}, ${lon}, ${npa}, "${country}"},\n`;
}

const wrap = (list) =>
  list.join(', ').replace(/(.{1,92})(?: |$)/g, '    $1\n').replace(/\n$/, ',\n');
const round = (place) => place.map((x) => Number(x.toFixed(4)));

function main(out) {
  const countries = countryPlaces();
  for (const [code, place] of countries) countries.set(code, round(place));
  const rows = [], index = new Map(), alpha = new Array(26 * 26).fill(-1);
  const npa = new Array(800).fill(-1), A = 'A'.charCodeAt(0);
  for (const [code, at] of countries) {
    alpha[(code.charCodeAt(0) - A) * 26 + code.charCodeAt(1) - A] = rows.length;
    index.set(code, rows.length);
    rows.push(rowText(at, code, 0));
  }
  for (const a of areaCodes(countries)) {
    npa[a.npa - 200] = a.at ? rows.length : -2;
    if (a.at) rows.push(rowText(a.at, a.country, a.npa));
  }
  const array = (type, name, list) =>
    `const ${type} ${name}[${list.length}] = {\n${wrap(list)}};\n`;
  const codes = callingCodes(index);
  writeFileSync(out, `/* Made by tools/make_places.mjs; sources and licences: data/README.md. */
#include "core/place_tables.h"

const struct place_row place__rows[] = {
${rows.join('')}};
const int32_t place__n_rows = ${rows.length};
${array('int16_t', 'place__of_npa', npa)}
${array('int16_t', 'place__of_calling_code', codes)}
${array('int16_t', 'place__of_country', alpha)}`);
}

main(process.argv[2]);
