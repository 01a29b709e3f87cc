/* ec2_answers.h - what EC2 says of Transit Gateways (Query API, XML), told as events (cloud.h).
 *
 * A Transit Gateway is a router and each of its route tables a LOC_RIB. A route through several
 * attachments (ECMP) is as many routes, whose path id is the number of the attachment's name; one
 * that leads nowhere (blackhole) has path id 0 when no attachment is named. Only preferred routes
 * are shown, without AS path and MED.
 *
 * Whose an attachment is, is told by DescribeTransitGatewayAttachments; so that is asked before
 * DescribeTransitGatewayConnectPeers, whose answer names the attachment alone. */
#pragma once

#include "driver/routes/cloud.h"
#include "driver/routes/xml_read.h"

/* Pages: *next is the token of the next one, "" after the last. */

/* SearchTransitGatewayRoutes. `first`: the table's first page. *whole false after the last page:
 * AWS had more routes than it says, so those not told may be there all the same, and the table is
 * not ended. */
bool ec2_routes(struct cloud *c, struct xml *x, const struct cloud_table *table, bool first,
                const void *xml, size_t n, struct buf *next, bool *whole);
/* DescribeTransitGatewayAttachments */
bool ec2_attachments(struct cloud *c, struct xml *x, const void *xml, size_t n, int64_t at_ms,
                     struct buf *next);
/* DescribeTransitGatewayPeeringAttachments, as seen from this region */
bool ec2_peerings(struct cloud *c, struct xml *x, const char *region, const void *xml, size_t n,
                  int64_t at_ms, struct buf *next);
/* DescribeTransitGatewayConnectPeers: the peer as a link, its BGP sessions as sessions */
bool ec2_connect_peers(struct cloud *c, struct xml *x, const void *xml, size_t n, int64_t at_ms,
                       struct buf *next);
/* DescribeVpnConnections, which has no pages: a connection as a link that is up while one of its
 * tunnels is, and each tunnel as one. The configuration with its pre-shared keys, which the answer
 * has too, is not looked at. */
bool ec2_vpn_connections(struct cloud *c, struct xml *x, const void *xml, size_t n, int64_t at_ms,
                         struct buf *next);
