/* tdg_plan: the average over time follows what is wanted, within the bound that its header proves.
 */
#include "base/mem.h"
#include "driver/instance/tdg_plan.h"
#include "tap.h"

enum { LOOK_MS = 5000 };

struct day { /* a group whose changes take a while, and its integral, kept apart from the plan's */
    struct tdg_plan plan;
    int32_t set, coming; /* coming: -1 none is under way */
    td_ms now, active_at, changed_at;
    double had; /* percent x ms of the first region */
    uint32_t changes;
};

static void look(struct day *d, int32_t wanted_ppm, int64_t takes_ms)
{
    if (d->coming >= 0 && d->now >= d->active_at) {
        d->set = d->coming;
        d->coming = -1;
        tdg_plan_is(&d->plan, d->set, d->now);
        d->changed_at = d->now;
    }
    int32_t next = tdg_plan_next(&d->plan, wanted_ppm, d->coming < 0, d->now);
    if (next >= 0) {
        CHECK(next <= 100 && next % 10 == 0 && next != d->set);
        CHECK_EQ(d->coming, -1); /* never while the last one is under way */
        d->coming = next;
        d->active_at = d->now + takes_ms;
        d->changes++;
    }
    d->had += (double)d->set * LOOK_MS;
    d->now += LOOK_MS;
}

/* Whatever share, dwell, and time that AWS takes: the average after T is off by no more than 10 %
 * of (dwell + look + that time) / T. */
PROP(the_average_follows, 400)
{
    int32_t wanted = (int32_t)rng_below(rng, PPM + 1);
    int64_t dwell = LOOK_MS * (1 + (int64_t)rng_below(rng, 24));
    int64_t takes = LOOK_MS * (int64_t)rng_below(rng, 6);
    struct day d = {
        .plan = {.dwell_ms = dwell}, .set = wanted / 100000 * 10, .coming = -1, .now = 1000000};
    tdg_plan_is(&d.plan, d.set, d.now);
    td_ms start = d.now;
    for (int i = 0; i < 4000; i++) {
        look(&d, wanted, takes);
        double spent = (double)(d.now - start);
        double off = d.had / spent - (double)wanted / 10000;
        double bound = 10.0 * (double)(dwell + 2 * LOOK_MS + takes) / spent;
        if (!(fabs(off) <= bound + 1e-6)) {
            TAP_FAIL("wanted %d, dwell %d, takes %d: after %.0f s off by %.4f, bound %.4f", wanted,
                     (int)dwell, (int)takes, spent / 1000, off, bound);
            return;
        }
    }
    CHECK(d.changes <= 1 + 4000 * (uint64_t)LOOK_MS / (uint64_t)dwell);
}

TEST(a_ten_stays)
{
    for (int32_t ten = 0; ten <= 100; ten += 10) {
        struct day d = {.set = ten, .coming = -1};
        tdg_plan_is(&d.plan, ten, 0);
        for (int i = 0; i < 1000; i++)
            look(&d, ten * 10000, 10000);
        CHECK_EQ(d.changes, 0);
    }
}

TEST(a_region_is_left_at_once_and_entered_again)
{
    struct tdg_plan p = {0};
    CHECK_EQ(tdg_plan_next(&p, 500000, true, 0), -1); /* nothing known yet */
    tdg_plan_is(&p, 50, 0);
    CHECK_EQ(tdg_plan_next(&p, 530000, true, 1000), -1);
    CHECK_EQ(tdg_plan_next(&p, 0, true, 2000), 0);   /* within the dwell */
    CHECK_EQ(tdg_plan_next(&p, 0, false, 3000), -1); /* not while AWS changes it */
    tdg_plan_is(&p, 0, 4000);
    CHECK_EQ(tdg_plan_next(&p, 0, true, 5000), -1);
    CHECK_EQ(tdg_plan_next(&p, 250000, true, 6000), 30);
    tdg_plan_is(&p, 30, 7000);
    CHECK_EQ(tdg_plan_next(&p, -1, true, 8000), -1);
    CHECK_EQ(tdg_plan_next(&p, PPM, true, 9000), 100);
    /* the last tenth too: 96 % wanted is not all */
    tdg_plan_is(&p, 90, 10000);
    CHECK_EQ(tdg_plan_next(&p, PPM, true, 11000), 100);
}

TEST(what_aws_is_told)
{
    struct tdg_set s = {.region = {"us-east-1", "us-west-2"},
                        .percent = 30,
                        .agents = true,
                        .agent_percent = 20,
                        .sign_in = true,
                        .enabled = {true, false}};
    struct buf b = {0};
    tdg_set_write(&s, &b);
    CHECK_STR(
        b.data,
        "{\"TelephonyConfig\":{\"Distributions\":[{\"Region\":\"us-east-1\",\"Percentage\":30}"
        ",{\"Region\":\"us-west-2\",\"Percentage\":70}]},\"AgentConfig\":{\"Distributions\":[{"
        "\"Region\":\"us-east-1\",\"Percentage\":20},{\"Region\":\"us-west-2\",\"Percentage\":"
        "80}]},\"SignInConfig\":{\"Distributions\":[{\"Region\":\"us-east-1\",\"Enabled\":true}"
        ",{\"Region\":\"us-west-2\",\"Enabled\":false}]}}");
    CHECK_EQ(tdg_set_where(&s, 50), 1); /* us-west-2 takes more */
    CHECK_EQ(tdg_set_where(&s, 0), 0);
    CHECK_EQ(tdg_set_where(&s, 30), 1);
    buf_free(&b);
}

TAP_MAIN
