/* poll.h - when a poller asks next, and when its feed is lost. Pure.
 *
 * Rounds begin every `every_ms`, give or take a tenth, so that pollers of many nodes do not ask
 * together. After rounds that failed they come less often, up to eight times: an API that is down
 * or throttles is not helped by being asked. A feed is lost when its part of the round has failed
 * `lost_after` times in a row, and works again with the first that succeeds. */
#pragma once

#include "base/rng.h"

struct poll_config {
    uint32_t every_ms;   /* 0: 30,000 */
    uint32_t lost_after; /* 0: 3 */
};

enum { POLL_EVERY_MS = 30000, POLL_LOST_AFTER = 3, POLL_SLOWER_MOST = 3 /* doublings */ };

static inline int64_t poll_delay_ms(const struct poll_config *c, uint32_t failed_rounds,
                                    struct rng *rng)
{
    int64_t every = c->every_ms ? c->every_ms : POLL_EVERY_MS;
    every <<= failed_rounds < POLL_SLOWER_MOST ? failed_rounds : POLL_SLOWER_MOST;
    return every - every / 10 + (int64_t)rng_below(rng, (uint64_t)(every / 5 + 1));
}

static inline bool poll_is_lost(const struct poll_config *c, uint32_t failed)
{
    return failed >= (c->lost_after ? c->lost_after : POLL_LOST_AFTER);
}
