/* prefix: texts both ways, what is refused, and covering against a comparison bit by bit. */
#include "net/prefix.h"
#include "tap.h"

static const char *again(const char *text)
{
    static char out[PREFIX_TEXT_MAX];
    struct prefix p;
    return prefix_parse(text, &p) ? prefix_text(&p, out) : NULL;
}

TEST(texts)
{
    CHECK_STR(again("10.1.0.0/16"), "10.1.0.0/16");
    CHECK_STR(again("0.0.0.0/0"), "0.0.0.0/0");
    CHECK_STR(again("192.0.2.1"), "192.0.2.1/32");
    CHECK_STR(again("2001:DB8:0:0::/32"), "2001:db8::/32");
    CHECK_STR(again("::/0"), "::/0");
}

TEST(what_is_refused)
{
    static const char *const bad[] = {"",
                                      "10.1.0.0/",
                                      "10.1.0.0/33",
                                      "10.1.2.3/16",
                                      "10.1.0.0/ 8",
                                      "10.0.0.0/08",
                                      "10.0.0.0/8x",
                                      "10.0.0/8",
                                      "::1/127",
                                      "::/129",
                                      "10.0.0.0/-1",
                                      "/8",
                                      "300.0.0.0/8",
                                      "1:2:3/16",
                                      "10.0.0.0/8/8"};
    for (size_t i = 0; i < COUNTOF(bad); i++)
        if (again(bad[i]))
            TAP_FAIL("\"%s\" is taken for %s", bad[i], again(bad[i]));
}

static int bit(const struct prefix *p, int i)
{
    return p->byte[i / 8] >> (7 - i % 8) & 1;
}

static struct prefix draw(struct rng *rng)
{
    struct prefix p = {.family = rng_chance(rng, 0.5) ? IPV4 : IPV6};
    int max = prefix_bits_max(&p);
    for (int i = 0; i < max / 8; i++)
        p.byte[i] = rng_chance(rng, 0.7) ? 0x80 : (uint8_t)rng_below(rng, 256);
    p.len = (uint8_t)rng_below(rng, (uint64_t)max + 1);
    prefix_canonical(&p);
    return p;
}

PROP(covering_is_sharing_the_bits, 20000)
{
    struct prefix a = draw(rng), b = draw(rng);
    bool covers = a.family == b.family && a.len <= b.len;
    for (int i = 0; covers && i < a.len; i++)
        covers = bit(&a, i) == bit(&b, i);
    CHECK_EQ(prefix_covers(&a, &b), covers);
    if (covers)
        CHECK(prefix_compare(&a, &b) <= 0);
    CHECK_EQ(prefix_compare(&a, &b) == 0, prefix_equal(&a, &b));
    char text[PREFIX_TEXT_MAX];
    struct prefix back;
    CHECK(prefix_parse(prefix_text(&a, text), &back) && prefix_equal(&a, &back));
}

TAP_MAIN
