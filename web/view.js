/* view.js - what the person looking chose: filter, time zone, chart or table, theme. All but the
 * theme is in the URL, so that a link shows the same; the theme belongs to the person. */

import { effect, signal } from '@preact/signals';

const from_url = () => {
    const p = new URLSearchParams(location.search);
    return {
        filter: p.get('filter') ?? '',
        zone: p.get('time') === 'local' ? 'local' : 'utc',
        table: p.get('arrivals') === 'table',
        open: p.get('queue') ?? '',
        verdict: Number(p.get('verdict')) || 0,
    };
};
const first = from_url();
export const filter = signal(first.filter);
export const zone = signal(first.zone);        /* "utc" or "local" */
export const arrivals_table = signal(first.table);
export const open_verdict = signal(first.verdict); /* its id; 0: none */
export const open_queue = signal(first.open);  /* "name/channel" of the queue shown by site */

let push_next = false;
/* The next change makes an entry in the browser's history; typing in the filter does not. */
export function step(change) {
    push_next = true;
    change();
}

function to_url() {
    const p = new URLSearchParams();
    if (filter.value)
        p.set('filter', filter.value);
    if (zone.value === 'local')
        p.set('time', 'local');
    if (arrivals_table.value)
        p.set('arrivals', 'table');
    if (open_queue.value)
        p.set('queue', open_queue.value);
    if (open_verdict.value)
        p.set('verdict', open_verdict.value);
    const query = p.toString();
    const url = (query ? `?${query}` : location.pathname) + location.hash;
    if ((query ? `?${query}` : '') !== location.search)
        history[push_next ? 'pushState' : 'replaceState'](null, '', url);
    push_next = false;
}

export function follow_url() {
    effect(to_url);
    addEventListener('popstate', () => {
        const now = from_url();
        filter.value = now.filter;
        zone.value = now.zone;
        arrivals_table.value = now.table;
        open_queue.value = now.open;
        open_verdict.value = now.verdict;
    });
}

/* Every word of the filter must be somewhere in the texts. */
export function matches(...texts) {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const all = texts.join(' ').toLowerCase();
    return words.every((w) => all.includes(w));
}

/* ---- theme: "system", "light" or "dark" ---- */

export const theme = signal(document.documentElement.dataset.theme ?? 'system');


export function set_theme(name) {
    theme.value = name;
    if (name === 'system')
        delete document.documentElement.dataset.theme;
    else
        document.documentElement.dataset.theme = name;
    try {
        localStorage.setItem('tandem.theme', name);
    } catch {
        // not remembered where storage is forbidden
    }
}
