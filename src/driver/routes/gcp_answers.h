/* gcp_answers.h - answers of Google's Compute API (v1, JSON), told as events (cloud.h).
 *
 * A Cloud Router's routes come twice in getRouterStatus: bestRoutes, what the data plane of its
 * region really has, is its LOC_RIB; bestRoutesForRouter, what its own sessions have won, is that
 * of a router beside it, "NAME/sessions", so that nobody takes it for where packets go. Sessions
 * and how many routes each has learned come from there too. listBgpRoutes has the four views of
 * each session, one (view, family) a call.
 *
 * int64 fields arrive as texts. A family that a session does not carry is not asked for. */
#pragma once

#include "driver/routes/cloud.h"

struct buf;

enum { GCP_PEERS_MAX = 128, GCP_PEER_NAME = 64 }; /* a Cloud Router has at most 128 peers */

struct gcp_peer { /* what listBgpRoutes wants to know of a session */
    char name[GCP_PEER_NAME]; /* RFC 1035: 63 characters */
    uint32_t peer;
    bool ipv4, ipv6;
};
struct gcp_peers {
    struct gcp_peer peer[GCP_PEERS_MAX];
    uint32_t n;
};

/* getRouterStatus. *peers: its sessions, those that are up; may be NULL. False: no such answer. */
bool gcp_router_status(struct cloud *c, uint32_t router, const void *json, size_t n, int64_t at_ms,
                       struct gcp_peers *peers);
/* A page of listBgpRoutes; *next: the next page's token, "" after the last. `first`: it is the
 * first page. */
bool gcp_bgp_routes(struct cloud *c, const struct cloud_table *table, bool first, const void *json,
                    size_t n, struct buf *next);
/* A page of interconnectAttachments.list. `place`: "PROJECT/REGION". An attachment's router is the
 * one it names. */
bool gcp_attachments(struct cloud *c, const char *place, const void *json, size_t n, int64_t at_ms,
                     struct buf *next);
