/* topo.c - look-ups in the network as it is meant to be, and what is wrong with it on paper. */
#include "net/topo.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "net/fwd.h"

const char *const topo_kind_names[TOPO_KINDS] = {"hub", "tgw", "dxgw", "edge", "vpc"};

const struct topo_wrong_row topo_wrongs[TOPO_WRONGS] = {
    [TOPO_DUPLICATE_AS] =
        {"duplicate_as",
         "Two routers have the same AS number. Each refuses the other's routes because it finds "
         "its own number in their paths; whoever then turns on allowas-in or as-override has "
         "turned BGP's only defence against loops off.",
         "Give every Transit Gateway and Direct Connect gateway an AS number of its own. Only the "
         "Cloud Routers of one hub share theirs."},
    [TOPO_OVERLAP] = {"overlapping_subnets",
                      "Subnets of two sites share addresses. Packets for them go to whichever is "
                      "announced more specifically, or to both.",
                      "Renumber one of them, or translate its addresses at its edge."},
    [TOPO_STATIC_LOOP] =
        {"statics_loop",
         "Static routes hand the prefix round in a circle. No routing protocol sees it: a peering "
         "of Transit Gateways is static, and static routes beat all others there.",
         "Decide which router owns the prefix and take the static route away there."},
    [TOPO_ALLOWED_TOO_WIDE] =
        {"allowed_too_wide",
         "Prefixes are announced for a region that are wider than what it has. Allowed prefixes "
         "are announced whether or not anything is behind them.",
         "Announce exactly the CIDRs of the region's VPCs."},
    [TOPO_AGGREGATE_LOOPS] =
        {"aggregate_loops",
         "A router announces an aggregate, has nothing for part of it, and has a shorter route "
         "that leads out again: packets for that part come straight back. No AS number repeats in "
         "any path, so BGP cannot notice.",
         "Put a static blackhole for the aggregate where it is announced, announce only what is "
         "there, or let the other side announce no summary around it."},
};

void topo_free(struct topo *t)
{
    void *all[] = {t->router,  t->link,    t->site,   t->subnet,
                   t->statics, t->allowed, t->expect, t->bound};
    for (size_t i = 0; i < COUNTOF(all); i++)
        mem_free(all[i]);
    *t = (struct topo){0};
}

/* ---- look-ups ---- */

uint16_t topo_link_by_neighbour(const struct topo *t, uint16_t router, const struct ip_addr *a)
{
    for (uint32_t l = 0; a->family && l < t->n_links; l++)
        for (int end = 0; end < 2; end++)
            if (t->link[l].router[!end] == router && (ip_equal(&t->link[l].address[end][0], a) ||
                                                      ip_equal(&t->link[l].address[end][1], a)))
                return (uint16_t)l;
    return TOPO_NONE;
}

static bool is_called(const struct topo_link *l, const char *name)
{
    bool is = strcmp(l->name, name) == 0;
    for (int i = 0; !is && i < TOPO_IDS_MAX && *l->id[i]; i++)
        is = strcmp(l->id[i], name) == 0;
    return is;
}

uint16_t topo_add_table(struct topo *t, uint16_t gateway, const char *table)
{
    struct topo_router r = t->router[gateway];
    int n = snprintf(r.name, sizeof r.name, "%s/%s", t->router[gateway].name, table);
    if (t->n_routers == TOPO_ROUTERS_MAX || n < 0 || (size_t)n >= sizeof r.name)
        return TOPO_NONE;
    r.table_of = (uint16_t)(gateway + 1);
    t->router = mem_grow(t->router, t->n_routers + 1, sizeof *t->router);
    t->router[t->n_routers] = r;
    return (uint16_t)t->n_routers++;
}

uint16_t topo_link_by_name(const struct topo *t, uint16_t router, const char *name)
{
    router = topo_gateway(t, router);
    for (uint32_t l = 0; l < t->n_links; l++)
        if ((t->link[l].router[0] == router || t->link[l].router[1] == router) &&
            is_called(&t->link[l], name))
            return (uint16_t)l;
    return TOPO_NONE;
}

uint16_t topo_router_by_name(const struct topo *t, const char *name)
{
    for (uint32_t r = 0; r < t->n_routers; r++)
        if (strcmp(t->router[r].name, name) == 0)
            return (uint16_t)r;
    return TOPO_NONE;
}

const struct topo_subnet *topo_subnet_around(const struct topo *t, const struct prefix *p)
{
    const struct topo_subnet *best = NULL;
    for (uint32_t s = 0; s < t->n_subnets; s++)
        if (prefix_covers(&t->subnet[s].prefix, p) &&
            (!best || t->subnet[s].prefix.len > best->prefix.len))
            best = &t->subnet[s];
    return best;
}

/* Halves p until each part is in one prefix or shares nothing with any. */
bool topo_covered(const struct prefix *p, const struct prefix *by, size_t n)
{
    bool inside = false;
    for (size_t i = 0; i < n; i++) {
        if (prefix_covers(&by[i], p))
            return true;
        inside |= prefix_covers(p, &by[i]);
    }
    if (!inside)
        return false;
    struct prefix low = *p, high = *p;
    low.len = high.len = (uint8_t)(p->len + 1);
    high.byte[p->len / 8] |= (uint8_t)(0x80 >> p->len % 8);
    return topo_covered(&low, by, n) && topo_covered(&high, by, n);
}

/* ---- checks ---- */

struct check {
    const struct topo *t;
    void (*found)(void *arg, const struct topo_finding *f);
    void *arg;
    uint32_t n;
};

static void tell(struct check *c, const struct topo_finding *f)
{
    c->n++;
    if (c->found)
        c->found(c->arg, f);
}

static void check_as(struct check *c)
{
    const struct topo_router *r = c->t->router;
    for (uint32_t a = 0; a < c->t->n_routers; a++)
        for (uint32_t b = a + 1; b < c->t->n_routers; b++) {
            if (!r[a].as || r[a].as != r[b].as || r[a].table_of || r[b].table_of ||
                (r[a].kind == TOPO_HUB && r[b].kind == TOPO_HUB))
                continue;
            struct topo_finding f = {
                .wrong = TOPO_DUPLICATE_AS, .router = {(uint16_t)a, (uint16_t)b}, .as = r[a].as};
            snprintf(f.text, sizeof f.text, "%s and %s both have AS number %u", r[a].name,
                     r[b].name, r[a].as);
            tell(c, &f);
        }
}

static void check_overlaps(struct check *c)
{
    const struct topo *t = c->t;
    for (uint32_t a = 0; a < t->n_subnets; a++)
        for (uint32_t b = a + 1; b < t->n_subnets; b++) {
            const struct topo_subnet *x = &t->subnet[a], *y = &t->subnet[b];
            if (x->site == y->site ||
                (!prefix_covers(&x->prefix, &y->prefix) && !prefix_covers(&y->prefix, &x->prefix)))
                continue;
            struct topo_finding f = {.wrong = TOPO_OVERLAP,
                                     .router = {t->site[x->site].router, t->site[y->site].router},
                                     .prefix = {x->prefix, y->prefix}};
            char p[PREFIX_TEXT_MAX], q[PREFIX_TEXT_MAX];
            snprintf(f.text, sizeof f.text, "%s of %s and %s of %s share addresses",
                     prefix_text(&x->prefix, p), t->site[x->site].name, prefix_text(&y->prefix, q),
                     t->site[y->site].name);
            tell(c, &f);
        }
}

/* The forwarding model with nothing but the static routes and what is attached. */
static void check_statics(struct check *c)
{
    const struct topo *t = c->t;
    struct fwd_options o = {.routers = MAX(t->n_routers, 1)};
    struct fwd *f = fwd_new(&o);
    for (uint32_t s = 0; s < t->n_subnets; s++)
        (void)fwd_update(f, t->site[t->subnet[s].site].router, &t->subnet[s].prefix,
                         FWD_SET_DELIVER);
    for (uint32_t s = 0; s < t->n_statics; s++) {
        const struct topo_static *x = &t->statics[s];
        struct fwd_hop hop = {FWD_DISCARD, FWD_NO_LINK};
        if (x->link != TOPO_NONE)
            hop = (struct fwd_hop){topo_other(&t->link[x->link], x->router), x->link};
        (void)fwd_update(f, x->router, &x->prefix, fwd_set(f, &hop, 1));
    }
    struct fwd_fault fault;
    for (size_t at = 0; fwd_next_fault(f, &at, &fault);) {
        struct fwd_hop cycle[8];
        size_t n = fault.kind == FWD_LOOP ? fwd_fault_cycle(f, fault.id, cycle, 8) : 0;
        if (!n)
            continue;
        struct topo_finding x = {.wrong = TOPO_STATIC_LOOP,
                                 .router = {cycle[0].to, n > 1 ? cycle[1].to : TOPO_NONE}};
        char p[PREFIX_TEXT_MAX];
        (void)fwd_fault_prefixes(f, fault.id, x.prefix, 1);
        snprintf(x.text, sizeof x.text, "static routes for %s go round through %s and %s",
                 prefix_text(&x.prefix[0], p), t->router[cycle[0].to].name,
                 t->router[cycle[n - 1].to].name);
        tell(c, &x);
    }
    fwd_free(f);
}

/* What the router has: subnets of its sites, and with `null` also its null routes. */
static struct prefix *owned(const struct topo *t, uint16_t router, bool null, size_t *n)
{
    struct prefix *p = mem_new(t->n_subnets + t->n_statics, sizeof *p);
    *n = 0;
    for (uint32_t s = 0; s < t->n_subnets; s++)
        if (t->site[t->subnet[s].site].router == router)
            p[(*n)++] = t->subnet[s].prefix;
    for (uint32_t s = 0; null && s < t->n_statics; s++)
        if (t->statics[s].router == router && t->statics[s].link == TOPO_NONE)
            p[(*n)++] = t->statics[s].prefix;
    return p;
}

/* Has the router a route around p that leads to another router: a static one, one that is expected
 * at it, or one that a neighbour announces to it by decree? */
static bool leads_out(const struct topo *t, uint16_t router, const struct prefix *p,
                      struct prefix *by)
{
    for (uint32_t s = 0; s < t->n_statics; s++)
        if (t->statics[s].router == router && t->statics[s].link != TOPO_NONE &&
            prefix_covers(&t->statics[s].prefix, p)) {
            *by = t->statics[s].prefix;
            return true;
        }
    for (uint32_t e = 0; e < t->n_expects; e++)
        if (t->expect[e].router == router && prefix_covers(&t->expect[e].prefix, p)) {
            *by = t->expect[e].prefix;
            return true;
        }
    for (uint32_t a = 0; a < t->n_allowed; a++) {
        const struct topo_allowed *x = &t->allowed[a];
        if (x->router != router && topo_other(&t->link[x->link], x->router) == router &&
            prefix_covers(&x->prefix, p)) {
            *by = x->prefix;
            return true;
        }
    }
    return false;
}

static void check_allowed(struct check *c)
{
    const struct topo *t = c->t;
    for (uint32_t a = 0; a < t->n_allowed; a++) {
        const struct topo_allowed *x = &t->allowed[a];
        char p[PREFIX_TEXT_MAX], q[PREFIX_TEXT_MAX];
        size_t n;
        struct prefix *own = owned(t, x->router, false, &n);
        struct topo_finding f = {.wrong = TOPO_ALLOWED_TOO_WIDE,
                                 .router = {x->router, TOPO_NONE},
                                 .prefix = {x->prefix}};
        bool wide = !topo_covered(&x->prefix, own, n);
        mem_free(own);
        if (!wide)
            continue;
        snprintf(f.text, sizeof f.text, "%s announces %s on %s and has no site for all of it",
                 t->router[x->router].name, prefix_text(&x->prefix, p), t->link[x->link].name);
        tell(c, &f);
        own = owned(t, x->router, true, &n);
        bool held = topo_covered(&x->prefix, own, n);
        mem_free(own);
        if (held || !leads_out(t, x->router, &x->prefix, &f.prefix[1]))
            continue;
        f.wrong = TOPO_AGGREGATE_LOOPS;
        snprintf(f.text, sizeof f.text,
                 "%s announces %s, has nothing for part of it, and sends that part out by %s",
                 t->router[x->router].name, prefix_text(&x->prefix, p),
                 prefix_text(&f.prefix[1], q));
        tell(c, &f);
    }
}

uint32_t topo_check(const struct topo *t, void (*found)(void *arg, const struct topo_finding *f),
                    void *arg)
{
    struct check c = {t, found, arg, 0};
    check_as(&c);
    check_overlaps(&c);
    check_statics(&c);
    check_allowed(&c);
    return c.n;
}
