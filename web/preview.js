/* preview.js - what an operator's act would do, from what the board shows now. Pure.
 *
 * Shares hold inside a group, so what leaves a site goes to the serve-ready sites of its group, in
 * the proportion of their shares. Occupancy is an estimate: it grows with the arrivals. */

const serves = (s) => s.state === 'in-service' && s.ready !== false;

/* site name -> { group, share } of a policy; without its own figures, the shares in force */
function shares_of(sites, policy) {
    const in_force = (s) => ({ site: s.name, group: s.group, share: s.share_wanted });
    const rows = policy?.shares ?? sites.map(in_force);
    return new Map(rows.map((r) => [r.site, r]));
}

/* One row per site of the group of `name`: arrivals a minute now and then, and the occupancy.
 * `serving`: which sites take contacts afterwards. */
function spread(sites, name, policy, serving) {
    const shares = shares_of(sites, policy);
    const group = sites.find((s) => s.name === name)?.group;
    const members = sites.filter((s) => s.group === group);
    const arrivals = members.reduce((n, s) => n + (s.arrivals_per_min ?? 0), 0);
    const weight = (s) => (serving(s) ? shares.get(s.name)?.share ?? 0 : 0);
    const all = members.reduce((n, s) => n + weight(s), 0);
    return members.map((s) => {
        const now = s.arrivals_per_min ?? 0;
        const then = all > 0 ? (arrivals * weight(s)) / all : now;
        const occupancy = now > 0.05 && serving(s) && typeof s.occupancy === 'number'
            ? (s.occupancy * then) / now : undefined;
        return { site: s.name, now, then, occupancy };
    });
}

export function drain(sites, name, policy) {
    const site = sites.find((s) => s.name === name);
    const rest = (s) => s.name !== name && serves(s);
    const takers = sites.filter((s) => s.group === site.group && rest(s));
    const elsewhere = sites.filter((s) => s.group !== site.group && rest(s));
    return {
        rows: takers.length ? spread(sites, name, policy, rest) : [],
        takers: takers.map((s) => s.name),
        elsewhere: elsewhere.map((s) => s.name),
    };
}

export function restore(sites, name, policy) {
    return {
        rows: spread(sites, name, policy, (s) => s.name === name || serves(s)),
        share: shares_of(sites, policy).get(name)?.share,
    };
}

/* Rows of every site: its share under the policy in force and under the one chosen. */
export function policy(sites, before, after) {
    const from = shares_of(sites, before);
    const to = shares_of(sites, after);
    return sites.map((s) => ({
        site: s.name, group: to.get(s.name)?.group ?? '',
        now: from.get(s.name)?.share, then: to.get(s.name)?.share,
    }));
}
