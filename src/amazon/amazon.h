/* amazon.h - the sites of a centre as instances of Amazon Connect: everything between their nodes
 * and AWS. One HTTP client, one set of credentials and one AWS client for all, since they share the
 * account's budgets; a driver for each instance; a port at which flows ask and to which EventBridge
 * sends contact events; and the Traffic Distribution Groups of pairs.
 *
 *   POST /flow/SITE     the body is what AWS gives a Lambda function; the reply is the answer for
 *                       the flow (driver/instance/connect.h). Always 200 for who may ask: a flow
 *                       that gets an error would go to its error branch.
 *   POST /events        a contact event as EventBridge's API destinations send it: 204, or 404 when
 *                       no site is that instance
 *   GET  /health        200 when every instance is ready, else 503
 *
 * Who asks must give the key of `key_file` (Authorization: Bearer KEY); without such a file only
 * this machine may ask. */
#pragma once

#include "amazon/amazon_config.h"

struct amazon;

struct amazon_options {
    struct uv_loop_s *loop;
    const struct amazon_config *amazon; /* both must outlive it */
    const struct config *config;
    uint64_t pseudonym_key[2];
    uint64_t seed;
    double speed; /* of the nodes' clock against the wall's, where AWS is simulated; 0: 1 */
    td_ms (*now)(void *arg);                 /* the nodes' clock */
    void (*moved)(void *arg, uint8_t site);  /* an instance has something to say */
    /* The parts of the two sites' shares in force; false: not known now. */
    bool (*wanted)(void *arg, const uint8_t site[2], int32_t ppm[2]);
    void *arg;
};
/* NULL: a line in `error`. */
struct amazon *amazon_new(const struct amazon_options *o, char *error, size_t cap) MUST_USE;
/* A driver for each site; NULL where the configuration names no instance. */
struct instance *const *amazon_instances(const struct amazon *a);
/* By site, as core_replicas: the pairs. */
const uint8_t *amazon_replicas(const struct amazon *a);
struct connect *amazon_driver(const struct amazon *a, uint8_t site); /* NULL: none */
/* The port at which flows ask, or -1 and a line in `error`. */
int amazon_listen(struct amazon *a, char *error, size_t cap) MUST_USE;
/* Answers what is open, stops, frees itself and calls closed(arg), which may be NULL. */
void amazon_close(struct amazon *a, void (*closed)(void *arg), void *arg);

struct aws_client_stats amazon_calls(const struct amazon *a);
