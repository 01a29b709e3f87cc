#include "kinesis/sequence.h"

#include <openssl/evp.h>
#include <string.h>

/* A number of up to 192 bits, lowest limb first. */
enum { LIMBS = 6, DIGITS_MAX = 58 };
struct number {
    uint32_t limb[LIMBS];
};

static uint32_t number_divide(struct number *n, uint32_t by) /* returns the remainder */
{
    uint64_t rest = 0;
    for (int i = LIMBS; i-- > 0;) {
        rest = rest << 32 | n->limb[i];
        n->limb[i] = (uint32_t)(rest / by);
        rest %= by;
    }
    return (uint32_t)rest;
}

static bool number_zero(const struct number *n)
{
    uint32_t any = 0;
    for (int i = 0; i < LIMBS; i++)
        any |= n->limb[i];
    return any == 0;
}

static void number_text(struct number n, char *out)
{
    char digits[DIGITS_MAX];
    size_t count = 0;
    do
        digits[count++] = (char)('0' + number_divide(&n, 10));
    while (!number_zero(&n));
    while (count)
        *out++ = digits[--count];
    *out = 0;
}

/* "0" or digits that do not begin with one, and no more than fit. */
static bool number_parse(const char *text, struct number *out)
{
    *out = (struct number){0};
    size_t len = strlen(text);
    if (len == 0 || len >= DIGITS_MAX || (len > 1 && text[0] == '0'))
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        uint64_t carry = (uint64_t)(*text - '0');
        for (int i = 0; i < LIMBS; i++) {
            carry += (uint64_t)out->limb[i] * 10;
            out->limb[i] = (uint32_t)carry;
            carry >>= 32;
        }
        if (carry)
            return false;
    }
    return true;
}

/* Moves up by `bits` (at most 64) and puts v below. */
static void number_push(struct number *n, uint64_t v, unsigned bits)
{
    for (unsigned step; bits; bits -= step) {
        step = bits < 16 ? bits : 16;
        uint32_t low = (uint32_t)(v >> (bits - step)) & ((1u << step) - 1);
        for (int i = LIMBS; i-- > 1;)
            n->limb[i] = n->limb[i] << step | n->limb[i - 1] >> (32 - step);
        n->limb[0] = n->limb[0] << step | low;
    }
}

/* Takes the lowest `bits` (at most 64) off. */
static uint64_t number_pull(struct number *n, unsigned bits)
{
    uint64_t v = 0;
    for (unsigned done = 0, step; done < bits; done += step) {
        step = bits - done < 16 ? bits - done : 16;
        v |= (uint64_t)(n->limb[0] & ((1u << step) - 1)) << done;
        for (int i = 0; i < LIMBS; i++)
            n->limb[i] = n->limb[i] >> step | (i + 1 < LIMBS ? n->limb[i + 1] << (32 - step) : 0);
    }
    return v;
}

void sequence_text(const struct sequence *s, char out[SEQUENCE_TEXT])
{
    BUG_ON(s->index > SEQUENCE_INDEX_MAX || s->shard > INT32_MAX);
    struct number n = {{2}};
    number_push(&n, (uint64_t)s->created_s, 36);
    number_push(&n, s->shard & 15, 4);
    number_push(&n, s->index, 64);
    number_push(&n, 0, 8);
    number_push(&n, (uint64_t)s->at_s, 36);
    number_push(&n, s->shard, 32);
    number_push(&n, 2, 4);
    number_text(n, out);
}

bool sequence_parse(const char *text, struct sequence *out)
{
    struct number n;
    if (!number_parse(text, &n) || number_pull(&n, 4) != 2)
        return false;
    uint64_t shard = number_pull(&n, 32);
    out->at_s = (int64_t)number_pull(&n, 36);
    uint64_t zero = number_pull(&n, 8);
    out->index = number_pull(&n, 64);
    uint64_t low = number_pull(&n, 4);
    out->created_s = (int64_t)number_pull(&n, 36);
    uint64_t version = number_pull(&n, 4);
    out->shard = (uint32_t)shard;
    return number_zero(&n) && version == 2 && zero == 0 && shard <= INT32_MAX &&
           low == (shard & 15) && out->index <= SEQUENCE_INDEX_MAX;
}

struct hash_key hash_key_of(const void *partition_key, size_t n)
{
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    int ok = EVP_Digest(partition_key, n, md, &len, EVP_md5(), NULL);
    BUG_ON(ok != 1 || len != 16);
    struct hash_key k = {0, 0};
    for (int i = 0; i < 8; i++) {
        k.hi = k.hi << 8 | md[i];
        k.lo = k.lo << 8 | md[8 + i];
    }
    return k;
}

void hash_key_text(struct hash_key k, char out[HASH_KEY_TEXT])
{
    struct number n = {
        {(uint32_t)k.lo, (uint32_t)(k.lo >> 32), (uint32_t)k.hi, (uint32_t)(k.hi >> 32)}};
    number_text(n, out);
}

bool hash_key_parse(const char *text, struct hash_key *out)
{
    struct number n;
    if (!number_parse(text, &n) || n.limb[4] || n.limb[5])
        return false;
    out->lo = n.limb[0] | (uint64_t)n.limb[1] << 32;
    out->hi = n.limb[2] | (uint64_t)n.limb[3] << 32;
    return true;
}

int hash_key_compare(struct hash_key a, struct hash_key b)
{
    if (a.hi != b.hi)
        return a.hi < b.hi ? -1 : 1;
    return a.lo == b.lo ? 0 : a.lo < b.lo ? -1 : 1;
}

struct hash_key hash_key_step(struct hash_key k, int step)
{
    if (step > 0)
        return (struct hash_key){k.hi + (k.lo == UINT64_MAX), k.lo + 1};
    return (struct hash_key){k.hi - (k.lo == 0), k.lo - 1};
}

struct hash_key hash_key_part(uint32_t i, uint32_t n)
{
    BUG_ON(i >= n);
    struct number v = {{0, 0, 0, 0, i}}; /* i * 2^128 */
    number_divide(&v, n);
    return (struct hash_key){v.limb[2] | (uint64_t)v.limb[3] << 32,
                             v.limb[0] | (uint64_t)v.limb[1] << 32};
}
