#include "base/siphash.h"

struct sip {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static void rounds(struct sip *s, int n)
{
    while (n-- > 0) {
        s->v0 += s->v1;
        s->v1 = rotate(s->v1, 13) ^ s->v0;
        s->v0 = rotate(s->v0, 32);
        s->v2 += s->v3;
        s->v3 = rotate(s->v3, 16) ^ s->v2;
        s->v0 += s->v3;
        s->v3 = rotate(s->v3, 21) ^ s->v0;
        s->v2 += s->v1;
        s->v1 = rotate(s->v1, 17) ^ s->v2;
        s->v2 = rotate(s->v2, 32);
    }
}

static void word(struct sip *s, uint64_t m)
{
    s->v3 ^= m;
    rounds(s, 2);
    s->v0 ^= m;
}

static void absorb(struct sip *s, const unsigned char *c, size_t n)
{
    uint64_t m = 0;
    for (size_t i = 0; i < n; i++) {
        m |= (uint64_t)c[i] << (8 * (i % 8));
        if (i % 8 == 7) {
            word(s, m);
            m = 0;
        }
    }
    word(s, m | (uint64_t)n << 56); /* the last word ends with the length */
}

static struct sip start(const uint64_t key[2])
{
    /* "somepseudorandomlygeneratedbytes" */
    return (struct sip){key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
                        key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u};
}

static uint64_t squeeze(struct sip *s)
{
    rounds(s, 4);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

uint64_t siphash(const uint64_t key[2], const void *bytes, size_t n)
{
    struct sip s = start(key);
    absorb(&s, bytes, n);
    s.v2 ^= 0xff;
    return squeeze(&s);
}

void siphash128(const uint64_t key[2], const void *bytes, size_t n, uint64_t out[2])
{
    struct sip s = start(key);
    s.v1 ^= 0xee;
    absorb(&s, bytes, n);
    s.v2 ^= 0xee;
    out[0] = squeeze(&s);
    s.v1 ^= 0xdd;
    out[1] = squeeze(&s);
}
