/* feed.h - what leaves an instance by itself: agent events and contact records into the streams of
 * its storage configuration (AGENT_EVENTS, CONTACT_TRACE_RECORDS).
 *
 * When connectsim starts every instance gets two streams, "connect-agent-events-ALIAS" and
 * "connect-contact-records-ALIAS", and their associations; what is associated later, or not at all,
 * counts from then on. As with Amazon Connect:
 *
 *      agent events    one for each change, LOGIN, LOGOUT and STATE_CHANGE with whole snapshots of
 *                      now and before, in the agent's active region; the other region of a pair
 *                      hears when he comes, goes or is offline. HEART_BEAT after HEARTBEAT_MS
 *                      without any other, and on for HEARTBEAT_AFTER_MS once he is logged out: no
 *                      sign of life.
 *      contact records once a contact is over, wrap-up too, in the region of its origin; again
 *                      whenever it changes after that.
 *
 * Records of an agent have his ARN as partition key, those of a contact its id; what Amazon uses
 * is not published. Records are written whatever a shard's limits are.
 *
 * Faults (faults.h) make an instance's feeds stall, in which records are held back, at most
 * FEED_HELD_MAX bytes of each feed (the oldest are lost above that), and come in a burst; make
 * some come twice, at once or after later ones; or set the region's clock wrong. */
#pragma once

#include "connect/streams.h"

enum {
    HEARTBEAT_MS = 120000,
    HEARTBEAT_AFTER_MS = 3600000,
    FEED_HELD_MAX = 32 << 20,
};

enum feed_kind { FEED_AGENT_EVENTS, FEED_CONTACT_RECORDS, FEEDS };
extern const char *const feed_resource_types[FEEDS]; /* "AGENT_EVENTS", "CONTACT_TRACE_RECORDS" */

struct feed;
struct feed *feed_new(struct center *c, struct streams *s, uint32_t shards) MUST_USE;
void feed_free(struct feed *f);

/* Faults. `g` NULL: every region. */
void feed_stall(struct feed *f, const struct region *g, enum feed_kind kind, bool on);
void feed_duplicates(struct feed *f, const struct region *g, enum feed_kind kind, double chance);
void feed_skew(struct feed *f, const struct region *g, int64_t ms);

struct feed_stats {
    uint64_t written, twice, heartbeats, lost;
    uint64_t held; /* now */
};
struct feed_stats feed_stats(const struct feed *f, const struct region *g, enum feed_kind kind);
