/* optimise.h - preferences that make both directions take the best path, proved before they are
 * given out.
 *
 * Each link has a weight, the same for both directions: its mean latency and its cost. For every
 * declared subnet the least path by weight from every router is known (Dijkstra); a small number of
 * its own for each link makes it one path, so the way there is the way back. Where a router uses
 * another link than that, a preference is proposed, in the means that its maker leaves:
 *
 *   BEST_DIRECT_CONNECT          what is announced to it over the other links gets 7224:7100, and
 *                                over the best one 7224:7300
 *   Cloud Router                 a higher MED on what is announced over the other links where it
 *                                compares MEDs, else a longer path
 *   Transit Gateway              a longer path over the other links
 *   plain BGP                    local preference where that already decides; else MED between
 *                                links to one neighbour AS, else a longer path
 *
 * Where that is not enough, a longer path, then local preference are tried with plain BGP.
 * Preferences are for all prefixes where the same links are best for all, else prefix by prefix.
 * The proposal is then tried (whatif.h), what it does not need is taken out of it, and it is given
 * out only if no verdict is raised by it and each pair of sites has the same way there and back. */
#pragma once

#include "net/whatif.h"

struct optimise_options {
    double us_per_cost; /* microseconds of latency that one unit of cost is worth */
};

struct optimise_plan {
    struct net_change change[WHATIF_CHANGES_MAX]; /* NET_PREFER */
    uint32_t n;
    uint32_t pairs; /* of sites, that reach each other */
    uint32_t symmetric_before, symmetric_after;
    uint32_t best_before, best_after; /* pairs whose ways both are the best */
    struct whatif effect;
    const char *why_not; /* when there is no plan, in words */
};

/* Settle the model before. True: *out is a plan that is proved; it may be empty (n 0), when all is
 * as it should be. False: there is none, and why_not says why; n is 0. */
bool optimise(struct netmodel *m, const struct optimise_options *o, struct optimise_plan *out)
    MUST_USE;
