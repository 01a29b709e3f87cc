/* act.js - what an operator can do here: drain or restore a site, change the policy.
 *
 * Every act shows first what it would do, wants a reason and the name typed again, and can be
 * undone for half a minute. The hub's refusal (RFC 9457 problem+json) is shown in its own words. */

import { signal } from '@preact/signals';
import { useState } from 'preact/hooks';
import { Dialog } from './dialog.js';
import { count, fixed, percent } from './format.js';
import { Heads, html, Sign } from './parts.js';
import * as preview from './preview.js';
import { say, the } from './state.js';

const TIMEOUT_MS = 10000;
const UNDO_S = 30;
const REASON_MAX = 127; /* bytes the hub keeps of it */
const BUSY = 0.9;       /* occupancy over which agents have no breath between contacts */

const asked = signal(null);  /* { verb: "drain" | "restore" | "policy", site } */
const done = signal(null);   /* { text, undo: request, left: seconds } */

export const ask = (what) => { asked.value = what; };

/* ---- requests ---- */

function request_for(verb, name, reason) {
    if (verb === 'policy')
        return { method: 'PUT', url: '/v1/policy', body: { policy: name, reason } };
    const url = `/v1/sites/${encodeURIComponent(name)}/${verb}`;
    return { method: 'POST', url, body: { reason } };
}

/* What the hub says of a refusal: { title, detail, raw }. */
function refusal(response, raw) {
    const status = `${response.status} ${response.statusText}`;
    try {
        const { title = status, detail = '' } = JSON.parse(raw);
        return { title, detail, raw };
    } catch {
        return { title: status, detail: '', raw };
    }
}

/* null when it was done, else the refusal. */
async function send({ method, url, body }) {
    const headers = {
        'Content-Type': 'application/json',
        Accept: 'application/json, application/problem+json',
    };
    const stop = AbortSignal.timeout(TIMEOUT_MS);
    try {
        const response = await fetch(url, {
            method, headers, body: JSON.stringify(body), signal: stop,
        });
        return response.ok ? null : refusal(response, await response.text());
    } catch (error) {
        const title = 'The request may not have reached the hub';
        return { title, detail: error.message, raw: '' };
    }
}

let countdown = 0;
function finish(text, undo) {
    clearInterval(countdown);
    say(text);
    done.value = { text, undo, left: UNDO_S };
    countdown = setInterval(() => {
        const d = done.value;
        done.value = d && d.left > 1 ? { ...d, left: d.left - 1 } : null;
        if (!done.value)
            clearInterval(countdown);
    }, 1000);
}

/* ---- previews ---- */

const PLAN = [['Site'], ['A minute now', 'n'], ['then', 'n'], ['Occupancy then', 'n']];
const SHARES = [['Site'], ['Group'], ['Share now', 'n'], ['then', 'n']];

function Occupancy({ of: x }) {
    if (!(x > BUSY))
        return percent(x, 0);
    const word = x > 1 ? 'over 100 %' : percent(x, 0);
    return html`<${Sign} tone="warn" shape="diamond" word=${word} />`;
}

function Arrivals({ rows }) {
    return html`<table class="plan"><${Heads} columns=${PLAN} /><tbody>${rows.map((r) => html`
        <tr key=${r.site}><th scope="row">${r.site}</th><td class="n">${fixed(r.now, 1)}</td>
            <td class="n strong">${fixed(r.then, 1)}</td>
            <td class="n"><${Occupancy} of=${r.then > 0 ? r.occupancy : null} /></td></tr>`)}
        </tbody></table>`;
}

function takers(p) {
    const names = p.takers.map((t, i) => html`${i > 0 && ', '}<b>${t}</b>`);
    return names.length > 0 && html` They go to ${names}.`;
}
function nobody(p, group) {
    if (p.takers.length)
        return null;
    const others = p.elsewhere.join(', ');
    return html`<p class="problem">${others
        ? `No other site of group ${group} is serve-ready: its contacts go to others (${others}).`
        : 'No other site is serve-ready: nobody else could take its contacts.'}</p>`;
}

function DrainPlan({ site, sites, policy }) {
    const s = sites.find((x) => x.name === site);
    const p = preview.drain(sites, site, policy);
    const share = `${percent(s.share_wanted, 1)} of ${s.group ? `group ${s.group}` : 'all'}`;
    const left = s.waiting > 0
        && ` ${count(s.waiting)} waiting are answered by its agents, or moved when none is left.`;
    return html`<p>New contacts stop going to <b>${site}</b>:
        ${` ${fixed(s.arrivals_per_min, 1)} a minute, ${share}.`}${takers(p)}</p>
        ${nobody(p, s.group)}
        ${p.rows.length > 0 && html`<${Arrivals} rows=${p.rows} />`}
        <p>${count(s.connected)} connected contacts go on to their end there.${left}</p>`;
}

function RestorePlan({ site, sites, policy }) {
    const p = preview.restore(sites, site, policy);
    const to = p.share === undefined ? '' : ` to ${percent(p.share, 1)}`;
    return html`<p>New contacts go to <b>${site}</b> again.
        ${` Its share grows back in steps${to}, once it is serve-ready.`}</p>
        <${Arrivals} rows=${p.rows} />`;
}

function PolicyPlan({ sites, before, after }) {
    const bound = after.shares_enforced === false
        ? 'Shares are reported, not enforced: nearest site and shortest wait decide.'
        : `No site is ever more than ${count(after.share_bound_contacts)} contacts off its share.`;
    return html`<p>${bound}</p><table class="plan"><${Heads} columns=${SHARES} />
        <tbody>${preview.policy(sites, before, after).map((r) => html`<tr key=${r.site}>
            <th scope="row">${r.site}</th><td>${r.group}</td><td class="n">${percent(r.now, 1)}</td>
            <td class="n ${r.now !== r.then ? 'strong' : ''}">${percent(r.then, 1)}</td></tr>`)}
        </tbody></table>`;
}

/* ---- the dialog ---- */

const TITLES = { drain: 'Drain', restore: 'Restore', policy: 'Change the policy to' };
const DONE = {
    drain: (name) => `Draining ${name}`,
    restore: (name) => `Restoring ${name}`,
    policy: (name) => `Policy ${name} is in force`,
};

function Problem({ problem: { title, detail, raw } }) {
    return html`<div class="problem" role="alert" id="problem"><p><b>${title}</b></p>
        ${detail && html`<p>${detail}</p>`}
        ${raw && html`<details><summary>The hub’s answer</summary><pre>${raw}</pre></details>`}
        </div>`;
}

function Field({ label, value, set, ...more }) {
    return html`<label>${label}<input required value=${value} autocomplete="off" spellcheck="false"
        onInput=${(e) => set(e.currentTarget.value)} ...${more} /></label>`;
}

const close_dialog = (e) => e.currentTarget.closest('dialog').close();

function Confirm({ verb, name, undo }) {
    const [typed, set_typed] = useState('');
    const [reason, set_reason] = useState('');
    const [busy, set_busy] = useState(false);
    const [problem, set_problem] = useState(null);
    const ready = typed.trim() === name && reason.trim() !== '' && !busy;
    const submit = async (e) => {
        e.preventDefault();
        if (!ready)
            return;
        const dialog = e.currentTarget.closest('dialog');
        set_busy(true);
        const refused = await send(request_for(verb, name, reason.trim()));
        set_busy(false);
        set_problem(refused);
        if (refused)
            return;
        dialog.close();
        finish(DONE[verb](name), undo);
    };
    const again = html`Type <b class="typed">${name}</b> to confirm`;
    return html`<form onSubmit=${submit}>
        <${Field} id="reason" label="Reason, for the timeline and the audit log" value=${reason}
            set=${set_reason} maxlength=${REASON_MAX} autofocus=${verb !== 'policy'} />
        <${Field} id="confirm" label=${again} value=${typed} set=${set_typed}
            autocapitalize="off" />
        ${problem && html`<${Problem} problem=${problem} />`}
        <footer><button type="button" onClick=${close_dialog}>Cancel</button>
            <button type="submit" id="do-it" class="strong" disabled=${!ready}>
                ${busy ? 'Sending…' : `${TITLES[verb]} ${name}`}</button></footer></form>`;
}
function PolicyChoice({ policies, chosen, choose }) {
    return html`<fieldset class="choice"><legend>Policy</legend>${policies.map((p) => html`
        <label key=${p.name}><input type="radio" name="policy" value=${p.name}
            checked=${p.name === chosen} autofocus=${p.name === chosen}
            onChange=${() => choose(p.name)} />
            ${p.name}${p.name === the('policy') && html`<span class="of">in force</span>`}
            </label>`)}</fieldset>`;
}

function PolicyBody() {
    const policies = the('policies');
    const now = the('policy');
    const [chosen, choose] = useState(policies.find((p) => p.name !== now)?.name ?? now);
    const by_name = (n) => policies.find((p) => p.name === n);
    const choice = html`<${PolicyChoice} policies=${policies} chosen=${chosen} choose=${choose} />`;
    if (chosen === now)
        return html`${choice}<p class="of">This policy is in force.</p>`;
    const undo = request_for('policy', now, `undo of ${chosen}`);
    return html`${choice}
        <${PolicyPlan} sites=${the('sites')} before=${by_name(now)} after=${by_name(chosen)} />
        <${Confirm} key=${chosen} verb="policy" name=${chosen} undo=${undo} />`;
}

function SiteBody({ verb, site }) {
    const [sites] = useState(the('sites')); /* the figures as they were when it was opened */
    const policy = the('policies').find((p) => p.name === the('policy'));
    const Plan = verb === 'drain' ? DrainPlan : RestorePlan;
    const undo = request_for(verb === 'drain' ? 'restore' : 'drain', site, `undo of ${verb}`);
    return html`<${Plan} site=${site} sites=${sites} policy=${policy} />
        <${Confirm} verb=${verb} name=${site} undo=${undo} />`;
}

export function Act() {
    const what = asked.value;
    if (!what)
        return null;
    const policy = what.verb === 'policy';
    return html`<${Dialog} close=${() => { asked.value = null; }}
        title=${policy ? 'Change the policy' : `${TITLES[what.verb]} ${what.site}`}>
        ${policy ? html`<${PolicyBody} />` : html`<${SiteBody} ...${what} />`}<//>`;
}

/* ---- undo ---- */

export function Done() {
    const [problem, set_problem] = useState(null);
    const d = done.value;
    if (!d)
        return null;
    const undo = async () => {
        const refused = await send(d.undo);
        set_problem(refused);
        if (!refused) {
            say('Undone');
            done.value = null;
        }
    };
    return html`<aside class="done" id="done" aria-label="Done"><p>${d.text}.</p>
        ${problem && html`<${Problem} problem=${problem} />`}
        <button type="button" onClick=${undo}>Undo
            <span class="figure" aria-hidden="true">${` ${d.left} s`}</span></button>
        <button type="button" class="quiet" aria-label="Dismiss"
            onClick=${() => { done.value = null; }}>✕</button></aside>`;
}
