/* gcp_poller.h - asks Google's Compute API, again and again, how a Cloud Router is: its sessions,
 * its best routes, the four views of every session (500 routes a page) and, if wanted, the VLAN
 * attachments of its region.
 *
 * One for each router. A round asks one question after the other; between two requests of a poller
 * are at least gap_ms, so that the project's quota (of requests a minute) is left to others too.
 * What is tried again, up to four times and with full jitter: 429, 403 for a rate, 5xx, answers
 * that did not come, and 401 with a new token. A question that fails leaves what it has told as it
 * was; when the router's status or one of its tables has failed too often in a row, its feed is
 * lost (poll.h). */
#pragma once

#include "driver/routes/cloud.h"
#include "driver/routes/poll.h"
#include "gcp/auth.h"

struct gcp_poller_config { /* copied */
    const char *project, *region, *router;
    bool attachments;
    const char *endpoint; /* NULL: "https://compute.googleapis.com" */
    uint32_t gap_ms;      /* 0: 250 */
    struct poll_config poll;
    int64_t (*now_ms)(void *arg); /* Unix time for the events; NULL: the system's clock */
    void *now_arg;
    uint64_t seed; /* of the jitter */
};

struct gcp_poller;
/* HTTP client, auth and cloud outlive it. The first round begins within a second. NULL: there is no
 * room for another router. */
struct gcp_poller *gcp_poller_new(struct uv_loop_s *loop, struct http_client *http,
                                  struct gcp_auth *auth, struct cloud *cloud,
                                  const struct gcp_poller_config *config) MUST_USE;
/* Stops, and frees itself as soon as the loop lets it. */
void gcp_poller_close(struct gcp_poller *p);

struct gcp_poller_stats {
    uint64_t rounds, failed_rounds, questions, failed_questions, requests, retries;
};
struct gcp_poller_stats gcp_poller_stats(const struct gcp_poller *p);
