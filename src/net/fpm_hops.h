/* fpm_hops.h - next hops that a router tells apart from its routes, by number, and who uses them.
 *
 * A number is a next hop, or a group of such numbers (linux/nexthop.h). Routes name a number and
 * are told no more when it comes to mean something else; so the table keeps which routes name
 * which number and hands out those that have to be told anew. Numbers may be named before they are
 * told, or longer: they mean nothing then, and a group with such members means the rest of them.
 * A group within a group is refused, as Linux refuses it.
 *
 * Changes are made up for lazily and each route once, however often its number changed meanwhile:
 * routes of a number are in a list, those told since its last change at its end; numbers with
 * others at the front wait in a queue. A change costs no more than its message; what comes of it
 * is for the caller to take in pieces that it can afford.
 *
 * Memory: 44 bytes a route, up to twice that while the table grows by doubling; 5 MB of numbers
 * and 92 MB of routes at the limits of below. A router that names no numbers takes none. */
#pragma once

#include "net/prefix.h"

enum {
    FPM_PATHS_MAX = 32,         /* next hops of a route, members of a group */
    FPM_NUMBERS_MAX = 16384,    /* of next hops and groups; FRR has one for each set in use */
    FPM_NUMBERED_MAX = 1 << 21, /* routes: two full Internet tables */
};

struct fpm_hop {
    struct ip_addr gateway; /* family 0: none */
    uint32_t interface;     /* 0: none */
    bool drops;             /* blackhole; neither of the others */
};

struct fpm_numbered { /* a route that names a number */
    struct prefix prefix;
    uint8_t protocol, type; /* as told, RTPROT_* and RTN_* */
};

enum fpm_hops_status {
    FPM_HOPS_KEPT,
    FPM_HOPS_FULL,   /* one of the limits */
    FPM_HOPS_NESTED, /* a group in a group, or in itself */
};

struct fpm_hops; /* of one session */
struct fpm_hops *fpm_hops_new(void);
void fpm_hops_free(struct fpm_hops *h);

/* What a number is from now on; it may have been something else. Groups have 1 to FPM_PATHS_MAX
 * members. Numbers are not 0. */
enum fpm_hops_status fpm_hops_single(struct fpm_hops *h, uint32_t number,
                                     const struct fpm_hop *hop) MUST_USE;
enum fpm_hops_status fpm_hops_group(struct fpm_hops *h, uint32_t number, const uint32_t *member,
                                    uint32_t n) MUST_USE;
void fpm_hops_forget(struct fpm_hops *h, uint32_t number);
/* Where the number leads, its members in their order; 0: nowhere, as far as is known. */
uint32_t fpm_hops_of(const struct fpm_hops *h, uint32_t number, struct fpm_hop out[FPM_PATHS_MAX]);

/* The route names this number now; the caller tells it. The other: it is gone, or names none. */
enum fpm_hops_status fpm_hops_use(struct fpm_hops *h, const struct fpm_numbered *route,
                                  uint32_t number) MUST_USE;
void fpm_hops_disuse(struct fpm_hops *h, const struct prefix *prefix);

/* A route whose number has changed since it was told last, which it is counted as from now on.
 * False: there is none. */
bool fpm_hops_stale(struct fpm_hops *h, struct fpm_numbered *route, uint32_t *number) MUST_USE;

struct fpm_hops_counts {
    uint32_t numbers; /* told, or named */
    uint32_t routes;
    uint32_t nowhere; /* numbers that routes name and that lead nowhere */
};
/* Looks at all numbers. */
struct fpm_hops_counts fpm_hops_counts(const struct fpm_hops *h);
