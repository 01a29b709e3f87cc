/* verdict.c - the table of kinds, the list with its patience, and verdicts as sentences. */
#include "net/verdict.h"

#include "base/hash.h"
#include "base/rng.h"

const char *const severity_names[] = {"info", "warning", "critical"};

enum { INFO = SEVERITY_INFO, WARN = SEVERITY_WARNING, CRIT = SEVERITY_CRITICAL };

/* Half a second to raise a loop: it is to be named within a second of its forming, and tables of
 * two routers that were told of one change come a few tens of milliseconds apart. What probes have
 * seen was confirmed by them. What only waits for a convergence to end takes two to five seconds:
 * BFD of Cloud Router needs up to five. */
const struct verdict_row verdict_rows[VERDICT_KINDS] = {
    [V_SESSION_DOWN] =
        {"session_down", CRIT, 0, 1000, "A BGP session that is part of the network is down.",
         "link, the routers that say so, since when, the reason in the router's "
         "words",
         "Look at the link and at the other end. Reason 'hold timer expired' or BFD: "
         "packets do not pass. 'Maximum number of prefixes reached': announce less, "
         "the session stays idle until then."},
    [V_SESSION_FLAPPING] = {"session_flapping", CRIT, 0, 1000,
                            "A session went down several times in five minutes.",
                            "link, how often, the last reason",
                            "Take it out of use (preference, or administratively down) until the "
                            "line is mended: each flap moves traffic twice."},
    [V_DETECTION_SKEW] =
        {"detection_skew", WARN, 0, 1000,
         "The two ends of a link noticed its loss a second or more apart. For that "
         "time one of them sent into a dead link, and paths were asymmetric.",
         "link, who was first, the milliseconds between the two",
         "Make BFD timers equal: each end waits the other's multiplier times the "
         "slower interval (Cloud Router 1000 ms x 5 against Direct Connect's 300 ms "
         "x 3). Let probes trigger the detour."},
    [V_LINK_DOWN] =
        {"link_down", CRIT, 0, 1000,
         "A cloud says that a link itself is down: an attachment, a virtual interface, a "
         "peering. Until its routers use another one they send into it, and what they "
         "send is lost.",
         "link, its routers, the API's word",
         "Look at the provider's page for the circuit. If routes stay on the link for "
         "long, its BFD is off or its timers are long: take the session down by hand."},
    [V_ROUTE_LIMIT] = {"route_limit_near", WARN, 0, 5000,
                       "A session carries four fifths or more of the routes its receiver accepts. "
                       "One above the limit and Direct Connect takes the session down.",
                       "link, receiving router, routes, limit",
                       "Summarise what is announced, or have the limit raised."},
    [V_FEED_STALE] = {"feed_stale", WARN, 3000, 1000,
                      "A router no longer tells us what it does. Its part of the model is as it "
                      "was when it last spoke.",
                      "router, since when",
                      "Look at its connection (BMP, FPM) or at the poll's errors in the log. "
                      "Until then trust probes more than the model where this router is passed."},
    [V_MODEL_FULL] =
        {"model_full", CRIT, 0, 60000,
         "Something did not fit: routes beyond the limit of the tables, more faults or "
         "verdicts than their lists hold. What was left out cannot be judged.",
         "how many were refused since the start",
         "Look which router sends so much (a leak of a full table?), or raise the "
         "limits."},
    [V_ROUTE_MISSING] = {"route_missing", CRIT, 3000, 1000,
                         "A route that is expected at a router is not there.",
                         "router, prefix, whether a neighbour announces it and it was refused",
                         "Look at whoever should announce it. When it is received and refused: at "
                         "the import policy, and at AS numbers used twice."},
    [V_ROUTE_UNEXPECTED] = {"route_unexpected", WARN, 3000, 1000,
                            "A router that is to have exactly the expected routes has another.",
                            "router, prefix, who announced it, origin AS",
                            "Filter it where it comes in, or add it to the expectations."},
    [V_MORE_SPECIFIC] = {"more_specific", CRIT, 1000, 1000,
                         "A longer prefix than allowed is in the table, inside an expected one. "
                         "Longest match wins over every preference: it draws its part of the "
                         "traffic, mostly in one direction only.",
                         "router, the prefix, the expected one around it, who announced it",
                         "Filter by length (ge/le) where it comes in; find out who leaks it."},
    [V_ORIGIN_CHANGED] = {"origin_changed", CRIT, 1000, 1000,
                          "A prefix of ours is announced by an AS that does not own it: a hijack, "
                          "a leak, or a region that announces again what it learned.",
                          "router, prefix, the AS that originates it, the AS that should, the peer",
                          "Refuse it at the border by prefix and origin. A Transit Gateway forgets "
                          "AS paths: mark what the hub originates with a community and refuse that "
                          "from regions."},
    [V_NEXT_HOP] = {"next_hop_unexpected", WARN, 3000, 1000,
                    "A route is used by a next hop that is not among the expected ones.",
                    "router, prefix, link used",
                    "Compare preferences of both ends. After a failure this may be the only way "
                    "left; with dynamic routing in GLOBAL mode it may cross an ocean."},
    [V_BETTER_UNUSED] = {"better_path_unused", WARN, 3000, 1000,
                         "The route by the first expected link is there, and another is used.",
                         "router, prefix, link used, link expected",
                         "Correct MED, local preference or the 7224 communities (`tandem net "
                         "optimise` proposes them)."},
    [V_LOOP] = {"forwarding_loop", CRIT, 500, 500,
                "Routers hand packets for a prefix round in a circle. They never arrive, and each "
                "packet loads the links of the circle until its TTL is used up.",
                "the prefixes, the cycle router by router with its links, which of them send "
                "so without BGP's having a part in it, since when",
                "Longest match decides in each router: take away the rule that is wrong. A static "
                "route or a summary is the usual one. An announced aggregate needs a null route "
                "where it is announced."},
    [V_BLACKHOLE] =
        {"blackhole", CRIT, 500, 500,
         "Packets for a declared subnet come to a router that drops them: it has no "
         "route, or a null route.",
         "the prefixes, the router that drops, who sends to it, whether BGP has a route "
         "that its forwarding table lacks",
         "Give the router its route back, or stop it from announcing what it cannot "
         "reach."},
    [V_DEAD_END] = {"dead_end", WARN, 3000, 1000,
                    "A neighbour sends packets for a prefix to a router that has no route for "
                    "it. No declared subnet is in it.",
                    "the prefixes, the router without a route, who sends to it",
                    "Announce only what is there. If the router's feed does not show all of its "
                    "table, let it tell that (FPM)."},
    [V_NO_PATH] = {"no_path", CRIT, 2000, 1000,
                   "By the model packets from one site do not reach another, not all of them, or "
                   "not at all.",
                   "both sites, the way as far as it goes",
                   "See the other verdicts for the router where the way ends: a missing route, a "
                   "loop, a blackhole."},
    [V_ASYMMETRIC] = {"asymmetric_path", WARN, 6000, 1000,
                      "Packets between two sites take one way there and another way back. A "
                      "stateful firewall on either drops what it did not see begin.",
                      "both sites, the way there, the way back",
                      "Rank the links the same way at both ends from one plan: MED from the hub, "
                      "7224:7x00 communities to AWS (`tandem net optimise`)."},
    [V_OWN_AS_REFUSED] =
        {"asn_reuse", WARN, 2000, 1000,
         "Two routers have one AS number: a neighbour comes up with somebody else's, or "
         "a router refuses routes to other sites because their origin has its own.",
         "router, neighbour (or whose number it is), AS number, the prefixes refused",
         "Give each region its own AS number. Do not turn on allowas-in or "
         "as-override: that takes away the only defence against loops."},
    [V_OWN_AS_ACCEPTED] = {"own_as_accepted", CRIT, 500, 1000,
                           "A router accepts routes with its own AS number in the path. BGP's "
                           "defence against loops is off there (allowas-in); such a loop can "
                           "outlive the withdrawal of the route it began with.",
                           "router, neighbour, the prefixes",
                           "Turn allowas-in off and give AS numbers once."},
    [V_ROUTE_RETURNED] =
        {"route_returned", WARN, 2000, 1000,
         "A router sends packets for a prefix to a neighbour and announces the prefix to the same "
         "neighbour, without the neighbour's AS number in the path: nothing tells the neighbour "
         "that it is its own route. When its own way goes, the two send to each other.",
         "router, neighbour, the link by which it announces, the prefixes, the origin AS as it is "
         "announced, the link by which it sends",
         "Do not announce to a neighbour what was learned from it (an export filter, by the "
         "neighbour's AS or by a community). Turn as-override and remove-private-as off there; "
         "where a Transit Gateway or a redistributed route forgets the path, let the neighbour "
         "refuse its own prefixes."},
    [V_LOOP_POSSIBLE] = {"loop_possible", WARN, 2000, 1000,
                         "If the right routes go, these routers are left with routes to each other "
                         "and nothing in the paths would stop the circle (static routes, paths "
                         "that were overridden or forgotten).",
                         "the prefixes, the routers of the possible circle",
                         "Take away the backup that leads back, or let it carry its true AS path."},
    [V_LOOP_AFTER_FAILURE] = {"loop_after_failure", WARN, 2000, 1000,
                              "If this one link fails, the routers that are left loop.",
                              "the link, the prefixes, the cycle",
                              "As for forwarding_loop, before it happens."},
    [V_AGGREGATE_UNCOVERED] = {"aggregate_uncovered", WARN, 2000, 1000,
                               "A router announces an aggregate and has nothing for part of it. A "
                               "shorter route of its own, once there, sends that part back: a "
                               "loop in which no AS number repeats.",
                               "the part without a route, the router, who sends to it",
                               "A null route for the aggregate where it is announced, or announce "
                               "exactly what is there."},
    [V_LATENCY] = {"latency_high", WARN, 0, 10000,
                   "The round trip between two sites is above its bound.",
                   "both sites, the median measured, the bound",
                   "Compare with the path in the model: another link, or a longer way beneath it."},
    [V_ONE_WAY_SHIFT] = {"one_way_shift", INFO, 0, 60000,
                         "The delay of one direction stepped and the other did not: that way has "
                         "changed beneath the routing that we see.",
                         "both sites, the step in microseconds",
                         "Ask the carrier; compare hop counts before and after."},
    [V_LOOP_SEEN] = {"loop_seen", CRIT, 0, 1000,
                     "Traceroute came by one router twice, on two runs, and the model has no loop "
                     "there: something forwards otherwise than its table says.",
                     "both sites, the address that came twice and whose it is, the length of the "
                     "circle",
                     "Look at tables that no feed shows (static routes on peerings, policy "
                     "routing) at the routers named; let them tell their tables (FPM)."},
    [V_STALE_MODEL] = {"model_disagrees", WARN, 5000, 2000,
                       "Probes arrive although the model says that packets cannot: the model is "
                       "not what the routers do. A feed is stale or incomplete.",
                       "both sites, what the model says",
                       "Resynchronise the feeds of the routers on the way."},
    [V_FIREWALL] = {"firewall", CRIT, 500, 1000,
                    "The routing is fine both ways, and packets of some kind do not arrive: a "
                    "filter, or a stateful firewall that sees one direction only because the ways "
                    "differ.",
                    "both sites, the probes that are lost, the ways there and back",
                    "Make the ways the same (see asymmetric_path), or let firewalls share their "
                    "state; else look for the rule that drops."},
    [V_DATA_PLANE] =
        {"data_plane", CRIT, 500, 1000,
         "No probe arrives, or none by one of several paths, and nothing that is known of the "
         "routing says why: a router or a line does not do what its tables say, or a "
         "null route that no feed shows.",
         "both sites, since when, the way by the model",
         "Trace hop by hop; the first router that does not answer, and the one "
         "before it, are the suspects."},
    [V_ROUTING] = {"routing", CRIT, 500, 1000, "Probes do not arrive, and the model says why.",
                   "both sites, where the way ends",
                   "See the verdicts of the routers named: loop, blackhole, missing route, session "
                   "down."},
};

/* ---- the list ---- */

void verdicts_free(struct verdicts *l)
{
    mem_free(l->v);
    map64_free(&l->of_key);
    *l = (struct verdicts){0};
}

uint64_t verdict_key(uint64_t a, uint64_t b, uint64_t c)
{
    return mix64(a + mix64(b + 1 + mix64(c + 2)));
}

static uint64_t full_key(enum verdict_kind kind, uint64_t key)
{
    return mix64(key + mix64((uint64_t)kind + 1));
}

static struct verdict *find(struct verdicts *l, enum verdict_kind kind, uint64_t key)
{
    uint32_t i;
    return map64_find(&l->of_key, full_key(kind, key), &i) ? &l->v[i] : NULL;
}

const struct verdict *verdict_find(const struct verdicts *l, enum verdict_kind kind, uint64_t key)
{
    uint32_t i;
    bool there = l->held[kind] && map64_find(&l->of_key, full_key(kind, key), &i) && l->v[i].holds;
    return there ? &l->v[i] : NULL;
}

static void turn(struct verdicts *l, struct verdict *v, bool holds, int64_t now_ms)
{
    l->held[v->kind] += (uint32_t)holds - (uint32_t)v->holds;
    v->holds = holds;
    v->changed_ms = now_ms;
}

void verdict_set(struct verdicts *l, enum verdict_kind kind, uint64_t key, int64_t since_ms,
                 int64_t now_ms, const struct evidence *e)
{
    struct verdict *v = find(l, kind, key);
    if (!v && l->n >= VERDICTS_MAX + (kind == V_MODEL_FULL)) { /* that one has a place */
        l->refused++;
        return;
    }
    if (!v) {
        if (l->n == l->cap) {
            l->cap = l->cap * 2 + 16;
            l->v = mem_grow(l->v, l->cap, sizeof *l->v);
        }
        map64_insert(&l->of_key, full_key(kind, key), l->n);
        v = &l->v[l->n++];
        *v = (struct verdict){.kind = (uint8_t)kind, .key = key, .since_ms = since_ms};
        turn(l, v, true, now_ms);
    } else if (!v->holds) {
        turn(l, v, true, now_ms);
    }
    if (memcmp(&v->evidence, e, sizeof *e) != 0) {
        v->evidence = *e;
        v->renewed = true;
    }
}

void verdict_unset(struct verdicts *l, enum verdict_kind kind, uint64_t key, int64_t now_ms)
{
    struct verdict *v = l->held[kind] ? find(l, kind, key) : NULL;
    if (v && v->holds)
        turn(l, v, false, now_ms);
}

static void forget(struct verdicts *l, uint32_t i)
{
    map64_erase(&l->of_key, full_key(l->v[i].kind, l->v[i].key));
    l->v[i] = l->v[--l->n];
    if (i < l->n)
        map64_insert(&l->of_key, full_key(l->v[i].kind, l->v[i].key), i);
}

/* When the verdict goes on to its next state by itself. */
static int64_t due_ms(const struct verdict *v)
{
    const struct verdict_row *row = &verdict_rows[v->kind];
    if (v->state == VERDICT_WAITING)
        return v->holds ? v->changed_ms + row->raise_ms : v->changed_ms;
    return v->holds ? INT64_MAX : v->changed_ms + row->clear_ms;
}

void verdicts_settle(struct verdicts *l, int64_t now_ms, verdict_fn *told, void *arg)
{
    for (uint32_t i = 0; i < l->n;) {
        struct verdict *v = &l->v[i];
        bool was_raised = v->state == VERDICT_RAISED, due = due_ms(v) <= now_ms;
        bool raised = due && v->holds, ended = due && was_raised && !v->holds;
        if (raised) {
            v->state = VERDICT_RAISED;
            v->raised_ms = now_ms;
            v->id = ++l->last_id;
        }
        if (ended) {
            v->state = VERDICT_ENDED;
            v->ended_ms = now_ms;
        }
        bool tell = raised || ended || (was_raised && v->renewed);
        if (tell)
            v->version = ++l->version;
        if (tell || !was_raised)
            v->renewed = false;
        if (tell && told)
            told(arg, v);
        if (due && !v->holds)
            forget(l, i);
        else
            i++;
    }
}

int64_t verdicts_due(const struct verdicts *l)
{
    int64_t due = INT64_MAX;
    for (uint32_t i = 0; i < l->n; i++)
        due = MIN(due, due_ms(&l->v[i]));
    return due;
}

const struct verdict *verdict_next(const struct verdicts *l, uint32_t *at)
{
    while (*at < l->n)
        if (l->v[(*at)++].state == VERDICT_RAISED)
            return &l->v[*at - 1];
    return NULL;
}

uint32_t verdicts_raised(const struct verdicts *l, enum verdict_kind kind)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->n; i++)
        n += l->v[i].state == VERDICT_RAISED && (kind == VERDICT_KINDS || l->v[i].kind == kind);
    return n;
}

/* ---- sentences ---- */

static const char *router_name(const struct topo *t, uint16_t r)
{
    return r < t->n_routers ? t->router[r].name : "?";
}

static void put_prefixes(struct buf *b, const struct evidence *e)
{
    char text[PREFIX_TEXT_MAX];
    uint32_t shown = 0;
    while (shown < MIN(e->n_prefixes, VERDICT_PREFIXES_MAX) && e->prefix[shown].family)
        shown++;
    for (uint32_t i = 0; i < shown; i++)
        buf_fmt(b, "%s%s", i ? ", " : "", prefix_text(&e->prefix[i], text));
    if (e->n_prefixes > shown)
        buf_fmt(b, " and %u more", e->n_prefixes - shown);
}

static void put_hops(struct buf *b, const struct topo *t, const struct verdict_hop *hop, uint16_t n)
{
    for (uint16_t i = 0; i < n; i++) {
        buf_fmt(b, "%s%s", i ? " " : "", router_name(t, hop[i].router));
        if (hop[i].link < t->n_links)
            buf_fmt(b, " -%s->", t->link[hop[i].link].name);
        else if (i + 1 < n)
            buf_str(b, " ->");
    }
}

static void put_where(struct buf *b, const struct topo *t, const struct evidence *e)
{
    if (e->site[0] < t->n_sites && e->site[1] < t->n_sites)
        buf_fmt(b, " from %s to %s", t->site[e->site[0]].name, t->site[e->site[1]].name);
    if (e->router < t->n_routers)
        buf_fmt(b, " at %s", router_name(t, e->router));
    if (e->link < t->n_links)
        buf_fmt(b, " on %s", t->link[e->link].name);
    if (e->neighbour < t->n_routers)
        buf_fmt(b, " with %s", router_name(t, e->neighbour));
}

char *verdict_text(const struct verdict *v, const struct topo *t, char *out, size_t cap)
{
    const struct evidence *e = &v->evidence;
    struct buf b = {0};
    char text[IP_TEXT_MAX];
    buf_str(&b, verdict_rows[v->kind].name);
    put_where(&b, t, e);
    if (e->n_prefixes) {
        buf_str(&b, ": ");
        put_prefixes(&b, e);
    }
    if (e->as)
        buf_fmt(&b, ", AS %u", e->as);
    if (e->as_expected)
        buf_fmt(&b, " instead of %u", e->as_expected);
    if (e->n_hops) {
        bool round =
            v->kind == V_LOOP || v->kind == V_LOOP_AFTER_FAILURE || v->kind == V_LOOP_POSSIBLE;
        bool sent =
            v->kind == V_BLACKHOLE || v->kind == V_DEAD_END || v->kind == V_AGGREGATE_UNCOVERED;
        buf_str(&b, round ? "; round by " : sent ? "; sent by " : "; way ");
        put_hops(&b, t, e->hop, e->n_hops);
    }
    if (e->n_back) {
        buf_str(&b, "; back ");
        put_hops(&b, t, e->back, e->n_back);
    }
    if (e->limit)
        buf_fmt(&b, "; %lld of %lld", (long long)e->value, (long long)e->limit);
    else if (e->value)
        buf_fmt(&b, "; %lld", (long long)e->value);
    if (e->address.family)
        buf_fmt(&b, "; %s", ip_text(&e->address, text));
    if (e->reason[0])
        buf_fmt(&b, "; %s", e->reason);
    str_copy(out, cap, b.data);
    buf_free(&b);
    return out;
}
