/* attr: interning against the meaning of equal, counting of holders, limits, what is worked out. */
#include "net/attr.h"
#include "tap.h"

static struct attr_table *table_new(void)
{
    return attr_table_new(7, ATTR_SETS_MAX, ATTR_BYTES_MAX);
}

TEST(equal_sets_are_one)
{
    static const uint32_t path[] = {AS_SEGMENT(AS_SEQUENCE, 2), 16550, 64601};
    static const uint32_t up[] = {COMMUNITY(7224, 7100), COMMUNITY(7224, 7300)};
    static const uint32_t down[] = {COMMUNITY(7224, 7300), COMMUNITY(7224, 7100)};
    struct attr_table *t = table_new();
    struct attr a = {.path = path, .n_path = 3, .communities = up, .n_communities = 2};
    struct attr b = a;
    b.communities = down; /* communities are a set */
    uint32_t x = attr_intern(t, &a), y = attr_intern(t, &b);
    CHECK(x != ATTR_NONE && x == y);
    b.med = 1;
    uint32_t z = attr_intern(t, &b);
    CHECK(z != x);
    b.med = 0;
    b.has = ATTR_MED; /* a MED of 0 is not no MED */
    uint32_t w = attr_intern(t, &b);
    CHECK(w != x && w != z);
    CHECK_EQ(attr_table_stats(t).sets, 3);
    attr_release(t, x);
    CHECK_EQ(attr_table_stats(t).sets, 3); /* y still holds it */
    attr_release(t, y);
    attr_release(t, z);
    attr_release(t, w);
    CHECK_EQ(attr_table_stats(t).sets, 0);
    attr_table_free(t);
}

/* Short lists and long ones, in every order of their drawing, are sorted to the same set. */
PROP(communities_are_sets_however_many, 100)
{
    uint32_t list[40], n = 2 + (uint32_t)rng_below(rng, COUNTOF(list) - 1);
    struct attr_table *t = table_new();
    for (uint32_t i = 0; i < n; i++)
        list[i] = (uint32_t)rng_below(rng, rng_chance(rng, 0.5) ? 8 : UINT32_MAX);
    struct attr a = {.communities = list, .n_communities = (uint16_t)n};
    uint32_t first = attr_intern(t, &a);
    for (int k = 0; k < 5; k++) {
        for (uint32_t i = n - 1; i; i--) {
            uint32_t other = (uint32_t)rng_below(rng, i + 1), v = list[i];
            list[i] = list[other];
            list[other] = v;
        }
        CHECK_EQ(attr_intern(t, &a), first);
    }
    const struct attr *kept = attr_get(t, first);
    uint64_t sum = 0, kept_sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        CHECK(!i || kept->communities[i - 1] <= kept->communities[i]);
        sum += list[i];
        kept_sum += kept->communities[i];
    }
    CHECK_EQ(kept_sum, sum);
    attr_table_free(t);
}

static uint32_t intern_path(struct attr_table *t, const uint32_t *path, uint16_t n)
{
    return attr_intern(t, &(struct attr){.path = path, .n_path = n});
}

/* By hand from RFC 4271 9.1.2.2 and RFC 5065 5.3. */
TEST(what_a_path_says)
{
    static const uint32_t mixed[] = {AS_SEGMENT(AS_CONFED_SEQUENCE, 2),
                                     65001,
                                     65002,
                                     AS_SEGMENT(AS_SEQUENCE, 3),
                                     10,
                                     20,
                                     10,
                                     AS_SEGMENT(AS_SET, 2),
                                     30,
                                     40};
    static const uint32_t plain[] = {AS_SEGMENT(AS_SEQUENCE, 3), 4200000000u, 7224, 64512};
    struct attr_table *t = table_new();
    char text[64];
    uint32_t m = intern_path(t, mixed, COUNTOF(mixed)), p = intern_path(t, plain, COUNTOF(plain));
    uint32_t none = intern_path(t, NULL, 0);
    const struct attr *a = attr_get(t, m);
    CHECK_EQ(a->path_length, 4);
    CHECK_EQ(a->neighbour_as, 10);
    CHECK_EQ(a->origin_as, 0); /* ends with a set: nobody knows */
    CHECK_EQ(attr_path_count(a, 10), 2);
    CHECK_EQ(attr_path_count(a, 65002), 1);
    CHECK_EQ(attr_path_count(a, 50), 0);
    CHECK_STR(attr_path_text(a, text, sizeof text), "(65001 65002) 10 20 10 {30 40}");
    CHECK_STR(attr_path_text(a, text, 8), "(65001 ");
    a = attr_get(t, p);
    CHECK_EQ(a->path_length, 3);
    CHECK_EQ(a->neighbour_as, 4200000000u);
    CHECK_EQ(a->origin_as, 64512);
    a = attr_get(t, none);
    CHECK_EQ(a->path_length + a->neighbour_as + a->origin_as, 0);
    CHECK_STR(attr_path_text(a, text, sizeof text), "");
    attr_table_free(t);
}

TEST(a_full_table_refuses_and_forgets_nothing)
{
    struct attr_table *t = attr_table_new(1, 2, ATTR_BYTES_MAX);
    struct attr a = {.med = 1}, b = {.med = 2}, c = {.med = 3};
    uint32_t x = attr_intern(t, &a), y = attr_intern(t, &b);
    CHECK(x && y);
    CHECK_EQ(attr_intern(t, &c), ATTR_NONE);
    CHECK_EQ(attr_intern(t, &b), y); /* what is there is still found */
    CHECK_EQ(attr_table_stats(t).refused, 1);
    attr_release(t, x);
    CHECK(attr_intern(t, &c) != ATTR_NONE);
    attr_table_free(t);
    t = attr_table_new(1, 100, 200); /* bytes: two of these do not fit */
    CHECK(attr_intern(t, &a) != ATTR_NONE);
    CHECK_EQ(attr_intern(t, &b), ATTR_NONE);
    attr_table_free(t);
}

/* Sets drawn from few values, interned and released at random, against a list that is searched. */
enum { KEPT = 40 };
struct kept {
    uint32_t med, community[2], n, id;
    bool used;
};

PROP(handles_are_equal_exactly_when_sets_are, 300)
{
    struct attr_table *t = table_new();
    struct kept kept[KEPT] = {0};
    for (int step = 0; step < 400; step++) {
        struct kept *k = &kept[rng_below(rng, KEPT)];
        if (k->used) {
            attr_release(t, k->id);
            k->used = false;
            continue;
        }
        *k = (struct kept){.med = (uint32_t)rng_below(rng, 4), .n = (uint32_t)rng_below(rng, 3)};
        for (uint32_t i = 0; i < k->n; i++)
            k->community[i] = (uint32_t)rng_below(rng, 2);
        k->id = attr_intern(t, &(struct attr){.med = k->med,
                                              .communities = k->community,
                                              .n_communities = (uint16_t)k->n});
        k->used = true;
        uint32_t distinct = 0;
        for (int i = 0; i < KEPT; i++) {
            bool first = kept[i].used;
            for (int j = 0; kept[i].used && j < i; j++) {
                bool same = kept[j].used && kept[j].med == kept[i].med && kept[j].n == kept[i].n;
                for (uint32_t c = 0; same && c < kept[i].n; c++) { /* as multisets of 0 and 1 */
                    uint32_t a = kept[i].community[0], b = kept[j].community[0];
                    if (kept[i].n == 2) {
                        a += kept[i].community[1];
                        b += kept[j].community[1];
                    }
                    same = a == b;
                }
                if (kept[j].used)
                    CHECK_EQ(kept[i].id == kept[j].id, same);
                first = first && !same;
            }
            distinct += first;
        }
        CHECK_EQ(attr_table_stats(t).sets, distinct);
        CHECK_EQ(attr_get(t, k->id)->med, k->med);
    }
    attr_table_free(t);
}

TAP_MAIN
