/* app.js - the dashboard: puts the tiles in their places, and listens to the keyboard.
 *
 * state.js keeps what the stream said, view.js what the person chose; each tile is a file of its
 * own; act.js holds what can be done. web/CONTRACT.md is the agreement with the hub. */

import { render } from 'preact';
import { Act, Done } from './act.js';
import { Agents } from './agents.js';
import { Arrivals } from './chart.js';
import { Health } from './health.js';
import { Help, help_open } from './help.js';
import { WorldMap } from './map.js';
import { Network } from './network.js';
import { html } from './parts.js';
import { Queues } from './queues.js';
import { Sites } from './sites.js';
import { link, loaded, pause, paused, start, the } from './state.js';
import { Alerts, Banner, Bar, Figures } from './summary.js';
import { Timeline } from './timeline.js';
import { filter, follow_url, step, zone } from './view.js';

function Board() {
    if (!loaded.value)
        return html`<main id="board" tabindex="-1"><p class="boot">${link.value.tries
            ? `${link.value.problem}. Trying again…` : 'Connecting to the stream…'}</p></main>`;
    return html`<main id="board" tabindex="-1"><${Figures} /><${WorldMap} /><${Sites} />
        <${Queues} /><${Arrivals} /><${Agents} /><${Health} /><${Timeline} />
        <${Network} /></main>`;
}

function App() {
    document.title = the('name') ? `${the('name')} · tandem` : 'tandem';
    return html`<${Bar} /><${Banner} /><${Alerts} /><${Board} /><${Act} /><${Help} /><${Done} />`;
}

/* ---- keys ---- */

/* j and k go from row to row through all tables; Enter presses the row's own button. */
function go_row(by) {
    const rows = [...document.querySelectorAll('#board [data-row]')];
    const here = document.activeElement?.closest?.('[data-row]');
    const next = here ? rows.indexOf(here) + by : by > 0 ? 0 : rows.length - 1;
    rows[Math.max(0, Math.min(rows.length - 1, next))]?.focus();
}

const KEYS = {
    '/': () => document.getElementById('filter')?.focus(),
    '?': () => { help_open.value = true; },
    t: () => step(() => { zone.value = zone.value === 'utc' ? 'local' : 'utc'; }),
    p: () => pause(!paused.value),
    j: () => go_row(1),
    k: () => go_row(-1),
};

function on_key(e) {
    const typing = e.target.closest?.('input, select, textarea');
    if (e.ctrlKey || e.metaKey || e.altKey || document.querySelector('dialog[open]'))
        return;
    if (e.key === 'Escape' && (typing?.id === 'filter' || filter.value)) {
        filter.value = '';
        typing?.blur();
    } else if (e.key === 'Enter' && e.target.matches?.('[data-row]')) {
        e.target.querySelector('[data-open]')?.click();
    } else if (!typing && KEYS[e.key]) {
        e.preventDefault();
        KEYS[e.key]();
    }
}

follow_url();
const root = document.getElementById('app');
root.replaceChildren();
render(html`<${App} />`, root);
addEventListener('keydown', on_key);
start();
