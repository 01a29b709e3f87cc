/* store_fixture.h - a folder for the stores of a test, and bytes that a number stands for. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rng.h"
#include "driver/store/store.h"

struct folder {
    char path[256], store[300];
};

/* In memory where there is a file system for that: what is tested does not depend on the disk, and
 * its fsync is not waited for. */
static inline bool folder_make(struct folder *f)
{
    const char *in = getenv("TMPDIR");
    if (!in)
        in = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(f->path, sizeof f->path, "%s/tandem-store-XXXXXX", in);
    if (!mkdtemp(f->path)) {
        perror(f->path);
        return false;
    }
    snprintf(f->store, sizeof f->store, "%s/node.db", f->path);
    return true;
}

static inline void folder_remove(const struct folder *f)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    char path[320];
    for (size_t i = 0; i < COUNTOF(ends); i++) {
        snprintf(path, sizeof path, "%s%s", f->store, ends[i]);
        unlink(path);
    }
    rmdir(f->path);
}

/* Bytes of all values and of any length below max, the same for the same number. */
static inline void bytes_of(struct buf *b, uint64_t number, size_t max)
{
    struct rng rng = rng_seed(number, 77);
    size_t len = rng_below(&rng, max);
    buf_reset(b);
    for (size_t i = 0; i < len; i++)
        buf_char(b, (char)rng_u64(&rng));
}
