/* map: against a list searched from end to end, with keys that collide on purpose. */
#include "base/map.h"
#include "tap.h"

enum { KEYS = 300 };
struct naive {
    size_t n;
    struct {
        uint64_t hi, lo;
        uint32_t value;
    } row[KEYS];
};

static size_t naive_at(const struct naive *l, uint64_t hi, uint64_t lo)
{
    size_t i = 0;
    while (i < l->n && !(l->row[i].hi == hi && l->row[i].lo == lo))
        i++;
    return i;
}

static void naive_insert(struct naive *l, uint64_t hi, uint64_t lo, uint32_t value)
{
    size_t i = naive_at(l, hi, lo);
    l->n += i == l->n;
    l->row[i].hi = hi;
    l->row[i].lo = lo;
    l->row[i].value = value;
}

static bool naive_erase(struct naive *l, uint64_t hi, uint64_t lo)
{
    size_t i = naive_at(l, hi, lo);
    if (i == l->n)
        return false;
    l->row[i] = l->row[--l->n];
    return true;
}

/* Few keys, so that each is inserted and erased often, and of all shapes: counters, high bits
 * only, random. */
static uint64_t draw_key(struct rng *rng, uint64_t shape)
{
    uint64_t i = rng_below(rng, 16);
    return shape == 0 ? i : shape == 1 ? i << 60 : shape == 2 ? i << 32 : mix64(i);
}

PROP(map128_is_a_map, 300)
{
    struct map128 m = {0};
    static struct naive l;
    l.n = 0;
    uint64_t shape_hi = rng_below(rng, 4), shape_lo = rng_below(rng, 4);
    double grow = rng_unit(rng);
    for (int step = 0; step < 600; step++) {
        uint64_t hi = draw_key(rng, shape_hi), lo = draw_key(rng, shape_lo);
        uint32_t value = (uint32_t)rng_u64(rng), got = 77;
        if (rng_chance(rng, grow) && l.n < KEYS) {
            map128_insert(&m, hi, lo, value);
            naive_insert(&l, hi, lo, value);
        } else {
            CHECK_EQ(map128_erase(&m, hi, lo), naive_erase(&l, hi, lo));
        }
        hi = draw_key(rng, shape_hi), lo = draw_key(rng, shape_lo);
        size_t i = naive_at(&l, hi, lo);
        CHECK_EQ(map128_find(&m, hi, lo, &got), i < l.n);
        CHECK_EQ(got, i < l.n ? l.row[i].value : 77);
        CHECK_EQ(m.count, l.n);
    }
    const struct map128_slot *s;
    size_t walked = 0;
    for (size_t at = 0; (s = map128_next(&m, &at)); walked++) {
        size_t i = naive_at(&l, s->hi, s->lo);
        CHECK(i < l.n && l.row[i].value == s->value);
    }
    CHECK_EQ(walked, l.n);
    map128_free(&m);
}

PROP(map64_is_a_map, 300)
{
    struct map64 m = {0};
    static struct naive l;
    l.n = 0;
    uint64_t shape = rng_below(rng, 4), spread = rng_below(rng, 2) * 17;
    double grow = rng_unit(rng);
    for (int step = 0; step < 600; step++) {
        uint64_t key = draw_key(rng, shape) + spread * rng_below(rng, 12);
        uint32_t value = (uint32_t)rng_u64(rng), got = 77;
        if (rng_chance(rng, grow) && l.n < KEYS) {
            map64_insert(&m, key, value);
            naive_insert(&l, 0, key, value);
        } else {
            CHECK_EQ(map64_erase(&m, key), naive_erase(&l, 0, key));
        }
        key = draw_key(rng, shape) + spread * rng_below(rng, 12);
        size_t i = naive_at(&l, 0, key);
        CHECK_EQ(map64_find(&m, key, &got), i < l.n);
        CHECK_EQ(got, i < l.n ? l.row[i].value : 77);
        CHECK_EQ(m.count, l.n);
    }
    const struct map64_slot *s;
    size_t walked = 0;
    for (size_t at = 0; (s = map64_next(&m, &at)); walked++) {
        size_t i = naive_at(&l, 0, s->key);
        CHECK(i < l.n && l.row[i].value == s->value);
    }
    CHECK_EQ(walked, l.n);
    map64_free(&m);
}

/* A map as long-lived as a node's: as many come as go, and it must not grow. */
TEST(a_map_in_balance_keeps_its_size)
{
    struct map128 m = {0};
    enum { LIVE = 1000, STEPS = 200000 };
    for (uint64_t i = 0; i < LIVE; i++)
        map128_insert(&m, i, mix64(i), (uint32_t)i);
    size_t cap = m.cap;
    for (uint64_t i = LIVE; i < STEPS; i++) {
        uint32_t value = 0;
        uint64_t old = i - LIVE;
        if (!map128_find(&m, old, mix64(old), &value) || value != (uint32_t)old)
            TAP_FAIL("key %" PRIu64 " is lost", old);
        CHECK(map128_erase(&m, old, mix64(old)));
        map128_insert(&m, i, mix64(i), (uint32_t)i);
    }
    CHECK_EQ(m.count, LIVE);
    CHECK_EQ(m.cap, cap);
    map128_free(&m);
}

TEST(an_empty_map_answers)
{
    struct map64 m = {0};
    uint32_t value = 5;
    size_t at = 0;
    CHECK(!map64_find(&m, 0, &value));
    CHECK(!map64_erase(&m, 0));
    CHECK(!map64_next(&m, &at));
    map64_insert(&m, 0, 9); /* 0 is a key like any other */
    CHECK(map64_find(&m, 0, &value));
    CHECK_EQ(value, 9);
    CHECK(map64_erase(&m, 0));
    CHECK(!map64_find(&m, 0, &value));
    map64_free(&m);
}

TAP_MAIN
