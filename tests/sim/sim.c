/* sim.c - the fault simulator: whole contact centres under virtual time, broken on purpose.
 *
 * Each seed makes a configuration, a workload and a list of faults (regions die, nodes crash, links
 * are cut or lose, repeat and reorder, flows break, sites are drained), runs them, heals everything
 * and compares. The design's invariants are checked at every fact a node states and, in samples,
 * over the whole model and the physical truth. A failing seed prints how to run it again.
 *
 *   sim [--seeds N] [--from S] [--verbose] [--watch TEXT]
 *
 * --verbose tells the timeline; --watch each fact, at each node, whose JSON holds TEXT (the id of a
 * contact, the name of an agent).
 *
 * Exit 0: all seeds held; 1: a seed failed (with its number and the invariant). */
#include "base/map.h"
#include "base/rng.h"
#include "core/model.h"
#include "node/world.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    RUN_MS = 240000,    /* calls come in for so long */
    DRAIN_MS = 3600000, /* then the last customers must be gone within */
    QUIET_MS = 15000,   /* and the replicas equal after */
    FAULTS = 6,
    KNOWN_DEAD_MS = 1000, /* after this nobody may choose a dead region */
};

struct options {
    uint64_t seeds, from;
    bool verbose;
    const char *watch;
};

struct sim {
    uint64_t seed;
    const struct options *o;
    struct config *c;
    struct world *w;
    struct rng rng;
    struct fault fault[FAULTS];
    int faults;
    struct map128 called; /* contact -> 1 called, 2 ended at the hub */
    struct map128 owner;  /* (contact, epoch) mixed -> origin + 1 */
    uint64_t calls, ended, checks;
    td_ms dead_since[SITES_MAX];
    char failure[400];
};

static void fail(struct sim *s, const char *fmt, ...) PRINTF(2, 3);

static void fail(struct sim *s, const char *fmt, ...)
{
    if (s->failure[0])
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(s->failure, sizeof s->failure, fmt, ap);
    va_end(ap);
}

/* ---- a centre from a seed ---- */

static void make_sites(struct sim *s, struct buf *b, int sites)
{
    static const double lat[] = {38.9, 45.84, 50.1, 51.5, 35.7},
                        lon[] = {-77.5, -119.7, 8.7, -0.1, 139.7};
    buf_str(b, "sites:\n");
    for (int i = 0; i < sites; i++)
        buf_fmt(b, "  - {name: site-%d, lat: %g, lon: %g, residency: %s, contacts_max: %d}\n", i,
                lat[i], lon[i], i < 2 ? "us" : "eu", 20 + (int)rng_below(&s->rng, 200));
    /* Each figure is drawn in a statement of its own: a call's arguments are worked out in an order
     * that compilers choose, and a seed shall mean the same for all of them. */
    int latency = 1 + (int)rng_below(&s->rng, 80), jitter = (int)rng_below(&s->rng, 10);
    int percent[3];
    for (int i = 0; i < 3; i++)
        percent[i] = (int)rng_below(&s->rng, 3);
    buf_fmt(b,
            "links:\n  default: {latency_ms: %d, jitter_ms: %d, loss_percent: %d, "
            "duplicate_percent: %d, reorder_percent: %d}\n",
            latency, jitter, percent[0], percent[1], percent[2]);
}

static void make_people(struct sim *s, struct buf *b, int sites)
{
    bool sticky = rng_chance(&s->rng, 0.5);
    buf_fmt(b,
            "queues:\n"
            "  - {name: service, handle_s: 30, patience_s: 60, sticky_agent: %s}\n"
            "  - {name: cards, handle_s: 20, patience_s: 40, value: 3, target_wait_s: 10}\n"
            "  - {name: chat, handle_s: 60, patience_s: 90%s}\n",
            sticky ? "true" : "false",
            sites > 2 && rng_chance(&s->rng, 0.5) ? ", residency: eu" : "");
    buf_str(b, "profiles:\n"
               "  - {name: general, queues: [service, cards]}\n"
               "  - name: mixed\n"
               "    concurrency: {voice: 1, chat: 2}\n"
               "    queues:\n"
               "      - {queue: service, priority: 2}\n"
               "      - {queue: chat, channel: chat, priority: 1}\n"
               "agents:\n");
    for (int i = 0; i < sites; i++)
        for (int p = 0; p < 2; p++)
            buf_fmt(b, "  - {site: site-%d, count: %d, profile: %s, prefix: a%d-%d-}\n", i,
                    2 + (int)rng_below(&s->rng, 8), p ? "mixed" : "general", i, p);
}

static void make_policy(struct sim *s, struct buf *b, int sites)
{
    int first = 10 + 10 * (int)rng_below(&s->rng, 8);
    int bound = 1 + (int)rng_below(&s->rng, 20);
    buf_str(b, "policies:\n");
    for (int p = 0; p < 2; p++) {
        buf_fmt(b,
                "  - name: policy-%d\n    share_bound_contacts: %d\n    binding: %s\n"
                "    groups:\n      - {name: us, shares: {site-0: %d, site-1: %d}}\n",
                p, bound, rng_chance(&s->rng, 0.8) ? "late" : "early", p ? 50 : first,
                p ? 50 : 100 - first);
        if (sites == 3)
            buf_str(b, "      - {name: eu, shares: {site-2: 100}}\n");
        if (sites == 4)
            buf_str(b, "      - {name: eu, shares: {site-2: 30, site-3: 70}}\n");
        if (sites == 5)
            buf_str(b, "      - {name: eu, shares: {site-2: 30, site-3: 50, site-4: 20}}\n");
    }
    buf_str(b, "policy: policy-0\n");
}

static void make_config(struct sim *s)
{
    struct buf b = {0}, errors = {0};
    int sites = 2 + (int)rng_below(&s->rng, 4);
    buf_str(&b, "name: sim\nhub: {name: hub, lat: 39, lon: -77}\n");
    make_sites(s, &b, sites);
    make_people(s, &b, sites);
    make_policy(s, &b, sites);
    buf_fmt(&b,
            "workload:\n  load: %g\n  flat: true\n  duration_min: %d\n"
            "  returning_percent: 30\n  redial_percent: 50\n  redial_min_s: 5\n"
            "  redial_max_s: 20\n  demands:\n"
            "    - {queue: service, weight: 6, handle_mean_s: 30, handle_cv2: 0.5,\n"
            "       patience_mean_s: 60,\n"
            "       wrapup_mean_s: 5, hold_percent: 20, hold_mean_s: 5,\n"
            "       transfer_percent: 10, transfer_queue: cards}\n"
            "    - {queue: cards, weight: 2, handle_mean_s: 20, handle_cv2: 0.5,\n"
            "       patience_mean_s: 40}\n"
            "    - {queue: chat, channel: chat, weight: 2, handle_mean_s: 60,\n"
            "       handle_cv2: 0.5, patience_mean_s: 90}\n",
            0.3 + rng_unit(&s->rng) * 0.8, RUN_MS / 60000);
    int redirect_s = (int)rng_below(&s->rng, 4);
    int miss_percent = rng_chance(&s->rng, 0.3) ? 5 : 0;
    int break_every_min = rng_chance(&s->rng, 0.3) ? 5 : 0;
    buf_fmt(&b,
            "people: {relogin_min_s: 2, relogin_max_s: 8, redirect_s: %d, miss_percent: %d,\n"
            "  miss_ring_s: 5, break_every_min: %d, break_min: 1}\n",
            redirect_s, miss_percent, break_every_min);
    buf_fmt(&b, "health: {return_steps: %d, return_step_ms: 5000}\n",
            1 + (int)rng_below(&s->rng, 4));
    buf_fmt(&b, "store: {commit_ms: %d}\n", 1 + (int)rng_below(&s->rng, 30));
    s->c = config_load(b.data, b.len, "sim.yaml", &errors);
    if (!s->c) {
        fprintf(stderr, "%s%s", b.data, errors.data);
        exit(70);
    }
    buf_free(&b);
    buf_free(&errors);
}

static uint8_t any_node(struct sim *s)
{
    uint64_t n = rng_below(&s->rng, s->c->n_sites + 1u);
    return n == s->c->n_sites ? HUB : (uint8_t)n;
}

static void make_faults(struct sim *s)
{
    s->faults = (int)rng_below(&s->rng, FAULTS + 1);
    for (int i = 0; i < s->faults; i++) {
        struct fault *f = &s->fault[i];
        *f = (struct fault){.kind = (enum fault_kind)rng_below(&s->rng, FAULT_KINDS)};
        bool site =
            f->kind == FAULT_REGION_DOWN || f->kind == FAULT_FLOWS || f->kind == FAULT_DRAIN;
        f->a = site ? (uint8_t)rng_below(&s->rng, s->c->n_sites) : any_node(s);
        do
            f->b = any_node(s);
        while (f->b == f->a);
        f->at_ms = 5000 + (int64_t)rng_below(&s->rng, RUN_MS - 10000);
        f->for_ms = 200 + (int64_t)rng_below(&s->rng, 60000);
        f->loss_ppm = (int32_t)rng_below(&s->rng, 300000);
        f->duplicate_ppm = (int32_t)rng_below(&s->rng, 200000);
        f->reorder_ppm = (int32_t)rng_below(&s->rng, 200000);
    }
}

/* ---- invariants at every fact ---- */

static const char *name_of(const struct sim *s, uint8_t node)
{
    return node == HUB ? "hub" : s->c->site[node].name;
}

/* The books after a counted placement are within the decider's bound, or no worse than before. */
static void check_share(struct sim *s, struct node *n, const struct ev_placed *p)
{
    double bound = fmax(shares_bound(node_core(n)), share_bound_min(s->c->n_sites)), worst = bound;
    for (int i = 0; i < p->n_candidates; i++)
        worst = fmax(worst, fabs(p->candidate[i].lag_m / 1000.0));
    for (int i = 0; i < p->n_candidates; i++) {
        const struct candidate *c = &p->candidate[i];
        double after = c->lag_m / 1000.0 + c->share_ppm / 1e6 - (c->site == p->site);
        if (fabs(after) > worst + 0.002)
            fail(s, "%s put %s %.3f contacts off its share, the bound is %.1f (worst before %.3f)",
                 name_of(s, node_self(n)), name_of(s, c->site), after, bound, worst);
    }
}

/* Never to a site that is not serve-ready while one is; never to a region dead for a second. */
static void check_ready(struct sim *s, struct node *n, const struct ev_placed *p)
{
    if (p->rule == RULE_FAIL_OPEN || p->rule == RULE_CLOSED)
        return;
    bool could = false;
    for (int i = 0; i < p->n_candidates; i++)
        could |= !p->candidate[i].excluded;
    if (could && p->candidate[p->site].excluded && p->rule != RULE_FREED_AGENT)
        fail(s, "%s placed a contact at %s, which was %s, though another site was ready",
             name_of(s, node_self(n)), name_of(s, p->site),
             excluded_names[p->candidate[p->site].excluded]);
    td_ms dead = s->dead_since[p->site];
    if (dead && node_self(n) != p->site && world_now(s->w) - dead > KNOWN_DEAD_MS)
        fail(s, "%s placed a contact at %s, dead for %" PRId64 " ms (rule %s)",
             name_of(s, node_self(n)), name_of(s, p->site), world_now(s->w) - dead,
             rule_names[p->rule]);
    const struct cfg_queue *q = NULL;
    for (uint16_t i = 0; i < s->c->n_queues; i++)
        if (s->c->queue[i].key == p->queue)
            q = &s->c->queue[i];
    if (q && !(q->residency_mask >> s->c->site[p->site].residency & 1))
        fail(s, "a contact of queue %s was placed against its residency", q->name);
}

/* One owner an epoch: nobody else ever states of a contact under the same epoch. */
static void check_owner(struct sim *s, uint8_t origin, struct td_id id, uint64_t epoch, int kind)
{
    uint64_t hi = id.hi ^ mix64(epoch), lo = id.lo ^ (uint64_t)kind << 60;
    uint32_t was;
    if (map128_find(&s->owner, hi, lo, &was)) {
        if (was != origin + 1u)
            fail(s, "%s and %s both stated facts of one thing in epoch %" PRIu64,
                 name_of(s, (uint8_t)(was - 1)), name_of(s, origin), epoch);
        return;
    }
    map128_insert(&s->owner, hi, lo, origin + 1u);
}

static void watch(struct sim *s, struct node *n, const struct event *e)
{
    struct buf b = {0};
    char id[EVENT_ID_TEXT];
    event_id(e, s->c, id);
    event_json(&b, e, s->c);
    if (strstr(b.data, s->o->watch))
        printf("  %8.3f %-7s has %-26s %s %s\n",
               (double)(world_now(s->w) - world_start(s->w)) / 1000, name_of(s, node_self(n)), id,
               event_type_names[e->type], strstr(b.data, "\"data\":") + 7);
    buf_free(&b);
}

static void on_fact(void *arg, struct node *n, const struct event *e, const void *bytes, size_t len)
{
    struct sim *s = arg;
    uint8_t self = node_self(n);
    if (s->o->watch)
        watch(s, n, e);
    if (e->dot.origin != self)
        return;
    s->checks++;
    if (e->type == EV_PLACED) {
        const struct ev_placed *p = &e->placed;
        if ((p->epoch & 0xff) != self)
            fail(s, "%s placed under another node's epoch", name_of(s, self));
        check_owner(s, self, p->contact, p->epoch, 1);
        if (p->counted)
            check_share(s, n, p);
        check_ready(s, n, p);
    } else if (e->type == EV_CONTACT) {
        check_owner(s, self, e->contact.contact, e->contact.epoch, 2);
    } else if (e->type == EV_AGENT) {
        /* Who moves an agent claims the epoch with one fact; the site he moves to goes on in it. */
        check_owner(s, self, (struct td_id){e->agent.agent, 7}, e->agent.epoch,
                    e->agent.presence == PRESENCE_MOVING ? 3 : 4);
    }
    if (rng_below(&s->rng, 64) == 0)
        core_check(node_core(n));
}

static void on_history(void *arg, struct node *n, const struct core_history *h)
{
    struct sim *s = arg;
    uint32_t v;
    if (node_self(n) != HUB)
        return;
    if (!map128_find(&s->called, h->contact.hi, h->contact.lo, &v)) {
        fail(s, "a contact ended that nobody made");
        return;
    }
    if (v == 1)
        s->ended++;
    map128_insert(&s->called, h->contact.hi, h->contact.lo, 2);
    if (h->final->end == ENDED_EXPIRED || h->final->end == ENDED_NO_SITE)
        fail(s, "a contact ended as %s", contact_end_names[h->final->end]);
}

static void on_note(void *arg, struct node *n, const struct node_note *note)
{
    struct sim *s = arg;
    if (s->o->verbose)
        printf("  %8.3f %-7s %s\n", (double)(note->at - world_start(s->w)) / 1000,
               name_of(s, node_self(n)), note->text);
}

static void on_call(void *arg, const struct floor_call *k)
{
    struct sim *s = arg;
    uint32_t v;
    if (!map128_find(&s->called, k->contact.hi, k->contact.lo, &v)) {
        map128_insert(&s->called, k->contact.hi, k->contact.lo, 1);
        s->calls++;
    }
}

/* ---- at the end ---- */

/* Agents go on with their breaks: what was stated a moment ago is still on its way. */
static bool all_told(struct sim *s)
{
    struct core *hub = node_core(world_node(s->w, HUB));
    for (uint8_t n = 0; n < s->c->n_sites; n++)
        if (memcmp(node_core(world_node(s->w, n))->vector, hub->vector, sizeof hub->vector) != 0)
            return false;
    return true;
}

static void check_equal(struct sim *s)
{
    uint64_t hash = 0;
    for (int n = NODES_MAX; n-- > 0;) {
        struct node *node = world_node(s->w, (uint8_t)n);
        if (!node)
            continue;
        core_check(node_core(node));
        uint64_t h = core_hash(node_core(node));
        if (n == HUB)
            hash = h;
        else if (h != hash)
            fail(s, "%s and the hub differ %d s after all is well", name_of(s, (uint8_t)n),
                 QUIET_MS / 1000);
        if (node_core(node)->contacts_live)
            fail(s, "%s still holds %u contacts when all have ended", name_of(s, (uint8_t)n),
                 node_core(node)->contacts_live);
    }
}

static void check_people(struct sim *s)
{
    struct core *k = node_core(world_node(s->w, HUB));
    for (uint32_t a = 0; a < s->c->n_agents; a++) {
        const struct agent *g = &k->agent[a];
        int signed_in = -1;
        for (uint8_t i = 0; i < s->c->n_sites; i++)
            if (floor_engine(world_floor(s->w), i) &&
                engine_signed_in(floor_engine(world_floor(s->w), i), a))
                signed_in = i;
        bool model = g->state.presence == PRESENCE_AVAILABLE ||
                     g->state.presence == PRESENCE_BREAK || g->state.presence == PRESENCE_MISSED;
        if (model && signed_in != g->state.site)
            fail(s, "the model has agent %s at %s, in truth he is at %s", s->c->agent[a].name,
                 name_of(s, g->state.site),
                 signed_in < 0 ? "no site" : name_of(s, (uint8_t)signed_in));
        unsigned busy = g->wrapping;
        for (int ch = 0; ch < CHANNELS; ch++)
            busy += g->talking[ch];
        if (busy)
            fail(s, "agent %s is busy with a contact that has ended", s->c->agent[a].name);
        if (signed_in < 0)
            fail(s, "agent %s is nowhere at the end (model: %s at %s)", s->c->agent[a].name,
                 presence_names[g->state.presence], name_of(s, g->state.site));
    }
}

static void check_books(struct sim *s)
{
    struct core *k = node_core(world_node(s->w, HUB));
    uint64_t offered = 0;
    for (uint16_t q = 0; q < s->c->n_queues; q++)
        offered += k->queue[q].offered;
    if (s->ended != s->calls || offered != s->calls)
        fail(s,
             "%" PRIu64 " contacts were made, %" PRIu64 " ended at the hub, %" PRIu64
             " are in its sums",
             s->calls, s->ended, offered);
}

static uint64_t seed_now; /* for the handler alone: a BUG_ON names its seed */

static void on_abort(int sig)
{
    char line[96];
    int n = snprintf(line, sizeof line, "seed %" PRIu64 " FAILED: an invariant of the code (BUG)\n",
                     seed_now);
    if (write(1, line, (size_t)n) != n)
        _exit(70);
    signal(sig, SIG_DFL);
    raise(sig);
}

/* ---- one run ---- */

static void track_dead(struct sim *s)
{
    for (uint8_t i = 0; i < s->c->n_sites; i++) {
        bool dead = !floor_engine(world_floor(s->w), i) && !world_node(s->w, i);
        if (!dead)
            s->dead_since[i] = 0;
        else if (!s->dead_since[i])
            s->dead_since[i] = world_now(s->w);
    }
}

static void run_until(struct sim *s, td_ms until)
{
    uint64_t steps = 0;
    while (!s->failure[0] && world_step(s->w, until)) {
        track_dead(s);
        if (++steps % 512 == 0)
            floor_check(world_floor(s->w));
    }
}

static void drill(struct sim *s)
{
    td_ms start = world_start(s->w);
    run_until(s, start + RUN_MS / 2);
    if (world_node(s->w, HUB) && rng_chance(&s->rng, 0.5))
        node_input(world_node(s->w, HUB), &(struct input){.type = IN_SET_POLICY, .policy = {1}});
    run_until(s, start + RUN_MS + 70000); /* all faults are over by then */
    world_heal(s->w);
    td_ms end = world_now(s->w) + DRAIN_MS;
    while (floor_customers(world_floor(s->w)) && world_now(s->w) < end && !s->failure[0])
        run_until(s, world_now(s->w) + 1000);
    if (floor_customers(world_floor(s->w)))
        fail(s, "%" PRIu64 " customers are still there an hour after the last call",
             floor_customers(world_floor(s->w)));
    run_until(s, world_now(s->w) + QUIET_MS);
    for (int i = 0; i < 300 && !s->failure[0] && !all_told(s); i++)
        run_until(s, world_now(s->w) + 100);
    if (s->failure[0])
        return;
    check_equal(s);
    check_books(s);
    run_until(s, world_now(s->w) + 120000); /* agents have come home, or settled */
    check_people(s);
}

static bool run_seed(uint64_t seed, const struct options *options, uint64_t *checks)
{
    seed_now = seed;
    struct sim s = {.seed = seed, .o = options, .rng = rng_seed(seed, 0x51)};
    struct buf errors = {0};
    make_config(&s);
    make_faults(&s);
    struct world_options o = {.config = s.c,
                              .seed = seed,
                              .faults = s.fault,
                              .n_faults = s.faults,
                              .on_call = on_call,
                              .snapshot_events = 200 + rng_below(&s.rng, 3000)};
    o.hooks = (struct node_config){
        .arg = &s, .on_fact = on_fact, .on_history = on_history, .on_note = on_note};
    s.w = world_new(&o, &errors);
    if (!s.w) {
        fprintf(stderr, "%s", errors.data);
        exit(70);
    }
    drill(&s);
    *checks += s.checks;
    if (s.failure[0])
        printf("seed %" PRIu64 " FAILED at %.3f s: %s\n  again: sim --from %" PRIu64
               " --seeds 1 --verbose\n",
               seed, (double)(world_now(s.w) - world_start(s.w)) / 1000, s.failure, seed);
    world_free(s.w);
    config_free(s.c);
    map128_free(&s.called);
    map128_free(&s.owner);
    buf_free(&errors);
    return !s.failure[0];
}

static bool options_read(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--verbose") == 0)
            o->verbose = true;
        else if (i + 1 == argc)
            return false;
        else if (strcmp(argv[i], "--seeds") == 0)
            o->seeds = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--from") == 0)
            o->from = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--watch") == 0)
            o->watch = argv[++i];
        else
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct options o = {.seeds = 100, .from = 1};
    uint64_t checks = 0, bad = 0;
    signal(SIGABRT, on_abort);
    if (!options_read(argc, argv, &o)) {
        fprintf(stderr, "usage: sim [--seeds N] [--from S] [--verbose] [--watch TEXT]\n");
        return 2;
    }
    for (uint64_t seed = o.from; seed < o.from + o.seeds && bad < 10; seed++)
        bad += !run_seed(seed, &o, &checks);
    printf("sim: %" PRIu64 " seeds, %" PRIu64 " facts checked, %" PRIu64 " failed\n", o.seeds,
           checks, bad);
    return bad != 0;
}
