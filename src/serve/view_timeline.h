/* view_timeline.h - what happened that an operator wants to see: the last entries, oldest first.
 *
 * The same entry said again within a minute counts up instead of filling the board: a queue that
 * nobody may serve says so at every contact. */
#pragma once

#include "core/core.h"

enum { TIMELINE_KEPT = 200, TIMELINE_TEXT = 320, TIMELINE_AGAIN_MS = 60000 };

struct timeline_entry {
    uint64_t number; /* from 1 */
    td_ms at;
    const char *kind; /* drain, restore, share, policy, health, failover, config */
    uint32_t times;
    char who[NAME_MAX_LEN]; /* an operator or a node */
    char text[TIMELINE_TEXT];
};
struct timeline { /* zero-initialise */
    struct timeline_entry entry[TIMELINE_KEPT];
    uint64_t last;
};

const char *timeline_kind(enum note_kind kind);
/* The entry's number, or 0 when it only counted up an earlier one. */
uint64_t timeline_add(struct timeline *t, td_ms at, const char *kind, const char *text,
                      const char *who);
static inline uint64_t timeline_first(const struct timeline *t)
{
    return t->last > TIMELINE_KEPT ? t->last - TIMELINE_KEPT + 1 : 1;
}
static inline const struct timeline_entry *timeline_at(const struct timeline *t, uint64_t number)
{
    return &t->entry[number % TIMELINE_KEPT];
}
