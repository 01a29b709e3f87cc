/* agents.js - what the agents of each site are doing. */

import { count, percent } from './format.js';
import { html, listed, Scroll, Tile } from './parts.js';
import { the } from './state.js';
import { matches } from './view.js';

const STATES = [
    ['available', 'Available'], ['on_contact', 'On contact'], ['wrapup', 'Wrap-up'],
    ['break', 'Break'], ['missed', 'Missed'], ['moving', 'Moving'], ['offline', 'Offline'],
];
const BAR = 72; /* pixels for the site with the most people */

const total = (row) => STATES.reduce((n, [key]) => n + (row[key] ?? 0), 0);

/* One bar a site, as long as its people against the largest site's. */
function Bar({ row, most }) {
    let x = 0;
    const parts = STATES.filter(([key]) => row[key] > 0).map(([key]) => {
        const at = x;
        x += (row[key] / most) * BAR;
        const w = Math.max(0.5, x - at - 1);
        return html`<rect key=${key} class="a-${key}" x=${at} width=${w} height="12" />`;
    });
    return html`<svg class="stack" width=${BAR} height="12" aria-hidden="true">${parts}</svg>`;
}

function Heads() {
    return html`<thead><tr><th scope="col">Site</th><td><span class="unseen">Bar</span></td>
        ${STATES.map(([key, word]) => html`<th key=${key} scope="col" class="n"><span class="head">
            <svg class="swatch" aria-hidden="true">
                <rect class="a-${key}" width="8" height="8" /></svg>${word}</span></th>`)}
        <th scope="col" class="n" title="On contact or in wrap-up, of those who take contacts">
            Occupancy</th></tr></thead>`;
}

function Row({ row, most, occupancy }) {
    return html`<tr data-row tabindex="-1"><th scope="row">${row.site}</th>
        <td><${Bar} row=${row} most=${most} /></td>
        ${STATES.map(([key]) => html`<td key=${key} class="n ${row[key] ? '' : 'zero'}">
            ${count(row[key] ?? 0)}</td>`)}
        <td class="n">${percent(occupancy, 0)}</td></tr>`;
}

export function Agents() {
    const all = the('agents').by_state;
    const shown = all.filter((r) => matches(r.site));
    const most = Math.max(1, ...shown.map(total));
    const occupancy = new Map(the('sites').map((s) => [s.name, s.occupancy]));
    const table = () => html`<${Scroll} label="Agents by site and state"><table class="agents">
        <${Heads} /><tbody>${shown.map((r) => html`
            <${Row} key=${r.site} row=${r} most=${most} occupancy=${occupancy.get(r.site)} />`)}
        </tbody></table><//>`;
    return html`<${Tile} id="agents" title="Agents" command="agents">
        ${listed('site', all, shown, table)}<//>`;
}
