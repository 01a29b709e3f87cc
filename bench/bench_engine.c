/* bench_engine.c - whole lives of contacts a second: arrive, connect, wrap up, end, every output
 * taken. One site, exponential talk of 180 s on average, wrap-up 20 s, patience 232 s, load 0.97
 * of the agents; `figures` says whether the caller gives them or the engine draws them.
 *
 * Usage: bench_engine [CONTACTS]   prints one line a row: name value unit */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "engine/engine.h"
#include "small_config.h"

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static struct config *floor_of(uint32_t agents, uint16_t queues, uint16_t profiles)
{
    struct config *c = small_config();
    char name[NAME_MAX_LEN];
    for (uint16_t q = 0; q < queues; q++) {
        snprintf(name, sizeof name, "queue-%u", q);
        struct cfg_demand *d = small_demand(c, small_queue(c, name), CHANNEL_VOICE);
        d->handle_mean_s = 180;
        d->handle_cv2 = 1.5;
        d->wrapup_mean_s = 20;
        d->patience_mean_s = 232;
    }
    for (uint16_t p = 0; p < profiles; p++) { /* half of the queues each, overlapping */
        small_profile(c, 1, 0, 0);
        for (uint16_t i = 0; i < (queues + 1) / 2; i++)
            small_row(c, p, (uint16_t)((p + i) % queues), CHANNEL_VOICE, (uint8_t)(1 + i % 3), 0);
        small_agents(c, p, agents / profiles);
    }
    return c;
}

static uint64_t drain(struct engine *e)
{
    struct engine_event v;
    uint64_t n = 0;
    while (engine_pop(e, &v))
        n++;
    return n;
}

static void run(const char *name, struct config *c, uint64_t contacts, bool draw)
{
    struct engine *e = engine_new(c, 0, 1);
    struct rng rng = rng_seed(1, 2);
    uint64_t outputs = 0;
    for (uint32_t a = 0; a < c->n_agents; a++)
        engine_sign_in(e, 0, a);
    drain(e);
    double at = 0, gap_ms = 200000 / (0.97 * c->n_agents), began = 0;
    uint64_t warm = 20ull * c->n_agents < contacts / 4 ? 20ull * c->n_agents : contacts / 4;
    for (uint64_t i = 0; i < contacts + warm; i++) {
        if (i == warm) {
            began = cpu_s();
            outputs = 0;
        }
        at += rng_exp(&rng, gap_ms);
        td_ms now = (td_ms)at;
        struct engine_contact k = {
            .id = {mix64(i), i + 1},
            .queue = (uint16_t)(i % c->n_queues),
            .priority = 5,
            .enqueued_at = now,
            .gives_up_at = draw ? -1 : now + 1 + (td_ms)rng_exp(&rng, 232000),
            .handle_ms = draw ? -1 : (int64_t)rng_exp(&rng, 180000),
            .wrapup_ms = draw ? -1 : (int64_t)rng_exp(&rng, 20000),
            .hold_ms = draw ? -1 : 0,
            .transfer_queue = INDEX_NONE,
        };
        engine_arrive(e, now, &k);
        outputs += drain(e);
    }
    double took = cpu_s() - began;
    printf("%-44s %8.0f ns/contact  %5.2f million/s  %.2f outputs/contact\n", name,
           1e9 * took / (double)contacts, 1e-6 * (double)contacts / took,
           (double)outputs / (double)contacts);
    engine_free(e);
    small_config_free(c);
}

int main(int argc, char **argv)
{
    uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 3000000;
    run("engine, 100 agents, figures given", floor_of(100, 1, 1), n, false);
    run("engine, 1000 agents, figures given", floor_of(1000, 1, 1), n, false);
    run("engine, 1000 agents, figures drawn", floor_of(1000, 1, 1), n, true);
    run("engine, 1000 agents, 20 queues, 10 profiles", floor_of(1000, 20, 10), n, false);
    run("engine, 10000 agents, figures given", floor_of(10000, 1, 1), n, false);
    run("engine, 10000 agents, 50 queues, 40 profiles", floor_of(10000, 50, 40), n, false);
    return 0;
}
