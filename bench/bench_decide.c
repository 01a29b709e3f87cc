/* bench_decide.c - a placement, all rules on: four sites in two groups, residency, hours, skills,
 * capacity, expected wait, share price within the bound, stickiness. Counts what it allocates.
 *
 *   bench_decide [decisions, default 4,000,000]
 *
 * "decide" is the decision alone: who may, every figure, the choice. "decide and learn" adds what a
 * decider learns of prices. "asked" is the whole input: the decision stated as a fact and folded
 * into the model of one node, the contact then ended and forgotten. */
#include "base/rng.h"
#include "core/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t allocations;
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
void *malloc(size_t n)
{
    allocations++;
    return __libc_malloc(n);
}
void *calloc(size_t n, size_t size)
{
    allocations++;
    return __libc_calloc(n, size);
}
void *realloc(void *p, size_t n)
{
    allocations++;
    return __libc_realloc(p, n);
}

static const char centre[] =
    "name: bench\n"
    "hub: {name: hub, lat: 39.0, lon: -77.5}\n"
    "sites:\n"
    "  - {name: us-east-1, lat: 38.9, lon: -77.5, residency: us, contacts_max: 100000}\n"
    "  - {name: us-west-2, lat: 45.84, lon: -119.7, residency: us, contacts_max: 100000}\n"
    "  - {name: eu-central-1, lat: 50.1, lon: 8.7, residency: eu, contacts_max: 100000}\n"
    "  - {name: eu-west-2, lat: 51.5, lon: -0.1, residency: eu, contacts_max: 100000}\n"
    "hours:\n  - {name: day, daily: \"00:00-24:00\"}\n"
    "queues:\n"
    "  - {name: service, hours: day, sticky_agent: true, sticky_site: true}\n"
    "  - {name: gdpr, hours: day, residency: eu}\n"
    "profiles:\n  - {name: all, queues: [service, gdpr]}\n"
    "agents:\n"
    "  - {site: us-east-1, count: 200, profile: all}\n"
    "  - {site: us-west-2, count: 200, profile: all}\n"
    "  - {site: eu-central-1, count: 200, profile: all}\n"
    "  - {site: eu-west-2, count: 200, profile: all}\n"
    "policies:\n"
    "  - name: normal\n"
    "    groups:\n"
    "      - {name: us, shares: {us-east-1: 50, us-west-2: 50}}\n"
    "      - {name: eu, shares: {eu-central-1: 50, eu-west-2: 50}}\n";

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* All sites up and ready, most agents busy, so that expected waits are computed and differ. */
static void warm(struct core *k, td_ms now)
{
    k->now = now;
    for (uint8_t s = 0; s < k->c->n_sites; s++) {
        k->peer[s] = (struct peer){.heard_at = now, .up = true, .instance_ok = true, .ready = true};
        k->site[s].staffed[0] = k->site[s].staffed_all = 200;
        k->site[s].idle[CHANNEL_VOICE] = s;
        k->site[s].pool_waiting[k->line_pool[0]] = 3u * s;
    }
    core_apply(k, &(struct input){.type = IN_TICK}, now);
    struct event e;
    while (core_next_fact(k, &e))
        ;
}

static struct route_request draw(struct rng *rng, td_ms now)
{
    bool us = rng_chance(rng, 0.5);
    return (struct route_request){
        .contact = {rng_u64(rng), rng_u64(rng) | 1},
        .customer = {1, rng_u64(rng)},
        .queue = us ? 0 : (uint16_t)rng_below(rng, 2),
        .entry_site = SITE_NONE,
        .how = PLACE_NPA,
        .lat = (float)(us ? 25 + 23 * rng_unit(rng) : 40 + 15 * rng_unit(rng)),
        .lon = (float)(us ? -122 + 52 * rng_unit(rng) : 30 * rng_unit(rng) - 8),
        .arrived_at = now,
    };
}

static void row(const char *what, double s, int n, uint64_t allocs)
{
    printf("%-18s %8.0f ns  %6.2f million a second  %llu allocations\n", what, s / n * 1e9,
           n / s / 1e6, (unsigned long long)allocs);
}

static void bench_asked(struct core *k, const struct route_request *r, int drawn, int n, td_ms now)
{
    struct event e;
    struct action a;
    uint64_t before = allocations;
    double t = cpu_s();
    for (int i = 0; i < n; i++) {
        struct input in = {.type = IN_ASKED, .request = r[i % drawn]};
        in.request.contact.hi ^= (uint64_t)i << 20;
        core_apply(k, &in, now);
        while (core_next_fact(k, &e) && e.type != EV_PLACED)
            ;
        struct contact *c = contact_find(k, in.request.contact);
        contact_put(k, c, -1);
        contact_remove(k, c);
        while (core_next_action(k, &a))
            ;
    }
    row("asked", cpu_s() - t, n, allocations - before);
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 4000000;
    enum { DRAWN = 4096 };
    struct buf errors = {0};
    struct config *c = config_load(centre, sizeof centre - 1, "bench", &errors);
    if (!c || n < 1)
        return fprintf(stderr, "%s", errors.data ? errors.data : "usage: bench_decide [N]\n"), 1;
    td_ms now = 1625443200000;
    struct core *k = core_new(c, HUB, 1);
    warm(k, now);
    struct rng rng = rng_seed(1, 1);
    static struct route_request r[DRAWN];
    for (int i = 0; i < DRAWN; i++)
        r[i] = draw(&rng, now);
    struct ev_placed p;
    double cost_km[SITES_MAX];
    uint64_t before = allocations, sum = 0;
    double t = cpu_s();
    for (int i = 0; i < n; i++) {
        decide(k, &r[i % DRAWN], 0, true, &p, cost_km);
        sum += p.site;
    }
    row("decide", cpu_s() - t, n, allocations - before);
    before = allocations;
    t = cpu_s();
    for (int i = 0; i < n; i++) {
        decide(k, &r[i % DRAWN], 0, true, &p, cost_km);
        decide_learn(k, &p, cost_km);
        sum += p.site;
    }
    row("decide and learn", cpu_s() - t, n, allocations - before);
    bench_asked(k, r, DRAWN, n / 4 + 1, now);
    core_free(k);
    config_free(c);
    buf_free(&errors);
    return sum == 1; /* so that nothing is optimised away */
}
