/* hash.h - a fast seeded hash of bytes for tables in memory: some ten bytes a nanosecond.
 *
 * Two words are multiplied to 128 bits and folded (the idea of Wang Yi's wyhash, public domain).
 * With a seed that strangers do not know they cannot easily provoke collisions; it is no
 * cryptographic hash (siphash.h) and its values may change: never store or send them. */
#pragma once

#include <string.h>

#include "base/base.h"

static inline uint64_t hash__fold(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 u128;
    u128 m = (u128)a * b;
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static inline uint64_t hash__u64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

static inline uint64_t hash__u32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

static inline uint64_t hash_fast(uint64_t seed, const void *bytes, size_t n)
{
    const uint64_t k0 = 0xa0761d6478bd642fu, k1 = 0xe7037ed1a0b428dbu, k2 = 0x8ebc6af09c88c6e3u;
    const uint8_t *p = bytes;
    size_t left = n;
    uint64_t a = 0, b = 0, other = seed ^ k2;
    seed ^= k0;
    for (; left > 32; p += 32, left -= 32) { /* two chains, so that multiplications overlap */
        seed = hash__fold(hash__u64(p) ^ k1, hash__u64(p + 8) ^ seed);
        other = hash__fold(hash__u64(p + 16) ^ k2, hash__u64(p + 24) ^ other);
    }
    if (left > 16) {
        seed = hash__fold(hash__u64(p) ^ k1, hash__u64(p + 8) ^ seed);
        p += 16;
        left -= 16;
    }
    if (left >= 8) { /* the two words overlap where there are fewer than 16 bytes */
        a = hash__u64(p);
        b = hash__u64(p + left - 8);
    } else if (left >= 4) {
        a = hash__u32(p);
        b = hash__u32(p + left - 4);
    } else if (left) {
        a = (uint64_t)p[0] << 16 | (uint64_t)p[left / 2] << 8 | p[left - 1];
    }
    /* The two chains must not meet in one sum: while short keys leave them as they began, the seed
     * would cancel out. */
    return hash__fold(k1 ^ n ^ other, hash__fold(a ^ k1, b ^ seed));
}
