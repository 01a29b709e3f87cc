/* webhook.h - contact events as EventBridge delivers them: each a POST to one URL.
 *
 * Best effort, as Amazon Connect says of them: delivered once or not at all in the main, in no
 * order (each leaves after a delay of its own, up to WEBHOOK_SPREAD_MS), tried again WEBHOOK_TRIES
 * times with pauses that double, then dropped; dropped, too, when WEBHOOK_WAITING_MAX wait already.
 * In a pair every event is told in both regions, with an id of its own. Times here are of the clock
 * that really runs. */
#pragma once

#include "connect/center.h"

struct uv_loop_s;
struct webhook;

enum {
    WEBHOOK_SPREAD_MS = 300,
    WEBHOOK_TRIES = 5,
    WEBHOOK_PAUSE_MS = 200, /* before the second try */
    WEBHOOK_WAITING_MAX = 20000,
};

struct webhook *webhook_new(struct uv_loop_s *loop, struct center *c, const char *url) MUST_USE;
void webhook_close(struct webhook *w, void (*closed)(void *arg), void *arg);

/* Faults, of a region or of all (NULL): events are lost by this chance, 0 to 1; a wrong clock. */
void webhook_lose(struct webhook *w, const struct region *g, double chance);
void webhook_skew(struct webhook *w, const struct region *g, int64_t ms);

struct webhook_stats {
    uint64_t told, delivered, retried, dropped, lost;
    uint32_t waiting;
};
struct webhook_stats webhook_stats(const struct webhook *w);
