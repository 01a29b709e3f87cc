/* parts.js - what every tile is made of: the frame, marks of state, small scales. */

import { Fragment, h } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import htm from 'htm';
import { ago } from './format.js';
import { age_ms, say, staleness, the } from './state.js';

export { Fragment };
export const html = htm.bind(h);

/* ---- marks: a shape, a word and a colour; never the colour alone ---- */

const SHAPES = {
    up: 'M6 1.5 11 10.5H1Z',
    down: 'M6 10.5 1 1.5H11Z',
    diamond: 'M6 .5 11.5 6 6 11.5 .5 6Z',
    square: 'M1.5 1.5H10.5V10.5H1.5Z',
    dot: 'M6 2A4 4 0 1 1 6 10 4 4 0 0 1 6 2Z',
    flag: 'M2 .5H3.4V1.4H10.5L8.6 4.2 10.5 7H3.4V11.5H2Z',
    bars: 'M1 6H3.6V11H1ZM4.7 3.5H7.3V11H4.7ZM8.4 1H11V11H8.4Z',
    cross: 'M2.6 1.2 6 4.6 9.4 1.2 10.8 2.6 7.4 6 10.8 9.4 9.4 10.8 6 7.4 2.6 10.8 1.2 9.4 4.6 6 '
        + '1.2 2.6Z',
};

export function Mark({ shape, hollow }) {
    return html`<svg class="mark ${hollow ? 'hollow' : ''}" viewBox="0 0 12 12" aria-hidden="true">
        <path d=${SHAPES[shape]} /></svg>`;
}
export const mark_path = (shape) => SHAPES[shape];

/* state -> tone (a colour), shape, word */
const SITE_STATES = {
    'in-service': ['ok', 'up', 'in service'],
    draining: ['warn', 'diamond', 'draining'],
    drained: ['held', 'square', 'drained'],
    down: ['crit', 'down', 'down'],
    returning: ['info', 'up', 'returning', true],
    'not-ready': ['warn', 'diamond', 'not ready', true],
    up: ['ok', 'up', 'up'],
    unreachable: ['crit', 'cross', 'unreachable'],
};
export function state_of(thing) {
    const state = thing.state === 'in-service' && thing.ready === false ? 'not-ready' : thing.state;
    const [tone, shape, word, hollow] = SITE_STATES[state] ?? ['held', 'dot', String(state)];
    return { tone, shape, word, hollow };
}
export function Sign({ tone, shape, word, hollow, ...more }) {
    return html`<span ...${more} class="state ${tone}">
        <${Mark} shape=${shape} hollow=${hollow} />${word}</span>`;
}
export const State = ({ of: thing }) => html`<${Sign} ...${state_of(thing)} />`;

/* ---- the frame of a tile ---- */

function Age() {
    return html`<span class="age" title="Since the hub's last word, by this browser's clock">
        <span class="unseen">updated </span>${ago(age_ms.value)}</span>`;
}

async function copy(text) {
    try {
        await navigator.clipboard.writeText(text);
        say(`Copied: ${text}`);
        return true;
    } catch {
        say('The browser does not allow copying here');
        return false;
    }
}

/* The command that prints the same; a press copies it. */
function Command({ section }) {
    const text = the('commands')[section];
    if (!text)
        return null;
    const press = async (e) => {
        const button = e.currentTarget;
        if (await copy(text)) {
            button.classList.add('copied');
            setTimeout(() => button.classList.remove('copied'), 1200);
        }
    };
    return html`<button type="button" class="command" onClick=${press}
        aria-label="Copy the command ${text}"
        title="The same in a terminal; press to copy">${text}</button>`;
}

/* `command` is a key of the document's `commands`. `note` stands beside the title. */
export function Tile({ id, title, command, note, tools, children }) {
    return html`<section id=${id} class="tile ${staleness.value}" aria-labelledby="${id}-title">
        <header><h2 id="${id}-title"><a href="#${id}">${title}</a></h2>
            ${note && html`<span class="note">${note}</span>`}
            <span class="push"></span>${tools}
            <${Command} section=${command} /><${Age} /></header>
        <div class="body">${children}</div></section>`;
}

/* A table wider than its tile is scrolled inside it, also by keyboard. */
export function Scroll({ label, children }) {
    return html`<div class="scroll" role="region" aria-label=${label} tabindex="0">
        ${children}</div>`;
}

/* The heads of a table's columns: [text, class, title]. */
export function Heads({ columns }) {
    return html`<thead><tr>${columns.map(([text, kind, title], i) => html`
        <th key=${i} scope="col" class=${kind} title=${title}>${text}</th>`)}</tr></thead>`;
}

/* A picture drawn for the pixels it has: `draw(width, height)`, again whenever they change. */
export function Sized({ class: name, draw }) {
    const ref = useRef(null);
    const [size, set_size] = useState(null);
    useEffect(() => {
        const watch = new ResizeObserver(([e]) => {
            const w = Math.floor(e.contentRect.width);
            const h = Math.floor(e.contentRect.height);
            set_size((old) => (old?.[0] === w && old[1] === h ? old : [w, h]));
        });
        watch.observe(ref.current);
        return () => watch.disconnect();
    }, []);
    const drawn = size?.[0] > 0 && size[1] > 0 && draw(...size);
    return html`<div class="sized ${name}" ref=${ref}>${drawn}</div>`;
}

export function Nothing({ children }) {
    return html`<p class="nothing">${children}</p>`;
}

/* What a tile with a list of `what` shows: the list, or why there is none. */
export function listed(what, all, shown, draw) {
    if (!all.length)
        return html`<${Nothing}>No ${what} is known yet.<//>`;
    if (!shown.length)
        return html`<${Nothing}>No ${what} matches the filter.<//>`;
    return draw();
}

/* ---- small scales ---- */

/* A filled part of 1 and a tick where it should be. */
export function Meter({ value, target, tone = 'plain', width = 64 }) {
    const x = (v) => Math.max(0, Math.min(1, v)) * width;
    const fill = value > 0 && Number.isFinite(value) ? Math.max(2, x(value)) : 0;
    const tick = Math.min(width - 2, Math.max(0, x(target) - 1));
    return html`<svg class="meter ${tone}" width=${width} height="10" aria-hidden="true">
        <rect class="track" x="0" y="3" width=${width} height="4" rx="2" />
        ${fill > 0 && html`<rect class="fill" x="0" y="3" width=${fill} height="4" rx="2" />`}
        ${Number.isFinite(tick) && html`<rect class="tick" x=${tick} width="2" height="10" />`}
        </svg>`;
}

/* Where a deviation lies inside its bound: the ends are the bound, the middle is none. */
export function Deviation({ value, bound, width = 64 }) {
    if (typeof value !== 'number' || !(bound > 0))
        return null;
    const mid = width / 2;
    const half = mid - 4;
    const out = Math.abs(value) > bound;
    const x = mid + Math.max(-1, Math.min(1, value / bound)) * half;
    const end = width - 4;
    const at = `translate(${x - 4} 2) scale(.67)`;
    const look = `deviation ${out ? 'crit' : ''}`;
    return html`<svg class=${look} width=${width} height="12" aria-hidden="true">
        <path class="scale" d="M4 6H${end}M4 2.5V9.5M${end} 2.5V9.5M${mid} 4V8" />
        ${out ? html`<path class="point" transform=${at} d=${SHAPES.diamond} />`
        : html`<circle class="point" cx=${x} cy="6" r="3" />`}</svg>`;
}
