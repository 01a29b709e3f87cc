/* rng.h - seeded random numbers and 64-bit mixing. No global state: whoever draws owns the rng.
 *
 * splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014);
 * constants of Vigna's public-domain reference. Not for secrets. */
#pragma once

#include "base/base.h"

struct rng {
    uint64_t state;
};

/* The finaliser of splitmix64: a bijection of 64 bits, used as hash mixer everywhere. */
static inline uint64_t mix64(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline uint64_t rng_u64(struct rng *r)
{
    return mix64(r->state += 0x9e3779b97f4a7c15u);
}

/* A generator of its own for `stream`, independent of how much the parent has drawn. */
static inline struct rng rng_seed(uint64_t seed, uint64_t stream)
{
    return (struct rng){mix64(seed ^ mix64(stream + 0x9e3779b97f4a7c15u))};
}

double rng_unit(struct rng *r);                    /* [0, 1) */
uint64_t rng_below(struct rng *r, uint64_t n);     /* [0, n), unbiased; n > 0 */
bool rng_chance(struct rng *r, double p);
double rng_exp(struct rng *r, double mean);        /* exponential */
double rng_normal(struct rng *r);                  /* standard normal */
double rng_lognormal(struct rng *r, double mean, double cv2); /* by mean and squared c.v. */

/* FNV-1a finished with mix64: the stable 64-bit key of a name, on every machine. Never 0. */
uint64_t hash_bytes(const void *p, size_t n);
uint64_t hash_str(const char *s);
