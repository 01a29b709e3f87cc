// The world map's projection: Equal Earth, which shows every land at its true relative size.
// B. Savric, T. Patterson, B. Jenny, "The Equal Earth map projection", International Journal of
// Geographical Information Science 33 (2019). The map is cut where no caller lives: Antarctica,
// and the sea north of Greenland. tools/make_map.mjs draws the land with the same figures.

const A1 = 1.340264, A2 = -0.081106, A3 = 0.000893, A4 = 0.003796;
const M = Math.sqrt(3) / 2;
const RADIANS = Math.PI / 180;

export const width = 960; // 360 degrees of the equator
export const scale = (width / 2) * ((M * A1) / Math.PI); // pixels a radian at the middle
const NORTH = 84, SOUTH = -57;

const parameter = (lat) => Math.asin(M * Math.sin(lat * RADIANS));
const rise = (t) => t * (A1 + A2 * t ** 2 + t ** 6 * (A3 + A4 * t ** 2));

export const top = scale * rise(parameter(NORTH)); // pixels from the upper edge to the equator
export const height = Math.round(top - scale * rise(parameter(SOUTH)));

/** Degrees to pixels: [x, y], y downwards. Longitudes beyond +-180 come round again. */
export function project(lat, lon) {
  const t = parameter(lat);
  const turn = ((((lon + 180) % 360) + 360) % 360) - 180;
  const stretch = M * (A1 + 3 * A2 * t ** 2 + t ** 6 * (7 * A3 + 9 * A4 * t ** 2));
  return [width / 2 + (scale * turn * RADIANS * Math.cos(t)) / stretch, top - scale * rise(t)];
}
