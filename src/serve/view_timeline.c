#include "serve/view_timeline.h"

#include <string.h>

enum { LOOKED_BACK = 8 };

const char *timeline_kind(enum note_kind kind)
{
    static const char *const kinds[NOTE_KINDS] = {
        [NOTE_SITE_DOWN] = "failover", [NOTE_SITE_UP] = "health",  [NOTE_RETURNING] = "share",
        [NOTE_DRAIN] = "drain",        [NOTE_RESTORE] = "restore", [NOTE_POLICY] = "policy",
        [NOTE_SHARES] = "share",       [NOTE_CONFIG] = "config",   [NOTE_REHOMED] = "failover",
        [NOTE_INFEASIBLE] = "health",  [NOTE_HUB_LOST] = "health", [NOTE_HUB_BACK] = "health",
    };
    return (unsigned)kind < NOTE_KINDS ? kinds[kind] : "health";
}

uint64_t timeline_add(struct timeline *t, td_ms at, const char *kind, const char *text,
                      const char *who)
{
    uint64_t from = MAX(timeline_first(t), t->last > LOOKED_BACK ? t->last - LOOKED_BACK : 1);
    for (uint64_t n = t->last; n >= from; n--) {
        struct timeline_entry *e = &t->entry[n % TIMELINE_KEPT];
        if (at - e->at < TIMELINE_AGAIN_MS && strcmp(e->kind, kind) == 0 &&
            strcmp(e->text, text) == 0) {
            e->times++;
            return 0;
        }
    }
    struct timeline_entry *e = &t->entry[++t->last % TIMELINE_KEPT];
    *e = (struct timeline_entry){.number = t->last, .at = at, .kind = kind, .times = 1};
    str_copy(e->text, sizeof e->text, text);
    str_copy(e->who, sizeof e->who, who);
    return t->last;
}
