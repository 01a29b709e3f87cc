/* aws_events.h - what AWS Network Manager pushes through EventBridge: changes of Transit Gateways'
 * route tables, of VPN tunnels, and of what there is.
 *
 * Events come by best effort: late, twice, in any order, or not at all; so the next poll has the
 * last word, and an event is a reason to ask soon.
 *
 *   "Network Manager Routing Update"   routes installed in tables, or taken out: applied to the
 *                                      tables that are followed (cloud.h). A change as of before
 *                                      the last poll, or before one that was applied, is late.
 *   "Network Manager Status Update"    a VPN tunnel that was listed goes down, or its BGP session
 *                                      down or up again, which is the tunnel's state. That IPsec is
 *                                      up says nothing of BGP: what the tunnel is, AWS is asked.
 *   "Network Manager Topology Change"  nothing is told: what there is, AWS is asked.
 *
 * Formats: "Monitor your global network using EventBridge", AWS Global Networks for Transit
 * Gateways. Nothing of an event is trusted: gateways and tables that are not ours make no names. */
#pragma once

#include "driver/routes/cloud.h"

enum { AWS_EVENT_ID_MAX = 128, AWS_EVENT_ROUTES_MAX = 10000 /* as many as a gateway may have */ };

enum aws_event_kind { AWS_EVENT_ROUTES, AWS_EVENT_STATUS, AWS_EVENT_TOPOLOGY, AWS_EVENT_OTHER };

struct aws_event { /* texts and nodes are valid until the cloud reads its next answer */
    enum aws_event_kind kind;
    const char *id;
    const char *region; /* of the gateway, "us-east-1"; "": not said */
    const struct jr_node *detail;
};

/* Reads one event. False: it is none of Network Manager's; *why then says what is wrong with it,
 * in words that name a field. */
bool aws_event_read(struct cloud *c, const void *json, size_t n, struct aws_event *out,
                    const char **why) MUST_USE;

enum aws_event_end {
    AWS_EVENT_APPLIED,   /* the tables or the tunnel are as it says */
    AWS_EVENT_LATE,      /* what is known is newer */
    AWS_EVENT_ELSEWHERE, /* of a gateway or table that is not watched */
    AWS_EVENT_NOTED,     /* of ours; what it means, AWS must be asked */
    AWS_EVENT_UNKNOWN,   /* a detail-type that is not known */
    AWS_EVENT_ENDS
};
enum aws_event_end aws_event_apply(struct cloud *c, const struct aws_event *e, int64_t at_ms);
