/* network.js - the network between hub and regions: its map, its sessions, its paths, what is wrong
 * with it, and the way a prefix is reached. Nothing of it is there when no network is watched. */

import { signal } from '@preact/signals';
import { fixed, NONE, percent, short_name, span_s } from './format.js';
import {
    Fragment, Heads, html, listed, mark_path, Nothing, Scroll, Sign, Sized, Tile,
} from './parts.js';
import { the } from './state.js';
import { matches, open_verdict, step } from './view.js';

const SEVERITIES = {
    critical: ['crit', 'down', 0], warning: ['warn', 'diamond', 1], info: ['info', 'dot', 2],
};
const severity = (v) => SEVERITIES[v.severity] ?? ['held', 'dot', 3];
const words = (kind) => kind.replaceAll('_', ' ');
/* By the wall clock: a simulated centre's own time runs at another speed. */
const since = (ms) => (ms ? span_s(Math.max(0, Date.now() - ms) / 1000) : NONE);

const SESSIONS = {
    up: ['ok', 'up', 'up'], down: ['crit', 'down', 'down'], unknown: ['held', 'dot', 'not known'],
    none: ['held', 'square', 'no session'],
};
const session = (l) => SESSIONS[l.session] ?? ['held', 'dot', l.session];

/* ---- the map: who is connected to whom ---- */

const LABEL_H = 15;

/* The router with the most links stands in the middle, the others on an oval around it. */
function layout(routers, links, w, h) {
    const degree = (r) => links.filter((l) => l.a === r.name || l.b === r.name).length;
    const hub = routers.reduce((a, b) => (degree(b) > degree(a) ? b : a));
    const around = routers.filter((r) => r !== hub);
    const places = new Map([[hub.name, { x: w / 2, y: h / 2, r: hub }]]);
    around.forEach((r, i) => {
        const turn = (2 * Math.PI * (i + 0.5)) / around.length - Math.PI / 2;
        const [rx, ry] = [w / 2 - 70, h / 2 - 40];
        places.set(r.name, { x: w / 2 + rx * Math.cos(turn), y: h / 2 + ry * Math.sin(turn), r });
    });
    return places;
}

/* Links between the same two routers lie beside each other. */
function curve(a, b, nth, of) {
    const off = (nth - (of - 1) / 2) * 44;
    const far = Math.hypot(b.x - a.x, b.y - a.y) || 1;
    const [mx, my] = [(a.x + b.x) / 2 - ((b.y - a.y) / far) * off,
        (a.y + b.y) / 2 + ((b.x - a.x) / far) * off];
    return { d: `M${a.x} ${a.y}Q${mx} ${my} ${b.x} ${b.y}`,
        x: (a.x + 2 * mx + b.x) / 4, y: (a.y + 2 * my + b.y) / 4, under: my > (a.y + b.y) / 2 };
}

function Wire({ l, places, nth, of, blamed }) {
    const [tone, shape, word] = session(l);
    const c = curve(places.get(l.a), places.get(l.b), nth, of);
    const look = blamed && tone === 'ok' ? 'warn' : tone;
    return html`<g class="wire ${look}"><path d=${c.d} />
        ${look !== 'ok' && l.session !== 'none' && html`
            <path class="sign ${look}" transform="translate(${c.x - 6} ${c.y - 6})"
                d=${mark_path(blamed && tone === 'ok' ? 'diamond' : shape)} />`}
        <text text-anchor="middle" x=${c.x} y=${c.under ? c.y + 18 : c.y - 9}>${l.name}</text>
        <title>${`${l.name}: ${l.a} to ${l.b}, session ${word}`}</title></g>`;
}

const FEEDS = {
    up: ['ok', 'up', 'heard'], lost: ['warn', 'diamond', 'no longer heard'],
    none: ['held', 'dot', 'never heard'],
};

function Router({ at }) {
    const r = at.r;
    const [tone, , word] = FEEDS[r.feed] ?? FEEDS.none;
    const as = r.as ? ` AS ${r.as}` : '';
    return html`<g class="router ${tone}"><circle cx=${at.x} cy=${at.y} r="9" />
        <text text-anchor="middle" x=${at.x} y=${at.y + 9 + LABEL_H}>
            <tspan class="name">${r.name}</tspan><tspan class="of">${as}</tspan></text>
        <title>${`${r.name}, ${word}, ${r.sessions_up} of ${r.sessions} sessions up`}</title></g>`;
}

function Picture({ w, h }) {
    const { routers, links, verdicts } = the('network');
    const places = layout(routers, links, w, h);
    const pairs = new Map();
    const key = (l) => [l.a, l.b].sort().join(' ');
    for (const l of links)
        pairs.set(key(l), [...(pairs.get(key(l)) ?? []), l]);
    const blamed = (l) => verdicts.some((v) => v.link === l.name);
    const said = links.filter((l) => l.session === 'down').map((l) => `${l.name} down`);
    return html`<svg class="map net" width=${w} height=${h} role="img"
        aria-label="Routers and links. ${said.join(', ') || 'No session is down'}.">
        ${links.map((l) => html`<${Wire} key=${l.name} l=${l} places=${places}
            nth=${pairs.get(key(l)).indexOf(l)} of=${pairs.get(key(l)).length}
            blamed=${blamed(l)} />`)}
        ${[...places.values()].map((at) => html`<${Router} key=${at.r.name} at=${at} />`)}</svg>`;
}

function NetMap() {
    return html`<${Tile} id="net-map" title="Network" command="network"
        note="routers that are heard, links by their sessions">
        <${Sized} class="wires" draw=${(w, h) => html`<${Picture} w=${w} h=${h} />`} /><//>`;
}

/* ---- verdicts ---- */

function Verdict({ v }) {
    const [tone, shape] = v.ended_ms ? ['held', 'square'] : severity(v);
    const open = open_verdict.value === v.id;
    const toggle = () => step(() => { open_verdict.value = open ? 0 : v.id; });
    const length = v.ended_ms ? `over, took ${span_s((v.ended_ms - v.since_ms) / 1000)}`
        : `for ${since(v.since_ms)}`;
    return html`<li data-row tabindex="-1" class=${v.ended_ms ? 'over' : ''}>
        <button type="button" class="fold" data-open aria-expanded=${String(open)}
            onClick=${toggle}><${Sign} tone=${tone} shape=${shape} word=${words(v.kind)} /></button>
        <span class="age">${length}</span>
        <p class="text">${v.text.replace(/^\w+:? /, '')}</p>
        ${open && html`<p class="means">${v.means}</p><p class="means"><b>To do.</b> ${v.do}</p>`}
    </li>`;
}

function Finding({ f }) {
    return html`<li><${Sign} tone="warn" shape="diamond" word=${words(f.kind)} />
        <span class="age">on paper</span><p class="text">${f.text}</p>
        <p class="means">${f.do}</p></li>`;
}

function Verdicts() {
    const { verdicts, ended, findings, routers, links, paths } = the('network');
    const worse = (a, b) => severity(a)[2] - severity(b)[2] || a.since_ms - b.since_ms;
    const told = (v) => matches(v.kind, v.text);
    const now = [...verdicts].sort(worse).filter(told);
    const past = ended.filter(told);
    const none = !now.length && !findings.length;
    const heard = paths.length || routers.some((r) => r.feed !== 'none')
        || links.some((l) => l.session === 'up' || l.session === 'down');
    return html`<${Tile} id="net-verdicts" title="What is wrong" command="verdicts"
        note=${verdicts.length ? `${verdicts.length} now` : 'nothing now'}>
        ${none && !heard && html`<${Nothing}><${Sign} tone="held" shape="dot"
            word="Nothing is known" />: no router is heard, and no path is probed.<//>`}
        ${none && heard && html`<${Nothing}><${Sign} tone="ok" shape="up" word="Nothing is wrong" /> with
            what routers and probes tell.<//>`}
        <div class="verdicts" role="region" tabindex="0" aria-label="Verdicts"><ul>
        ${findings.map((f) => html`<${Finding} key=${f.text} f=${f} />`)}
        ${now.map((v) => html`<${Verdict} key=${v.id} v=${v} />`)}
        ${past.map((v) => html`<${Verdict} key=${v.id} v=${v} />`)}</ul></div><//>`;
}

/* ---- sessions ---- */

const LINK_COLUMNS = [
    ['Link'], ['Between'], ['Session'], ['Since', 'n'], ['Lost', 'n', 'Times the session was lost'],
    ['Routes', 'n', 'That each end has of the other'],
];

function LinkRow({ l }) {
    const [tone, shape, word] = session(l);
    return html`<tr data-row tabindex="-1"><th scope="row">${l.name}</th>
        <td>${l.a} – ${l.b}</td>
        <td><${Sign} tone=${tone} shape=${shape} word=${word} />
            ${l.reason && html` <span class="of">${l.reason}</span>`}</td>
        <td class="n">${l.session === 'none' ? NONE : since(l.since_ms)}</td>
        <td class="n ${l.downs ? '' : 'zero'}">${l.downs}</td>
        <td class="n">${l.session === 'none' ? NONE : `${l.a_routes} / ${l.b_routes}`}</td></tr>`;
}

function Links() {
    const all = the('network').links;
    const shown = all.filter((l) => matches(l.name, l.a, l.b, l.session));
    const table = () => html`<${Scroll} label="Links and their sessions"><table>
        <${Heads} columns=${LINK_COLUMNS} />
        <tbody>${shown.map((l) => html`<${LinkRow} key=${l.name} l=${l} />`)}</tbody></table><//>`;
    return html`<${Tile} id="net-links" title="Links" command="network">
        ${listed('link', all, shown, table)}<//>`;
}

/* ---- paths: a row a site, a column a site, each way its own ---- */

/* Of several flows and means the worst is shown. */
function worst(paths) {
    const bad = (p) => (p.state === 'down' ? 2 : 0) + (p.loop ? 1 : 0);
    return paths.reduce((a, b) => (bad(b) > bad(a) || (bad(b) === bad(a)
        && (b.two_way_ms ?? 0) > (a.two_way_ms ?? 0)) ? b : a));
}

function PathCell({ from, to, paths }) {
    if (from === to)
        return html`<td class="n self" aria-label="itself">·</td>`;
    if (!paths.length)
        return html`<td class="n"><span class="unseen">not probed</span>
            <span aria-hidden="true">${NONE}</span></td>`;
    const p = worst(paths);
    const ways = p.there_ms !== null && p.back_ms !== null
        ? `, ${fixed(p.there_ms, 1)} there and ${fixed(p.back_ms, 1)} back` : '';
    const loss = p.loss > 0 ? `, ${percent(p.loss)} lost` : '';
    const hops = p.hops_there !== null ? `, ${p.hops_there} hops there, ${p.hops_back} back` : '';
    const title = `${from} to ${to} by ${p.kind}: ${p.state}${ways}${loss}${hops}`;
    if (p.state === 'down')
        return html`<td class="n" title=${title}>
            <${Sign} tone="crit" shape="down" word="down" /></td>`;
    const lossy = p.loss > 0.01;
    return html`<td class="n ${lossy ? 'warn' : ''} ${p.age_ms > 60000 ? 'old' : ''}" title=${title}>
        ${fixed(p.two_way_ms, p.two_way_ms < 10 ? 1 : 0)}
        ${lossy && html`<span class="of"> ${percent(p.loss, 0)} lost</span>`}</td>`;
}

function Paths() {
    const { sites, paths } = the('network');
    const names = sites.filter((s) => s.address).map((s) => s.name);
    const shown = names.filter((n) => matches(n));
    const of = (from, to) => paths.filter((p) => p.from === from && p.to === to);
    const table = () => html`<${Scroll} label="Round trips between sites"><table class="health">
        <thead><tr><th scope="col">From</th>${names.map((n) => html`<th key=${n} scope="col"
            class="n"><abbr title=${n}>${short_name(n)}</abbr></th>`)}</tr></thead>
        <tbody>${shown.map((from) => html`<tr key=${from} data-row tabindex="-1">
            <th scope="row">${from}</th>${names.map((to) => html`<${PathCell} key=${to} from=${from}
                to=${to} paths=${of(from, to)} />`)}</tr>`)}</tbody></table><//>`;
    return html`<${Tile} id="net-paths" title="Paths" command="network"
        note="round trip in ms, row to column">
        ${listed('path', names, shown, table)}<//>`;
}

/* ---- where does a prefix go ---- */

const asked = signal('');
const answer = signal(null); /* { routes, ways, ... } or { problem } */

async function look_up(prefix) {
    try {
        const response = await fetch(`/v1/net/routes?prefix=${encodeURIComponent(prefix)}`);
        const doc = await response.json();
        answer.value = response.ok ? doc : { problem: doc.detail };
    } catch (error) {
        answer.value = { problem: `The hub was not reached: ${error.message}` };
    }
}

const ENDS = {
    delivered: ['ok', 'up'], leaves: ['info', 'up'], 'no route': ['crit', 'cross'],
    discarded: ['crit', 'cross'], loop: ['crit', 'down'],
};

/* A way that goes round is shown once round. */
function once(hops) {
    const seen = new Set();
    const end = hops.findIndex((h) => {
        const again = seen.has(h.router);
        seen.add(h.router);
        return again;
    });
    return end < 0 ? hops : [...hops.slice(0, end), { ...hops[end], link: null }];
}

function Way({ way }) {
    const [tone, shape] = ENDS[way.end] ?? ['held', 'dot'];
    return html`<tr><th scope="row">${way.from}</th><td>${once(way.hops).map((h, i) => html`
        <${Fragment} key=${i}>${h.router}${h.link && html`<span class="of"> –${h.link}→ </span>`}
        <//>`)}</td><td><${Sign} tone=${tone} shape=${shape} word=${way.end} /></td></tr>`;
}

const ROUTE_COLUMNS = [
    ['Router'], ['View'], ['Prefix'], ['Peer'], ['AS path'], ['MED', 'n'], ['Since', 'n'],
];

function RouteRow({ r }) {
    return html`<tr class=${r.stale ? 'old' : ''}><th scope="row">${r.router}</th><td>${r.view}</td>
        <td>${r.prefix}</td><td>${r.peer ?? NONE}</td><td>${r.path || r.kind}</td>
        <td class="n">${r.med ?? NONE}</td><td class="n">${since(r.since_ms)}</td></tr>`;
}

function Answer() {
    const a = answer.value;
    if (!a)
        return html`<${Nothing}>Type a prefix or an address: the way to it from every site, and who
            has which route.<//>`;
    if (a.problem)
        return html`<${Nothing}>${a.problem}<//>`;
    return html`<${Scroll} label="Ways to ${a.asked}"><table>
            <${Heads} columns=${[['From'], [`Way to ${a.asked}`], ['End']]} />
            <tbody>${a.ways.map((w) => html`<${Way} key=${w.from} way=${w} />`)}</tbody></table>
        <//>${a.routes.length > 0 && html`<${Scroll} label="Routes to ${a.prefix}"><table>
            <${Heads} columns=${ROUTE_COLUMNS} />
            <tbody>${a.routes.map((r, i) => html`<${RouteRow} key=${i} r=${r} />`)}</tbody></table>
        <//>`}`;
}

function Routes() {
    const submit = (e) => {
        e.preventDefault();
        if (asked.value.trim())
            look_up(asked.value.trim());
    };
    const tools = html`<form class="find" onSubmit=${submit}><label><span class="unseen">Prefix or
        address</span><input id="prefix" placeholder="10.1.0.0/16" value=${asked.value}
        onInput=${(e) => { asked.value = e.currentTarget.value; }} autocomplete="off"
        spellcheck="false" /></label><button type="submit">Find</button></form>`;
    return html`<${Tile} id="net-routes" title="Where does it go" command="routes" tools=${tools}>
        <${Answer} /><//>`;
}

export function Network() {
    if (!the('network'))
        return null;
    return html`<${NetMap} /><${Verdicts} /><${Links} /><${Paths} /><${Routes} />`;
}
