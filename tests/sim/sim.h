/* sim.h - between the files of the fault simulator: make.c makes a centre, its faults and its
 * operators' orders from a seed, sim.c runs them. check.c looks at every fact that a node states,
 * books.c keeps the books a second time, watch.c looks at everything once a second and at the
 * end. */
#pragma once

#include "base/map.h"
#include "base/rng.h"
#include "core/model.h"
#include "node/world.h"

#include <inttypes.h>

enum {
    RUN_MS = 240000,    /* calls come in for so long */
    DRAIN_MS = 3600000, /* then the last customers must be gone within */
    QUIET_MS = 15000,   /* and the replicas equal after */
    FAULTS = 6,
    STORM_FAULTS = 40,  /* of short duration, one upon the other */
    HISTORY_MAX = 20000, /* contacts; a run makes some thousand at most */
    KNOWN_DEAD_MS = 1000, /* after this nobody may choose a dead region */
    PLACED_MS = 3000,       /* a call has a place within, when the sites' nodes are up since */
    PLACED_AGAIN_MS = 15000, /* ... or since one was up again: the network puts him through again */
    STUCK_S = 5,       /* what may be for a moment may not last longer */
    RINGING_S = 30,    /* a customer whose phone rings again and again cannot be sent on */
};

struct options {
    uint64_t seeds, from;
    bool verbose, first; /* first: stop at the first seed that fails */
    const char *watch;
};

struct waiting_call {
    struct td_id contact;
    td_ms at;
};

/* What a fact adds to the books of shares: a counted placement, or a decider's corrections. */
struct booked {
    uint64_t seq;          /* of the fact that stated it */
    struct td_id contact;  /* none: corrections */
    uint64_t epoch;        /* of the placement */
    uint8_t group, site;
    int64_t u[SITES_MAX];  /* millionths of a contact, added to the lags */
};
struct booked_list {
    struct booked *item;
    uint32_t count, cap;
};

/* A place asked for through the API. Never freed before the run ends: a node may still know it. */
struct asked {
    struct sim *s;
    struct td_id contact;
    uint64_t epoch;
    uint8_t site;
    bool answered; /* the place was durable, and given to who asked */
};

struct last_fact { /* of an origin, at a node */
    uint32_t life, epoch;
    uint64_t seq;
};

struct sim {
    uint64_t seed;
    const struct options *o;
    struct config *c;
    struct world *w;
    struct rng rng;
    struct fault fault[STORM_FAULTS];
    int faults;
    int crash_ppm; /* of commits at which the node is killed */
    bool crash[NODES_MAX];
    struct map128 called; /* contact -> CALLED, PLACED, ... */
    struct map128 owner;  /* (contact, epoch) mixed -> origin + 1 */
    struct map128 stuck;  /* what lasts -> the seconds in which it was seen first and last */
    struct map128 told;   /* (contact, node) mixed -> the end that this node told last, mixed */
    struct map128 place;  /* (contact, epoch) mixed -> the site, as the hub knows it */
    struct booked_list booked[NODES_MAX];
    struct asked **asked;
    uint32_t asks, asks_cap;
    uint32_t life[NODES_MAX]; /* changes while a node is down */
    struct last_fact last[NODES_MAX][NODES_MAX]; /* by node, by origin */
    uint64_t calls, ended, checks;
    int64_t expired;               /* contacts that nobody took in, as it is known at the hub now */
    struct waiting_call *unplaced; /* in the order of their calls */
    uint32_t unplaced_first, unplaced_count, unplaced_cap;
    td_ms nodes_down_at; /* a site's node was last down */
    td_ms dead_since[SITES_MAX];
    uint32_t second; /* of the run, counts the looks at everything */
    char failure[400];
};
enum { CALLED = 1, PLACED = 2, ENDED = 4, EXPIRED = 8, ASKED = 16 };

/* The first failure of a seed is kept and ends its run. */
void fail(struct sim *s, const char *fmt, ...) PRINTF(2, 3);
const char *name_of(const struct sim *s, uint8_t node);

/* make.c */
void make_config(struct sim *s);
void make_faults(struct sim *s);
void make_crashes(struct sim *s); /* nodes are killed in the middle of a commit, and start again */
void make_crashed(struct sim *s); /* after each step: those that were */
void make_orders(struct sim *s); /* operators at several nodes give orders at the same instant */

void make_asks(struct sim *s);   /* programs ask for places, and remember the answers */

/* check.c: hooks of the nodes */
void check_order(struct sim *s, struct node *n, const struct event *e); /* of any origin */
void check_fact(struct sim *s, struct node *n, const struct event *e);  /* its own */
void check_history(struct sim *s, struct node *n, const struct core_history *h);

/* books.c: shares and history, counted again */
void books_fact(struct sim *s, uint8_t self, const struct event *e);
void books_shares(struct sim *s);  /* at the end: the model's books are the sum of the facts */
void books_history(struct sim *s); /* ... and every node's store has every contact once, alike */
void books_asked(struct sim *s);   /* ... and what was answered has come true */
void books_free(struct sim *s);

/* watch.c */
void watch_call(struct sim *s, struct td_id contact);
void watch_step(struct sim *s);   /* after each step of the world */
void watch_second(struct sim *s); /* about once a second */
void watch_end(struct sim *s);    /* when all is quiet */
void watch_people(struct sim *s); /* and when agents have settled */
