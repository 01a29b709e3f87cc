/* event.h - facts: what a node tells the others. Every node folds every fact.
 *
 * A fact's identity is its dot (origin, epoch, seq): the node that stated it, that node's life
 * (a node that lost its disk starts a new one), and a sequence from 1 without gaps. Dots remove
 * repetition, show gaps and restore each origin's order above any transport (docs/architecture.md).
 * `hlc` is a hybrid logical clock (Kulkarni, Demirbas et al., "Logical Physical Clocks", OPODIS
 * 2014): 48 bits of milliseconds, 16 bits of counter; it orders last-writer-wins registers.
 *
 * Facts about a contact or an agent carry an ownership epoch. It is a number that grows each time
 * ownership moves, with the node that claims it in the low byte: two nodes can never state the
 * same epoch. Within an epoch only the owner states, and counts `version` up. The state with the
 * greatest (epoch, version) holds at every node, in whatever order facts arrive.
 *
 * On the wire a fact is the compact binary of event_encode; for people and programs outside it is
 * a CloudEvent 1.0 in JSON (event_json; https://github.com/cloudevents/spec). */
#pragma once

#include "core/types.h"

struct buf;
struct reader;
struct config;

#define EVENT_CANDIDATES_MAX SITES_MAX
#define EVENT_TEXT_MAX       (4u << 20) /* a configuration file; the largest thing a fact carries */

enum event_type {
    EV_CONFIG = 1,   /* the configuration was replaced (register) */
    EV_POLICY,       /* the active policy (register) */
    EV_SHARES,       /* shares of one group of one policy (register) */
    EV_SITE,         /* an operator drains or restores a site (register) */
    EV_VERDICT,      /* the coordinator found a site down, up or returning (register) */
    EV_LEDGER,       /* a decider's effective shares, and corrections of its lags */
    EV_PLACED,       /* a contact was placed, or moved: the decision with all its figures */
    EV_CONTACT,      /* a contact's state, by its owner */
    EV_AGENT,        /* an agent's presence, by its owner, or a move by the coordinator */
    EV_TYPES
};
extern const char *const event_type_names[EV_TYPES]; /* "tandem.contact.placed.v1", ... */

struct dot {
    uint8_t origin;  /* node index: a site's place in the configuration, or HUB */
    uint32_t epoch;
    uint64_t seq;
};

/* ---- contacts ---- */

enum contact_state {
    CONTACT_PLACED,      /* a site was chosen; it is on its way there */
    CONTACT_QUEUED, CONTACT_CONNECTED, CONTACT_HELD, CONTACT_WRAPUP, CONTACT_ENDED,
    CONTACT_STATES
};
extern const char *const contact_state_names[CONTACT_STATES];

enum contact_end { /* why it ended; ENDED only */
    ENDED_NOT, ENDED_COMPLETED, ENDED_ABANDONED, ENDED_CLOSED, ENDED_BUSY, ENDED_DROPPED,
    ENDED_LOST,     /* presumed by a takeover: its site went down while it was connected */
    ENDED_NO_SITE,  /* nobody could take it */
    ENDED_EXPIRED,  /* placed, and never arrived where it was placed */
    CONTACT_ENDS
};
extern const char *const contact_end_names[CONTACT_ENDS];

enum place_how { PLACE_NONE, PLACE_GIVEN, PLACE_NPA, PLACE_COUNTRY, PLACE_HOWS };
extern const char *const place_how_names[PLACE_HOWS];

enum rule { /* what decided */
    RULE_PRICE,         /* least of distance + share price + expected wait */
    RULE_BOUND,         /* the share bound left no other choice */
    RULE_ONLY,          /* one site alone may take it */
    RULE_NEAREST,       /* shares are not enforced: least of distance + expected wait */
    RULE_STICKY_AGENT, RULE_STICKY_SITE,
    RULE_OTHER_GROUP,   /* no site of its own group is serve-ready */
    RULE_CLOSED,        /* out of hours: to the nearest, which says so; no share counts it */
    RULE_FAIL_OPEN,     /* no site at all is serve-ready: the least bad */
    RULE_LOCAL,         /* the hub did not answer in time: the entry site decided */
    RULE_FREED_AGENT,   /* moved: an agent elsewhere is free and it is the oldest waiting */
    RULE_REHOME,        /* moved: its site went down */
    RULE_DRAIN,         /* moved: its site is being drained and nobody is left to answer there */
    RULES
};
extern const char *const rule_names[RULES];
extern const char *const rule_texts[RULES]; /* one sentence for people */

enum excluded { /* why a site was not a candidate; 0: it was one */
    EX_NO, EX_DOWN, EX_UNREACHABLE, EX_DRAINING, EX_NOT_READY, EX_RESIDENCY, EX_SKILL,
    EX_CAPACITY, EX_GROUP, EX_REASONS
};
extern const char *const excluded_names[EX_REASONS];

struct candidate {
    uint8_t site, excluded;
    int32_t distance_m;        /* great circle; -1: the caller's place is unknown */
    int32_t price_m_km;        /* share price, thousandths of a kilometre (signed) */
    int32_t wait_ms;           /* expected wait there */
    int32_t lag_m;             /* the site's lag before this decision, thousandths of a contact */
    int32_t share_ppm;         /* share in force; what the ledger adds to its lag */
};

struct ev_placed {
    struct td_id contact, customer;
    uint64_t epoch;
    uint8_t channel, site, rule, how, from_site; /* from_site: SITE_NONE unless it moved */
    uint8_t entry_site;        /* where it came in; SITE_NONE: through the API */
    uint8_t nearest;           /* the nearest site of those that exist; SITE_NONE: unknown place */
    uint8_t group;             /* the share group of `site`, whose ledger counts it */
    uint8_t counted;           /* 1: the shares in the candidates enter the ledger */
    uint8_t priority;
    td_key queue, preferred_agent;
    float lat, lon;            /* of the caller; how says how they were found */
    td_ms arrived_at, queued_at; /* queued_at: since when it waits, kept when it moves */
    uint8_t n_candidates;
    struct candidate candidate[EVENT_CANDIDATES_MAX];
};

struct ev_contact { /* the whole of what may change: any later one replaces it */
    struct td_id contact;
    uint64_t epoch;
    uint32_t version;
    uint8_t state, end, site, channel;
    uint8_t transfers, holds;
    td_key queue, agent;
    td_ms at;                  /* since when it is in this state */
    td_ms queued_at, connected_at, ended_at; /* 0: not (yet); connected_at: first connection */
    int64_t wait_ms, talk_ms;
};

/* ---- agents ---- */

enum presence { /* what an agent's desktop says; busy-ness follows from his contacts */
    PRESENCE_OFFLINE, PRESENCE_AVAILABLE, PRESENCE_BREAK, PRESENCE_MISSED,
    PRESENCE_MOVING,    /* told to sign in at `site` */
    PRESENCES
};
extern const char *const presence_names[PRESENCES];

struct ev_agent {
    td_key agent;
    uint64_t epoch;
    uint32_t version;
    uint8_t site, presence, next_presence;
    uint8_t reason;            /* 0 none, else index into agent_reason_names */
    td_ms at;
};
enum agent_reason { AR_NONE, AR_SHIFT, AR_BREAK, AR_MISSED, AR_SITE_DOWN, AR_DRAIN, AR_RETURN,
                    AGENT_REASONS };
extern const char *const agent_reason_names[AGENT_REASONS];

/* ---- operators, health, shares ---- */

enum site_admin { ADMIN_IN_SERVICE, ADMIN_DRAINING, SITE_ADMINS };
enum site_verdict { VERDICT_UP, VERDICT_DOWN, SITE_VERDICTS };
struct ev_site {
    td_key site;
    uint8_t admin;
    char why[128];             /* the operator's words; no personal data belongs here */
};
struct ev_verdict {
    td_key site;
    uint8_t verdict;
    uint8_t votes_down, votes; /* vantage points that saw it down, of those heard */
};
struct ev_policy { td_key policy; };
struct ev_shares {
    td_key policy, group;
    uint8_t n;
    td_key site[SITES_MAX];
    int32_t share_ppm[SITES_MAX];
};
struct ev_ledger {
    uint8_t group;             /* index in the active policy */
    td_key policy;
    uint8_t n;
    uint8_t site[SITES_MAX];
    int32_t share_ppm[SITES_MAX];   /* in force from here on */
    int64_t adjust_u[SITES_MAX];    /* added to the lags, millionths of a contact */
};
struct ev_config { const char *text; size_t len; }; /* borrowed from the encoded bytes */

struct event {
    enum event_type type;
    struct dot dot;
    uint64_t hlc;
    union {
        struct ev_config config;
        struct ev_policy policy;
        struct ev_shares shares;
        struct ev_site site;
        struct ev_verdict verdict;
        struct ev_ledger ledger;
        struct ev_placed placed;
        struct ev_contact contact;
        struct ev_agent agent;
    };
};

/* Appends the binary form. */
void event_encode(struct buf *b, const struct event *e);
/* Decodes one; text fields point into the reader's bytes. False: malformed (any enum out of range,
 * any count over its limit, truncated); *out is then undefined. Bytes are never trusted. */
bool event_decode(struct reader *r, struct event *out) MUST_USE;
/* One CloudEvent in JSON, no newline. `c` names the keys; a key it does not know is printed as
 * sixteen hex digits. */
void event_json(struct buf *b, const struct event *e, const struct config *c);
/* The same, with agents found in a map from key to index instead of one after the other. */
struct map64;
void event_json_by(struct buf *b, const struct event *e, const struct config *c,
                   const struct map64 *agents);
/* The fact's dot as text, which is the CloudEvent's id: "us-east-1/1625443140/812". */
enum { EVENT_ID_TEXT = NAME_MAX_LEN + 36 };
void event_id(const struct event *e, const struct config *c, char out[EVENT_ID_TEXT]);

static inline td_ms hlc_ms(uint64_t hlc) { return (td_ms)(hlc >> 16); }
/* Ownership epochs: (count, claiming node). */
static inline uint64_t epoch_make(uint64_t count, uint8_t node) { return count << 8 | node; }
static inline uint64_t epoch_next(uint64_t epoch, uint8_t node)
{
    return epoch_make((epoch >> 8) + 1, node);
}
