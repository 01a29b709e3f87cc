/* make.c - a centre, its faults and its operators' orders from a seed. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void make_sites(struct sim *s, struct buf *b, int sites)
{
    static const double lat[] = {38.9, 45.84, 50.1, 51.5, 35.7},
                        lon[] = {-77.5, -119.7, 8.7, -0.1, 139.7};
    buf_str(b, "sites:\n");
    for (int i = 0; i < sites; i++)
        buf_fmt(b, "  - {name: site-%d, lat: %g, lon: %g, residency: %s, contacts_max: %d}\n", i,
                lat[i], lon[i], i < 2 ? "us" : "eu", 5 + (int)rng_below(&s->rng, 100));
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

void make_config(struct sim *s)
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
    int miss_percent = rng_chance(&s->rng, 0.3) ? 5 + (int)rng_below(&s->rng, 30) : 0;
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

void make_faults(struct sim *s)
{
    bool storm = rng_chance(&s->rng, 0.25);
    s->faults = (int)rng_below(&s->rng, storm ? STORM_FAULTS + 1 : FAULTS + 1);
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
        f->for_ms = 200 + (int64_t)rng_below(&s->rng, storm ? 5000 : 60000);
        f->loss_ppm = (int32_t)rng_below(&s->rng, 300000);
        f->duplicate_ppm = (int32_t)rng_below(&s->rng, 200000);
        f->reorder_ppm = (int32_t)rng_below(&s->rng, 200000);
    }
}

/* ---- killed in the middle of a commit ---- */

static struct sim *running; /* the store's calls bring no argument of ours */
static const struct store_ops *memory;

/* The node dies just before what it commits is kept, or just after: nobody has seen it yet, and
 * nobody has been told. To the node the commit has failed, so it does nothing more. */
static bool commit_or_die(struct store *store)
{
    struct sim *s = running;
    if (world_now(s->w) >= world_start(s->w) + RUN_MS ||
        rng_below(&s->rng, PPM) >= (uint64_t)s->crash_ppm)
        return memory->commit(store);
    if (rng_chance(&s->rng, 0.5) && !memory->commit(store))
        fail(s, "a commit failed: %s", store->error);
    return false;
}

void make_crashes(struct sim *s)
{
    static struct store_ops deadly;
    running = s;
    s->crash_ppm = rng_chance(&s->rng, 0.5) ? (int)rng_below(&s->rng, 3000) : 0;
    memory = node_store(world_node(s->w, HUB))->ops;
    deadly = *memory;
    deadly.commit = commit_or_die;
    for (uint8_t n = 0; n < NODES_MAX; n++)
        if (world_node(s->w, n))
            node_store(world_node(s->w, n))->ops = &deadly; /* and the next lives' */
}

static void again(void *arg, void *what, uint64_t node)
{
    (void)what;
    if (arg)
        world_fault_end(arg, &(struct fault){.kind = FAULT_NODE_DOWN, .a = (uint8_t)node});
}

void make_crashed(struct sim *s)
{
    for (uint8_t n = 0; n < NODES_MAX; n++) {
        if (!s->crash[n])
            continue;
        s->crash[n] = false;
        world_fault(s->w, &(struct fault){.kind = FAULT_NODE_DOWN, .a = n});
        td_ms back = world_now(s->w) + 1 + (td_ms)rng_below(&s->rng, 20000);
        sched_at(world_sched(s->w), back, again, s->w, NULL, n);
    }
}

/* ---- orders and questions ---- */

static void any_shares(struct sim *s, int32_t share_ppm[SITES_MAX])
{
    memset(share_ppm, 0, SITES_MAX * sizeof *share_ppm);
    share_ppm[0] = (int32_t)rng_below(&s->rng, 11) * 100000;
    share_ppm[1] = PPM - share_ppm[0];
}

/* The file is read again, with another bound, another target and one queue more. */
static void reconfigure(struct sim *s)
{
    struct buf b = {0}, errors = {0};
    const char *text = s->c->text, *bound = strstr(text, "share_bound_contacts: "),
               *target = strstr(text, "target_wait_s: 10}\n"),
               *profiles = strstr(text, "profiles:");
    BUG_ON(!bound || !target || !profiles);
    buf_add(&b, text, (size_t)(target - text));
    buf_fmt(&b, "target_wait_s: %d}\n", 5 + (int)rng_below(&s->rng, 30));
    target = strchr(target, '\n') + 1;
    buf_add(&b, target, (size_t)(profiles - target));
    if (rng_chance(&s->rng, 0.5))
        buf_str(&b, "  - {name: later, handle_s: 10, patience_s: 10}\n");
    buf_add(&b, profiles, (size_t)(bound - profiles));
    buf_fmt(&b, "share_bound_contacts: %d\n", 1 + (int)rng_below(&s->rng, 20));
    buf_str(&b, strchr(bound, '\n') + 1);
    if (!world_reconfigure(s->w, b.data, b.len, "again.yaml", &errors) && world_node(s->w, HUB))
        fail(s, "a new configuration is refused: %s", errors.data);
    s->crash[HUB] = world_node(s->w, HUB) && rng_chance(&s->rng, 0.3); /* before it is durable */
    buf_free(&b);
    buf_free(&errors);
}

void make_orders(struct sim *s)
{
    int orders = (int)rng_below(&s->rng, 4);
    if (rng_chance(&s->rng, 0.2))
        reconfigure(s);
    for (int i = 0; i < orders; i++) {
        struct node *n = world_node(s->w, any_node(s));
        uint8_t policy = (uint8_t)rng_below(&s->rng, s->c->n_policies);
        int32_t share_ppm[SITES_MAX];
        any_shares(s, share_ppm);
        struct input in = {.type = IN_SET_POLICY, .policy = {policy}};
        if (rng_chance(&s->rng, 0.5)) {
            in.type = IN_SET_SHARES;
            in.shares.policy = policy;
            in.shares.group = 0;
            in.shares.share_ppm = share_ppm;
        }
        if (n)
            node_input(n, &in);
    }
}

static void answered(void *arg)
{
    struct asked *a = arg;
    a->answered = true;
}

/* A program asks for a place: at the hub, or when that is down at the first site that is up. */
static void ask(struct sim *s)
{
    uint8_t self = HUB;
    for (uint8_t i = 0; !world_node(s->w, self) && i < s->c->n_sites; i++)
        self = i;
    struct node *n = world_node(s->w, self);
    if (!n)
        return;
    struct input in = {.type = IN_ASKED};
    in.request.contact = (struct td_id){rng_u64(&s->rng), rng_u64(&s->rng)};
    in.request.queue = (uint16_t)rng_below(&s->rng, s->c->n_queues);
    in.request.channel = in.request.queue == 2 ? CHANNEL_CHAT : CHANNEL_VOICE;
    in.request.entry_site = SITE_NONE;
    in.request.how = PLACE_NONE;
    in.request.arrived_at = world_now(s->w);
    map128_insert(&s->called, in.request.contact.hi, in.request.contact.lo, ASKED);
    node_input(n, &in);
    const struct contact *t = contact_find(node_core(n), in.request.contact);
    if (!t)
        return; /* no site may take it, and it is not known */
    struct asked *a = mem_new(1, sizeof *a);
    *a = (struct asked){s, t->id, t->decisions->placed.epoch, t->decisions->placed.site, false};
    if (s->asks == s->asks_cap) {
        s->asks_cap = s->asks_cap ? s->asks_cap * 2 : 32;
        s->asked = mem_grow(s->asked, s->asks_cap, sizeof *s->asked);
    }
    s->asked[s->asks++] = a;
    node_when_durable(n, answered, a);
}

void make_asks(struct sim *s)
{
    for (uint64_t n = rng_below(&s->rng, 8); n >= 6; n--) /* now and then, and two at a time */
        ask(s);
}
