/* chart.js - contacts that arrived, a minute: one row a site, all rows on one scale, with what
 * happened as lines through all of them.
 *
 * Rows instead of lines over one another: sixteen sites stay legible, a site is known by its place
 * and name and not by a colour, and a drain is seen as one row going flat while others rise. Drawn
 * as SVG here; a chart library would be two fifths of the page (uPlot: 22 KB of gzip). */

import { useSignal } from '@preact/signals';
import { clock, fixed, zone_name } from './format.js';
import { Heads, html, listed, mark_path, Scroll, Sized, Tile } from './parts.js';
import { the } from './state.js';
import { kind_of } from './timeline.js';
import { arrivals_table, matches, step, zone } from './view.js';

const MARKED = new Set(['drain', 'restore', 'failover', 'policy', 'share', 'config']);
const EDGE = { left: 132, right: 14, top: 14, bottom: 20 };
const ROW_MIN = 34;     /* pixels; more sites than fit make the tile scroll */
const MINUTES = [5, 10, 15, 30, 60, 120, 240, 720];

/* ---- scales ---- */

/* The least of 1, 2, 5 times a power of ten that is not under `max`. */
export function nice_top(max) {
    const power = 10 ** Math.floor(Math.log10(max));
    return [1, 2, 3, 4, 5, 6, 8, 10].map((m) => m * power).find((v) => v >= max);
}
const top_of = (rows) => nice_top(Math.max(1, ...rows.flat().filter((v) => v !== null)));

function scales({ times, rows, step_ms, top }, w, h) {
    const [x0, x1] = [EDGE.left, w - EDGE.right];
    const [y0, y1] = [h - EDGE.bottom, EDGE.top];
    const [from, to] = [times[0], Math.max(times.at(-1), times[0] + step_ms)];
    const row_h = (y0 - y1) / rows.length;
    return {
        from, to, x0, x1, y0, y1, row_h,
        x: (ms) => x0 + ((ms - from) / (to - from)) * (x1 - x0),
        base: (k) => y1 + (k + 1) * row_h,
        y: (k, v) => y1 + (k + 1) * row_h - (v / top) * (row_h - 6),
    };
}

function time_ticks(s) {
    const fits = Math.max(1, Math.floor((s.x1 - s.x0) / 64));
    const minutes = MINUTES.find((m) => (s.to - s.from) / (m * 60000) <= fits) ?? MINUTES.at(-1);
    const every = minutes * 60000;
    const ticks = [];
    for (let t = Math.ceil(s.from / every) * every; t <= s.to; t += every)
        ticks.push(t);
    return ticks;
}

/* The row's line, and the same closed down to its base; a null leaves a gap in both. */
function paths_of(row, k, times, s) {
    let line = '';
    let area = '';
    let last = null;
    const close = () => { area += last === null ? '' : `V${s.base(k)}Z`; };
    row.forEach((v, i) => {
        const x = s.x(times[i]).toFixed(1);
        if (v === null)
            close();
        else
            line += `${last === null ? 'M' : 'L'}${x} ${s.y(k, v).toFixed(1)}`;
        if (v !== null)
            area += `${last === null ? `M${x} ${s.base(k)}` : ''}L${x} ${s.y(k, v).toFixed(1)}`;
        last = v;
    });
    close();
    return { line, area };
}

/* ---- drawing ---- */

const hour = (ms) => clock(ms, zone.value).slice(0, 5);

function Events({ s, events }) {
    return events.map((e) => {
        const [shape, tone] = kind_of(e.kind);
        const x = s.x(Math.min(e.at_ms, s.to));
        const at = `translate(${x - 4.5} 2) scale(.75)`;
        return html`<g key=${`${e.at_ms}${e.kind}`} class="event ${tone}">
            <title>${`${hour(e.at_ms)} ${e.text}`}</title>
            <path class="when" d="M${x} ${s.y1}V${s.y0}" />
            <path class="body" d=${mark_path(shape)} transform=${at} /></g>`;
    });
}

/* The figure beside the name is of the minute under the pointer, else of the last one. */
function Row({ chart, s, k, i }) {
    const { names, rows, times } = chart;
    const { line, area } = paths_of(rows[k], k, times, s);
    const v = rows[k][i];
    const base = s.base(k);
    const [x, y] = [s.x(times[i]), s.y(k, v)];
    return html`<g class="row"><path class="base" d="M14 ${base}H${s.x1}" />
        <path class="area" d=${area} /><path class="line" d=${line} />
        <text class="name" x="14" y=${base - 7}>${names[k]}</text>
        <text class="value" x=${s.x0 - 10} y=${base - 7} text-anchor="end">${fixed(v, 0)}</text>
        ${typeof v === 'number' && html`<circle class="dot" cx=${x} cy=${y} r="2.5" />`}</g>`;
}

function Plot({ w, h, chart, cursor }) {
    const { times, names, step_ms } = chart;
    const tall = Math.max(h, names.length * ROW_MIN + EDGE.top + EDGE.bottom);
    const s = scales(chart, w, tall);
    const point = (e) => {
        const x = e.clientX - e.currentTarget.getBoundingClientRect().left;
        const i = Math.round((((x - s.x0) / (s.x1 - s.x0)) * (s.to - s.from)) / step_ms);
        cursor.value = x < s.x0 ? null : Math.min(times.length - 1, i);
    };
    const held = cursor.value !== null;
    const i = Math.min(cursor.value ?? times.length - 1, times.length - 1);
    return html`<svg class="chart" width=${w} height=${tall} role="img"
        aria-label="Arrivals a minute by site over two hours; the table has the figures"
        onPointerMove=${point} onPointerLeave=${() => { cursor.value = null; }}>
        <${Events} s=${s} events=${chart.events} />
        ${names.map((n, k) => html`<${Row} key=${n} chart=${chart} s=${s} k=${k} i=${i} />`)}
        ${time_ticks(s).map((t) => html`
            <text key=${t} x=${s.x(t)} y=${s.y0 + 15} text-anchor="middle">${hour(t)}</text>`)}
        <text class=${held ? 'at' : ''} x="14" y=${s.y0 + 15}>${held
        ? `${hour(times[i])} ${zone_name(zone.value)}` : `each row 0 to ${chart.top}`}</text>
        ${held && html`<path class="cursor" d="M${s.x(times[i])} ${s.y1}V${s.y0}" />`}</svg>`;
}

function Table({ chart }) {
    const { names, rows, times } = chart;
    const newest_first = times.map((_, i) => times.length - 1 - i);
    const all = (i) => rows.reduce((sum, row) => sum + (row[i] ?? 0), 0);
    const columns = [['Minute'], ...names.map((n) => [n, 'n']), ['All', 'n']];
    return html`<${Scroll} label="Table of arrivals"><table class="series">
        <${Heads} columns=${columns} />
        <tbody>${newest_first.map((i) => html`<tr key=${times[i]}>
            <th scope="row">${hour(times[i])}</th>
            ${names.map((n, k) => html`<td key=${n} class="n">${fixed(rows[k][i], 0)}</td>`)}
            <td class="n strong">${fixed(all(i), 0)}</td></tr>`)}</tbody></table><//>`;
}

/* ---- the tile ---- */

function chart_of(series, timeline) {
    const all = Object.keys(series.arrivals);
    const names = all.filter((n) => matches(n));
    const length = Math.max(0, ...names.map((n) => series.arrivals[n].length));
    const times = Array.from({ length }, (_, i) => series.from_ms + i * series.step_ms);
    const a_minute = 60000 / series.step_ms;
    const rows = names.map((n) => times.map((_, i) => {
        const v = series.arrivals[n][i];
        return typeof v === 'number' ? v * a_minute : null;
    }));
    return {
        all, names, times, step_ms: series.step_ms, rows, top: top_of(rows),
        events: timeline.filter((e) => MARKED.has(e.kind) && e.at_ms >= series.from_ms),
    };
}

export function Arrivals() {
    const cursor = useSignal(null);
    const chart = chart_of(the('series'), the('timeline'));
    const as_table = arrivals_table.value;
    const flip = html`<button type="button" class="act" aria-pressed=${String(as_table)}
        onClick=${() => step(() => { arrivals_table.value = !as_table; })}>Table</button>`;
    const draw = (w, h) => html`<${Plot} w=${w} h=${h} chart=${chart} cursor=${cursor} />`;
    const content = () => (as_table ? html`<${Table} chart=${chart} />`
        : html`<${Sized} class="plot" draw=${draw} />`);
    return html`<${Tile} id="arrivals" title="Arrivals a minute" command="series" tools=${flip}>
        ${listed('site', chart.all, chart.names, content)}<//>`;
}
