/* fwd: the forwarding model against one that keeps every rule of every router in a list and looks
 * at every address by itself: longest match, graph, who reaches whom. */
#include "net/fwd.h"
#include "tap.h"

/* ---- the other model: 256 addresses at the end of one prefix, and two apart from it ---- */

enum {
    ROUTERS = 7,
    POOL = 14, /* prefixes of a case */
    ADDRESSES = 258,
    ENDS = 3, /* bits above those of the routers: deliver, exit, discard */
    NONE = 0,
    WATCHES = POOL,
    FAULTS_MAX = 4096
};

struct table {
    int n; /* routers */
    bool potential;
    uint8_t family;
    struct prefix pool[POOL];
    uint16_t rule[ROUTERS][POOL]; /* bits of routers handed to, then of ends; NONE: no rule */
    uint16_t unsafe[ROUTERS][POOL];
    bool watched[POOL];
};

static struct prefix small_prefix(uint8_t family, unsigned value, unsigned len)
{
    struct prefix p;
    CHECK(prefix_parse(family == IPV4 ? "10.0.0.0/24" : "2001:db8::/120", &p));
    p.byte[family == IPV4 ? 3 : 15] = (uint8_t)value;
    p.len = (uint8_t)(p.len + len);
    prefix_canonical(&p);
    return p;
}

static struct prefix draw_prefix(struct rng *rng, uint8_t family)
{
    struct prefix p;
    if (rng_chance(rng, 0.1)) {
        const char *wide = rng_chance(rng, 0.5) ? (family == IPV4 ? "0.0.0.0/0" : "::/0")
                                                : (family == IPV4 ? "10.0.0.0/8" : "2001:db8::/32");
        CHECK(prefix_parse(wide, &p));
        return p;
    }
    unsigned len = (unsigned)rng_below(rng, 9);
    /* few values, so that prefixes nest and halves meet */
    unsigned value = (unsigned)rng_below(rng, rng_chance(rng, 0.7) ? 4 : 256) << 6;
    return small_prefix(family, value & 255, len);
}

static struct ip_addr address(uint8_t family, int k)
{
    struct ip_addr a = {.family = family};
    struct prefix p = small_prefix(family, (unsigned)k & 255, 8);
    memcpy(a.byte, p.byte, sizeof a.byte);
    if (k >= 256) {
        memset(a.byte + 4, 0, 12);
        CHECK(ip_parse(family == IPV4 ? (k == 256 ? "10.200.0.1" : "99.0.0.1")
                                      : (k == 256 ? "2001:db8:5::1" : "2400::1"),
                       &a));
    }
    return a;
}

static bool holds(const struct prefix *p, const struct ip_addr *a)
{
    struct prefix host = prefix_of_ip(a);
    return prefix_covers(p, &host);
}

/* The rule with which r handles what is inside `inside` (an address, or a whole prefix). */
static uint16_t longest(const struct table *t, int r, const struct prefix *inside, uint16_t *unsafe)
{
    int best = -1;
    for (int p = 0; p < POOL; p++)
        if (t->rule[r][p] && prefix_covers(&t->pool[p], inside) &&
            (best < 0 || t->pool[p].len > t->pool[best].len))
            best = p;
    if (unsafe)
        *unsafe = best < 0 ? 0 : t->unsafe[r][best];
    return best < 0 ? NONE : t->rule[r][best];
}

/* The atom of an address: the longest prefix of all. -1: a root that nobody has. */
static int atom_of(const struct table *t, const struct ip_addr *a)
{
    int best = -1;
    for (int p = 0; p < POOL; p++) {
        bool there = t->watched[p];
        for (int r = 0; r < t->n; r++)
            there |= t->rule[r][p] != NONE;
        if (there && holds(&t->pool[p], a) && (best < 0 || t->pool[p].len > t->pool[best].len))
            best = p;
    }
    return best;
}

static uint32_t watch_of(const struct table *t, const struct ip_addr *a)
{
    int best = -1;
    for (int p = 0; p < POOL; p++)
        if (t->watched[p] && holds(&t->pool[p], a) &&
            (best < 0 || t->pool[p].len > t->pool[best].len))
            best = p;
    return (uint32_t)(best + 1);
}

struct seen { /* a fault of an atom */
    int kind, atom;
    uint32_t watch;
    uint16_t routers;
};

static void add(struct seen *s, int *n, struct seen x)
{
    for (int i = 0; i < *n; i++)
        if (s[i].kind == x.kind && s[i].atom == x.atom && s[i].watch == x.watch &&
            s[i].routers == x.routers)
            return;
    CHECK(*n < FAULTS_MAX);
    s[(*n)++] = x;
}

enum { DELIVER_BIT = 1 << ROUTERS, EXIT_BIT = 2 << ROUTERS, DISCARD_BIT = 4 << ROUTERS };

/* reach[r]: the routers that r's packets to the address can come to, by one hop at least. */
static void reach_of(const struct table *t, const uint16_t rule[], uint16_t reach[])
{
    for (int r = 0; r < t->n; r++)
        reach[r] = (uint16_t)(rule[r] & ((1 << t->n) - 1));
    for (int k = 0; k < t->n; k++)
        for (int r = 0; r < t->n; r++)
            if (reach[r] >> k & 1)
                reach[r] |= reach[k];
}

static void faults_of(const struct table *t, const struct ip_addr *a, struct seen *s, int *n)
{
    uint16_t rule[ROUTERS], unsafe[ROUTERS], reach[ROUTERS];
    struct prefix host = prefix_of_ip(a);
    struct seen x = {.atom = atom_of(t, a), .watch = watch_of(t, a)};
    for (int r = 0; r < t->n; r++)
        rule[r] = longest(t, r, &host, &unsafe[r]);
    reach_of(t, rule, reach);
    for (int r = 0; r < t->n; r++) {
        x.routers = 0;
        for (int q = 0; q < t->n && reach[r] >> r & 1; q++)
            if (reach[r] >> q & 1 && reach[q] >> r & 1)
                x.routers |= (uint16_t)(1 << q);
        bool counts = true, risky = false;
        for (int q = 0; q < t->n; q++)
            if (x.routers >> q & 1) {
                counts &= !(rule[q] & (DELIVER_BIT | EXIT_BIT));
                risky |= (rule[q] & unsafe[q] & x.routers) != 0;
            }
        x.kind = FWD_LOOP;
        if (x.routers && (!t->potential || (counts && risky)))
            add(s, n, x);
        bool sent = false;
        for (int q = 0; q < t->n; q++)
            sent |= rule[q] >> r & 1;
        x.routers = (uint16_t)(1 << r);
        x.kind = rule[r] == NONE                    ? FWD_NO_ROUTE
                 : rule[r] & DISCARD_BIT && x.watch ? FWD_DROPPED
                                                    : FWD_KINDS;
        if (!t->potential && sent && x.kind != FWD_KINDS)
            add(s, n, x);
    }
}

/* ---- both side by side ---- */

static uint16_t set_of(struct fwd *f, const struct table *t, uint16_t bits, uint16_t unsafe)
{
    struct fwd_hop hop[ROUTERS + ENDS];
    size_t n = 0;
    for (int q = 0; q < t->n; q++)
        if (bits >> q & 1)
            hop[n++] =
                (struct fwd_hop){(uint16_t)q, (uint16_t)(unsafe >> q & 1 ? 5 | FWD_UNSAFE : 5)};
    static const uint16_t end[ENDS] = {FWD_DELIVER, FWD_EXIT, FWD_DISCARD};
    for (int e = 0; e < ENDS; e++)
        if (bits >> (ROUTERS + e) & 1)
            hop[n++] = (struct fwd_hop){end[e], FWD_NO_LINK};
    return fwd_set(f, hop, n);
}

static uint16_t bits_of(const struct fwd *f, uint16_t set)
{
    size_t n;
    uint16_t bits = 0;
    const struct fwd_hop *hop = fwd_hops(f, set, &n);
    for (size_t i = 0; i < n; i++)
        bits |= (uint16_t)(hop[i].to == FWD_DELIVER   ? DELIVER_BIT
                           : hop[i].to == FWD_EXIT    ? EXIT_BIT
                           : hop[i].to == FWD_DISCARD ? DISCARD_BIT
                                                      : 1 << hop[i].to);
    return bits;
}

static void compare_faults(struct fwd *f, const struct table *t)
{
    static struct seen want[FAULTS_MAX];
    int n_want = 0;
    for (int k = 0; k < ADDRESSES; k++) {
        struct ip_addr a = address(t->family, k);
        faults_of(t, &a, want, &n_want);
    }
    struct fwd_fault fault;
    int pairs = 0;
    for (size_t at = 0; fwd_next_fault(f, &at, &fault);) {
        struct prefix p[POOL + 2];
        size_t n = fwd_fault_prefixes(f, fault.id, p, COUNTOF(p));
        uint16_t routers = 0;
        for (int i = 0; i < fault.n_routers; i++)
            routers |= (uint16_t)(1 << fault.router[i]);
        CHECK_EQ(n, fault.atoms);
        for (size_t i = 0; i < n; i++, pairs++) {
            bool found = false;
            for (int w = 0; w < n_want; w++)
                found |= want[w].kind == (int)fault.kind && want[w].watch == fault.watch &&
                         want[w].routers == routers &&
                         (want[w].atom < 0 ? p[i].len == 0
                                           : prefix_equal(&t->pool[want[w].atom], &p[i]));
            if (!found)
                TAP_FAIL("fault kind %d routers %x watch %u is not so", fault.kind, routers,
                         fault.watch);
        }
        struct fwd_hop cycle[ROUTERS];
        size_t hops = fault.kind == FWD_LOOP ? fwd_fault_cycle(f, fault.id, cycle, ROUTERS) : 0;
        CHECK_EQ(fault.kind == FWD_LOOP, hops > 0);
        for (size_t i = 0; i < hops; i++) {
            uint16_t next = cycle[(i + 1) % hops].to;
            struct prefix inside = p[0];
            CHECK(longest(t, cycle[i].to, &inside, NULL) >> next & 1);
            CHECK(routers >> cycle[i].to & 1);
        }
    }
    CHECK_EQ(pairs, n_want);
}

static void count_edge(void *arg, uint16_t from, struct fwd_hop hop)
{
    uint16_t *left = arg;
    left[from]++;
}

static void compare_walks(struct fwd *f, const struct table *t, int k)
{
    struct ip_addr a = address(t->family, k);
    struct prefix host = prefix_of_ip(&a), matched;
    uint16_t rule[ROUTERS], reach[ROUTERS];
    for (int r = 0; r < t->n; r++) {
        rule[r] = longest(t, r, &host, NULL);
        if (bits_of(f, fwd_lookup(f, (uint16_t)r, &a, &matched)) != rule[r])
            TAP_FAIL("router %d address %d: got %x, want %x", r, k,
                     bits_of(f, fwd_lookup(f, (uint16_t)r, &a, NULL)), rule[r]);
        CHECK(holds(&matched, &a));
    }
    reach_of(t, rule, reach);
    for (int r = 0; r < t->n; r++) {
        unsigned want = 0;
        uint16_t left[ROUTERS] = {0}, all = (uint16_t)(reach[r] | 1 << r);
        for (int q = 0; q < t->n; q++)
            if (all >> q & 1)
                want |= (unsigned)(rule[q] == NONE) << FWD_END_NO_ROUTE |
                        (unsigned)!!(rule[q] & DELIVER_BIT) << FWD_END_DELIVERED |
                        (unsigned)!!(rule[q] & EXIT_BIT) << FWD_END_EXIT |
                        (unsigned)!!(rule[q] & DISCARD_BIT) << FWD_END_DISCARDED |
                        (unsigned)(reach[q] >> q & 1) << FWD_END_LOOP;
        CHECK_EQ(fwd_spread(f, (uint16_t)r, &a, count_edge, left), want);
        for (int q = 0; q < t->n; q++)
            CHECK_EQ(left[q], all >> q & 1 ? __builtin_popcount(rule[q]) : 0);
        struct fwd_hop hop[ROUTERS];
        size_t n;
        uint16_t last;
        unsigned end = fwd_walk(f, (uint16_t)r, &a, hop, ROUTERS, &n, &last);
        CHECK(want >> end & 1); /* one of the ways it can go */
        for (size_t i = 0; i < n; i++)
            CHECK(rule[hop[i].to] >> (i + 1 < n ? hop[i + 1].to : last) & 1 || end == FWD_END_LOOP);
    }
}

static void compare(struct fwd *f, const struct table *t, const struct rng *rng)
{
    struct rng mine = *rng;
    compare_faults(f, t);
    for (int p = 0; p < POOL; p++)
        for (int r = 0; r < t->n; r++) {
            struct prefix by;
            uint16_t want = longest(t, r, &t->pool[p], NULL);
            uint16_t got = bits_of(f, fwd_lookup_atom(f, (uint16_t)r, &t->pool[p], &by));
            if (got != want && got) /* nobody has it: it is not in the tree */
                TAP_FAIL("router %d pool %d: got %x, want %x", r, p, got, want);
            CHECK(!got || prefix_covers(&by, &t->pool[p]));
        }
    for (int k = 0; k < 12; k++)
        compare_walks(f, t, k < 2 ? 256 + k : (int)rng_below(&mine, 256));
}

static uint16_t draw_rule(struct rng *rng, const struct table *t, int r)
{
    double u = rng_unit(rng);
    if (u < 0.25)
        return NONE;
    if (u < 0.4)
        return (uint16_t)(DELIVER_BIT << rng_below(rng, ENDS));
    uint16_t bits = 0;
    for (int n = u < 0.8 ? 1 : 3; n > 0; n--) {
        int q = (int)rng_below(rng, (uint64_t)t->n + (u >= 0.95));
        bits |= (uint16_t)(q == t->n ? DELIVER_BIT << rng_below(rng, ENDS) : 1 << q);
    }
    return bits;
}

static void draw_update(struct rng *rng, struct fwd *f, struct table *t)
{
    int r = (int)rng_below(rng, (uint64_t)t->n), p = (int)rng_below(rng, POOL);
    uint16_t rule = draw_rule(rng, t, r), unsafe = (uint16_t)rng_below(rng, 1u << ROUTERS);
    struct table was = *t;
    uint32_t id;
    uint16_t by;
    bool touched[POOL + 1] = {false};
    while (fwd_next_touched(f, &id, &by))
        ;
    for (int q = 0; q < POOL; q++)
        if (prefix_equal(&t->pool[q], &t->pool[p])) { /* the same prefix twice in the pool */
            t->rule[r][q] = rule;
            t->unsafe[r][q] = unsafe;
        }
    enum fwd_result did = fwd_update(f, (uint16_t)r, &t->pool[p], set_of(f, t, rule, unsafe));
    CHECK(did != FWD_FULL);
    CHECK_EQ(bits_of(f, fwd_rule(f, (uint16_t)r, &t->pool[p])), rule);
    while (fwd_next_touched(f, &id, &by)) {
        touched[id] = true;
        CHECK_EQ(by, r);
    }
    for (int q = 0; q < POOL; q++)
        if (t->watched[q] &&
            longest(t, r, &t->pool[q], NULL) != longest(&was, r, &t->pool[q], NULL))
            CHECK(touched[q + 1]);
}

static void draw_watch(struct rng *rng, struct fwd *f, struct table *t)
{
    int p = (int)rng_below(rng, POOL);
    for (int q = 0; q < p; q++)
        if (prefix_equal(&t->pool[q], &t->pool[p]))
            return; /* only the first of equal ones is watched */
    t->watched[p] = !t->watched[p];
    CHECK(fwd_watch(f, &t->pool[p], t->watched[p] ? (uint32_t)p + 1 : 0));
}

static void draw_move(struct rng *rng, struct fwd *f, struct table *t)
{
    int r = (int)rng_below(rng, (uint64_t)t->n), p = (int)rng_below(rng, POOL);
    uint16_t from = t->rule[r][p], unsafe = t->unsafe[r][p], to = draw_rule(rng, t, r);
    if (!from)
        return;
    uint16_t a = set_of(f, t, from, unsafe), b = set_of(f, t, to, unsafe);
    uint64_t want = 0;
    for (int q = 0; q < POOL; q++) {
        if (t->rule[r][q] != from || (t->unsafe[r][q] & from) != (unsafe & from))
            continue;
        bool again = false;
        for (int k = 0; k < q; k++)
            again |= prefix_equal(&t->pool[k], &t->pool[q]);
        t->rule[r][q] = to;
        t->unsafe[r][q] = unsafe;
        want += !again;
    }
    if (a == b)
        want = 0;
    CHECK_EQ(fwd_move(f, (uint16_t)r, a, b), want);
}

/* Every rule that hands to q by the link 5 discards instead. */
static void draw_move_hop(struct rng *rng, struct fwd *f, struct table *t)
{
    int r = (int)rng_below(rng, (uint64_t)t->n), q = (int)rng_below(rng, (uint64_t)t->n);
    uint64_t want = 0;
    for (int p = 0; p < POOL; p++) {
        if (!(t->rule[r][p] >> q & 1) || t->unsafe[r][p] >> q & 1)
            continue;
        bool again = false;
        for (int k = 0; k < p; k++)
            again |= prefix_equal(&t->pool[k], &t->pool[p]);
        t->rule[r][p] = (uint16_t)((t->rule[r][p] & ~(1 << q)) | DISCARD_BIT);
        want += !again;
    }
    CHECK_EQ(fwd_move_hop(f, (uint16_t)r, (struct fwd_hop){(uint16_t)q, 5},
                          (struct fwd_hop){FWD_DISCARD, FWD_NO_LINK}),
             want);
}

/* What the changes of faults say must add up to what there is. */
static void settle(struct fwd *f, uint32_t atoms[], size_t max)
{
    struct fwd_fault fault;
    while (fwd_next_change(f, &fault)) {
        CHECK(fault.id < max);
        CHECK_EQ(fault.atoms_before, atoms[fault.id]);
        CHECK(fault.atoms != fault.atoms_before);
        atoms[fault.id] = fault.atoms;
    }
    uint64_t live = 0, told = 0;
    for (size_t at = 0; fwd_next_fault(f, &at, &fault); live++)
        CHECK_EQ(atoms[fault.id], fault.atoms);
    for (size_t i = 0; i < max; i++)
        told += atoms[i] > 0;
    CHECK_EQ(told, live);
}

/* All that is wrong, with the prefixes in the order in which they are kept, and the sizes. */
static uint64_t image(const struct fwd *f)
{
    struct fwd_fault fault;
    struct fwd_size z = fwd_size(f);
    uint64_t sum = mix64(z.prefixes) + mix64(z.nodes + 1000) + mix64(z.classes + 2000) +
                   mix64(z.rules + 3000) + mix64(z.faulty_atoms + 4000);
    for (size_t at = 0; fwd_next_fault(f, &at, &fault);) {
        struct prefix p[POOL + 2];
        size_t n = fwd_fault_prefixes(f, fault.id, p, COUNTOF(p));
        uint64_t one = fault.id;
        for (size_t i = 0; i < n; i++)
            one = mix64(one + hash_bytes(&p[i], sizeof p[i]));
        sum += mix64(one);
    }
    return sum;
}

static void draw_trial(struct rng *rng, struct fwd *f, struct table *t)
{
    struct table was = *t;
    struct fwd_fault fault;
    uint64_t before = image(f);
    fwd_trial(f);
    for (uint64_t k = rng_below(rng, rng_chance(rng, 0.8) ? 6 : 60); k > 0; k--)
        draw_update(rng, f, t);
    compare(f, t, rng);
    for (size_t at = 0; fwd_peek_change(f, &at, &fault);)
        CHECK(fault.atoms != fault.atoms_before);
    fwd_trial_undo(f);
    *t = was;
    for (size_t at = 0; fwd_peek_change(f, &at, &fault);)
        TAP_FAIL("fault %u is not as it was before the trial", fault.id);
    CHECK_EQ(image(f), before);
    compare(f, t, rng);
}

static void play(struct rng *rng, bool potential)
{
    struct table t = {.n = 2 + (int)rng_below(rng, ROUTERS - 1),
                      .potential = potential,
                      .family = rng_chance(rng, 0.5) ? IPV4 : IPV6};
    struct fwd_options o = {(uint32_t)t.n, rng_u64(rng), potential};
    struct fwd *f = fwd_new(&o);
    static uint32_t atoms[1 << 14];
    memset(atoms, 0, sizeof atoms);
    for (int p = 0; p < POOL; p++)
        t.pool[p] = draw_prefix(rng, t.family);
    for (int step = 0; step < 60; step++) {
        double u = rng_unit(rng);
        if (u < 0.08)
            draw_watch(rng, f, &t);
        else if (u < 0.14)
            (rng_chance(rng, 0.5) ? draw_move : draw_move_hop)(rng, f, &t);
        else if (u < 0.2) {
            settle(f, atoms, COUNTOF(atoms));
            draw_trial(rng, f, &t);
        } else {
            draw_update(rng, f, &t);
        }
        if (step % 3 == 0)
            compare(f, &t, rng);
        if (rng_chance(rng, 0.3))
            settle(f, atoms, COUNTOF(atoms));
    }
    /* With every rule and watch gone nothing is left but the two roots. */
    for (int p = 0; p < POOL; p++) {
        CHECK(fwd_watch(f, &t.pool[p], 0));
        for (int r = 0; r < t.n; r++)
            CHECK(fwd_update(f, (uint16_t)r, &t.pool[p], FWD_NONE) != FWD_FULL);
    }
    settle(f, atoms, COUNTOF(atoms));
    struct fwd_size z = fwd_size(f);
    CHECK_EQ(z.faulty_atoms, 0);
    CHECK_EQ(z.rules, 0);
    fwd_free(f);
}

PROP(as_address_by_address, 1500)
{
    play(rng, false);
}
PROP(what_could_be_as_address_by_address, 700)
{
    play(rng, true);
}

/* ---- what the header says, one by one ---- */

static struct prefix pfx(const char *text)
{
    struct prefix p = {0};
    CHECK(prefix_parse(text, &p));
    return p;
}

static uint16_t to(struct fwd *f, uint16_t router, uint16_t link)
{
    struct fwd_hop hop = {router, link};
    return fwd_set(f, &hop, 1);
}

/* Hub 0 with a summary 10/8, region 1 announces 10.1/16 and has the lower half of it only. */
TEST(aggregate_meets_summary)
{
    struct fwd_options o = {2, 1, false};
    struct fwd *f = fwd_new(&o);
    struct prefix all = pfx("10.0.0.0/8"), own = pfx("10.1.0.0/16"), half = pfx("10.1.0.0/17");
    fwd_update(f, 0, &all, FWD_SET_DISCARD);
    fwd_update(f, 1, &all, to(f, 0, 3));
    fwd_update(f, 0, &own, to(f, 1, 3));
    struct fwd_fault fault;
    CHECK(fwd_next_change(f, &fault) && fault.kind == FWD_LOOP && fault.atoms == 1);
    CHECK_EQ(fault.n_routers, 2);
    fwd_update(f, 1, &half, FWD_SET_DELIVER);
    CHECK(!fwd_next_change(f, &fault)); /* the upper half still goes round */
    struct ip_addr dead, alive;
    CHECK(ip_parse("10.1.200.1", &dead) && ip_parse("10.1.0.10", &alive));
    struct fwd_hop hop[8];
    size_t n;
    uint16_t last;
    CHECK_EQ(fwd_walk(f, 0, &dead, hop, 8, &n, &last), FWD_END_LOOP);
    CHECK_EQ(fwd_walk(f, 0, &alive, hop, 8, &n, &last), FWD_END_DELIVERED);
    CHECK(n == 1 && hop[0].to == 0 && hop[0].link == 3 && last == 1);
    /* The cure: a null route for the aggregate where it is announced. */
    fwd_update(f, 1, &own, FWD_SET_DISCARD);
    CHECK(fwd_next_change(f, &fault) && fault.atoms == 0);
    CHECK(!fwd_next_change(f, &fault));
    /* Had it all: the aggregate is covered, and the loop has no address. */
    struct prefix rest = pfx("10.1.128.0/17");
    fwd_update(f, 1, &own, FWD_NONE);
    CHECK(fwd_next_change(f, &fault) && fault.atoms == 1);
    fwd_update(f, 1, &rest, FWD_SET_DELIVER);
    CHECK(fwd_next_change(f, &fault) && fault.atoms == 0);
    fwd_free(f);
}

TEST(more_specific_costs_no_loop_twice)
{
    struct fwd_options o = {3, 1, false};
    struct fwd *f = fwd_new(&o);
    struct prefix p = pfx("10.3.0.0/16"), q = pfx("10.3.7.0/24");
    fwd_update(f, 0, &p, to(f, 1, 0));
    fwd_update(f, 1, &p, to(f, 0, 0));
    fwd_update(f, 2, &q, to(f, 1, 0)); /* its own atom is in the same loop */
    struct fwd_fault fault;
    CHECK(fwd_next_change(f, &fault) && fault.atoms == 2 && fault.n_routers == 2);
    struct fwd_hop cycle[4];
    CHECK_EQ(fwd_fault_cycle(f, fault.id, cycle, 4), 2);
    CHECK(cycle[0].to == 1 || cycle[0].to == 0);
    CHECK_EQ(fwd_fault_cycle(f, fault.id, cycle, 1), 0);
    fwd_update(f, 2, &q, FWD_NONE);
    CHECK(fwd_next_change(f, &fault) && fault.atoms == 1 && fault.atoms_before == 2);
    fwd_free(f);
}

TEST(sets_are_taken_back)
{
    struct fwd_options o = {300, 1, false};
    struct fwd *f = fwd_new(&o);
    struct prefix p = pfx("10.0.0.0/8"), q = pfx("11.0.0.0/8");
    uint16_t kept = to(f, 7, 9);
    CHECK(fwd_update(f, 1, &q, kept) == FWD_CHANGED);
    for (uint32_t i = 0; i < 200000; i++) { /* more sets than handles, one in use at a time */
        struct fwd_hop hop[2] = {{(uint16_t)(i % 300), (uint16_t)(i / 300)}, {299, 1}};
        uint16_t set = fwd_set(f, hop, 2);
        if (!set || fwd_update(f, 0, &p, set) == FWD_FULL) {
            TAP_FAIL("full after %u", i);
            break;
        }
    }
    CHECK(fwd_size(f).sets <= FWD_SETS_MAX);
    size_t n;
    const struct fwd_hop *hop = fwd_hops(f, fwd_rule(f, 1, &q), &n);
    CHECK(n == 1 && hop->to == 7 && hop->link == 9);
    CHECK_EQ(fwd_set(f, hop, 0), FWD_NONE);
    fwd_free(f);
}

/* All 40,000 prefixes of a router by one session: classes move, and what goes wrong is found. */
TEST(a_session_lost)
{
    enum { N = 40000 };
    struct fwd_options o = {4, 1, false};
    struct fwd *f = fwd_new(&o);
    for (uint32_t i = 0; i < N; i++) {
        struct prefix p = {.byte = {20, (uint8_t)(i >> 8), (uint8_t)i}, .len = 24, .family = IPV4};
        fwd_update(f, 3, &p, FWD_SET_DELIVER);
        fwd_update(f, 0, &p, to(f, 3, 1));
        fwd_update(f, 1, &p, to(f, 0, 2));
    }
    struct fwd_fault fault;
    CHECK(!fwd_next_change(f, &fault));
    CHECK_EQ(fwd_size(f).classes, 2);                      /* all the same, and the empty one */
    CHECK_EQ(fwd_move(f, 0, to(f, 3, 1), to(f, 3, 4)), N); /* the other link */
    CHECK(!fwd_next_change(f, &fault));
    CHECK_EQ(fwd_move(f, 0, to(f, 3, 4), to(f, 1, 2)), N); /* and 1 sends it back */
    CHECK(fwd_next_change(f, &fault) && fault.kind == FWD_LOOP && fault.atoms == N);
    CHECK_EQ(fwd_move(f, 0, to(f, 1, 2), FWD_NONE), N);
    CHECK(fwd_next_change(f, &fault));
    struct fwd_fault second;
    CHECK(fwd_next_change(f, &second));
    CHECK(fault.atoms + second.atoms == N); /* the loop is over, the hole is there */
    fwd_free(f);
}

TAP_MAIN
