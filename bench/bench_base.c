/* bench_base - what the heap, the maps and the codec cost: nanoseconds of processor time a call.
 *
 *   bench_base */
#include <stdio.h>
#include <time.h>

#include "base/codec.h"
#include "base/heap.h"
#include "base/map.h"
#include "base/rng.h"

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* A simulation's use: the least is taken and comes back some random time later. */
static void heap(size_t n)
{
    enum { ROUNDS = 2000000 };
    struct rng rng = rng_seed(1, n);
    struct heap h = {0};
    struct heap_item i;
    for (size_t k = 0; k < n; k++)
        heap_push(&h, (int64_t)rng_below(&rng, 1000000), k, k);
    double start = cpu_ns();
    for (size_t k = 0; k < ROUNDS && heap_pop(&h, &i); k++)
        heap_push(&h, i.key + (int64_t)(rng_u64(&rng) >> 44), n + k, k);
    printf("heap    %8zu items  push+pop %.0f\n", n, (cpu_ns() - start) / ROUNDS);
    heap_free(&h);
}

/* A node's use: contacts come, are looked up, and go. */
static void map(size_t n)
{
    enum { ROUNDS = 2000000 };
    struct map128 m = {0};
    uint32_t value = 0, sum = 0;
    for (uint64_t k = 0; k < n; k++)
        map128_insert(&m, mix64(k), mix64(~k), (uint32_t)k);
    double start = cpu_ns();
    for (uint64_t k = 0; k < ROUNDS; k++) {
        uint64_t at = mix64(k) % n;
        map128_find(&m, mix64(at), mix64(~at), &value);
        sum += value;
    }
    double found = cpu_ns();
    for (uint64_t k = 0; k < ROUNDS; k++) {
        map128_erase(&m, mix64(k), mix64(~k));
        map128_insert(&m, mix64(n + k), mix64(~(n + k)), (uint32_t)k);
    }
    printf("map128  %8zu keys   find %.0f  erase+insert %.0f  (%u)\n", n, (found - start) / ROUNDS,
           (cpu_ns() - found) / ROUNDS, sum & 1);
    map128_free(&m);
}

/* An event's use: some ids, numbers of all sizes, a short name. */
static void codec(void)
{
    enum { ROUNDS = 2000000, FIELDS = 12 };
    struct buf b = {0};
    uint64_t sum = 0;
    double start = cpu_ns();
    for (uint64_t k = 0; k < ROUNDS; k++) {
        b.len = 0;
        put_u64(&b, k);
        put_u64(&b, ~k);
        put_u8(&b, (uint8_t)k);
        for (unsigned v = 0; v < 8; v++)
            put_varint(&b, k << 5 * v);
        put_str(&b, "us-east-1", 9);
    }
    double written = cpu_ns();
    for (uint64_t k = 0; k < ROUNDS; k++) {
        struct reader r = reader_of(b.data, b.len);
        size_t n;
        sum += reader_u64(&r) + reader_u64(&r) + reader_u8(&r);
        for (unsigned v = 0; v < 8; v++)
            sum += reader_varint(&r);
        sum += (uint8_t)*reader_str(&r, &n) + reader_end_ok(&r);
        __asm__ volatile("" ::: "memory");
    }
    printf("codec   %8zu bytes  a row of %d fields: put %.0f  get %.0f  (%u)\n", b.len, FIELDS,
           (written - start) / ROUNDS, (cpu_ns() - written) / ROUNDS, (unsigned)(sum & 1));
    buf_free(&b);
}

int main(void)
{
    for (size_t n = 100; n <= 1000000; n *= 10)
        heap(n);
    for (size_t n = 1000; n <= 1000000; n *= 10)
        map(n);
    codec();
    return 0;
}
