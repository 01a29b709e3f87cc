/* format.js - figures and times as text. A figure that is not known is "–", never 0. */

export const NONE = '–';

const grouped = new Intl.NumberFormat('en-GB');
const known = (x) => typeof x === 'number' && Number.isFinite(x);

export const count = (n) => (known(n) ? grouped.format(Math.round(n)) : NONE);
export const fixed = (x, digits) => (known(x) ? x.toFixed(digits) : NONE);
export const percent = (x, digits = 1) => (known(x) ? `${(x * 100).toFixed(digits)} %` : NONE);

/* With its sign, a true minus, and a plain 0 for what rounds to it. */
export function signed(x, digits = 1) {
    if (!known(x))
        return NONE;
    const text = Math.abs(x).toFixed(digits);
    if (Number(text) === 0)
        return text;
    return (x < 0 ? '−' : '+') + text;
}

/* A length of time in at most two units: 0.4 s, 14 s, 2 m 05 s, 3 h 12 m, 4 d 6 h. */
export function span_s(s) {
    if (!known(s))
        return NONE;
    if (s < 9.95)
        return `${s.toFixed(1)} s`;
    if (s < 59.5)
        return `${Math.round(s)} s`;
    const two = (n) => String(n).padStart(2, '0');
    const m = Math.round(s / 60);
    if (s < 3600) {
        const whole = Math.round(s);
        return `${Math.floor(whole / 60)} m ${two(whole % 60)} s`;
    }
    if (m < 48 * 60)
        return `${Math.floor(m / 60)} h ${two(m % 60)} m`;
    const h = Math.round(s / 3600);
    return `${Math.floor(h / 24)} d ${h % 24} h`;
}

/* A time that somebody has set: without what is nothing of it. 20 s, 1 h, 1 h 30 m. */
export const set_s = (s) => (s < 60 ? `${s} s` : span_s(s).replace(/ 0+ [ms]$/, ''));

/* How long ago, for ages: tenths only while young. */
export function ago(ms) {
    if (!known(ms))
        return NONE;
    const s = Math.max(0, ms) / 1000;
    return s < 5 ? `${(Math.floor(s * 10) / 10).toFixed(1)} s ago` : `${span_s(Math.floor(s))} ago`;
}

const makers = new Map();
function formatter(zone, options) {
    const key = zone + JSON.stringify(options);
    if (!makers.has(key)) {
        const timeZone = zone === 'utc' ? 'UTC' : undefined;
        makers.set(key, new Intl.DateTimeFormat('en-GB', { ...options, timeZone, hour12: false }));
    }
    return makers.get(key);
}
const HMS = { hour: '2-digit', minute: '2-digit', second: '2-digit' };
const DAY = { weekday: 'short', day: 'numeric', month: 'short' };

/* `zone` is "utc" or "local" (the browser's). */
export const clock = (ms, zone) => (known(ms) ? formatter(zone, HMS).format(ms) : NONE);
export const day = (ms, zone) =>
    (known(ms) ? formatter(zone, DAY).format(ms).replace(',', '') : NONE);
export const zone_name = (zone) => (zone === 'utc' ? 'UTC' : 'local');

/* A few letters for a site where there is no room: AWS's own short forms for its region names
 * (us-east-1: use1, ap-southeast-2: apse2), else the name's beginning. */
export function short_name(name) {
    const m = /^([a-z]{2})-(?=[a-z])(north|south)?(east|west|central)?-(\d)$/.exec(name);
    if (m)
        return m[1] + (m[2]?.[0] ?? '') + (m[3]?.[0] ?? '') + m[4];
    return name.length <= 6 ? name : `${name.slice(0, 5)}…`;
}
