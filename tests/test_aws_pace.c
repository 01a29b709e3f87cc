/* aws_pace: budgets of calls held against AWS's own way of counting them, on virtual time. */
#include "aws/pace.h"
#include "tap.h"

/* AWS's bucket: what it throttles. */
struct theirs {
    double tokens, rate, burst;
    int64_t at_ms;
};

static bool theirs_takes(struct theirs *t, int64_t now_ms)
{
    t->tokens = MIN(t->burst, t->tokens + (double)(now_ms - t->at_ms) * t->rate / 1000);
    t->at_ms = now_ms;
    if (t->tokens < 1)
        return false;
    t->tokens -= 1;
    return true;
}

/* A random load on a few buckets: AWS would never throttle one call, though each arrives up to
 * 300 ms late and one before us has left but one token; none is lost, and calls of one bucket and
 * priority keep their order. */
PROP(never_above_what_aws_gives, 60)
{
    enum { BUCKETS = 3, CALLS = 150, LATE_MS = 300 };
    static const double rates[] = {2, 5, 10}, bursts[] = {5, 8, 15};
    struct pace *p = pace_new();
    struct theirs t[BUCKETS];
    uint32_t bucket[BUCKETS], last[BUCKETS][AWS_PRIORITIES] = {{0}};
    uint32_t pushed = 0, gone = 0, id, where[CALLS + 1], prio[CALLS + 1];
    int64_t arrive[CALLS + 1], at[CALLS + 1], now = 0, latest = 0;
    for (int i = 0; i < BUCKETS; i++) {
        bucket[i] = pace_bucket(p, (uint64_t)i + 1, rates[i], bursts[i], false);
        t[i] = (struct theirs){1, rates[i], bursts[i], 0};
    }
    while (gone < CALLS) {
        int64_t push_at = pushed < CALLS ? now + (int64_t)rng_below(rng, 120) : INT64_MAX;
        int64_t due = pace_due(p);
        CHECK(due < INT64_MAX || push_at < INT64_MAX);
        now = MAX(now, MIN(due, push_at));
        if (push_at <= now && pushed < CALLS) {
            id = ++pushed;
            where[id] = (uint32_t)rng_below(rng, BUCKETS);
            prio[id] = (uint32_t)rng_below(rng, AWS_PRIORITIES);
            CHECK(pace_push(p, bucket[where[id]], prio[id], id, now));
        }
        while (pace_next(p, now, &id)) {
            CHECK(id > last[where[id]][prio[id]]);
            last[where[id]][prio[id]] = id;
            arrive[gone] = now + (int64_t)rng_below(rng, LATE_MS);
            at[gone++] = id;
        }
        if (gone > CALLS)
            break;
    }
    for (uint32_t n = 0; n < CALLS; n++) { /* in the order of arrival */
        uint32_t least = n;
        for (uint32_t i = n + 1; i < CALLS; i++)
            if (arrive[i] < arrive[least])
                least = i;
        int64_t a = arrive[least], who = at[least];
        arrive[least] = arrive[n];
        at[least] = at[n];
        latest = MAX(latest, a);
        CHECK(theirs_takes(&t[where[who]], a));
    }
    CHECK_EQ(pace_waiting(p), 0);
    CHECK_EQ(pace_due(p), INT64_MAX);
    pace_free(p);
}

TEST(the_urgent_goes_first)
{
    enum { T = 10000 };
    struct pace *p = pace_new();
    uint32_t b = pace_bucket(p, 1, 2, 5, false), id, order[6], n = 0;
    CHECK_EQ(pace_bucket(p, 1, 2, 5, false), b);
    /* at first one: what those before us have used is not known */
    CHECK(pace_push(p, b, AWS_POLL, 0, 0) && pace_next(p, 0, &id) && id == 0);
    CHECK(pace_push(p, b, AWS_POLL, 1, 0) && !pace_next(p, 0, &id) && pace_next(p, 600, &id));
    for (uint32_t i = 0; i < 4; i++) /* later 4 at once: AWS's burst less one */
        CHECK(pace_push(p, b, AWS_POLL, i, T) && pace_next(p, T, &id) && id == i);
    CHECK(pace_push(p, b, AWS_POLL, 10, T) && pace_push(p, b, AWS_MIRROR, 11, T));
    CHECK(pace_push(p, b, AWS_FAILOVER, 12, T) && pace_push(p, b, AWS_CONTACT, 13, T));
    CHECK(pace_push(p, b, AWS_FAILOVER, 14, T) && pace_push(p, b, AWS_POLL, 15, T));
    CHECK(!pace_next(p, T, &id));
    CHECK(pace_remove(p, 15) && !pace_remove(p, 15));
    while (n < 5) {
        int64_t due = pace_due(p);
        CHECK(!pace_next(p, due - 1, &id));
        CHECK(pace_next(p, due, &order[n]));
        /* 0.9 of 2 a second */
        CHECK_NEAR((double)(due - T), (n + 1) / 0.0018, 6);
        n++;
    }
    CHECK_EQ(order[0], 12);
    CHECK_EQ(order[1], 14);
    CHECK_EQ(order[2], 13);
    CHECK_EQ(order[3], 11);
    CHECK_EQ(order[4], 10);
    pace_free(p);
}

TEST(no_limit)
{
    struct pace *p = pace_new();
    uint32_t b = pace_bucket(p, 1, 0, 0, false), id;
    for (uint32_t i = 0; i < 1000; i++)
        CHECK(pace_push(p, b, AWS_POLL, i, 7));
    for (uint32_t i = 0; i < 1000; i++)
        CHECK(pace_next(p, 7, &id) && id == i);
    pace_free(p);
}

TEST(no_more_than_may_wait)
{
    struct pace *p = pace_new();
    uint32_t b = pace_bucket(p, 1, 2, 5, false);
    for (uint32_t i = 0; i < PACE_WAITING_MAX; i++)
        if (!pace_push(p, b, AWS_POLL, i, 0))
            TAP_FAIL("refused at %u", i);
    CHECK(!pace_push(p, b, AWS_POLL, PACE_WAITING_MAX, 0));
    CHECK(pace_remove(p, 77));
    CHECK(pace_push(p, b, AWS_POLL, PACE_WAITING_MAX, 0));
    pace_free(p);
}

static uint32_t calls_in(struct pace *p, uint32_t b, int64_t from, int64_t to)
{
    uint32_t id, n = 0;
    CHECK(pace_push(p, b, AWS_POLL, 1, from));
    for (int64_t now = from; now < to; now++)
        while (pace_next(p, now, &id)) {
            CHECK(pace_push(p, b, AWS_POLL, 1, now));
            n++;
        }
    (void)pace_remove(p, 1);
    return n;
}

TEST(slower_once_throttled_and_back)
{
    struct pace *p = pace_new();
    uint32_t b = pace_bucket(p, 1, 100, 5, false); /* 90 a second */
    uint32_t full = calls_in(p, b, 0, 1000);
    CHECK(full >= 89 && full <= 95);
    for (int i = 0; i < 3; i++)
        pace_throttled(p, b, 1000); /* an eighth, coming back: 11 a second, rising by 3 */
    uint32_t slow = calls_in(p, b, 1000, 2000);
    CHECK(slow >= 10 && slow <= 14);
    for (int i = 0; i < 30; i++)
        pace_throttled(p, b, 2000);
    slow = calls_in(p, b, 2000, 3000); /* never below a tenth */
    CHECK(slow >= 8 && slow <= 12);
    full = calls_in(p, b, 2000 + PACE_RECOVER_MS, 3000 + PACE_RECOVER_MS);
    CHECK(full >= 89 && full <= 95);
    pace_free(p);
}

PROP(retries_have_a_budget, 20)
{
    struct pace_retry r = PACE_RETRY_START;
    int64_t ms, sum = 0;
    int n = 0, more = 0;
    while (pace_retry(&r, 1, false, 100, 20000, rng, &ms)) {
        CHECK(ms >= 0 && ms <= 200);
        sum += ms;
        n++;
    }
    CHECK_EQ(n, 100); /* 500 / 5 */
    CHECK_NEAR((double)sum / n, 100, 30);
    pace_went_well(&r, true);
    CHECK(!pace_retry(&r, 1, true, 100, 20000, rng, &ms)); /* without an answer it costs 10 */
    CHECK(pace_retry(&r, 1, false, 100, 20000, rng, &ms));
    for (int i = 0; i < 25; i++)
        pace_went_well(&r, false);
    while (pace_retry(&r, 60, false, 100, 20000, rng, &ms)) {
        CHECK(ms <= 20000);
        more++;
    }
    CHECK_EQ(more, 5);
    for (int i = 0; i < 2000; i++)
        pace_went_well(&r, false);
    CHECK_EQ(r.tokens, PACE_RETRY_MAX);
}

TAP_MAIN
