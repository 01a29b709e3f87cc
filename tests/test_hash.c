/* hash: every bit of the key and of the seed counts, at every length. */
#include "base/hash.h"
#include "tap.h"

enum { LENGTH_MAX = 100 };

static void draw(struct rng *rng, uint8_t key[LENGTH_MAX])
{
    for (size_t i = 0; i < LENGTH_MAX; i++)
        key[i] = (uint8_t)rng_u64(rng);
}

/* A bit turned turns each bit of the hash half of the time: 32 of 64, and the mean of 3,000 keys
 * is off by 0.8 in no run that anybody will see (eleven spreads). */
static void avalanche(struct rng *rng, size_t n, size_t bit, bool of_seed)
{
    enum { KEYS = 3000 };
    uint8_t key[LENGTH_MAX];
    int turned = 0;
    for (int k = 0; k < KEYS; k++) {
        uint64_t seed = rng_u64(rng);
        draw(rng, key);
        uint64_t before = hash_fast(seed, key, n);
        if (of_seed)
            seed ^= 1ull << bit;
        else
            key[bit / 8] ^= (uint8_t)(1 << bit % 8);
        uint64_t after = hash_fast(seed, key, n);
        turned += __builtin_popcountll(before ^ after);
        if (before == after)
            TAP_FAIL("%s bit %zu of %zu bytes does not count", of_seed ? "seed's" : "key's", bit,
                     n);
    }
    if (turned < KEYS * 31.2 || turned > KEYS * 32.8)
        TAP_FAIL("%s bit %zu of %zu bytes turns %.2f bits", of_seed ? "seed's" : "key's", bit, n,
                 (double)turned / KEYS);
}

PROP(every_bit_of_the_seed_counts, 1)
{
    for (size_t n = 0; n <= LENGTH_MAX; n++)
        avalanche(rng, n, (size_t)rng_below(rng, 64), true);
}

PROP(every_bit_of_the_key_counts, 1)
{
    for (size_t n = 1; n <= LENGTH_MAX; n++)
        for (int times = 0; times < 3; times++)
            avalanche(rng, n, (size_t)rng_below(rng, n * 8), false);
}

/* Keys that count up, of the sizes that tables have: no two alike, and buckets as full as by
 * chance (chi-square of 1,024 buckets: 1,023 with a spread of 45). */
TEST(keys_that_count_up)
{
    for (size_t n = 4; n <= 40; n += 3) {
        enum { KEYS = 1 << 16, BUCKETS = 1024 };
        static uint32_t low[BUCKETS], high[BUCKETS];
        memset(low, 0, sizeof low);
        memset(high, 0, sizeof high);
        for (uint32_t k = 0; k < KEYS; k++) {
            uint8_t key[LENGTH_MAX] = {0};
            memcpy(key + n - 4, &k, 4);
            uint64_t h = hash_fast(n, key, n);
            low[h % BUCKETS]++;
            high[h >> 54]++;
        }
        double chi[2] = {0, 0}, mean = (double)KEYS / BUCKETS;
        for (int i = 0; i < BUCKETS; i++) {
            chi[0] += (low[i] - mean) * (low[i] - mean) / mean;
            chi[1] += (high[i] - mean) * (high[i] - mean) / mean;
        }
        for (int i = 0; i < 2; i++)
            if (chi[i] > 1023 + 6 * 45)
                TAP_FAIL("%zu bytes: chi-square %.0f", n, chi[i]);
    }
}

/* What seeds are for: keys that meet under one seed do not meet under another. */
TEST(a_hash_as_the_seed_of_the_next)
{
    enum { KEYS = 20000 };
    static uint64_t seen[KEYS];
    for (uint32_t k = 0; k < KEYS; k++)
        seen[k] = hash_fast(hash_fast(1, &k, sizeof k), "12345678", 8);
    for (uint32_t k = 1; k < KEYS; k++)
        CHECK(seen[k] != seen[0]);
}

TAP_MAIN
