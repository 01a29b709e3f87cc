/* whatif.h - what a change would do to the network, before it is made.
 *
 * The changes are applied to the models as a trial (fwd.h), the routes that they touch are chosen
 * anew, what is then wrong is compared with what is wrong now, and the trial is undone: it costs
 * what the changes touch, some 0.1 microseconds a route (docs/network.md), and leaves nothing
 * behind. Verdicts that wait for their time count as if they were told already.
 *
 * What follows at once is seen: next-best routes from the tables, longer prefixes, loops, holes,
 * ways between sites, expectations. What other routers would then announce anew is not played,
 * except that a prepended path is longer for all who have it. */
#pragma once

#include "net/netmodel.h"

enum net_change_kind {
    NET_ROUTE_ADD,     /* router receives the prefix over the link */
    NET_ROUTE_REMOVE,  /* and no longer does; link TOPO_NONE: over none */
    NET_STATIC_ADD,    /* router hands the prefix to the link; TOPO_NONE: discards it */
    NET_STATIC_REMOVE,
    NET_LINK_DOWN,     /* the session, or the whole link, is lost */
    NET_LINK_UP,       /* a session comes up: each end gets what the other delivers without it */
    NET_ALLOW_ADD,     /* router announces the prefix over the link, whatever it has */
    NET_ALLOW_REMOVE,
    NET_PREFER,        /* router's preference on the link, see below */
    NET_CHANGE_KINDS
};
extern const char *const net_change_names[NET_CHANGE_KINDS]; /* "route_add", ... */

struct net_change {
    uint8_t kind;
    uint16_t router, link;
    struct prefix prefix; /* NET_PREFER: family 0: all */
    /* NET_PREFER. Of what router receives over the link: */
    bool set_local_pref;
    uint32_t local_pref;
    /* and of what it announces over it: */
    bool set_med;
    uint32_t med;
    uint8_t prepend;    /* its own AS so many times more */
    uint32_t community; /* COMMUNITY(7224, 7100 | 7200 | 7300); 0: none */
};

enum { WHATIF_VERDICTS_MAX = 64, WHATIF_CHANGES_MAX = 256 };

struct whatif_verdict {
    uint8_t kind; /* enum verdict_kind */
    bool raised;  /* else cleared */
    struct evidence evidence;
};
struct whatif {
    bool refused;  /* it would make a loop or a blackhole: one that is not there now */
    uint32_t n;    /* in verdict[] */
    uint32_t more; /* for which there was no room */
    uint32_t routes; /* pairs of router and prefix that were looked at */
    struct whatif_verdict verdict[WHATIF_VERDICTS_MAX];
};

/* All changes together. Settle the model before. False: a change names what is not there; `out` is
 * then empty. */
bool whatif_try(struct netmodel *m, const struct net_change *change, size_t n, struct whatif *out)
    MUST_USE;
