/* bench_net - what the forwarding model costs: a change of one rule with all checks, in time and in
 * memory.
 *
 *   bench_net
 *
 * Tables: prefix lengths as in the Internet's table (three in five are /24), a third of the
 * prefixes inside others. Routers: a ring with chords, four neighbours each; for each of up to 500
 * egress routers a tree of shortest paths, and every prefix leaves by one of them, so that every
 * router has a rule for every prefix. Updates: half hand a prefix of a router to any neighbour or
 * take the rule away, which loops as often as not; half put back what was there. All checks are on:
 * loops, holes, the register of both, read after every update. CPU time of one core; memory as the
 * C library counts what is allocated. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/rng.h"
#include "net/fwd_i.h"

enum { DEGREE = 4, EGRESS_MAX = 500, PENDING_MAX = 2000 };

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double allocated(void)
{
    struct mallinfo2 m = mallinfo2();
    return (double)m.uordblks + (double)m.hblkhd;
}

struct net {
    uint32_t routers, egresses;
    size_t prefixes;
    struct prefix *prefix;
    int *neighbour;   /* routers x DEGREE; -1: none */
    uint16_t *tree;   /* egresses x routers: handles */
    uint16_t *order;  /* egresses x routers: from the egress outwards */
    uint16_t *egress; /* of each prefix */
    struct fwd *fwd;
};

/* Lengths of 1,000 prefixes of a full IPv4 table, 8 to 24. */
static const uint16_t lengths[] = {1, 1, 1, 1, 1, 2, 3, 6, 14, 9, 14, 26, 44, 51, 109, 104, 613};

static struct prefix draw_prefix(struct rng *rng, const struct prefix *some, size_t n)
{
    struct prefix p = {.family = IPV4, .len = 24};
    int64_t at = (int64_t)rng_below(rng, 1000);
    for (uint8_t i = 0; i < COUNTOF(lengths); i++)
        if ((at -= lengths[i]) < 0) {
            p.len = (uint8_t)(8 + i);
            break;
        }
    for (int i = 0; i < 4; i++)
        p.byte[i] = (uint8_t)rng_below(rng, 256);
    if (n && rng_chance(rng, 0.3)) { /* inside another one */
        const struct prefix *q = &some[rng_below(rng, n)];
        if (q->len < p.len)
            for (int b = 0; b < q->len; b++) {
                uint8_t bit = (uint8_t)(0x80 >> b % 8);
                p.byte[b / 8] = (uint8_t)((p.byte[b / 8] & ~bit) | (q->byte[b / 8] & bit));
            }
    }
    prefix_canonical(&p);
    return p;
}

static int prefix_order(const void *a, const void *b)
{
    return prefix_compare(a, b);
}

static void draw_prefixes(struct net *n, struct rng *rng, size_t want)
{
    n->prefix = mem_new(want + want / 4, sizeof *n->prefix);
    while (n->prefixes < want) {
        while (n->prefixes < want + want / 8)
            n->prefix[n->prefixes] = draw_prefix(rng, n->prefix, n->prefixes), n->prefixes++;
        qsort(n->prefix, n->prefixes, sizeof *n->prefix, prefix_order);
        size_t k = 1;
        for (size_t i = 1; i < n->prefixes; i++)
            if (!prefix_equal(&n->prefix[i], &n->prefix[k - 1]))
                n->prefix[k++] = n->prefix[i];
        n->prefixes = k;
    }
    for (size_t i = n->prefixes; i > 1; i--) { /* in no order, as updates come */
        size_t j = rng_below(rng, i);
        struct prefix swap = n->prefix[i - 1];
        n->prefix[i - 1] = n->prefix[j];
        n->prefix[j] = swap;
    }
    n->prefixes = want;
}

static void draw_graph(struct net *n, struct rng *rng)
{
    uint32_t routers = n->routers;
    n->neighbour = mem_new(routers * DEGREE, sizeof *n->neighbour);
    for (uint32_t r = 0; r < routers; r++) {
        n->neighbour[r * DEGREE] = (int)((r + 1) % routers);
        n->neighbour[r * DEGREE + 1] = (int)((r + routers - 1) % routers);
        for (int k = 2; k < DEGREE; k++)
            n->neighbour[r * DEGREE + (uint32_t)k] = -1;
    }
    for (uint32_t r = 0; r < routers; r++)
        for (uint32_t k = 2; k < DEGREE; k++)
            for (int t = 0; t < 50 && n->neighbour[r * DEGREE + k] < 0; t++) {
                uint32_t o = (uint32_t)rng_below(rng, routers);
                for (uint32_t j = 2; j < DEGREE && o != r; j++)
                    if (n->neighbour[o * DEGREE + j] < 0) {
                        n->neighbour[r * DEGREE + k] = (int)o;
                        n->neighbour[o * DEGREE + j] = (int)r;
                        break;
                    }
            }
}

static uint16_t single(struct net *n, int to)
{
    struct fwd_hop hop = {(uint16_t)to, FWD_NO_LINK};
    return fwd_set(n->fwd, &hop, 1);
}

static void draw_trees(struct net *n)
{
    n->order = mem_new((size_t)n->egresses * n->routers, sizeof *n->order);
    n->tree = mem_new((size_t)n->egresses * n->routers, sizeof *n->tree);
    for (uint32_t e = 0; e < n->egresses; e++) {
        uint16_t *v = n->tree + (size_t)e * n->routers;
        uint16_t *queue = n->order + (size_t)e * n->routers;
        uint32_t head = 0, tail = 0;
        v[e] = FWD_SET_DELIVER;
        queue[tail++] = (uint16_t)e;
        while (head < tail) {
            uint32_t x = queue[head++];
            for (uint32_t k = 0; k < DEGREE; k++) {
                int y = n->neighbour[x * DEGREE + k];
                if (y >= 0 && !v[y]) {
                    v[y] = single(n, (int)x);
                    queue[tail++] = (uint16_t)y;
                }
            }
        }
    }
}

static void settle(struct fwd *f)
{
    struct fwd_fault fault;
    while (fwd_next_change(f, &fault))
        ;
}

/* Rule by rule, from the egress outwards so that nothing is a hole on the way. With a thousand
 * routers that would take minutes and is not what is asked: there only the first prefix of each
 * egress comes through the door, and the others get its class from the inside. */
static void load(struct net *n, struct rng *rng)
{
    struct fwd *f = n->fwd;
    double start = cpu_ns(), rules = 0;
    uint32_t *first = mem_new(n->egresses, sizeof *first), emptied;
    n->egress = mem_new(n->prefixes, sizeof *n->egress);
    for (size_t i = 0; i < n->prefixes; i++) {
        uint16_t e = n->egress[i] = (uint16_t)rng_below(rng, n->egresses);
        if (first[e] && n->routers > 100) {
            uint32_t k = tree_insert(f, &n->prefix[i], &emptied);
            node_at(f, k)->class = node_at(f, first[e])->class;
            f->class[node_at(f, k)->class].refs++;
            continue;
        }
        for (uint32_t r = 0; r < n->routers; r++, rules++)
            if (fwd_update(
                    f, n->order[(size_t)e * n->routers + r], &n->prefix[i],
                    n->tree[(size_t)e * n->routers + n->order[(size_t)e * n->routers + r]]) ==
                FWD_FULL)
                abort();
        first[e] = tree_find(f, &n->prefix[i]);
    }
    settle(f);
    mem_free(first);
    printf("  %.2f million rules put in one by one, %.0f ns each\n", rules / 1e6,
           (cpu_ns() - start) / rules);
}

struct change {
    uint32_t prefix;
    uint16_t router, set;
};

static struct change *draw_changes(struct net *n, struct rng *rng, size_t count)
{
    struct change *c = mem_new(count, sizeof *c), back[PENDING_MAX + 1];
    size_t pending = 0;
    for (size_t i = 0; i < count; i++) {
        if (pending >= PENDING_MAX || (pending && rng_chance(rng, 0.5))) {
            size_t k = rng_below(rng, pending);
            c[i] = back[k];
            back[k] = back[--pending];
            continue;
        }
        uint32_t p = (uint32_t)rng_below(rng, n->prefixes);
        uint32_t r = (uint32_t)rng_below(rng, n->routers);
        int to = -1;
        while (to < 0)
            to = n->neighbour[r * DEGREE + rng_below(rng, DEGREE)];
        c[i] = (struct change){p, (uint16_t)r, FWD_NONE};
        if (rng_chance(rng, 0.75))
            c[i].set = single(n, to);
        back[pending++] =
            (struct change){p, (uint16_t)r, n->tree[(size_t)n->egress[p] * n->routers + r]};
    }
    return c;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a - *(const double *)b;
    return (x > 0) - (x < 0);
}

static void updates(struct net *n, struct rng *rng, size_t count)
{
    struct change *c = draw_changes(n, rng, count);
    struct fwd_fault fault;
    uint64_t begun = 0, ended = 0, classes = 0;
    double start = cpu_ns();
    for (size_t i = 0; i < count; i++) {
        fwd_update(n->fwd, c[i].router, &n->prefix[c[i].prefix], c[i].set);
        while (fwd_next_change(n->fwd, &fault)) {
            begun += fault.atoms_before == 0;
            ended += fault.atoms == 0;
        }
    }
    double each = (cpu_ns() - start) / (double)count;
    classes = fwd_size(n->fwd).classes;
    size_t samples = MIN(count, 200000);
    double *ns = mem_new(samples, sizeof *ns);
    for (size_t i = 0; i < samples; i++) {
        double t = cpu_ns();
        fwd_update(n->fwd, c[i].router, &n->prefix[c[i].prefix], c[i].set);
        settle(n->fwd);
        ns[i] = cpu_ns() - t;
    }
    qsort(ns, samples, sizeof *ns, by_value);
    printf(
        "  update and all checks: mean %.0f ns, %.2f million/s; one by one with the clock's time:"
        " p50 %.0f, p99 %.0f, p99.9 %.0f ns\n",
        each, 1e3 / each, ns[samples / 2], ns[samples * 99 / 100], ns[samples * 999 / 1000]);
    printf("  %zu updates: %llu faults began, %llu ended; %llu classes\n", count,
           (unsigned long long)begun, (unsigned long long)ended, (unsigned long long)classes);
    mem_free(ns);
    mem_free(c);
}

static void session_lost(struct net *n)
{
    uint16_t from = single(n, n->neighbour[0]), to = single(n, n->neighbour[1]);
    double start = cpu_ns();
    uint64_t moved = fwd_move(n->fwd, 0, from, to);
    printf("  a session lost: %llu prefixes moved in %.0f us\n", (unsigned long long)moved,
           (cpu_ns() - start) / 1e3);
    settle(n->fwd);
}

static void bench(uint32_t routers, size_t prefixes, size_t count)
{
    struct rng rng = rng_seed(routers, prefixes);
    struct net n = {.routers = routers, .egresses = MIN(routers, EGRESS_MAX)};
    struct fwd_options o = {routers, 1, false};
    draw_prefixes(&n, &rng, prefixes);
    draw_graph(&n, &rng);
    double before = allocated();
    n.fwd = fwd_new(&o);
    draw_trees(&n);
    printf("%u routers, %zu prefixes\n", routers, prefixes);
    load(&n, &rng);
    struct fwd_size z = fwd_size(n.fwd);
    printf(
        "  %.2f thousand million rules, %llu nodes, %llu classes: tree %.1f MB, classes %.1f MB\n",
        (double)z.rules / 1e9, (unsigned long long)z.nodes, (unsigned long long)z.classes,
        (double)z.tree_bytes / 1e6, (double)z.class_bytes / 1e6);
    updates(&n, &rng, count);
    z = fwd_size(n.fwd);
    double own = (double)n.egresses * n.routers * 4 + (double)n.prefixes * 2; /* the bench's */
    double bytes = allocated() - before - own;
    printf("  allocated %.1f MB = %.1f MB + %llu classes x 4 KB\n", bytes / 1e6,
           (bytes - (double)z.classes * 4096) / 1e6, (unsigned long long)z.classes);
    session_lost(&n);
    fwd_free(n.fwd);
    mem_free(n.prefix);
    mem_free(n.neighbour);
    mem_free(n.tree);
    mem_free(n.order);
    mem_free(n.egress);
}

int main(void)
{
    bench(5, 578000, 4000000);
    bench(1000, 1140000, 2000000);
    return 0;
}
