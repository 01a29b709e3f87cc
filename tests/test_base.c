/* base: buffers grow and end with NUL; the generator is unbiased and repeatable. */
#include "base/mem.h"
#include "tap.h"

TEST(buffer_grows_and_is_a_string)
{
    struct buf b = {0};
    for (int i = 0; i < 1000; i++)
        buf_fmt(&b, "%d,", i % 10);
    CHECK_EQ(b.len, 2000);
    CHECK_EQ(b.data[b.len], 0);
    char big[600];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = 0;
    buf_reset(&b);
    buf_fmt(&b, "%s!", big);
    CHECK_EQ(b.len, 600);
    CHECK_EQ(b.data[599], '!');
    buf_free(&b);
}

TEST(str_copy_says_when_it_cuts)
{
    char to[4];
    CHECK(str_copy(to, sizeof to, "abc"));
    CHECK(!str_copy(to, sizeof to, "abcd"));
    CHECK_STR(to, "abc");
}

TEST(names_hash_the_same_everywhere)
{
    CHECK(hash_str("us-east-1") == hash_str("us-east-1"));
    CHECK(hash_str("us-east-1") != hash_str("us-west-2"));
    CHECK(hash_str("") != 0);
}

TEST(moments_of_the_distributions)
{
    struct rng r = rng_seed(1, 2);
    double e = 0, l = 0, l2 = 0;
    enum { N = 200000 };
    for (int i = 0; i < N; i++) {
        e += rng_exp(&r, 30);
        double x = rng_lognormal(&r, 180, 1.5);
        l += x;
        l2 += x * x;
    }
    e /= N;
    l /= N;
    l2 = l2 / N / (l * l) - 1;
    CHECK_NEAR(e, 30, 0.5);
    CHECK_NEAR(l, 180, 2.5);
    CHECK_NEAR(l2, 1.5, 0.2);
}

PROP(below_stays_below, 200)
{
    uint64_t n = 1 + rng_below(rng, 1000);
    for (int i = 0; i < 50; i++)
        CHECK(rng_below(rng, n) < n);
}

TAP_MAIN
