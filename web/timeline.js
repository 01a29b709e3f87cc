/* timeline.js - what happened, who did it and why; newest first. */

import { clock, day, zone_name } from './format.js';
import { html, listed, Sign, Tile } from './parts.js';
import { the } from './state.js';
import { matches, zone } from './view.js';

/* kind -> shape, tone. The word is the kind itself; one that is new here still has its word. */
const KINDS = {
    drain: ['diamond', 'warn'], restore: ['up', 'ok'], share: ['bars', 'info'],
    policy: ['flag', 'info'], health: ['dot', 'held'], failover: ['down', 'crit'],
    config: ['square', 'held'], network: ['cross', 'warn'],
};
export const kind_of = (kind) => KINDS[kind] ?? ['dot', 'held'];

function Entry({ e }) {
    const [shape, tone] = kind_of(e.kind);
    const who = e.who ? ` ·\u00a0${e.who}` : '';
    return html`<li><time datetime=${new Date(e.at_ms).toISOString()}>
            ${clock(e.at_ms, zone.value)}</time>
        <${Sign} tone=${tone} shape=${shape} word=${e.kind} />
        <span class="text">${e.text}<span class="who">${who}</span></span></li>`;
}

/* A line with the date stands where the day changes. */
function entries(shown, today) {
    let last = today;
    return shown.flatMap((e) => {
        const d = day(e.at_ms, zone.value);
        const line = html`<${Entry} key=${`${e.at_ms}${e.kind}${e.text}`} e=${e} />`;
        if (d === last)
            return [line];
        last = d;
        return [html`<li class="day" key=${d}>${d}</li>`, line];
    });
}

export function Timeline() {
    const all = the('timeline');
    const shown = all.filter((e) => matches(e.kind, e.text, e.who ?? '')).reverse();
    const today = day(the('now_ms'), zone.value);
    const list = () => html`<div class="events" role="region" tabindex="0"
        aria-label="Timeline entries"><ol>${entries(shown, today)}</ol></div>`;
    return html`<${Tile} id="timeline" title="Timeline" command="timeline"
        note=${`newest first, ${zone_name(zone.value)}`}>${listed('entry', all, shown, list)}<//>`;
}
