/* path: histories, losses each way, down and up, steps of delay, against a network that is
 * simulated packet by packet under virtual time and therefore knows the truth. */
#include "net/path.h"
#include "base/heap.h"
#include "tap.h"

static const int64_t ms = 1000000, wall_0 = 1795773605000000000;

/* ---- histogram ---- */

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

PROP(quantiles_are_those_of_the_list, 300)
{
    static struct hist h, part;
    int64_t list[500], n = 1 + (int64_t)rng_below(rng, COUNTOF(list)), sum = 0;
    hist_reset(&h);
    hist_reset(&part);
    for (int64_t i = 0; i < n; i++) {
        list[i] = (int64_t)(rng_u64(rng) >> (40 + rng_below(rng, 24)));
        sum += list[i];
        hist_add(i % 3 ? &h : &part, list[i]);
    }
    hist_merge(&h, &part);
    qsort(list, (size_t)n, sizeof *list, by_size);
    CHECK_EQ(h.count, n);
    CHECK_EQ(h.sum, sum);
    CHECK_EQ(h.min, list[0]);
    CHECK_EQ(h.max, list[n - 1]);
    for (int i = 0; i <= 20; i++) {
        double q = i / 20.0;
        int64_t rank = (int64_t)ceil(q * (double)n), truth = list[rank ? rank - 1 : 0];
        int64_t got = hist_quantile(&h, q);
        if (got < truth || (double)got > (double)truth * 33 / 32)
            TAP_FAIL("quantile %g of %" PRId64 ": got %" PRId64 ", truth %" PRId64, q, n, got,
                     truth);
    }
}

TEST(values_outside_a_histogram)
{
    static struct hist h;
    CHECK_EQ(hist_quantile(&h, 0.5), 0);
    hist_add(&h, -7);
    hist_add(&h, INT64_C(1) << 40);
    CHECK_EQ(hist_quantile(&h, 0), -7);
    CHECK_EQ(hist_quantile(&h, 1), INT64_C(1) << 40);
}

/* ---- a network ---- */

enum { PACKETS = 40000 };

struct net {
    struct rng rng;
    struct path *path;
    int64_t now_ns;                                 /* monotonic */
    int64_t there_ns, back_ns, jitter_ns, clock_ns; /* the reflector's clock is ahead by clock_ns */
    double loss_there, loss_back, copy_there, copy_back;
    bool cut_there, cut_back;
    uint8_t hops_there, hops_back;
    uint32_t reflector_seq;
    int64_t copied;  /* probes that the network doubled on the way there */
    struct heap due; /* what is on its way, by the time of arrival */
    struct path_answer answer[PACKETS];
    uint32_t answers;
    bool lost_there[PACKETS], lost_back[PACKETS]; /* by number of probe: the truth */
    struct probe_result last[PROBE_LOOP_ENDED + 1];
    uint32_t seen[PROBE_LOOP_ENDED + 1];
    int64_t seen_at_ns[PROBE_LOOP_ENDED + 1];
};

static void take(void *arg, const struct probe_result *r)
{
    struct net *n = arg;
    n->last[r->what] = *r;
    n->seen[r->what]++;
    n->seen_at_ns[r->what] = n->now_ns;
}

static struct probe_time now(const struct net *n)
{
    return (struct probe_time){n->now_ns, wall_0 + n->now_ns};
}

static struct net *net_new(const struct path_config *c, struct rng *rng)
{
    struct net *n = mem_new(1, sizeof *n);
    n->rng = rng_seed(rng_u64(rng), 1);
    n->there_ns = n->back_ns = 5 * ms;
    n->hops_there = n->hops_back = 2;
    n->path = path_new(c, now(n), take, n);
    return n;
}

static void net_free(struct net *n)
{
    path_free(n->path);
    heap_free(&n->due);
    mem_free(n);
}

static int64_t wobble(struct net *n)
{
    return n->jitter_ns ? (int64_t)rng_below(&n->rng, (uint64_t)n->jitter_ns) : 0;
}

static void net_push(struct net *n, struct path_answer a, bool at_reflector)
{
    BUG_ON(n->answers == PACKETS);
    n->answer[n->answers] = a;
    heap_push(&n->due, (at_reflector ? a.t2_ns : a.t4_ns) - wall_0, n->answers,
              (uint64_t)n->answers << 1 | at_reflector);
    n->answers++;
}

/* A probe has come to the reflector, which counts it and sends it back. */
static void net_reflect(struct net *n, struct path_answer a)
{
    int64_t back = n->back_ns + wobble(n);
    a.reflector_seq = n->reflector_seq++;
    a.t3_ns = a.t2_ns + 30000;
    a.t4_ns = a.t3_ns + back;
    a.t2_ns += n->clock_ns;
    a.t3_ns += n->clock_ns;
    n->lost_back[a.seq] = n->cut_back || rng_chance(&n->rng, n->loss_back);
    if (n->lost_back[a.seq])
        return;
    net_push(n, a, false);
    if (rng_chance(&n->rng, n->copy_back))
        net_push(n, a, false);
}

static uint32_t net_send(struct net *n)
{
    struct probe_time t = now(n);
    uint32_t seq = path_sent(n->path, t);
    n->lost_there[seq] = n->cut_there || rng_chance(&n->rng, n->loss_there);
    struct path_answer a = {.seq = seq,
                            .t1_ns = t.wall_ns,
                            .ttl_there = (uint8_t)(255 - n->hops_there),
                            .ttl_back = (uint8_t)(255 - n->hops_back)};
    bool copied = rng_chance(&n->rng, n->copy_there);
    n->copied += copied;
    for (int copies = n->lost_there[seq] ? 0 : 1 + copied; copies; copies--) {
        a.t2_ns = t.wall_ns + n->there_ns + wobble(n);
        net_push(n, a, true);
    }
    return seq;
}

/* Lets time pass until then: answers and ends of waiting in their order. */
static void net_until(struct net *n, int64_t end_ns)
{
    for (;;) {
        const struct heap_item *next = heap_peek(&n->due);
        int64_t due = path_due(n->path);
        if (next && next->key <= MIN(due, end_ns)) {
            struct heap_item item;
            heap_pop(&n->due, &item);
            n->now_ns = MAX(n->now_ns, item.key);
            if (item.value & 1)
                net_reflect(n, n->answer[item.value >> 1]);
            else
                path_answered(n->path, &n->answer[item.value >> 1], now(n));
        } else if (due <= end_ns) {
            n->now_ns = MAX(n->now_ns, due);
            path_tick(n->path, now(n));
        } else {
            n->now_ns = end_ns;
            return;
        }
    }
}

static void net_run(struct net *n, int probes, int64_t pace_ns)
{
    while (probes--) {
        net_send(n);
        net_until(n, n->now_ns + pace_ns);
    }
}

/* ---- losses ---- */

PROP(losses_of_each_way_are_the_truth, 200)
{
    struct path_config c = {.kind = PROBE_STAMP};
    struct net *n = net_new(&c, rng);
    double most = rng_chance(rng, 0.3) ? 0.6 : 0.05;
    n->jitter_ns = (int64_t)rng_below(rng, 30) * ms; /* more than the pace: answers overtake */
    net_run(n, 1, 100 * ms);
    n->loss_there = rng_unit(rng) * most;
    n->loss_back = rng_unit(rng) * most;
    n->copy_back = rng_chance(rng, 0.3) ? 0.1 : 0;
    n->copy_there = rng_chance(rng, 0.3) ? 0.1 : 0;
    int probes = 50 + (int)rng_below(rng, 3000);
    net_run(n, probes, 20 * ms);
    n->loss_there = n->loss_back = n->copy_there = n->copy_back = 0;
    net_run(n, 1, 2000 * ms);
    int64_t there = 0, back = 0;
    for (int i = 0; i < probes + 2; i++) {
        there += n->lost_there[i];
        back += n->lost_back[i];
    }
    struct path_totals t = path_totals(n->path);
    CHECK_EQ(t.sent, probes + 2);
    CHECK_EQ(t.answered + t.missed, t.sent);
    /* Of a probe doubled on the way there, one copy may be lost: nobody can tell which. */
    CHECK_NEAR((double)t.missed, (double)(there + back), (double)n->copied);
    CHECK_NEAR((double)t.lost_there, (double)there, (double)n->copied);
    CHECK_NEAR((double)t.lost_back, (double)back, (double)n->copied);
    net_free(n);
}

TEST(a_reflector_that_starts_anew)
{
    struct path_config c = {.kind = PROBE_STAMP};
    struct rng rng1 = rng_seed(3, 3);
    struct net *n = net_new(&c, &rng1);
    net_run(n, 500, 20 * ms);
    n->cut_there = true;
    net_run(n, 10, 20 * ms);
    n->cut_there = false;
    net_run(n, 100, 20 * ms);
    CHECK_EQ(path_totals(n->path).lost_there, 10);
    n->reflector_seq = 0;
    net_run(n, 500, 20 * ms);
    n->cut_back = true;
    net_run(n, 20, 20 * ms);
    n->cut_back = false;
    net_run(n, 100, 20 * ms);
    CHECK_EQ(path_totals(n->path).lost_there, 10);
    CHECK_EQ(path_totals(n->path).lost_back, 20);
    net_free(n);
}

TEST(a_stateless_reflector_tells_no_way)
{
    struct path_config c = {.kind = PROBE_STAMP, .stateless = true};
    struct rng rng1 = rng_seed(4, 4);
    struct net *n = net_new(&c, &rng1);
    n->loss_there = 0.2;
    net_run(n, 600, 20 * ms);
    CHECK_EQ(path_totals(n->path).lost_there, -1);
    CHECK_EQ(n->last[PROBE_SPAN].lost_back, -1);
    CHECK(n->last[PROBE_SPAN].lost > 50);
    net_free(n);
}

TEST(who_did_not_see_the_probe_is_not_believed)
{
    struct path_config c = {.kind = PROBE_STAMP};
    struct rng rng1 = rng_seed(5, 5);
    struct net *n = net_new(&c, &rng1);
    uint32_t seq = path_sent(n->path, now(n));
    struct path_answer a = {.seq = seq,
                            .t1_ns = wall_0 + 1,
                            .t2_ns = wall_0 + 2,
                            .t3_ns = wall_0 + 3,
                            .t4_ns = wall_0 + 4};
    CHECK(!path_answered(n->path, &a, now(n)));
    a.t1_ns = wall_0;
    a.seq = seq + 1;
    CHECK(!path_answered(n->path, &a, now(n)));
    a.seq = seq;
    CHECK(path_answered(n->path, &a, now(n)));
    CHECK(!path_answered(n->path, &a, now(n)));
    CHECK_EQ(path_totals(n->path).repeated, 1);
    net_free(n);
}

/* ---- down and up ---- */

PROP(a_cut_is_known_within_150_ms, 500)
{
    struct path_config c = {.kind = PROBE_STAMP};
    struct net *n = net_new(&c, rng);
    int64_t pace = 20 * ms + (int64_t)rng_below(rng, 10) * ms;
    n->there_ns = 1 * ms + (int64_t)rng_below(rng, 9) * ms;
    n->back_ns = 1 * ms + (int64_t)rng_below(rng, 9) * ms;
    n->jitter_ns = (int64_t)rng_below(rng, 2000000);
    net_run(n, 100 + (int)rng_below(rng, 500), pace);
    CHECK_EQ(path_state(n->path), PATH_STATE_UP);
    CHECK_EQ(n->seen[PROBE_UP], 1);
    CHECK_EQ(n->seen[PROBE_DOWN], 0);
    /* The cut falls right after a probe has passed: the worst moment. */
    int64_t cut_ns = n->now_ns - pace + n->there_ns;
    bool there = rng_chance(rng, 0.5);
    n->cut_there = there;
    n->cut_back = !there;
    net_run(n, 20, pace);
    CHECK_EQ(n->seen[PROBE_DOWN], 1);
    if (n->seen_at_ns[PROBE_DOWN] - cut_ns > 150 * ms)
        TAP_FAIL("known after %.1f ms", (double)(n->seen_at_ns[PROBE_DOWN] - cut_ns) / 1e6);
    CHECK_NEAR((double)n->last[PROBE_DOWN].since_ms, (double)(wall_0 + cut_ns) / 1e6,
               (double)(pace + 10 * ms) / 1e6);
    n->cut_there = n->cut_back = false;
    net_run(n, 10, pace);
    CHECK_EQ(path_state(n->path), PATH_STATE_UP);
    CHECK_EQ(n->seen[PROBE_UP], 2);
    net_free(n);
}

TEST(lost_probes_among_answers_are_not_down)
{
    struct path_config c = {.kind = PROBE_STAMP};
    struct rng rng1 = rng_seed(6, 6);
    struct net *n = net_new(&c, &rng1);
    for (int i = 0; i < 2000; i++) { /* two of three are lost, never three in a row */
        n->cut_there = i % 3 != 0 && i > 10;
        net_run(n, 1, 20 * ms);
    }
    CHECK_EQ(n->seen[PROBE_DOWN], 0);
    net_free(n);
}

TEST(a_path_never_answered_is_down_after_the_longest_wait)
{
    struct path_config c = {.kind = PROBE_TCP, .timeout_max_ms = 700};
    struct rng rng1 = rng_seed(7, 7);
    struct net *n = net_new(&c, &rng1);
    n->cut_there = true;
    net_run(n, 100, 20 * ms);
    CHECK_EQ(n->seen[PROBE_DOWN], 1);
    CHECK_EQ(n->seen_at_ns[PROBE_DOWN], 740 * ms);
    CHECK_EQ(n->last[PROBE_DOWN].since_ms, wall_0 / ms);
    net_free(n);
}

TEST(a_longer_path_is_late_and_not_down)
{
    struct path_config c = {.kind = PROBE_STAMP};
    struct rng rng1 = rng_seed(8, 8);
    struct net *n = net_new(&c, &rng1);
    net_run(n, 200, 20 * ms);
    n->there_ns += 35 * ms;
    net_run(n, 200, 20 * ms);
    struct path_totals t = path_totals(n->path);
    CHECK_EQ(n->seen[PROBE_DOWN], 0);
    CHECK(t.late > 0);
    CHECK(t.missed <= 3); /* the last, still under way */
    net_free(n);
}

TEST(refused_counts_at_once)
{
    struct path_config c = {.kind = PROBE_TCP};
    struct rng rng1 = rng_seed(9, 9);
    struct net *n = net_new(&c, &rng1);
    for (int i = 0; i < 3; i++)
        path_failed(n->path, path_sent(n->path, now(n)), now(n));
    CHECK_EQ(path_state(n->path), PATH_STATE_DOWN);
    CHECK_EQ(path_totals(n->path).missed, 3);
    net_free(n);
}

/* ---- spans and hops ---- */

TEST(spans_tell_what_was)
{
    struct path_config c = {.kind = PROBE_STAMP, .path = 9, .from = 2, .to = 3, .flow = 4};
    struct rng rng1 = rng_seed(10, 10);
    struct net *n = net_new(&c, &rng1);
    n->clock_ns = -70 * ms;
    n->there_ns = 4 * ms;
    n->back_ns = 15 * ms;
    n->hops_there = 1;
    net_run(n, 500, 20 * ms);
    net_until(n, n->now_ns + ms);
    const struct probe_result *r = &n->last[PROBE_SPAN];
    CHECK_EQ(n->seen[PROBE_SPAN], 1);
    CHECK_EQ(r->path * 1000 + r->from * 100 + r->to * 10u + r->flow, 9234);
    CHECK_EQ(r->sent, 500);
    CHECK_EQ(r->lost, 0);
    CHECK_NEAR(r->two_way_us, 19000, 19000 / 32.0);
    CHECK_NEAR(r->there_us, 4000 - 70000, 100);
    CHECK_NEAR(r->back_us, 15000 + 70000, 100);
    CHECK_EQ(r->hops_there, 1);
    CHECK_EQ(r->hops_back, 2);
    const struct path_span *s = path_span_at(n->path, 0);
    CHECK(s && s->up && s->sent == 500 && s->two_way_min_us == 19000);
    CHECK(!path_span_at(n->path, 1));
    net_until(n, n->now_ns + 1000000 * ms); /* silence; spans go on, and only so many are kept */
    CHECK_EQ(n->seen[PROBE_SPAN], 101);
    CHECK_EQ(path_span_at(n->path, 0)->two_way_p50_us, PROBE_US_UNKNOWN);
    net_until(n, n->now_ns + 10000000 * ms);
    CHECK(path_span_at(n->path, PATH_HISTORY - 1) && !path_span_at(n->path, PATH_HISTORY));
    net_free(n);
}

TEST(hops_are_told_when_they_stay_changed)
{
    struct path_config c = {.kind = PROBE_STAMP};
    struct rng rng1 = rng_seed(11, 11);
    struct net *n = net_new(&c, &rng1);
    net_run(n, 50, 20 * ms);
    n->hops_back = 4;
    net_run(n, 1, 20 * ms);
    n->hops_back = 2;
    net_run(n, 50, 20 * ms);
    CHECK_EQ(n->seen[PROBE_HOPS], 0);
    n->hops_there = 3;
    net_run(n, 5, 20 * ms);
    CHECK_EQ(n->seen[PROBE_HOPS], 1);
    CHECK_EQ(n->last[PROBE_HOPS].hops_there, 3);
    CHECK_EQ(n->last[PROBE_HOPS].hops_back, 2);
    net_free(n);
}

/* ---- steps ---- */

static void step_of(int64_t there, int64_t back, int64_t clock, enum change_kind want)
{
    struct path_config c = {.kind = PROBE_STAMP};
    struct rng rng1 = rng_seed(12, 12);
    struct net *n = net_new(&c, &rng1);
    n->clock_ns = 3 * ms;
    n->jitter_ns = 1 * ms;
    net_run(n, 1000, 20 * ms);
    CHECK_EQ(n->seen[PROBE_SHIFT], 0);
    n->there_ns += there;
    n->back_ns += back;
    n->clock_ns += clock;
    net_run(n, 200, 20 * ms);
    const struct probe_result *r = &n->last[PROBE_SHIFT];
    CHECK_EQ(n->seen[PROBE_SHIFT], 1);
    CHECK_STR(change_kind_names[r->shift], change_kind_names[want]);
    CHECK_NEAR(r->shift_there_us, (double)(there + clock) / 1000, 250);
    CHECK_NEAR(r->shift_back_us, (double)(back - clock) / 1000, 250);
    net_free(n);
}

TEST(steps_are_told_with_the_way_that_moved)
{
    step_of(11 * ms, 0, 0, CHANGE_THERE);
    step_of(-3 * ms, 0, 0, CHANGE_THERE);
    step_of(0, 2 * ms, 0, CHANGE_BACK);
    step_of(6 * ms, 3 * ms, 0, CHANGE_APART);
    step_of(0, 0, 5 * ms, CHANGE_CLOCK);
}

TEST(both_ways_longer_is_no_step_and_blurs_none)
{
    struct path_config c = {.kind = PROBE_STAMP};
    struct rng rng1 = rng_seed(14, 14);
    struct net *n = net_new(&c, &rng1);
    n->jitter_ns = ms / 5;
    net_run(n, 1000, 20 * ms);
    n->there_ns += 10 * ms;
    n->back_ns += 10 * ms;
    net_run(n, 200, 20 * ms);
    CHECK_EQ(n->seen[PROBE_SHIFT], 0);
    n->there_ns += 2 * ms;
    net_run(n, 200, 20 * ms);
    CHECK_EQ(n->seen[PROBE_SHIFT], 1);
    CHECK_EQ(n->last[PROBE_SHIFT].shift, CHANGE_THERE);
    CHECK_NEAR(n->last[PROBE_SHIFT].shift_there_us, 2000, 100);
    CHECK_NEAR(n->last[PROBE_SHIFT].shift_back_us, 0, 100);
    net_free(n);
}

/* An hour at 20 ms: a clock that runs 20 millionths too fast and wobbles, a path with jitter. */
TEST(a_clock_that_drifts_is_no_step)
{
    struct change c = {0};
    struct change_found found;
    struct rng rng1 = rng_seed(13, 13);
    double clock = 0;
    for (int i = 0; i < 180000; i++) {
        double run = 20e-6 + 1e-6 * sin(i / 10000.0);
        clock += run * 20e6;
        int64_t there = 5 * ms + (int64_t)(rng_exp(&rng1, 300000) + clock);
        int64_t back = 5 * ms + (int64_t)(rng_exp(&rng1, 300000) - clock);
        if (change_add(&c, there, back, &found))
            TAP_FAIL("probe %d: %s, %" PRId64 " and %" PRId64 " ns", i,
                     change_kind_names[found.kind], found.there_ns, found.back_ns);
    }
}

PROP(a_step_is_found_soon_whatever_the_offset, 200)
{
    struct change c = {0};
    struct change_found found;
    int64_t offset = (int64_t)rng_below(rng, 2000000000) - 1000000000;
    int64_t step = ((int64_t)rng_below(rng, 9000) + 1300) * 1000 * (rng_chance(rng, 0.5) ? 1 : -1);
    int quiet = 200 + (int)rng_below(rng, 2000), found_at = -1;
    for (int i = 0; i < quiet + 400 && found_at < 0; i++) {
        int64_t there = 20 * ms + offset + (int64_t)rng_exp(rng, 200000) + (i >= quiet ? step : 0);
        int64_t back = 20 * ms - offset + (int64_t)rng_exp(rng, 200000);
        if (change_add(&c, there, back, &found))
            found_at = i;
    }
    CHECK(found_at >= quiet && found_at <= quiet + 9 * CHANGE_BLOCK_DEFAULT);
    CHECK_EQ(found.kind, CHANGE_THERE);
    CHECK_NEAR((double)found.there_ns, (double)step, 150000);
}

TAP_MAIN
