/* view_net.h - the watch of the network as JSON for people: the section `network` of the
 * dashboard's document (web/CONTRACT.md) and what the API's /v1/net paths reply.
 *
 * Each function writes one JSON value. Times are milliseconds since 1970 by the wall clock,
 * whatever the speed of a simulated centre; delays are milliseconds; what is not known is null. */
#pragma once

#include "base/json_kv.h"
#include "net/optimise.h"
#include "watch/watch.h"

enum {
    VIEW_NET_ENDED = 20,   /* verdicts that are over, in the section */
    VIEW_NET_ROUTES = 200, /* of one answer */
};

void view_net(struct jw *w, struct watch *n);

/* An array with evidence: those that hold, then, if asked for, those that have ended. */
void view_net_verdicts(struct jw *w, struct watch *n, bool ended);
/* Everybody's routes to the prefix, or to the longest one around it, and the way there from every
 * site. */
void view_net_routes(struct jw *w, struct watch *n, const struct prefix *p);
/* The ways between two sites, there and back, by the model and by probes. */
void view_net_path(struct jw *w, struct watch *n, uint16_t from, uint16_t to);
void view_net_whatif(struct jw *w, struct watch *n, const struct whatif *o);
/* A plan of preferences; its changes are as POST /v1/net/what-if takes them. */
void view_net_plan(struct jw *w, struct watch *n, const struct optimise_plan *p, bool proved);
