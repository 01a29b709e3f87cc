/* verdict.h - what is wrong with the network: kinds, evidence, and when it begins and ends.
 *
 * A kind is a row of one table: its name, how grave it is, what it means, what to do, and how long
 * it must hold before it is told and be gone before it is taken back. The documents, the API and
 * the page read that table (docs/network.md is written from it by test_verdict).
 *
 * The list keeps conditions by a key of the caller's. A condition that is set waits raise_ms, since
 * feeds do not speak at the same moment and a network that converges passes through states that no
 * packet sees; then it is a verdict. When it is unset it waits clear_ms, so that what comes and
 * goes is one verdict and not a hundred; then it has ended, is told once more, and goes. */
#pragma once

#include "base/hash.h"
#include "base/map.h"
#include "base/rng.h"
#include "net/topo.h"

enum verdict_severity { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_CRITICAL };
extern const char *const severity_names[]; /* "info", "warning", "critical" */

enum verdict_kind {
    /* sessions and feeds */
    V_SESSION_DOWN,
    V_SESSION_FLAPPING,
    V_DETECTION_SKEW,
    V_LINK_DOWN,
    V_ROUTE_LIMIT,
    V_FEED_STALE,
    V_MODEL_FULL,
    /* routes against expectations */
    V_ROUTE_MISSING,
    V_ROUTE_UNEXPECTED,
    V_MORE_SPECIFIC,
    V_ORIGIN_CHANGED,
    V_NEXT_HOP,
    V_BETTER_UNUSED,
    /* forwarding, by the model */
    V_LOOP,
    V_BLACKHOLE,
    V_DEAD_END,
    V_NO_PATH,
    V_ASYMMETRIC,
    /* loops before they form */
    V_OWN_AS_REFUSED,
    V_OWN_AS_ACCEPTED,
    V_ROUTE_RETURNED,
    V_LOOP_POSSIBLE,
    V_LOOP_AFTER_FAILURE,
    V_AGGREGATE_UNCOVERED,
    /* probes, joined with the model */
    V_LATENCY,
    V_ONE_WAY_SHIFT,
    V_LOOP_SEEN,
    V_STALE_MODEL,
    V_FIREWALL,
    V_DATA_PLANE,
    V_ROUTING,
    VERDICT_KINDS
};

struct verdict_row {
    const char *name;
    uint8_t severity;
    uint32_t raise_ms, clear_ms;
    const char *means, *evidence, *do_this;
};
extern const struct verdict_row verdict_rows[VERDICT_KINDS];

enum { VERDICT_HOPS_MAX = 16, VERDICT_PREFIXES_MAX = 4, VERDICTS_MAX = 4096 };

struct verdict_hop { /* a router, and the link by which it is left (TOPO_NONE: not known) */
    uint16_t router, link;
};

/* What is not known is TOPO_NONE, 0, or a prefix of family 0. */
struct evidence {
    uint16_t router, neighbour, link;
    uint16_t site[2];
    uint32_t peer;                              /* a source_peer: who announced it */
    struct prefix prefix[VERDICT_PREFIXES_MAX]; /* the first ones */
    uint32_t n_prefixes;                        /* all */
    struct verdict_hop hop[VERDICT_HOPS_MAX];   /* the cycle, the way there, or who sends */
    struct verdict_hop back[VERDICT_HOPS_MAX];  /* the way back */
    uint16_t n_hops, n_back;
    uint32_t as, as_expected;
    int64_t value, limit; /* routes, microseconds, downs: as the kind's row says */
    struct ip_addr address;
    char reason[48]; /* in a feed's words, "" */
};
static inline struct evidence evidence_none(void)
{
    return (struct evidence){.router = TOPO_NONE,
                             .neighbour = TOPO_NONE,
                             .link = TOPO_NONE,
                             .site = {TOPO_NONE, TOPO_NONE}};
}

enum verdict_state { VERDICT_WAITING, VERDICT_RAISED, VERDICT_ENDED };
struct verdict {
    uint32_t id; /* counts up from 1 */
    uint8_t kind, state;
    bool holds;         /* the condition, now */
    bool renewed;       /* its evidence is not told yet */
    uint64_t key;
    int64_t since_ms;   /* when the condition was first seen */
    int64_t raised_ms, ended_ms;
    int64_t changed_ms; /* when the condition last turned: raise_ms and clear_ms run from it */
    uint64_t version;   /* of the list, when it was last told */
    struct evidence evidence;
};

struct verdicts {
    struct verdict *v;
    uint32_t n, cap, last_id;
    uint64_t version, refused; /* conditions for which there was no room */
    uint32_t held[VERDICT_KINDS]; /* conditions that hold now */
    struct map64 of_key;
};
void verdicts_free(struct verdicts *l);

/* The condition holds; evidence is the latest. Times never run backwards. */
void verdict_set(struct verdicts *l, enum verdict_kind kind, uint64_t key, int64_t since_ms,
                 int64_t now_ms, const struct evidence *e);
void verdict_unset(struct verdicts *l, enum verdict_kind kind, uint64_t key, int64_t now_ms);
static inline void verdict_put(struct verdicts *l, enum verdict_kind kind, uint64_t key, bool holds,
                               int64_t now_ms, const struct evidence *e)
{
    if (holds)
        verdict_set(l, kind, key, now_ms, now_ms, e);
    else
        verdict_unset(l, kind, key, now_ms);
}
/* The condition, raised or waiting, if it holds; else NULL. Valid until the next change. */
const struct verdict *verdict_find(const struct verdicts *l, enum verdict_kind kind, uint64_t key);
/* A key from up to three numbers; the kind is part of it already. */
uint64_t verdict_key(uint64_t a, uint64_t b, uint64_t c);
static inline uint64_t verdict_key_prefix(uint64_t a, const struct prefix *p)
{
    return hash_fast(mix64(a), p, sizeof *p);
}

/* Raises and ends what is due, and calls `told` for each verdict that was raised, changed its
 * evidence while raised, or ended. Ended ones are then gone. */
typedef void verdict_fn(void *arg, const struct verdict *v);
void verdicts_settle(struct verdicts *l, int64_t now_ms, verdict_fn *told, void *arg);
int64_t verdicts_due(const struct verdicts *l); /* when the next one is; INT64_MAX: none */

/* The raised ones, in no order: *at starts as 0; NULL: no more. */
const struct verdict *verdict_next(const struct verdicts *l, uint32_t *at);
uint32_t verdicts_raised(const struct verdicts *l, enum verdict_kind kind); /* VERDICT_KINDS: all */

/* The verdict as a sentence with its evidence. Returns `out`. */
char *verdict_text(const struct verdict *v, const struct topo *t, char *out, size_t cap);
