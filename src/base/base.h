/* base.h - what every file of tandem may use: attributes, assertions, small helpers.
 *
 * src/base knows nothing of contact centres. Allocation never returns NULL (mem.h);
 * a broken invariant ends the process (BUG_ON), an operating error never does. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_USE       __attribute__((warn_unused_result))
#define PRINTF(f, a)   __attribute__((format(printf, f, a)))
#define NORETURN       __attribute__((noreturn))
#define COUNTOF(a)     (sizeof(a) / sizeof((a)[0]))
/* The build zeroes every local variable; a large one that is written before it is read may be left
 * as it is, where profiling shows that it matters. */
#if defined(__clang__) || __GNUC__ >= 12
#define UNINITIALISED __attribute__((uninitialized))
#else
#define UNINITIALISED
#endif
#define LIKELY(x)      __builtin_expect(!!(x), 1)
#define UNLIKELY(x)    __builtin_expect(!!(x), 0)
#define MIN(a, b)      ((a) < (b) ? (a) : (b))
#define MAX(a, b)      ((a) > (b) ? (a) : (b))
#define CONTAINER_OF(p, type, member) ((type *)(void *)((char *)(p) - offsetof(type, member)))

/* A programmer's error: print where and abort. Stays in release builds. */
#define BUG_ON(cond)                                                                               \
    do {                                                                                           \
        if (UNLIKELY(cond))                                                                        \
            bug_abort(__FILE__, __LINE__, #cond);                                                  \
    } while (0)
NORETURN void bug_abort(const char *file, int line, const char *what);

/* Copies at most cap-1 bytes and always ends with NUL. Returns false when `from` did not fit. */
bool str_copy(char *to, size_t cap, const char *from);
