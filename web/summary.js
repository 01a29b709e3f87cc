/* summary.js - the top of the board: bar, banners, alerts, and the figures of the whole centre. */

import { ask } from './act.js';
import { clock, count, day, NONE, percent, span_s, zone_name } from './format.js';
import { html, Mark, Sign, Tile } from './parts.js';
import { age_ms, link, loaded, missed, pause, paused, staleness, the } from './state.js';
import { filter, set_theme, step, theme, zone } from './view.js';
import { help_open } from './help.js';

/* ---- bar ---- */

const LINK_STATES = {
    connecting: ['info', 'dot', 'connecting'],
    live: ['ok', 'dot', 'live'],
    reconnecting: ['crit', 'cross', 'reconnecting'],
    resting: ['held', 'square', 'resting'],
};

function Link() {
    let [tone, shape, word] = LINK_STATES[link.value.state];
    if (link.value.state === 'live' && staleness.value !== 'fresh')
        [tone, shape, word] = ['warn', 'diamond', 'silent'];
    if (paused.value)
        [tone, shape, word] = ['held', 'square', 'paused'];
    return html`<${Sign} id="link" title=${link.value.problem} tone=${tone} shape=${shape}
        word=${word} />`;
}

function Clock() {
    const at = the('now_ms');
    const speed = the('speed');
    return html`<span class="clock" title=${speed === 1 ? 'The hub’s clock' : 'Simulated time'}>
        <span class="wide">${day(at, zone.value)} </span>
        <time>${clock(at, zone.value)}</time></span>
        ${speed !== 1 && html`<span class="speed"
            title="Simulated time runs this many times faster">×${speed}</span>`}`;
}

function Zone() {
    const flip = () => step(() => { zone.value = zone.value === 'utc' ? 'local' : 'utc'; });
    const name = zone_name(zone.value);
    return html`<button type="button" id="zone" class="quiet" onClick=${flip}
        aria-label="Times in ${name}; change" title="Time zone (t)">${name}</button>`;
}

const THEMES = ['system', 'light', 'dark'];
function Theme() {
    return html`<label class="pick" title="Colours"><span class="unseen">Colours</span>
        <select id="theme" value=${theme.value} onChange=${(e) => set_theme(e.currentTarget.value)}>
        ${THEMES.map((t) => html`<option key=${t} value=${t} selected=${t === theme.value}>
            ${t}</option>`)}</select></label>`;
}

function Logo() {
    return html`<svg class="logo" viewBox="0 0 24 18" aria-hidden="true">
        <circle cx="5.2" cy="12.4" r="4.2" /><circle cx="18.8" cy="12.4" r="4.2" />
        <path d="M5.2 8.2 8.4 3h10.4v5.2" /></svg>`;
}

function Find() {
    const type = (e) => { filter.value = e.currentTarget.value; };
    return html`<label class="find">
        <span class="unseen">Filter sites, queues and the timeline</span>
        <input id="filter" type="search" placeholder="Filter" value=${filter.value} onInput=${type}
            autocomplete="off" spellcheck="false" /><kbd aria-hidden="true">/</kbd></label>`;
}

export function Bar() {
    const held = paused.value;
    return html`<header class="bar"><h1><${Logo} />tandem</h1>
        <span class="centre">${the('name')}</span><${Link} /><span class="push"></span>
        <span class="when"><${Clock} /><${Zone} /></span><${Find} />
        <button type="button" id="pause" class="quiet" aria-pressed=${String(held)}
            title="Hold the picture still (p)" onClick=${() => pause(!held)}>
            ${held ? 'Resume' : 'Pause'}</button>
        <${Theme} />
        <button type="button" id="help-button" class="quiet" aria-label="Help"
            title="Keys and signs (?)" onClick=${() => { help_open.value = true; }}>?</button>
    </header>`;
}

/* ---- banners ---- */

const at_zone = () => `${clock(the('now_ms'), zone.value)} ${zone_name(zone.value)}`;
const Silence = () => span_s(Math.floor(age_ms.value / 1000));

function Paused() {
    return html`<div class="banner held" id="paused-banner"><${Mark} shape="square" />
        <p><b>Paused</b> at ${at_zone()}; ${count(missed.value)} changes since are not shown.</p>
        <button type="button" onClick=${() => pause(false)}>Resume</button></div>`;
}

export function Banner() {
    if (paused.value)
        return html`<${Paused} />`;
    if (!loaded.value || staleness.value !== 'lost')
        return null;
    const problem = link.value.problem && `${link.value.problem}. `;
    return html`<div class="banner crit" role="alert" id="stale-banner"><${Mark} shape="cross" />
        <p><b>These figures are old.</b> Nothing from the hub for${' '}
        <span aria-live="off"><${Silence} /></span>;
        ${` last heard at ${at_zone()}, revision ${the('revision')}. ${problem}`}
        ${' '}Sites keep serving by themselves; this board tries again.</p></div>`;
}

/* ---- alerts: worst first, then oldest ---- */

const SEVERITIES = { crit: ['down', 'critical', 0], warn: ['diamond', 'warning', 1] };
const severity = (a) => SEVERITIES[a.severity] ?? ['dot', a.severity, 2];

export function Alerts() {
    const now = the('now_ms');
    const worse = (a, b) => severity(a)[2] - severity(b)[2] || a.since_ms - b.since_ms;
    const rows = [...the('alerts')].sort(worse);
    if (!rows.length)
        return null;
    return html`<section class="alerts" id="alerts" aria-label="Alerts"><ul>${rows.map((a) => {
        const [shape, word] = severity(a);
        return html`<li key=${`${a.what} ${a.since_ms} ${a.text}`} class=${a.severity}>
            <${Sign} tone=${a.severity} shape=${shape} word=${word} />
            <span class="text">${a.text}</span>
            <span class="age">for ${span_s((now - a.since_ms) / 1000)}</span></li>`;
    })}</ul></section>`;
}

/* ---- figures of the whole centre ---- */

const sum = (rows, key) => rows.reduce((n, r) => n + (r[key] ?? 0), 0);
const SIGNED_IN = ['available', 'on_contact', 'wrapup', 'break', 'missed', 'moving'];

/* [name, figure, what stands below it] */
function figures() {
    const t = the('totals');
    const queues = the('queues');
    const agents = the('agents').by_state;
    const waiting = sum(queues, 'waiting');
    const oldest = Math.max(0, ...queues.filter((q) => q.waiting).map((q) => q.oldest_wait_s ?? 0));
    const abandoned = t.offered > 0 ? t.abandoned / t.offered : undefined;
    const rate = t.decisions_per_s;
    const pace = rate >= 0 ? `${count(rate)} a second` : 'since the start';
    const wrapup = `${count(sum(agents, 'wrapup'))} in wrap-up`;
    const signed_in = SIGNED_IN.reduce((n, key) => n + sum(agents, key), 0);
    return [
        ['Service level', percent(t.service_level), `${count(t.answered)} answered`],
        ['Waiting', count(waiting), waiting ? `oldest ${span_s(oldest)}` : 'nobody waits'],
        ['On contact', count(sum(agents, 'on_contact')), wrapup],
        ['Agents available', count(sum(agents, 'available')), `of ${count(signed_in)} signed in`],
        ['Mean wait', span_s(t.wait_mean_s), 'of the answered'],
        ['Abandoned', percent(abandoned), `${count(t.abandoned)} of ${count(t.offered)}`],
        ['Served elsewhere', percent(t.cross_site_ratio), `${count(t.moved)} moved`],
        ['Decisions', count(t.decisions), pace],
    ];
}

export function Figures() {
    const policy = html`<button type="button" id="policy" class="act"
        onClick=${() => ask({ verb: 'policy' })}>Policy <b>${the('policy')}</b>…</button>`;
    return html`<${Tile} id="totals" title="Whole centre" command="totals" tools=${policy}>
        <dl class="figures">${figures().map(([name, value, below]) => html`<div key=${name}>
            <dt>${name}</dt><dd class="value ${value === NONE ? 'unknown' : ''}">${value}</dd>
            <dd class="beside">${below}</dd></div>`)}</dl><//>`;
}
