// mock_model.mjs - a plausible day of a contact centre in four regions, for the dashboard's tests.
//
// It is no model of tandem's core: contacts, agents and links follow a few simple random rules,
// from a seed, so that the board has something true to life to show. The day has a script: a drain
// and a restore of us-west-2, then the loss and the return of us-east-1 (see SCRIPT).
//
// doc() is the document of web/CONTRACT.md.

import { network } from './mock_network.mjs';

const S = 1000;
const MIN = 60 * S;
export const NOON = Date.UTC(2025, 2, 4, 12);

const SITES = [
    { name: 'us-east-1', lat: 38.95, lon: -77.45, group: 'us', agents: 118, load: 0.82 },
    { name: 'us-west-2', lat: 45.84, lon: -119.69, group: 'us', agents: 112, load: 0.8 },
    { name: 'eu-west-1', lat: 53.35, lon: -6.26, group: 'eu', agents: 74, load: 0.8 },
    { name: 'eu-central-1', lat: 50.11, lon: 8.68, group: 'eu', agents: 52, load: 0.78 },
];
const HUB = { name: 'hub', lat: 41.26, lon: -95.86 };
const QUEUES = [
    { name: 'support', channel: 'voice', weight: 0.42, handle_s: 312, target: 0.8, target_s: 20 },
    { name: 'billing', channel: 'voice', weight: 0.24, handle_s: 264, target: 0.8, target_s: 20 },
    { name: 'sales', channel: 'voice', weight: 0.14, handle_s: 355, target: 0.9, target_s: 15 },
    { name: 'support', channel: 'chat', weight: 0.14, handle_s: 420, target: 0.8, target_s: 60 },
    { name: 'claims', channel: 'task', weight: 0.06, handle_s: 290, target: 0.7, target_s: 300 },
];
const POLICIES = {
    normal: {
        bound: 5,
        shares: { 'us-east-1': 0.5, 'us-west-2': 0.5, 'eu-west-1': 0.6, 'eu-central-1': 0.4 },
    },
    event: {
        bound: 10,
        shares: { 'us-east-1': 0.7, 'us-west-2': 0.3, 'eu-west-1': 0.5, 'eu-central-1': 0.5 },
    },
    maintenance: {
        bound: 20,
        enforced: false,
        shares: { 'us-east-1': 0.5, 'us-west-2': 0.5, 'eu-west-1': 0.6, 'eu-central-1': 0.4 },
    },
};
const DEFINITION = 'answered in time / (answered + abandoned), last 30 min';
const COMMANDS = {
    totals: 'tandem status',
    map: 'tandem sites',
    sites: 'tandem shares',
    queues: 'tandem queues',
    agents: 'tandem agents',
    health: 'tandem health',
    series: 'tandem arrivals',
    timeline: 'tandem timeline',
    network: 'tandem net',
    verdicts: 'tandem net verdicts',
    routes: 'tandem net routes PREFIX',
};
const RTT = {
    'hub us-east-1': 24.1,
    'hub us-west-2': 31.7,
    'hub eu-west-1': 96.4,
    'hub eu-central-1': 108.2,
    'us-east-1 us-west-2': 62.3,
    'us-east-1 eu-west-1': 67.9,
    'us-east-1 eu-central-1': 88.5,
    'us-west-2 eu-west-1': 128.6,
    'us-west-2 eu-central-1': 142.9,
    'eu-west-1 eu-central-1': 24.6,
};

/* When (after NOON) and what. */
const SCRIPT = [
    [40 * MIN, (m) => m.set_policy('event', 'lunchtime campaign', 'planner')],
    [70 * MIN, (m) => m.set_policy('normal', 'campaign over', 'planner')],
    [130 * MIN, (m) => m.drain('us-west-2', 'session border controller firmware', 'amira')],
    [155 * MIN, (m) => m.restore('us-west-2', 'firmware done, test calls answered', 'amira')],
    [185 * MIN, (m) => m.lose('us-east-1')],
    [205 * MIN, (m) => m.regain('us-east-1')],
];

/* mulberry32, public domain (T. Ettinger) */
function random_of(seed) {
    let a = seed >>> 0;
    return () => {
        a = (a + 0x6d2b79f5) | 0;
        let t = Math.imul(a ^ (a >>> 15), 1 | a);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
}

export class Model {
    constructor({ seed = 7, step_ms = 5 * S } = {}) {
        this.random = random_of(seed);
        this.step_ms = step_ms;
        this.now = NOON;
        this.revision = 1;
        this.policy = 'normal';
        this.network = network();
        this.timeline = [];
        this.alerts = new Map();
        this.script = SCRIPT.map(([at, act]) => [NOON + at, act]);
        this.totals = {
            offered: 0,
            answered: 0,
            abandoned: 0,
            moved: 0,
            decisions: 0,
            elsewhere: 0,
            wait_s: 0,
        };
        this.queues = QUEUES.map((q) => ({
            ...q,
            offered: 0,
            answered: 0,
            abandoned: 0,
            wait_s: 0,
            good: 0,
            all: 0,
        }));
        this.sites = SITES.map((s) => ({
            ...s,
            state: 'in-service',
            heard: NOON,
            factor: 1,
            off: 0,
            given: 0,
            wanted_sum: 0,
            rate: 0,
            minute: 0,
            waiting: [],
            calls: [],
            wrapup: 0,
            resting: Math.round(s.agents * 0.05),
            missed: 0,
            offline: 18,
            moving: 0,
            visitors: 0,
            good: 1,
            all: 1,
        }));
        this.series = {
            step_ms: MIN,
            from_ms: NOON,
            arrivals: Object.fromEntries(SITES.map((s) => [s.name, []])),
        };
        this.point = null;
        this.note('config', 'four-regions.yaml loaded: 4 sites, 5 queues, 356 agents', 'hub');
    }

    /* ---- small random things ---- */

    poisson(mean) {
        let n = 0;
        for (let p = Math.exp(-mean), s = p, u = this.random(); u > s && n < 1000; s += p)
            p *= mean / ++n;
        return n;
    }
    exp(mean) {
        return -Math.log(1 - this.random()) * mean;
    }
    site(name) {
        return this.sites.find((s) => s.name === name);
    }
    note(kind, text, who = '') {
        this.timeline.push({ at_ms: this.now, kind, text, who });
    }
    shares() {
        return POLICIES[this.policy].shares;
    }
    serves(s) {
        return s.state === 'in-service' || s.state === 'returning';
    }

    /* The share in force: the policy's, times how far a returning site is back, in its group. */
    wanted(s) {
        const weight = (x) => (this.serves(x) ? this.shares()[x.name] * x.factor : 0);
        const all = this.sites
            .filter((x) => x.group === s.group)
            .reduce((n, x) => n + weight(x), 0);
        return all > 0 ? weight(s) / all : 0;
    }

    /* ---- what operators and faults do ---- */

    set_policy(name, reason, who) {
        this.policy = name;
        this.reset_books();
        this.note('policy', `${name} in force: ${reason}`, who);
    }
    reset_books() {
        for (const s of this.sites) Object.assign(s, { off: 0, given: 0, wanted_sum: 0 });
    }
    drain(name, reason, who) {
        Object.assign(this.site(name), { state: 'draining' });
        this.reset_books();
        this.note('drain', `${name} draining: ${reason}`, who);
        this.alerts.set(`drain ${name}`, {
            severity: 'warn',
            what: 'share-infeasible',
            since_ms: this.now,
            text: `Group ${this.site(name).group} cannot hold its shares: ${name} is draining`,
        });
    }
    restore(name, reason, who) {
        Object.assign(this.site(name), { state: 'returning', factor: 0.25, back_at: this.now });
        this.alerts.delete(`drain ${name}`);
        this.reset_books();
        this.note('restore', `${name} returns in 4 steps: ${reason}`, who);
    }
    lose(name) {
        const s = this.site(name);
        const other = this.sites.find((x) => x.group === s.group && x !== s);
        const dropped = s.calls.length;
        Object.assign(s, {
            state: 'down',
            lost: true,
            calls: [],
            waiting: [],
            wrapup: 0,
            moving: Math.round(s.agents * 0.9),
        });
        s.offline += s.agents - s.moving;
        this.reset_books();
        this.note('health', `${name} not heard by 4 of 4 vantage points`, 'hub');
        this.note(
            'failover',
            `${name} down, decided in 0.9 s: ${dropped} live contacts lost, ` +
                `group ${s.group} goes to ${other.name}, ${s.moving} agents told to sign in there`,
            'hub',
        );
        this.alerts.set(`down ${name}`, {
            severity: 'crit',
            what: 'site-down',
            since_ms: this.now,
            text: `${name} is down: 4 of 4 vantage points do not hear it`,
        });
        this.alerts.set(`share ${name}`, {
            severity: 'warn',
            what: 'share-infeasible',
            since_ms: this.now,
            text: `Group ${s.group} cannot hold its shares: ${other.name} alone is serve-ready`,
        });
    }
    regain(name) {
        const s = this.site(name);
        Object.assign(s, {
            state: 'returning',
            lost: false,
            factor: 0.25,
            back_at: this.now,
            moving: 0,
            offline: 18,
        });
        for (const x of this.sites) x.visitors = 0;
        this.alerts.delete(`down ${name}`);
        this.alerts.delete(`share ${name}`);
        this.reset_books();
        this.note('health', `${name} heard again by 4 of 4 vantage points`, 'hub');
        this.note('restore', `${name} returns in 4 steps`, 'hub');
    }

    /* ---- time ---- */

    run_to(at) {
        while (this.now < at) this.step();
    }

    step() {
        this.now += this.step_ms;
        while (this.script.length && this.script[0][0] <= this.now) this.script.shift()[1](this);
        for (const group of ['us', 'eu']) this.arrive(group);
        for (const s of this.sites) {
            this.serve(s);
            this.help(s);
            this.progress(s);
        }
        if (this.now % MIN === 0) this.end_minute();
        this.revision++;
    }

    /* Contacts of one group: each to its near site, unless that is as far over its share as the
     * bound allows. */
    arrive(group) {
        const members = this.sites.filter((s) => s.group === group);
        const hour = (this.now % 86400000) / 3600000;
        const shape = 1 + 0.08 * Math.sin((hour - 11) * 0.9);
        const mean_handle = QUEUES.reduce((n, q) => n + q.weight * q.handle_s, 0) + 18;
        const rate = members.reduce((n, s) => n + (s.agents * s.load) / mean_handle, 0) * shape;
        const open = members.filter((s) => this.wanted(s) > 0);
        const takers = open.length ? open : this.sites.filter((s) => this.serves(s));
        for (let n = this.poisson((rate * this.step_ms) / S); n > 0; n--)
            this.place(takers, open.length > 0);
    }
    place(takers, counted) {
        let u = this.random();
        let near = takers.find((s) => (u -= this.wanted(s)) <= 0) ?? takers.at(-1);
        const bound = POLICIES[this.policy].bound - 0.8;
        if (near.off > bound) near = takers.reduce((a, b) => (b.off < a.off ? b : a));
        if (counted) {
            for (const s of takers) {
                s.wanted_sum += this.wanted(s);
                s.off -= this.wanted(s);
            }
            near.off += 1;
            near.given++;
        }
        let w = this.random();
        const queue = this.queues.find((q) => (w -= q.weight) <= 0) ?? this.queues[0];
        queue.offered++;
        this.totals.offered++;
        this.totals.decisions++;
        this.totals.elsewhere += this.random() < 0.031 ? 1 : 0;
        near.minute++;
        near.waiting.push({
            queue,
            at: this.now - this.random() * this.step_ms,
            until: this.now + this.exp(110) * S,
        });
    }

    staffed(s) {
        return s.state === 'down' ? 0 : s.agents + s.visitors;
    }
    free(s) {
        return Math.max(0, this.staffed(s) - s.calls.length - s.wrapup - s.resting - s.missed);
    }

    serve(s) {
        const waits = (w) => (this.now - w.at) / S;
        const left = [];
        let free = this.free(s);
        for (const w of s.waiting) {
            const wait = Math.max(0.8, waits(w) - this.step_ms / S / 2);
            if (free > 0 && s.state !== 'down') {
                free--;
                const good = wait <= w.queue.target_s;
                s.calls.push({ queue: w.queue, ends: this.now + this.exp(w.queue.handle_s) * S });
                this.count(s, w.queue, 'answered', good);
                w.queue.wait_s += wait;
                this.totals.wait_s += wait;
            } else if (this.now > w.until) {
                this.count(s, w.queue, 'abandoned', false);
            } else {
                left.push(w);
            }
        }
        s.waiting = left;
    }
    /* Whoever has waited 15 s is taken by a free agent of the other site of his group. */
    help(s) {
        const other = this.sites.find((x) => x.group === s.group && x !== s);
        if (other.state === 'down') return;
        s.waiting = s.waiting.filter((w) => {
            const wait = (this.now - w.at) / S;
            if (wait < 15 || this.free(other) < 1) return true;
            other.calls.push({ queue: w.queue, ends: this.now + this.exp(w.queue.handle_s) * S });
            this.count(other, w.queue, 'answered', wait <= w.queue.target_s);
            w.queue.wait_s += wait;
            this.totals.wait_s += wait;
            this.totals.elsewhere++;
            return false;
        });
    }
    count(s, queue, what, good) {
        queue[what]++;
        this.totals[what]++;
        for (const x of [queue, s]) {
            x.all = x.all * 0.998 + 1;
            x.good = x.good * 0.998 + (good ? 1 : 0);
        }
    }

    progress(s) {
        const before = s.calls.length;
        s.calls = s.calls.filter((c) => c.ends > this.now);
        s.wrapup = Math.max(
            0,
            s.wrapup + before - s.calls.length - this.poisson((s.wrapup * this.step_ms) / S / 18),
        );
        if (this.random() < 0.04)
            s.resting = Math.max(
                2,
                Math.min(Math.round(s.agents * 0.08), s.resting + (this.random() < 0.5 ? 1 : -1)),
            );
        s.missed = this.random() < 0.02 ? 1 : this.random() < 0.2 ? 0 : s.missed;
        if (s.state === 'draining' && !s.calls.length && !s.waiting.length) {
            s.state = 'drained';
            const minutes = Math.round((this.now - this.since('drain', s.name)) / MIN);
            this.note(
                'drain',
                `${s.name} is empty after ${minutes} min, no contact lost`,
                'hub',
            );
        }
        if (s.state === 'returning' && this.now - s.back_at >= 2 * MIN) {
            s.factor = Math.min(1, s.factor + 0.25);
            s.back_at = this.now;
            if (s.factor === 1) {
                s.state = 'in-service';
                this.note('share', `${s.name} is back at its whole share`, 'hub');
            }
        }
        if (s.state === 'down' && s.moving > 0) {
            const other = this.sites.find((x) => x.group === s.group && x !== s);
            const arrived = Math.min(s.moving, this.poisson((s.moving * this.step_ms) / S / 25));
            s.moving -= arrived;
            other.visitors += arrived;
        }
        if (!s.lost) s.heard = this.now - this.random() * 600;
    }
    since(kind, name) {
        return this.timeline.findLast((e) => e.kind === kind && e.text.startsWith(name)).at_ms;
    }

    end_minute() {
        this.point = { at_ms: this.now - MIN, arrivals: {} };
        for (const s of this.sites) {
            this.point.arrivals[s.name] = s.minute;
            this.series.arrivals[s.name].push(s.minute);
            s.rate = s.minute ? s.rate + (s.minute - s.rate) * (s.rate ? 0.5 : 1) : 0;
            s.minute = 0;
        }
        if (this.series.arrivals['us-east-1'].length > 120) {
            for (const row of Object.values(this.series.arrivals)) row.shift();
            this.series.from_ms += MIN;
        }
    }

    /* ---- the document ---- */

    doc_site(s) {
        const staffed = this.staffed(s);
        const busy = s.calls.length + s.wrapup;
        const round = (x, d) => Number(x.toFixed(d));
        const down = s.state === 'down';
        return {
            name: s.name,
            lat: s.lat,
            lon: s.lon,
            group: s.group,
            state: s.state,
            ready: !down,
            not_ready_reason: down ? 'not heard' : '',
            share_wanted: round(this.wanted(s), 4),
            share_got:
                s.wanted_sum + s.given > 0
                    ? round(s.given / Math.max(1, this.group_given(s)), 4)
                    : round(this.wanted(s), 4),
            share_off_contacts: round(s.off, 1),
            arrivals_per_min: round(s.rate, 1),
            waiting: s.waiting.length,
            connected: s.calls.length,
            agents_staffed: staffed,
            agents_available: this.free(s),
            occupancy: staffed
                ? round(busy / Math.max(1, staffed - s.resting - s.missed), 3)
                : null,
            service_level: round(s.good / s.all, 3),
            ewt_s: down
                ? null
                : round(
                      s.waiting.length
                          ? (s.waiting.length * 280) / Math.max(1, staffed)
                          : this.free(s)
                            ? 0.8
                            : 4,
                      1,
                  ),
            report_age_ms: Math.round(this.now - s.heard),
        };
    }
    group_given(s) {
        return this.sites.filter((x) => x.group === s.group).reduce((n, x) => n + x.given, 0);
    }

    doc_queue(q) {
        const by_site = this.sites.map((s) => ({
            site: s.name,
            waiting: s.waiting.filter((w) => w.queue === q).length,
        }));
        const waits = this.sites.flatMap((s) =>
            s.waiting.filter((w) => w.queue === q).map((w) => (this.now - w.at) / S),
        );
        return {
            name: q.name,
            channel: q.channel,
            waiting: waits.length,
            oldest_wait_s: waits.length ? Math.round(Math.max(...waits)) : 0,
            service_level: q.all ? Number((q.good / q.all).toFixed(3)) : null,
            service_level_definition: DEFINITION,
            service_level_within_s: q.target_s,
            target: q.target,
            offered: q.offered,
            answered: q.answered,
            abandoned: q.abandoned,
            asa_s: q.answered ? Number((q.wait_s / q.answered).toFixed(1)) : null,
            aht_s: q.handle_s + 18,
            by_site,
        };
    }

    doc_health() {
        const nodes = [HUB, ...SITES].map((n) => n.name);
        const lost = new Set(this.sites.filter((s) => s.lost).map((s) => s.name));
        const rows = [];
        for (const from of nodes)
            for (const to of nodes) {
                if (from === to) continue;
                const up = !lost.has(from) && !lost.has(to);
                const base = RTT[`${from} ${to}`] ?? RTT[`${to} ${from}`];
                rows.push({
                    from,
                    to,
                    up,
                    rtt_ms: up ? Number((base * (1 + 0.03 * this.random())).toFixed(1)) : null,
                    age_ms: lost.has(from)
                        ? Math.round(this.now - this.site(from).heard)
                        : Math.round(this.random() * 400),
                });
            }
        return rows;
    }

    doc_nodes() {
        const hub = { ...HUB, role: 'hub', state: 'up', lag_ms: 0, epoch: 3, age_ms: 0 };
        return [
            hub,
            ...this.sites.map((s, i) => ({
                name: s.name,
                role: 'site',
                lat: s.lat,
                lon: s.lon,
                state: s.lost ? 'unreachable' : 'up',
                lag_ms: s.lost ? null : Math.round(20 + 60 * this.random()),
                epoch: [2, 1, 1, 4][i],
                age_ms: Math.round(this.now - s.heard),
            })),
        ];
    }

    doc_totals() {
        const t = this.totals;
        const good = this.queues.reduce((n, q) => n + q.good, 0);
        const all = this.queues.reduce((n, q) => n + q.all, 0);
        return {
            offered: t.offered,
            answered: t.answered,
            abandoned: t.abandoned,
            moved: Math.round(t.elsewhere * 0.7),
            decisions: t.decisions,
            service_level: Number((good / all).toFixed(4)),
            wait_mean_s: Number((t.wait_s / Math.max(1, t.answered)).toFixed(2)),
            cross_site_ratio: Number((t.elsewhere / t.offered).toFixed(4)),
        };
    }

    doc(speed) {
        const p = POLICIES[this.policy];
        return {
            revision: this.revision,
            now_ms: this.now,
            speed,
            name: 'four-regions',
            policy: this.policy,
            share_bound_contacts: p.bound,
            report_stale_ms: 6000,
            nodes: this.doc_nodes(),
            sites: this.sites.map((s) => this.doc_site(s)),
            queues: this.queues.map((q) => this.doc_queue(q)),
            agents: {
                by_state: this.sites.map((s) => ({
                    site: s.name,
                    available: s.state === 'down' ? 0 : this.free(s),
                    on_contact: s.calls.length,
                    wrapup: s.wrapup,
                    break: s.state === 'down' ? 0 : s.resting,
                    missed: s.state === 'down' ? 0 : s.missed,
                    offline: s.offline,
                    moving: s.moving,
                })),
            },
            health: this.doc_health(),
            totals: this.doc_totals(),
            alerts: [...this.alerts.values()],
            timeline: this.timeline.slice(-200),
            series: this.series,
            commands: COMMANDS,
            network: this.network,
            policies: Object.entries(POLICIES).map(([name, x]) => ({
                name,
                share_bound_contacts: x.bound,
                shares_enforced: x.enforced !== false,
                shares: SITES.map((s) => ({
                    site: s.name,
                    group: s.group,
                    share: x.shares[s.name],
                })),
            })),
        };
    }
}
