/* heap: against sorting, and against a list searched from end to end. */
#include "base/heap.h"
#include "tap.h"

static int by_key_and_tie(const void *x, const void *y)
{
    const struct heap_item *a = x, *b = y;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return (a->tie > b->tie) - (a->tie < b->tie);
}

static struct heap_item draw(struct rng *rng, uint64_t tie)
{
    static const int64_t edges[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX};
    int64_t key = (int64_t)rng_below(rng, 9) - 4; /* many equal keys */
    if (rng_chance(rng, 0.3))
        key = (int64_t)rng_u64(rng);
    else if (rng_chance(rng, 0.1))
        key = edges[rng_below(rng, COUNTOF(edges))];
    return (struct heap_item){key, tie, rng_u64(rng)};
}

static bool same(const struct heap_item *a, const struct heap_item *b)
{
    return a->key == b->key && a->tie == b->tie && a->value == b->value;
}

TEST(empty_heap)
{
    struct heap h = {0};
    struct heap_item out = {7, 8, 9};
    CHECK(!heap_peek(&h));
    CHECK(!heap_pop(&h, &out));
    CHECK_EQ(out.value, 9);
    heap_push(&h, 1, 2, 3);
    CHECK(heap_peek(&h) == &h.item[0]);
    CHECK(heap_pop(&h, &out));
    CHECK_EQ(out.value, 3);
    CHECK(!heap_peek(&h));
    heap_free(&h);
}

TEST(ties_are_unsigned_and_keys_signed)
{
    struct heap h = {0};
    struct heap_item out;
    heap_push(&h, 1, UINT64_MAX, 4);
    heap_push(&h, 1, 0, 3);
    heap_push(&h, -1, UINT64_MAX, 2);
    heap_push(&h, INT64_MIN, 5, 1);
    for (uint64_t want = 1; want <= 4; want++) {
        CHECK(heap_pop(&h, &out));
        CHECK_EQ(out.value, want);
    }
    heap_free(&h);
}

/* Sizes around every boundary of four children; ties permuted so that order is not that of push. */
PROP(comes_out_sorted, 500)
{
    size_t n = rng_below(rng, rng_chance(rng, 0.1) ? 5000 : 40);
    struct heap h = {0};
    struct heap_item *all = mem_new(n, sizeof *all), out;
    uint64_t flip = rng_u64(rng);
    for (size_t i = 0; i < n; i++) {
        all[i] = draw(rng, i ^ flip);
        heap_push(&h, all[i].key, all[i].tie, all[i].value);
    }
    qsort(all, n, sizeof *all, by_key_and_tie);
    for (size_t i = 0; i < n; i++) {
        CHECK(heap_peek(&h) && same(heap_peek(&h), &all[i]));
        CHECK(heap_pop(&h, &out) && same(&out, &all[i]));
    }
    CHECK(!heap_pop(&h, &out));
    mem_free(all);
    heap_free(&h);
}

PROP(pushes_and_pops_mixed, 300)
{
    enum { MAX = 64 };
    struct heap h = {0};
    struct heap_item list[MAX], out;
    size_t n = 0;
    double grow = rng_unit(rng);
    for (uint64_t step = 0; step < 400; step++) {
        if (n < MAX && rng_chance(rng, grow)) {
            list[n] = draw(rng, step);
            heap_push(&h, list[n].key, list[n].tie, list[n].value);
            n++;
        } else if (n) {
            size_t least = 0;
            for (size_t i = 1; i < n; i++)
                if (by_key_and_tie(&list[i], &list[least]) < 0)
                    least = i;
            CHECK(heap_pop(&h, &out) && same(&out, &list[least]));
            list[least] = list[--n];
        }
        CHECK_EQ(h.count, n);
    }
    heap_free(&h);
}

TAP_MAIN
