/* queueing: the engine, run as the queues of the textbooks, gives the textbooks' figures.
 *
 * Each case simulates CONTACTS contacts after a warm-up, in BATCHES batches in a row. The standard
 * error of a mean comes from the spread of its batch means (a batch is far longer than the time in
 * which a queue forgets), and each mean must lie within three of them of the exact value; over all
 * cases the squares of these deviations must be on average about one, so that errors are neither
 * hidden in wide margins nor explained away. Exact values: core/erlang.h, which is tested on its
 * own; Cobham's and Pollaczek and Khinchine's formulas are written out here. */
#include "core/erlang.h"
#include "engine/engine.h"
#include "small_config.h"
#include "tap.h"

#define S     1000
#define AHT_S 180.0

enum { BATCHES = 20, BATCH = 20000, WARM = 20000, CONTACTS = BATCHES * BATCH };
enum measure { WAITS, WAIT_S, ABANDONS, IN_20S, BUSY, MEASURES };
static const char *const measure_names[MEASURES] = {"P(wait)", "mean wait", "P(abandon)",
                                                    "level 20 s", "P(busy)"};

/* What a run is made of. Priority classes are equally likely. */
struct setting {
    uint32_t n;
    double rho;          /* load per agent */
    double patience_s;   /* INFINITY: for ever */
    int classes;         /* priority classes, 1..3 */
    bool class_is_queue; /* a queue and row priority each, instead of the contact's own priority */
    bool fixed;          /* every contact takes exactly AHT_S */
    int32_t quota;       /* 0: none */
    uint64_t seed;
};

struct outcome {
    double sum[3][BATCHES][MEASURES];
    int count[3][BATCHES];
};

static double deviations; /* squares, summed over every comparison */
static int comparisons;

/* |mean - exact| in standard errors must be at most 3. */
static void compare(const struct outcome *o, int class, enum measure what, double exact)
{
    double mean = 0, var = 0;
    for (int b = 0; b < BATCHES; b++)
        mean += o->sum[class][b][what] / o->count[class][b] / BATCHES;
    for (int b = 0; b < BATCHES; b++) {
        double d = o->sum[class][b][what] / o->count[class][b] - mean;
        var += d * d / (BATCHES - 1);
    }
    double se = sqrt(var / BATCHES), z = (mean - exact) / se;
    if (!(fabs(z) <= 3))
        TAP_FAIL("%s of class %d: simulated %.6g +- %.2g, exact %.6g, %.1f standard errors off",
                 measure_names[what], class, mean, se, exact, z);
    deviations += z * z;
    comparisons++;
}

static int class_of(int i, int classes) /* at random: each class is a Poisson process too */
{
    return (int)(mix64((uint64_t)i) % (uint64_t)classes);
}

struct run {
    struct engine *e;
    td_ms *arrived;
    struct outcome *o;
};

static void record(struct run *r, int i, td_ms at, enum engine_event_type type, uint8_t reason,
                   int classes)
{
    if (i < WARM || i >= WARM + CONTACTS)
        return;
    int b = (i - WARM) / BATCH, class = class_of(i, classes);
    double *sum = r->o->sum[class][b], wait_s = (double)(at - r->arrived[i]) / S;
    r->o->count[class][b]++;
    sum[WAITS] += at > r->arrived[i];
    sum[WAIT_S] += wait_s;
    sum[ABANDONS] += type == ENGINE_ENDED && reason == END_ABANDONED;
    sum[BUSY] += type == ENGINE_ENDED && reason == END_BUSY;
    sum[IN_20S] += type == ENGINE_CONNECTED && wait_s <= 20;
}

static void take_outputs(struct run *r, int classes)
{
    struct engine_event v;
    while (engine_pop(r->e, &v))
        if (v.type == ENGINE_CONNECTED ||
            (v.type == ENGINE_ENDED && (v.reason == END_ABANDONED || v.reason == END_BUSY)))
            record(r, (int)v.contact.lo - 1, v.at, v.type, v.reason, classes);
}

static struct config *config_of(const struct setting *s)
{
    struct config *c = small_config();
    uint16_t p = small_profile(c, 1, 0, 0);
    for (int i = 0; i < (s->class_is_queue ? s->classes : 1); i++) {
        char name[] = {'q', (char)('0' + i), 0};
        small_row(c, p, small_queue(c, name), CHANNEL_VOICE, (uint8_t)(1 + i), 0);
    }
    small_agents(c, p, s->n);
    if (s->quota)
        c->site[0].contacts_max = s->quota;
    return c;
}

static void simulate(const struct setting *s, struct outcome *o)
{
    /* a little longer than what is counted, so that every counted contact comes to its end */
    int all = WARM + CONTACTS + BATCH;
    struct config *c = config_of(s);
    struct run r = {engine_new(c, 0, s->seed), mem_new((size_t)all, sizeof *r.arrived), o};
    struct rng rng = rng_seed(s->seed, 1);
    double at = 0, gap_ms = AHT_S * S / (s->rho * s->n);
    *o = (struct outcome){0};
    for (uint32_t a = 0; a < s->n; a++)
        engine_sign_in(r.e, 0, a);
    for (int i = 0; i < all; i++) {
        at += rng_exp(&rng, gap_ms);
        td_ms now = r.arrived[i] = (td_ms)at;
        struct engine_contact k = {
            .id = {0, (uint64_t)i + 1},
            .queue = (uint16_t)(s->class_is_queue ? class_of(i, s->classes) : 0),
            .priority = (uint8_t)(s->class_is_queue ? 5 : 1 + 4 * (class_of(i, s->classes))),
            .enqueued_at = now,
            .gives_up_at = INT64_MAX,
            .handle_ms = (int64_t)(s->fixed ? AHT_S * S : rng_exp(&rng, AHT_S * S)),
            .transfer_queue = INDEX_NONE,
        };
        if (isfinite(s->patience_s))
            k.gives_up_at = now + 1 + (td_ms)rng_exp(&rng, s->patience_s * S);
        engine_arrive(r.e, now, &k);
        take_outputs(&r, s->classes);
    }
    engine_check(r.e);
    engine_free(r.e);
    mem_free(r.arrived);
    small_config_free(c);
}

TEST(waits_as_erlang_c_says)
{
    static const struct setting settings[] = {
        {.n = 1, .rho = 0.7, .seed = 1},   {.n = 1, .rho = 0.85, .seed = 2},
        {.n = 10, .rho = 0.7, .seed = 3},  {.n = 10, .rho = 0.9, .seed = 4},
        {.n = 100, .rho = 0.9, .seed = 5}, {.n = 100, .rho = 0.95, .seed = 6},
    };
    struct outcome *o = mem_new(1, sizeof *o);
    for (size_t i = 0; i < COUNTOF(settings); i++) {
        struct setting s = settings[i];
        s.patience_s = INFINITY;
        s.classes = 1;
        simulate(&s, o);
        double load = s.rho * s.n;
        compare(o, 0, WAITS, erlang_c(load, s.n));
        compare(o, 0, WAIT_S, erlang_c_wait(load, s.n, AHT_S));
        compare(o, 0, IN_20S, erlang_c_level(load, s.n, AHT_S, 20));
    }
    mem_free(o);
}

TEST(waits_and_abandons_as_erlang_a_says)
{
    static const struct setting settings[] = {
        {.n = 1, .rho = 0.7, .patience_s = 60, .seed = 11},
        {.n = 1, .rho = 0.97, .patience_s = 232, .seed = 12},
        {.n = 10, .rho = 0.8, .patience_s = 60, .seed = 13},
        {.n = 10, .rho = 0.97, .patience_s = 232, .seed = 14},
        {.n = 100, .rho = 0.97, .patience_s = 232, .seed = 15},
        {.n = 100, .rho = 1.1, .patience_s = 120, .seed = 16},
    };
    struct outcome *o = mem_new(1, sizeof *o);
    for (size_t i = 0; i < COUNTOF(settings); i++) {
        struct setting s = settings[i];
        s.classes = 1;
        simulate(&s, o);
        double load = s.rho * s.n;
        struct erlang_a a = erlang_a(load, s.n, AHT_S, s.patience_s);
        compare(o, 0, WAITS, a.p_wait);
        compare(o, 0, WAIT_S, a.wait);
        compare(o, 0, ABANDONS, a.p_abandon);
        compare(o, 0, IN_20S, erlang_a_level(load, s.n, AHT_S, s.patience_s, 20));
    }
    mem_free(o);
}

/* Non-preemptive priorities, one mean handling time: class k waits W0 / ((1 - s_k-1) (1 - s_k)),
 * where s_k is the load per agent of classes 1..k and W0 the mean time until an agent is free as
 * one of the best class finds it: C(load, n) AHT / n. Cobham, Operations Research 2(1) 1954. */
TEST(priorities_as_cobham_says)
{
    static const struct setting settings[] = {
        {.n = 1, .rho = 0.8, .seed = 21},
        {.n = 1, .rho = 0.8, .class_is_queue = true, .seed = 22},
        {.n = 10, .rho = 0.9, .class_is_queue = true, .seed = 23},
    };
    struct outcome *o = mem_new(1, sizeof *o);
    for (size_t i = 0; i < COUNTOF(settings); i++) {
        struct setting s = settings[i];
        s.patience_s = INFINITY;
        s.classes = 3;
        simulate(&s, o);
        double w0 = erlang_c(s.rho * s.n, s.n) * AHT_S / s.n;
        for (int k = 0; k < 3; k++)
            compare(o, k, WAIT_S, w0 / ((1 - s.rho * k / 3) * (1 - s.rho * (k + 1) / 3)));
    }
    mem_free(o);
}

/* One agent, fixed handling time: Pollaczek and Khinchine, half the wait of M/M/1. */
TEST(fixed_handling_time)
{
    struct setting s = {
        .n = 1, .rho = 0.8, .classes = 1, .patience_s = INFINITY, .fixed = true, .seed = 31};
    struct outcome *o = mem_new(1, sizeof *o);
    simulate(&s, o);
    compare(o, 0, WAITS, s.rho);
    compare(o, 0, WAIT_S, s.rho * AHT_S / (2 * (1 - s.rho)));
    mem_free(o);
}

/* A quota of as many contacts as there are agents: a loss system. Its loss is Erlang B for any law
 * of the handling time. */
TEST(quota_is_erlang_b)
{
    struct outcome *o = mem_new(1, sizeof *o);
    for (int fixed = 0; fixed < 2; fixed++) {
        struct setting s = {.n = 20,
                            .rho = 0.9,
                            .classes = 1,
                            .patience_s = INFINITY,
                            .fixed = fixed,
                            .quota = 20,
                            .seed = 41 + (uint64_t)fixed};
        simulate(&s, o);
        compare(o, 0, BUSY, erlang_b(s.rho * s.n, s.n));
    }
    mem_free(o);
}

/* Runs last. The mean of squares of t with 19 degrees of freedom is 1.12; figures of one run are
 * correlated, which leaves some twenty independent ones: 0.5 .. 2 is about three of their standard
 * errors. */
TEST(deviations_are_of_the_expected_size)
{
    if (getenv("TAP_ONLY"))
        SKIP("needs the other tests");
    CHECK(comparisons > 50);
    double mean = deviations / comparisons;
    printf("# mean square deviation %.2f over %d comparisons\n", mean, comparisons);
    CHECK(mean > 0.5 && mean < 2);
}

TAP_MAIN
