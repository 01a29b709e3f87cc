/* tap.h - a test program in TAP. One file, one process, meson runs each.
 *
 *   TEST(name) { CHECK(x); CHECK_EQ(got, want); CHECK_STR(got, want); CHECK_NEAR(got, want, tol); }
 *   PROP(name, 1000) { ... rng_below(rng, 7) ... }      // 1000 cases; prints the seed that failed
 *   TAP_MAIN
 *
 * A failed CHECK prints both values and the test goes on. TAP_SEED=0x... replays one property case.
 * TAP_ONLY=name runs one test. */
#pragma once

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

struct tap_test {
    const char *name;
    void (*run)(struct rng *rng);
    int cases; /* 0: plain test */
    struct tap_test *next;
};
static struct tap_test *tap_first, **tap_last = &tap_first;
static int tap_fails;
static const char *tap_skip;

#define TAP_DECLARE(fn, n)                                                                         \
    static void fn(struct rng *rng);                                                               \
    __attribute__((constructor)) static void fn##_register(void)                                   \
    {                                                                                              \
        static struct tap_test t = {#fn, fn, n, NULL};                                             \
        *tap_last = &t;                                                                            \
        tap_last = &t.next;                                                                        \
    }                                                                                              \
    static void fn(__attribute__((unused)) struct rng *rng)
#define TEST(fn)    TAP_DECLARE(fn, 0)
#define PROP(fn, n) TAP_DECLARE(fn, n)

#define TAP_FAIL(...)                                                                              \
    do {                                                                                           \
        tap_fails++;                                                                               \
        printf("# %s:%d: ", __FILE__, __LINE__);                                                   \
        printf(__VA_ARGS__);                                                                       \
        printf("\n");                                                                              \
    } while (0)
#define CHECK(x)                                                                                   \
    do {                                                                                           \
        if (!(x))                                                                                  \
            TAP_FAIL("%s is false", #x);                                                           \
    } while (0)
#define CHECK_EQ(got, want)                                                                        \
    do {                                                                                           \
        int64_t tap_g = (int64_t)(got), tap_w = (int64_t)(want);                                   \
        if (tap_g != tap_w)                                                                        \
            TAP_FAIL("%s: got %" PRId64 ", want %" PRId64, #got, tap_g, tap_w);                    \
    } while (0)
#define CHECK_STR(got, want)                                                                       \
    do {                                                                                           \
        const char *tap_g = (got), *tap_w = (want);                                                \
        if (!tap_g || strcmp(tap_g, tap_w) != 0)                                                   \
            TAP_FAIL("%s: got \"%s\", want \"%s\"", #got, tap_g ? tap_g : "(null)", tap_w);        \
    } while (0)
#define CHECK_NEAR(got, want, tol)                                                                 \
    do {                                                                                           \
        double tap_g = (got), tap_w = (want);                                                      \
        if (!(fabs(tap_g - tap_w) <= (tol)))                                                       \
            TAP_FAIL("%s: got %.12g, want %.12g (+-%g)", #got, tap_g, tap_w, (double)(tol));       \
    } while (0)
#define SKIP(why)                                                                                  \
    do {                                                                                           \
        tap_skip = (why);                                                                          \
        return;                                                                                    \
    } while (0)

static void tap_run_one(struct tap_test *t)
{
    const char *fixed = getenv("TAP_SEED");
    uint64_t base = hash_str(t->name);
    for (int i = 0; i < (t->cases && !fixed ? t->cases : 1) && !tap_fails && !tap_skip; i++) {
        uint64_t seed = fixed ? strtoull(fixed, NULL, 0) : base + (uint64_t)i;
        struct rng rng = rng_seed(seed, 0);
        t->run(&rng);
        if (tap_fails && t->cases)
            printf("# replay with TAP_ONLY=%s TAP_SEED=0x%" PRIx64 "\n", t->name, seed);
    }
}

#define TAP_MAIN                                                                                   \
    int main(void)                                                                                 \
    {                                                                                              \
        setvbuf(stdout, NULL, _IOLBF, 0);                                                          \
        const char *only = getenv("TAP_ONLY");                                                     \
        int n = 0, bad = 0;                                                                        \
        for (struct tap_test *t = tap_first; t; t = t->next) {                                     \
            if (only && strcmp(only, t->name) != 0)                                                \
                continue;                                                                          \
            tap_fails = 0;                                                                         \
            tap_skip = NULL;                                                                       \
            tap_run_one(t);                                                                        \
            bad += tap_fails != 0;                                                                 \
            printf("%s %d - %s%s%s\n", tap_fails ? "not ok" : "ok", ++n, t->name,                  \
                   tap_skip ? " # SKIP " : "", tap_skip ? tap_skip : "");                          \
        }                                                                                          \
        printf("1..%d\n", n);                                                                      \
        return bad != 0;                                                                           \
    }
