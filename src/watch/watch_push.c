/* watch_push.c - the door for events that AWS pushes: who may send, and each event once. */
#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "driver/routes/aws_events.h"
#include "watch/watch_i.h"

enum {
    KEY_MIN = 16,
    KEY_MAX = 256,
    SEEN_MAX = 4096, /* EventBridge sends one again within seconds, rarely up to a day later */
};

const char *const watch_push_names[WATCH_PUSHES] = {"bad",       "applied", "repeated", "late",
                                                    "elsewhere", "noted",   "unknown"};

struct watch_door {
    char key[KEY_MAX + 1];
    uint64_t seen[SEEN_MAX]; /* ring: hashes of the last ids */
    struct map64 seen_at;
    uint64_t n_seen;
    uint64_t counted[WATCH_PUSHES];
};

/* ---- who may send ---- */

static size_t read_file(const char *path, char *key)
{
    FILE *f = fopen(path, "re");
    size_t n = f ? fread(key, 1, KEY_MAX, f) : 0;
    if (f)
        (void)fclose(f);
    return n;
}

bool watch__door_start(struct watch *w, char *error, size_t cap)
{
    const struct watch_events *e = &w->o.config->clouds.events;
    const char *given = *e->key_env ? getenv(e->key_env) : NULL;
    if (!*e->key_file && !*e->key_env)
        return true;
    struct watch_door *d = w->door = mem_new(1, sizeof *d);
    size_t n = 0;
    if (*e->key_file)
        n = read_file(e->key_file, d->key);
    else if (given && strlen(given) <= KEY_MAX)
        memcpy(d->key, given, n = strlen(given));
    while (n && d->key[n - 1] <= ' ')
        n--;
    d->key[n] = '\0';
    if (n < KEY_MIN)
        (void)snprintf(error, cap,
                       "network.clouds.aws_events: no key of %d to %d characters is in %s %s",
                       KEY_MIN, KEY_MAX, *e->key_file ? "the file" : "the variable",
                       *e->key_file ? e->key_file : e->key_env);
    return n >= KEY_MIN;
}

void watch__door_free(struct watch *w)
{
    if (!w->door)
        return;
    OPENSSL_cleanse(w->door->key, sizeof w->door->key);
    map64_free(&w->door->seen_at);
    mem_free(w->door);
}

bool watch_push_open(const struct watch *w)
{
    return w->door != NULL;
}

bool watch_push_key(const struct watch *w, const char *key, size_t n)
{
    return w->door && n == strlen(w->door->key) && CRYPTO_memcmp(key, w->door->key, n) == 0;
}

/* ---- each event once ---- */

/* Was this id among the last ones? Then nothing changes. */
static bool seen_before(struct watch *w, const char *id)
{
    struct watch_door *d = w->door;
    uint64_t hash = hash_fast(w->o.seed, id, strlen(id));
    uint32_t at;
    if (map64_find(&d->seen_at, hash, &at))
        return true;
    at = (uint32_t)(d->n_seen % SEEN_MAX);
    if (d->n_seen >= SEEN_MAX)
        map64_erase(&d->seen_at, d->seen[at]);
    d->seen[at] = hash;
    map64_insert(&d->seen_at, hash, at);
    d->n_seen++;
    return false;
}

static enum watch_push take(struct watch *w, const void *json, size_t n, const char **why)
{
    static const enum watch_push ends[AWS_EVENT_ENDS] = {
        [AWS_EVENT_APPLIED] = WATCH_PUSH_APPLIED,     [AWS_EVENT_LATE] = WATCH_PUSH_LATE,
        [AWS_EVENT_ELSEWHERE] = WATCH_PUSH_ELSEWHERE, [AWS_EVENT_NOTED] = WATCH_PUSH_NOTED,
        [AWS_EVENT_UNKNOWN] = WATCH_PUSH_UNKNOWN,
    };
    struct aws_event e;
    if (!aws_event_read(watch__cloud(w), json, n, &e, why))
        return WATCH_PUSH_BAD;
    if (seen_before(w, e.id))
        return WATCH_PUSH_REPEATED;
    enum watch_push how = ends[aws_event_apply(watch__cloud(w), &e, watch__wall_ms(w))];
    if (how == WATCH_PUSH_APPLIED || how == WATCH_PUSH_NOTED)
        watch__clouds_soon(w, e.region);
    return how;
}

enum watch_push watch_push(struct watch *w, const void *json, size_t n, const char **why)
{
    BUG_ON(!w->door || !watch__cloud(w));
    enum watch_push how = take(w, json, n, why);
    w->door->counted[how]++;
    return how;
}

uint64_t watch_pushed(const struct watch *w, enum watch_push how)
{
    return w->door ? w->door->counted[how] : 0;
}
