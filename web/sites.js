/* sites.js - each site's state, its share wanted and got, and how many contacts it is off. */

import { ask } from './act.js';
import { count, fixed, NONE, percent, signed, span_s } from './format.js';
import { Deviation, Heads, html, listed, Meter, Scroll, State, Tile } from './parts.js';
import { the } from './state.js';
import { matches } from './view.js';

const COMPACT = 8; /* with more sites each has one line, to stay on one screen */

const WAITING = html`Waiting<br /><abbr title="Expected wait of a new contact">EWT</abbr>`;
const COLUMNS = [
    ['Site'], ['Share got'], ['Contacts off'], ['A minute', 'n'], [WAITING, 'n'],
    [html`<span class="unseen">Action</span>`],
];

/* [[group name, sites]], groups in the order the hub names them */
function grouped(sites) {
    const groups = new Map();
    for (const s of sites)
        groups.set(s.group ?? '', [...(groups.get(s.group ?? '') ?? []), s]);
    return [...groups];
}

function why(s, stale_ms) {
    if (s.report_age_ms > stale_ms)
        return `last report ${span_s(s.report_age_ms / 1000)} ago`;
    return s.ready === false ? s.not_ready_reason : '';
}

function Share({ site: s, top }) {
    const whole = (s.share_wanted * 1000) % 10 === 0;
    return html`<td class="share"><span class="figure">${percent(s.share_got, 2)}</span>${' '}
        <span class="of">of ${percent(s.share_wanted, whole ? 0 : 1)}</span>
        <${Meter} value=${s.share_got / top} target=${s.share_wanted / top} width=${100}
            tone="share" /></td>`;
}

function Off({ site, bound }) {
    const off = site.share_off_contacts;
    const side = off < 0 ? 'under' : 'over';
    const words = typeof off !== 'number' ? 'not known'
        : `${fixed(Math.abs(off), 1)} contacts ${side} its share, bound ${count(bound)}`;
    return html`<td class="off"><span class="figure" aria-hidden="true">${signed(off)}</span>
        <span class="unseen">${words}</span><${Deviation} value=${off} bound=${bound} /></td>`;
}

function Act({ site: s }) {
    const verb = s.state === 'draining' || s.state === 'drained' ? 'restore' : 'drain';
    return html`<td class="do"><button type="button" data-open class="act"
        onClick=${() => ask({ verb, site: s.name })} aria-label="${verb} ${s.name}">
        ${verb === 'drain' ? 'Drain…' : 'Restore…'}</button></td>`;
}

function Row({ site: s, bound, top, stale_ms }) {
    const reason = why(s, stale_ms);
    const old = s.report_age_ms > stale_ms ? 'old' : '';
    return html`<tr data-row data-site=${s.name} tabindex="-1" class=${old}>
        <th scope="row"><span class="name">${s.name}</span><${State} of=${s} />
            ${reason && html`<span class="reason">${reason}</span>`}</th>
        <${Share} site=${s} top=${top} /><${Off} site=${s} bound=${bound} />
        <td class="n">${fixed(s.arrivals_per_min, 1)}</td>
        <td class="n">${count(s.waiting)}
            <span class="of">${s.state === 'down' ? NONE : span_s(s.ewt_s)}</span></td>
        <${Act} site=${s} /></tr>`;
}

function Group({ name, sites, ...more }) {
    return html`<tbody>
        ${name && html`<tr class="group"><th colspan=${COLUMNS.length} scope="rowgroup">
            group ${name}</th></tr>`}
        ${sites.map((s) => html`<${Row} key=${s.name} site=${s} ...${more} />`)}</tbody>`;
}

export function Sites() {
    const all = the('sites');
    const bound = the('share_bound_contacts');
    const shown = all.filter((s) => matches(s.name, s.group ?? '', s.state));
    const top = Math.max(0.01, ...shown.flatMap((s) => [s.share_wanted ?? 0, s.share_got ?? 0]));
    const groups = grouped(shown);
    const look = shown.length > COMPACT ? 'sites compact' : 'sites';
    const table = () => html`<${Scroll} label="Table of sites">
        <table class=${look}><${Heads} columns=${COLUMNS} />
        ${groups.map(([name, sites]) => html`<${Group} key=${name} sites=${sites} bound=${bound}
            name=${groups.length > 1 && name} top=${top} stale_ms=${the('report_stale_ms')} />`)}
        </table><//>`;
    return html`<${Tile} id="sites" title="Sites and shares" command="sites"
        note=${typeof bound === 'number' && `never more than ${count(bound)} contacts off`}>
        ${listed('site', all, shown, table)}<//>`;
}
