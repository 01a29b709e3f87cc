/* map.js - sites and hub on the world, zoomed to where they are. What is drawn is in tables too
 * (sites, nodes and paths), so for a screen reader the map is one picture with one sentence. */

import { count, fixed, percent } from './format.js';
import { borders, land } from './land.js';
import { html, mark_path, Nothing, Sized, state_of, Tile } from './parts.js';
import { height as WORLD_H, project, width as WORLD_W } from './projection.js';
import { the } from './state.js';
import { filter, matches, step } from './view.js';

const PAD = 0.16;        /* of the sites' extent, kept free on each side for labels */
const EXTENT_MIN = 90;   /* map pixels: two sites in one city still show a continent's corner */
const LINE = 14;         /* of label text, pixels */
const CHAR = 6.3;        /* mean width of a 12 px letter */
const CROWDED = 0.05;    /* part of a label that may cover something */
const FIGURES = 20;      /* characters kept for "99.9/min · 99 waiting": labels never jump */

/* Scale and shift that bring the points into w x h. The world is not zoomed below its own width. */
function fit(points, w, h) {
    const xs = points.map((p) => p[0]);
    const ys = points.map((p) => p[1]);
    const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const bw = Math.max(EXTENT_MIN, x1 - x0) * (1 + 2 * PAD);
    const bh = Math.max(EXTENT_MIN * (h / w), y1 - y0) * (1 + 2 * PAD);
    const k = Math.max(Math.min(w / bw, h / bh), Math.min(w / WORLD_W, h / WORLD_H));
    const keep = (shift, size, world) => (world * k < size ? (size - world * k) / 2
        : Math.min(0, Math.max(size - world * k, shift)));
    return {
        k,
        dx: keep(w / 2 - (k * (x0 + x1)) / 2, w, WORLD_W),
        dy: keep(h / 2 - (k * (y0 + y1)) / 2, h, WORLD_H),
    };
}

/* ---- labels: each at the first of eight places where it covers nothing ---- */

const overlap = (a, b) => Math.max(0, Math.min(a.x + a.w, b.x + b.w) - Math.max(a.x, b.x))
    * Math.max(0, Math.min(a.y + a.h, b.y + b.h) - Math.max(a.y, b.y));
const out_of = (a, w, h) => a.w * a.h - overlap(a, { x: 2, y: 2, w: w - 4, h: h - 4 });

function places_of(p, bw, bh) {
    const gap = 10;
    const at = (x, y, anchor) => ({ x, y, w: bw, h: bh, anchor });
    return [
        at(p.x + gap, p.y - bh / 2, 'start'), at(p.x - gap - bw, p.y - bh / 2, 'end'),
        at(p.x - bw / 2, p.y + gap, 'middle'), at(p.x - bw / 2, p.y - gap - bh, 'middle'),
        at(p.x + gap, p.y + 2, 'start'), at(p.x + gap, p.y - bh - 2, 'start'),
        at(p.x - gap - bw, p.y + 2, 'end'), at(p.x - gap - bw, p.y - bh - 2, 'end'),
    ];
}

function best_place(p, bw, bh, taken, w, h) {
    let best = null;
    let cost = Infinity;
    for (const box of places_of(p, bw, bh)) {
        const c = taken.reduce((n, t) => n + overlap(box, t), 0) + 3 * out_of(box, w, h);
        if (c < cost)
            [best, cost] = [box, c];
    }
    return { ...best, crowded: cost > CROWDED * bw * bh };
}

/* Where many sites are near each other a label is the name alone, and where even that would cover
 * another, none: the mark stays, with its title. What is in trouble is placed first. */
export function place_labels(points, w, h) {
    const taken = points.map((p) => ({ x: p.x - 8, y: p.y - 8, w: 16, h: 16 }));
    const first = (p) => (state_of(p.site ?? p.node).tone === 'ok' ? 1 : 0);
    const boxes = new Map();
    for (const p of [...points].sort((a, b) => first(a) - first(b))) {
        const state = state_of(p.site ?? p.node);
        const name_w = (p.name.length + (state.tone === 'ok' ? 0 : state.word.length + 1)) * CHAR;
        const full_w = p.site ? Math.max(name_w, FIGURES * CHAR) : name_w;
        let box = best_place(p, full_w, p.site ? 2 * LINE : LINE, taken, w, h);
        if (box.crowded)
            box = { ...best_place(p, name_w, LINE, taken, w, h), short: true };
        if (!box.crowded)
            taken.push(box);
        boxes.set(p, box);
    }
    return points.map((p) => boxes.get(p));
}

/* ---- drawing ---- */

function Label({ p, box }) {
    const x = { start: box.x, middle: box.x + box.w / 2, end: box.x + box.w }[box.anchor];
    const s = p.site;
    const state = state_of(s ?? p.node);
    const arrivals = s && `${fixed(s.arrivals_per_min, 1)}/min`;
    const word = state.tone !== 'ok' && ` ${state.word}`;
    return html`<text class="label" text-anchor=${box.anchor} x=${x} y=${box.y + 11}>
        <tspan class="name">${p.name}</tspan>
        ${word && html`<tspan class="word ${state.tone}">${word}</tspan>`}
        ${s && !box.short && html`<tspan class="figure" x=${x} dy=${LINE}>${arrivals}</tspan>
            <tspan class="of">${` · ${count(s.waiting)} waiting`}</tspan>`}</text>`;
}

function Shape({ p, shape }) {
    const at = `translate(${p.x - 7.2} ${p.y - 7.2}) scale(1.2)`;
    return p.site ? html`<path class="halo" d=${mark_path(shape)} transform=${at} />
        <path class="body" d=${mark_path(shape)} transform=${at} />`
        : html`<circle class="hub" cx=${p.x} cy=${p.y} r="5.5" />
        <circle class="hub-in" cx=${p.x} cy=${p.y} r="2" />`;
}

/* A press filters the whole board by the site, another takes the filter away. */
function Point({ p, box }) {
    const { tone, shape, hollow, word } = state_of(p.site ?? p.node);
    const pick = () => step(() => { filter.value = filter.value === p.name ? '' : p.name; });
    const dim = !matches(p.name, p.site?.group ?? 'hub') && 'dim';
    const look = ['point', tone, hollow && 'hollow', dim].filter(Boolean).join(' ');
    return html`<g class=${look} data-point=${p.name} onClick=${pick}>
        <${Shape} p=${p} shape=${shape} />
        ${!box.crowded && html`<${Label} p=${p} box=${box} />`}
        <title>${`${p.name} ${word}`}</title></g>`;
}

const runs = (p) => p?.site && p.site.state !== 'down';

/* Lines from the hub to every site; between sites only those that fail although both are up. */
function lines_of(points, health) {
    const by_name = new Map(points.map((p) => [p.name, p]));
    const hubs = points.filter((p) => !p.site);
    const seen = new Map(health.map((s) => [`${s.from} ${s.to}`, s]));
    const lines = [];
    for (const hub of hubs)
        for (const p of points.filter((q) => q.site)) {
            const a = seen.get(`${hub.name} ${p.name}`);
            const b = seen.get(`${p.name} ${hub.name}`);
            const up = a?.up !== false && b?.up !== false;
            lines.push({ from: hub, to: p, up, rtt: a?.rtt_ms });
        }
    for (const s of health) {
        const [from, to] = [by_name.get(s.from), by_name.get(s.to)];
        const said = s.from > s.to && seen.get(`${s.to} ${s.from}`)?.up === false;
        if (!s.up && !said && runs(from) && runs(to))
            lines.push({ from, to, up: false });
    }
    return lines;
}

/* Where along the line its figure covers nothing; none when there is no room. */
const ALONG = [0.5, 0.62, 0.38, 0.74, 0.26];
function room_for(line, taken) {
    const { from: a, to: b, lift } = line;
    for (const t of ALONG) {
        const u = 1 - t;
        const x = u * u * a.x + 2 * u * t * ((a.x + b.x) / 2) + t * t * b.x;
        const y = u * u * a.y + 2 * u * t * ((a.y + b.y) / 2 - lift) + t * t * b.y;
        const box = { x: x - 24, y: y - 7, w: 48, h: 14 };
        if (taken.every((other) => overlap(box, other) === 0)) {
            taken.push(box);
            return { x, y };
        }
    }
    return null;
}

function text_of(line) {
    if (!line.up)
        return '▼ no path';
    return typeof line.rtt === 'number' ? `${fixed(line.rtt, line.rtt < 10 ? 1 : 0)} ms` : '';
}

function Lines({ lines, taken }) {
    return lines.map((line) => {
        const { from: a, to: b } = line;
        const far = Math.hypot(b.x - a.x, b.y - a.y);
        const curved = { ...line, lift: Math.min(48, far * 0.14) };
        const at = far > 60 ? room_for(curved, taken) : null;
        const [mx, my] = [(a.x + b.x) / 2, (a.y + b.y) / 2 - curved.lift];
        return html`<g key=${`${a.name} ${b.name}`} class="path ${line.up ? '' : 'crit'}">
            <path d="M${a.x} ${a.y}Q${mx} ${my} ${b.x} ${b.y}" />
            ${at && html`<text text-anchor="middle" x=${at.x} y=${at.y + 4}>
                ${text_of(line)}</text>`}</g>`;
    });
}

function in_words(sites) {
    const words = sites.map((s) => `${s.name} ${state_of(s).word}, `
        + `${fixed(s.arrivals_per_min, 1)} contacts a minute, share ${percent(s.share_got)}`);
    return `World map. ${words.join('; ')}.`;
}

function Picture({ w, h }) {
    const sites = the('sites').filter((s) => typeof s.lat === 'number');
    const hubs = the('nodes').filter((n) => n.role === 'hub' && typeof n.lat === 'number');
    const bare = [...sites.map((s) => ({ name: s.name, site: s, at: project(s.lat, s.lon) })),
        ...hubs.map((n) => ({ name: n.name, node: n, at: project(n.lat, n.lon) }))];
    if (!bare.length)
        return html`<${Nothing}>No place is known yet.<//>`;
    const { k, dx, dy } = fit(bare.map((p) => p.at), w, h);
    const points = bare.map((p) => ({ ...p, x: p.at[0] * k + dx, y: p.at[1] * k + dy }));
    const boxes = place_labels(points, w, h);
    const marks = points.map((p) => ({ x: p.x - 8, y: p.y - 8, w: 16, h: 16 }));
    return html`<svg class="map" width=${w} height=${h} role="img" aria-label=${in_words(sites)}>
        <g transform="translate(${dx.toFixed(1)} ${dy.toFixed(1)}) scale(${k.toFixed(4)})">
            <path class="land" d=${land} /><path class="borders" d=${borders} /></g>
        <${Lines} lines=${lines_of(points, the('health'))} taken=${[...boxes, ...marks]} />
        ${points.map((p, i) => html`<${Point} key=${p.name} p=${p} box=${boxes[i]} />`)}</svg>`;
}

export function WorldMap() {
    return html`<${Tile} id="map" title="Map" command="map" note="lines: round trip from the hub">
        <${Sized} class="world" draw=${(w, h) => html`<${Picture} w=${w} h=${h} />`} /><//>`;
}
