#include "base/rng.h"

#include <math.h>
#include <string.h>

__extension__ typedef unsigned __int128 u128;

double rng_unit(struct rng *r)
{
    return (double)(rng_u64(r) >> 11) * 0x1p-53;
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
    BUG_ON(n == 0);
    /* Lemire 2019, "Fast random integer generation in an interval": multiply, reject the short
     * first interval so that every value is equally likely. */
    u128 m = (u128)rng_u64(r) * n;
    if ((uint64_t)m < n) {
        uint64_t floor = -n % n;
        while ((uint64_t)m < floor)
            m = (u128)rng_u64(r) * n;
    }
    return (uint64_t)(m >> 64);
}

bool rng_chance(struct rng *r, double p)
{
    return rng_unit(r) < p;
}

double rng_exp(struct rng *r, double mean)
{
    return -mean * log1p(-rng_unit(r));
}

double rng_normal(struct rng *r)
{
    double u = 1.0 - rng_unit(r), v = rng_unit(r);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

double rng_lognormal(struct rng *r, double mean, double cv2)
{
    double s2 = log1p(cv2);
    return mean * exp(sqrt(s2) * rng_normal(r) - s2 / 2);
}

uint64_t hash_bytes(const void *p, size_t n)
{
    const unsigned char *c = p;
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ c[i]) * 0x100000001b3u;
    h = mix64(h);
    return h ? h : 1;
}

uint64_t hash_str(const char *s)
{
    return hash_bytes(s, strlen(s));
}
