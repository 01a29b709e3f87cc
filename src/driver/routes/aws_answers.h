/* aws_answers.h - answers of AWS Direct Connect (JSON 1.1), told as events (cloud.h).
 *
 * A Direct Connect gateway is a router: its sessions are the BGP peers of its virtual interfaces,
 * and each gateway associated with it is a LOC_RIB table of the prefixes allowed to it: what it
 * announces towards the customer's routers. A virtual interface without such a gateway belongs to
 * its virtual private gateway, and a public one to "aws". Two interfaces may use the same
 * link-local addresses, so a session's distinguisher is its interface.
 *
 * No call lists the routes that a virtual interface has learned; those are in the tables of Transit
 * Gateways (ec2_answers.h). authKey is never looked at. */
#pragma once

#include "driver/routes/cloud.h"

struct buf;

/* A page of DescribeVirtualInterfaces; *next: the next page's token, "" after the last. */
bool aws_virtual_interfaces(struct cloud *c, const void *json, size_t n, int64_t at_ms,
                            struct buf *next);
/* A page of DescribeDirectConnectGatewayAssociations. */
bool aws_gateway_associations(struct cloud *c, const void *json, size_t n, int64_t at_ms,
                              struct buf *next);
