/* help.js - keys and signs. */

import { signal } from '@preact/signals';
import { Dialog } from './dialog.js';
import { html, State } from './parts.js';

export const help_open = signal(false);

const KEYS = [
    ['/', 'filter sites, queues and the timeline'], ['Esc', 'clear the filter, close what is open'],
    ['j k', 'next and previous row'], ['Enter', 'open the row: its sites, or what can be done'],
    ['t', 'times in UTC or local'], ['p', 'hold the picture still'], ['?', 'this page'],
];
const SITE_STATES = [
    ['in-service', true, 'takes its share'],
    ['in-service', false, 'reached, but could not serve a contact now; its reason is beside it'],
    ['draining', true, 'takes nothing new; what is there goes on to its end'],
    ['drained', true, 'empty; restore it when ready'],
    ['down', true, 'most vantage points do not hear it'],
    ['returning', true, 'its share grows back in steps'],
];

function List({ title, rows }) {
    return html`<table class="help"><caption>${title}</caption>
        <tbody>${rows.map(([sign, text]) => html`<tr key=${text}>
            <th scope="row">${sign}</th><td>${text}</td></tr>`)}</tbody></table>`;
}
const keys = (text) => text.split(' ').map((k) => html`<kbd key=${k}>${k}</kbd> `);
const state = (name, ready) => html`<${State} of=${{ state: name, ready }} />`;

export function Help() {
    if (!help_open.value)
        return null;
    return html`<${Dialog} title="Keys and signs" close=${() => { help_open.value = false; }}>
        <${List} title="Keys" rows=${KEYS.map(([key, text]) => [keys(key), text])} />
        <${List} title="States of a site"
            rows=${SITE_STATES.map(([name, ready, text]) => [state(name, ready), text])} />
        <p class="foot">Grey figures are older than five seconds, or their site has not reported in
        time. Every tile names the command that prints the same; press it to copy.</p><//>`;
}
