/* queues.js - queues with their service level and what it means; a row opens to show its sites. */

import { count, NONE, percent, set_s, span_s } from './format.js';
import { Fragment, Heads, html, listed, Meter, Scroll, Tile } from './parts.js';
import { the } from './state.js';
import { matches, open_queue, step } from './view.js';

const COLUMNS = [
    ['Queue'], ['Waiting', 'n'], ['Oldest', 'n'], ['Service level'], ['Offered', 'n'],
    ['Answered', 'n'], ['Aband.', 'n', 'Abandoned'], ['ASA', 'n', 'Average speed of answer'],
    ['AHT', 'n', 'Average handling time, with wrap-up'],
];
const FAR = 0.1; /* under its target by more than this is critical */

const key_of = (q) => `${q.name}/${q.channel}`;

function tone(q) {
    const known = typeof q.service_level === 'number' && typeof q.target === 'number';
    if (!known || q.service_level >= q.target)
        return 'plain';
    return q.service_level >= q.target - FAR ? 'warn' : 'crit';
}
const WORDS = { warn: 'under target', crit: 'far under target' };

function Level({ q, note }) {
    const t = tone(q);
    const within = q.service_level_within_s;
    return html`<td class="level ${t}"><span class="figure">${percent(q.service_level)}
            ${note > 0 && html`<sup>${note}</sup>`}</span>
        <${Meter} value=${q.service_level} target=${q.target} tone=${t} width=${44} />
        ${within > 0 && html`<span class="of">in ${set_s(within)}</span>`}
        ${WORDS[t] && html`<span class="unseen">${WORDS[t]}</span>`}</td>`;
}

function BySite({ q }) {
    const most = Math.max(1, ...q.by_site.map((s) => s.waiting));
    return html`<tr class="opened"><td colspan=${COLUMNS.length}><dl>${q.by_site.map((s) => html`
        <div key=${s.site}><dt>${s.site}</dt>
            <dd><${Meter} value=${s.waiting / most} width=${90} />${count(s.waiting)} waiting</dd>
        </div>`)}</dl></td></tr>`;
}

function Row({ q, note }) {
    const open = open_queue.value === key_of(q);
    const toggle = () => step(() => { open_queue.value = open ? '' : key_of(q); });
    return html`<${Fragment}><tr data-row tabindex="-1">
        <th scope="row"><button type="button" class="fold" data-open aria-expanded=${String(open)}
            onClick=${toggle}>${q.name}</button> <span class="of">${q.channel}</span></th>
        <td class="n strong">${count(q.waiting)}</td>
        <td class="n">${q.waiting ? span_s(q.oldest_wait_s) : NONE}</td>
        <${Level} q=${q} note=${note} />
        <td class="n">${count(q.offered)}</td><td class="n">${count(q.answered)}</td>
        <td class="n">${count(q.abandoned)}</td>
        <td class="n">${span_s(q.asa_s)}</td><td class="n">${span_s(q.aht_s)}</td></tr>
        ${open && q.by_site && html`<${BySite} q=${q} />`}<//>`;
}

/* What the service level means: one footnote for each definition in use, with a number only when
 * there is more than one. */
function Notes({ texts }) {
    return html`<p class="foot">${texts.map((t, i) => html`<span key=${t}>
        ${texts.length > 1 && html`<sup>${i + 1}</sup> `}${`Service level: ${t}. `}</span>`)}</p>`;
}

export function Queues() {
    const all = the('queues');
    const sites = (q) => (q.by_site ?? []).map((s) => s.site);
    const shown = all.filter((q) => matches(q.name, q.channel, ...sites(q)));
    const texts = [...new Set(shown.map((q) => q.service_level_definition).filter(Boolean))];
    const note = (q) => (texts.length > 1 ? texts.indexOf(q.service_level_definition) + 1 : 0);
    const table = () => html`<${Scroll} label="Table of queues"><table class="queues">
            <${Heads} columns=${COLUMNS} />
            <tbody>${shown.map((q) => html`<${Row} key=${key_of(q)} q=${q} note=${note(q)} />`)}
            </tbody></table><//><${Notes} texts=${texts} />`;
    return html`<${Tile} id="queues" title="Queues" command="queues">
        ${listed('queue', all, shown, table)}<//>`;
}
