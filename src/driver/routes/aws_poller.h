/* aws_poller.h - asks AWS, again and again, for what is between Direct Connect and a VPC: virtual
 * interfaces and gateway associations, attachments, peerings and Connect peers of Transit Gateways,
 * VPN connections if wanted, and the routes of their tables.
 *
 * One for each account and region. A round asks one question after the other, page by page, through
 * the account's client (aws/client.h), which keeps the budgets and tries again, as the least urgent
 * of all calls. A question that fails leaves what it has told as it was; when a table has failed
 * too often its gateway's feed is lost (poll.h).
 *
 * Of a Direct Connect gateway nobody tells all routes, so no feed of it is told: nothing may be
 * concluded from a route that it lacks. Such gateways are of no region: have one poller only ask
 * for them. */
#pragma once

#include "aws/client.h"
#include "driver/routes/cloud.h"
#include "driver/routes/poll.h"

struct aws_polled_table {
    const char *gateway; /* the router that has it, by the name that cloud_call knows: "tgw-..." */
    const char *table;   /* "tgw-rtb-..." */
};

struct aws_poller_config { /* copied */
    const char *region;
    bool direct_connect, transit_gateways;
    bool vpn; /* the answer has pre-shared keys, so it is asked for only where it is of use */
    const struct aws_polled_table *table;
    uint32_t n_tables;
    struct poll_config poll;
    int64_t (*now_ms)(void *arg); /* Unix time for the events; NULL: the system's clock */
    void *now_arg;
    uint64_t seed; /* of the jitter */
};

struct aws_poller;
/* Client and cloud outlive it. The first round begins within a second. */
struct aws_poller *aws_poller_new(struct uv_loop_s *loop, struct aws_client *client,
                                  struct cloud *cloud,
                                  const struct aws_poller_config *config) MUST_USE;
/* Stops, and frees itself as soon as the loop lets it. */
void aws_poller_close(struct aws_poller *p);

/* Something has changed: the next round begins soon, five seconds after the last one began at the
 * earliest. After rounds that failed it begins when it would have. */
void aws_poller_soon(struct aws_poller *p);

struct aws_poller_stats {
    uint64_t rounds, failed_rounds, questions, failed_questions, pages;
    uint64_t cut; /* tables of which AWS had more routes than it would say */
};
struct aws_poller_stats aws_poller_stats(const struct aws_poller *p);
