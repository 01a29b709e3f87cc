/* health.js - who hears whom: every node as a vantage point, and how far it is behind. */

import { count, NONE, short_name, span_s } from './format.js';
import { html, listed, Scroll, Sign, State, Tile } from './parts.js';
import { the } from './state.js';
import { matches } from './view.js';

const rtt = (ms) => {
    if (typeof ms !== 'number')
        return NONE;
    return ms < 10 ? ms.toFixed(1) : String(Math.round(ms));
};
const lag = (ms) => (ms >= 0 && ms < 1000 ? `${Math.round(ms)} ms` : span_s(ms / 1000));

function Cell({ from, to, seen, stale_ms }) {
    if (from === to)
        return html`<td class="n self" aria-label="itself">·</td>`;
    if (!seen)
        return html`<td class="n"><span class="unseen">not known</span>
            <span aria-hidden="true">${NONE}</span></td>`;
    const ms = seen.rtt_ms > 0 ? rtt(seen.rtt_ms) : 'up'; /* only the node that answers knows its own */
    const how = seen.up ? `up${seen.rtt_ms > 0 ? `, ${ms} ms` : ''}` : 'down';
    const words = `${to} is ${how} as ${from} hears it, ${span_s(seen.age_ms / 1000)} ago`;
    const old = seen.age_ms > stale_ms ? 'old' : '';
    const down = html`<${Sign} tone="crit" shape="down" word="down" />`;
    return html`<td class="n ${old}" title=${words}>${seen.up ? ms : down}</td>`;
}

function Heads({ names }) {
    return html`<thead><tr><th scope="col">Node</th><th scope="col">State</th>
        <th scope="col" class="n" title="How far its facts are behind here">Behind</th>
        <th scope="col" class="n" title="Its lives: one more each time it starts without its disk">
            Epoch</th>
        ${names.map((n) => html`<th key=${n} scope="col" class="n">
            <abbr title=${n}>${short_name(n)}</abbr></th>`)}</tr></thead>`;
}

function Row({ node: n, names, seen, stale_ms }) {
    const hub = n.role === 'hub' && n.name !== 'hub';
    return html`<tr data-row tabindex="-1" class=${n.age_ms > stale_ms ? 'old' : ''}>
        <th scope="row">${n.name}${hub && html` <span class="of">hub</span>`}</th>
        <td><${State} of=${n} /></td>
        <td class="n">${n.state === 'up' ? lag(n.lag_ms ?? NaN) : NONE}</td>
        <td class="n">${count(n.epoch)}</td>
        ${names.map((to) => html`<${Cell} key=${to} from=${n.name} to=${to}
            seen=${seen.get(`${n.name} ${to}`)} stale_ms=${stale_ms} />`)}</tr>`;
}

export function Health() {
    const all = the('nodes');
    const names = all.map((n) => n.name);
    const shown = all.filter((n) => matches(n.name, n.role, n.state));
    const seen = new Map(the('health').map((s) => [`${s.from} ${s.to}`, s]));
    const stale_ms = the('report_stale_ms');
    const table = () => html`<${Scroll} label="Which node hears which"><table class="health">
        <${Heads} names=${names} /><tbody>${shown.map((n) => html`
            <${Row} key=${n.name} node=${n} names=${names} seen=${seen} stale_ms=${stale_ms} />`)}
        </tbody></table><//>`;
    return html`<${Tile} id="health" title="Nodes and paths" command="health"
        note="round trip in ms, each row hears each column">
        ${listed('node', all, shown, table)}<//>`;
}
