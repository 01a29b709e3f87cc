/* state.js - the stream, and what it last said.
 *
 * The hub sends one document (web/CONTRACT.md): whole as `snapshot`, then its changed top-level
 * sections as `update`. Each section is a signal, so a tile is drawn again only when its own
 * section changed. While the board is paused the stream is still read, and nothing is shown of it.
 *
 * Ages are of receipt, by the browser's own monotonic clock: a hub whose clock is wrong, or runs
 * sixty times faster as in a simulation, cannot make old figures look fresh. */

import { batch, computed, effect, signal } from '@preact/signals';

export const STREAM = '/v1/stream';

const OLD_MS = 5000;        /* figures fade: twenty times the stream's usual pause */
const LOST_MS = 15000;      /* the banner; also when a silent connection is given up */
const TICK_MS = 250;
const RETRY_MS = [2000, 4000, 8000]; /* a hub that restarts must not meet all its boards at once */
const HIDDEN_MS = 60000;    /* a hidden tab lets go: browsers allow six connections an origin */
const POINTS_MAX = 120;
const TIMELINE_MAX = 200;

const EMPTY = {
    revision: 0, now_ms: undefined, speed: 1, name: '', policy: '', share_bound_contacts: undefined,
    report_stale_ms: 6000, nodes: [], sites: [], queues: [], agents: { by_state: [] }, health: [],
    totals: {}, alerts: [], timeline: [], policies: [], commands: {}, network: null,
    series: { step_ms: 60000, from_ms: 0, arrivals: {} },
};
const latest = { ...EMPTY };
const shown = {};
for (const key of Object.keys(EMPTY))
    shown[key] = signal(EMPTY[key]);

/* A section of the document; reading it in a component subscribes the component. */
export const the = (key) => shown[key].value;

export const link = signal({ state: 'connecting', tries: 0, problem: '' });
export const loaded = signal(false);
export const paused = signal(false);
export const missed = signal(0);        /* revisions received while paused */

/* ---- ages ---- */

const tick = signal(performance.now());
const received = signal(0);
export const age_ms = computed(() =>
    (loaded.value ? Math.max(0, tick.value - received.value) : undefined));
export const staleness = computed(() => {
    if (!loaded.value || age_ms.value < OLD_MS)
        return 'fresh';
    return age_ms.value < LOST_MS ? 'old' : 'lost';
});

/* ---- one polite line for screen readers, at most every four seconds ---- */

const SAY_MS = 4000;
let to_say = [];
let said_at = -SAY_MS;
let say_timer = 0;

function say_now() {
    say_timer = 0;
    said_at = performance.now();
    const line = document.getElementById('said');
    if (line)
        line.textContent = to_say.slice(-3).join('. ');
    to_say = [];
}
export function say(text) {
    to_say.push(text);
    if (!say_timer)
        say_timer = setTimeout(say_now, Math.max(50, said_at + SAY_MS - performance.now()));
}

/* ---- what is shown ---- */

function publish(keys) {
    batch(() => {
        for (const key of keys)
            if (key in shown)
                shown[key].value = latest[key];
        received.value = tick.value = performance.now();
        loaded.value = true;
    });
}

function take(doc, keys) {
    for (const key of keys)
        if (key in EMPTY)
            latest[key] = doc[key];
    if (doc.series_point)
        latest.series = with_point(latest.series, doc.series_point);
    if (paused.value) {
        missed.value++;
        return;
    }
    publish(doc.series_point ? [...keys, 'series'] : keys);
}

/* A point of a step already there replaces it; a later one is put at the end. A hole of missed
 * steps is filled with nulls, which the chart leaves open. */
function with_point(series, point) {
    const arrivals = {};
    const at = Math.round((point.at_ms - series.from_ms) / series.step_ms);
    const cut = Math.max(0, at + 1 - POINTS_MAX);
    if (at < 0 || cut > POINTS_MAX)
        return { step_ms: series.step_ms, from_ms: point.at_ms, arrivals: wrap(point.arrivals) };
    for (const site of new Set([...Object.keys(series.arrivals), ...Object.keys(point.arrivals)])) {
        const row = (series.arrivals[site] ?? []).slice();
        while (row.length <= at)
            row.push(null);
        row[at] = point.arrivals[site] ?? null;
        arrivals[site] = row.slice(cut);
    }
    return { step_ms: series.step_ms, from_ms: series.from_ms + cut * series.step_ms, arrivals };
}
const wrap = (point) => Object.fromEntries(Object.entries(point).map(([k, v]) => [k, [v]]));

export function pause(yes) {
    paused.value = yes;
    missed.value = 0;
    if (!yes && loaded.value)
        publish(Object.keys(EMPTY));
    say(yes ? 'Paused' : 'Live again');
}

/* ---- the connection ---- */

let source = null;
let opened_at = 0;
let heard_at = 0;
let retry_timer = 0;
let hidden_timer = 0;

function hear(event, use) {
    heard_at = performance.now();
    let doc;
    try {
        doc = JSON.parse(event.data);
    } catch (error) {
        const problem = `The stream sent what is not JSON (${error.message})`;
        link.value = { ...link.value, problem };
        return;
    }
    if (link.value.state !== 'live') {
        if (link.value.tries)
            say('Connected again');
        link.value = { state: 'live', tries: 0, problem: '' };
    }
    use(doc);
}

function use_snapshot(doc) {
    take({ ...EMPTY, ...doc }, Object.keys(EMPTY));
}
function use_update(doc) {
    take(doc, Object.keys(doc));
}
function use_timeline(entry) {
    take({ timeline: [...latest.timeline, entry].slice(-TIMELINE_MAX) }, ['timeline']);
}

function lose(problem) {
    source?.close();
    source = null;
    const tries = link.value.tries + 1;
    if (link.value.state === 'live')
        say('The connection to the hub is lost');
    link.value = { state: 'reconnecting', tries, problem };
    clearTimeout(retry_timer);
    retry_timer = setTimeout(connect, RETRY_MS[Math.min(tries, RETRY_MS.length) - 1]);
}

export function connect() {
    clearTimeout(retry_timer);
    source?.close();
    opened_at = heard_at = performance.now();
    source = new EventSource(STREAM);
    source.addEventListener('snapshot', (e) => hear(e, use_snapshot));
    source.addEventListener('update', (e) => hear(e, use_update));
    source.addEventListener('timeline', (e) => hear(e, use_timeline));
    source.onerror = () => lose('The hub closed the stream or does not answer');
}

function watch_silence() {
    const now = performance.now();
    tick.value = now;
    if (source && now - Math.max(heard_at, opened_at) > LOST_MS)
        lose('The connection had gone silent');
}

function watch_hidden() {
    clearTimeout(hidden_timer);
    if (document.visibilityState === 'hidden') {
        hidden_timer = setTimeout(() => {
            clearTimeout(retry_timer);
            source?.close();
            source = null;
            link.value = { state: 'resting', tries: 0, problem: '' };
        }, HIDDEN_MS);
    } else if (!source) {
        connect();
    }
}

export function start() {
    connect();
    setInterval(watch_silence, TICK_MS);
    document.addEventListener('visibilitychange', watch_hidden);
    addEventListener('pagehide', () => source?.close());
    addEventListener('pageshow', (e) => e.persisted && connect());
    say_changes();
}

/* Changes of state and new alerts are worth hearing of; figures are not. */
function say_changes() {
    let before = null;
    let alerted = null;
    let judged = null;
    effect(() => {
        const now = new Map(the('alerts').map((a) => [`${a.what} ${a.since_ms}`, a.text]));
        for (const [key, text] of now)
            if (alerted && !alerted.has(key))
                say(text);
        alerted = loaded.value ? now : null;
    });
    effect(() => {
        const now = new Map((the('network')?.verdicts ?? []).map((v) => [v.id, v.kind]));
        for (const [id, kind] of now)
            if (judged && !judged.has(id))
                say(`The network: ${kind.replaceAll('_', ' ')}`);
        judged = loaded.value ? now : null;
    });
    effect(() => {
        const now = new Map(the('sites').map((s) => [s.name, s.state]));
        for (const [name, state] of now)
            if (before?.has(name) && before.get(name) !== state)
                say(`${name} is ${state.replace('-', ' ')}`);
        before = now.size ? now : before;
    });
}
