// mock_network.mjs - a hub in one cloud and two regions of another, one session lost, for the
// dashboard's tests: the section `network` of web/CONTRACT.md, and one answer of /v1/net/routes.

const router = (name, as, sessions, up) => ({
    name,
    kind: name === 'gcp' ? 'hub' : 'edge',
    region: '',
    as,
    feed: 'up',
    since_ms: Date.now() - 3600000,
    heard: true,
    sessions,
    sessions_up: up,
    routes: 2,
    fib: 'none',
    fib_counts: false,
    fib_routes: 0,
});
const link = (name, b, session) => ({
    name,
    a: 'gcp',
    b,
    session,
    since_ms: Date.now() - 95000,
    reason: session === 'down' ? 'hold timer expired' : null,
    downs: session === 'down' ? 1 : 0,
    a_routes: session === 'down' ? 0 : 1,
    b_routes: session === 'down' ? 0 : 1,
});
const path = (from, to, ms, state = 'up') => ({
    from,
    to,
    flow: 0,
    kind: 'stamp',
    state,
    since_ms: Date.now() - 95000,
    two_way_ms: ms,
    two_way_p99_ms: ms + 1,
    there_ms: ms / 2,
    back_ms: ms / 2,
    loss: 0,
    hops_there: 2,
    hops_back: 2,
    loop: false,
    age_ms: 400,
});
const verdict = (id, kind, severity, text, more = {}) => ({
    id,
    kind,
    severity,
    text,
    router: 'gcp',
    link: null,
    since_ms: Date.now() - 95000,
    raised_ms: Date.now() - 94700,
    ended_ms: null,
    means: `What ${kind} means.`,
    do: `What to do about ${kind}.`,
    ...more,
});

export const network = () => ({
    routers: [
        router('gcp', 16550, 3, 2),
        router('use1', 64601, 2, 2),
        router('usw2', 64602, 1, 0),
    ],
    links: [
        link('use1-a', 'use1', 'up'),
        link('use1-b', 'use1', 'up'),
        link('usw2-a', 'usw2', 'down'),
    ],
    sites: [
        { name: 'hub', router: 'gcp', address: '10.100.0.10' },
        { name: 'us-east-1', router: 'use1', address: '10.1.0.10' },
        { name: 'us-west-2', router: 'usw2', address: '10.2.0.10' },
    ],
    paths: [
        path('hub', 'us-east-1', 8.2),
        path('us-east-1', 'hub', 8.3),
        path('hub', 'us-west-2', 10.4, 'down'),
    ],
    verdicts: [
        verdict(11, 'route_missing', 'warning', 'route_missing at gcp: 10.2.0.0/16'),
        verdict(9, 'session_down', 'critical', 'session_down at gcp on usw2-a with usw2', {
            link: 'usw2-a',
        }),
    ],
    ended: [
        verdict(4, 'more_specific', 'critical', 'more_specific at gcp: 10.1.77.0/24', {
            ended_ms: Date.now() - 60000,
        }),
    ],
    findings: [],
});

export const routes = (prefix) => ({
    asked: prefix,
    prefix: '10.1.0.0/16',
    routes: [
        {
            router: 'gcp',
            view: 'in-post',
            peer: '169.254.1.2',
            prefix: '10.1.0.0/16',
            kind: 'bgp',
            next_hop: '169.254.1.2',
            path: '64601',
            med: null,
            local_pref: null,
            stale: false,
            since_ms: Date.now() - 95000,
        },
    ],
    more: false,
    ways: [
        {
            from: 'hub',
            hops: [
                { router: 'gcp', link: 'use1-a' },
                { router: 'use1', link: null },
            ],
            end: 'delivered',
        },
        {
            from: 'us-west-2',
            hops: [
                { router: 'usw2', link: 'p' },
                { router: 'use1', link: 'p' },
                { router: 'usw2', link: 'p' },
                { router: 'use1', link: 'p' },
            ],
            end: 'loop',
        },
    ],
});
