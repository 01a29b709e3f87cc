/* cloud_polls - runs one poller against a server and prints what it tells; for
 * tests/py/test_cloud.py.
 *
 *   cloud_polls aws URL ROUNDS [TGW/TABLE...]   Direct Connect and Transit Gateways of us-east-1
 *   cloud_polls gcp URL ROUNDS KEY_FILE|HOST    router p/us-east4/edge; a key, or a metadata server
 *
 * Ends after ROUNDS rounds with a line of figures. A round comes 20 ms after the last. */
#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/log.h"
#include "cloud_record.h"
#include "driver/routes/aws_poller.h"
#include "driver/routes/gcp_poller.h"

enum { TABLES_MAX = 8, EVERY_MS = 20 };

struct run {
    uv_loop_t loop;
    uv_timer_t timer;
    struct record record;
    struct http_client *http;
    struct aws_client *client;
    struct aws_poller *aws;
    struct gcp_auth *auth;
    struct gcp_poller *gcp;
    unsigned long rounds;
    bool closing;
};

static void finish(struct run *r)
{
    r->closing = true;
    if (r->aws)
        aws_poller_close(r->aws);
    if (r->client)
        aws_client_close(r->client);
    if (r->gcp)
        gcp_poller_close(r->gcp);
    if (r->auth)
        gcp_auth_close(r->auth);
    http_client_close(r->http, NULL, NULL);
    uv_close((uv_handle_t *)&r->timer, NULL);
}

static void look(uv_timer_t *timer)
{
    struct run *r = timer->data;
    struct buf *b = &r->record.text;
    fwrite(b->data ? b->data : "", 1, b->len, stdout);
    buf_reset(b);
    if (r->aws && aws_poller_stats(r->aws).rounds >= r->rounds) {
        struct aws_poller_stats s = aws_poller_stats(r->aws);
        printf("rounds %lu questions %lu failed %lu pages %lu cut %lu\n", (unsigned long)s.rounds,
               (unsigned long)s.questions, (unsigned long)s.failed_questions,
               (unsigned long)s.pages, (unsigned long)s.cut);
        finish(r);
    } else if (r->gcp && gcp_poller_stats(r->gcp).rounds >= r->rounds) {
        struct gcp_poller_stats s = gcp_poller_stats(r->gcp);
        printf("rounds %lu questions %lu failed %lu requests %lu retries %lu\n",
               (unsigned long)s.rounds, (unsigned long)s.questions,
               (unsigned long)s.failed_questions, (unsigned long)s.requests,
               (unsigned long)s.retries);
        finish(r);
    }
}

static void poll_aws(struct run *r, const char *url, int n, char **tables)
{
    struct aws_polled_table table[TABLES_MAX];
    struct aws_client_config config = {.endpoint = url,
                                       .identity = {"test", "test", NULL},
                                       .retry_base_ms = 10,
                                       .retry_most_ms = 50};
    BUG_ON(n > TABLES_MAX);
    for (int i = 0; i < n; i++) {
        char *slash = strchr(tables[i], '/');
        BUG_ON(!slash);
        *slash = 0;
        table[i] = (struct aws_polled_table){tables[i], slash + 1};
    }
    r->client = aws_client_new(&r->loop, r->http, &config);
    r->aws = aws_poller_new(&r->loop, r->client, r->record.cloud,
                            &(struct aws_poller_config){.region = "us-east-1",
                                                        .direct_connect = true,
                                                        .transit_gateways = true,
                                                        .vpn = true,
                                                        .table = table,
                                                        .n_tables = (uint32_t)n,
                                                        .poll = {.every_ms = EVERY_MS}});
}

static void poll_gcp(struct run *r, const char *url, const char *who)
{
    bool is_key = strchr(who, '/') != NULL;
    r->auth = gcp_auth_new(&r->loop, r->http,
                           &(struct gcp_auth_config){.key_file = is_key ? who : "",
                                                     .metadata_host = is_key ? NULL : who});
    r->gcp = gcp_poller_new(&r->loop, r->http, r->auth, r->record.cloud,
                            &(struct gcp_poller_config){.project = "p",
                                                        .region = "us-east4",
                                                        .router = "edge",
                                                        .attachments = true,
                                                        .endpoint = url,
                                                        .gap_ms = 1,
                                                        .poll = {.every_ms = EVERY_MS}});
    BUG_ON(!r->gcp);
}

int main(int argc, char **argv)
{
    struct run r = {0};
    struct http_client_config config = HTTP_CLIENT_DEFAULTS;
    if (argc < 4 || (strcmp(argv[1], "gcp") == 0 && argc != 5)) {
        fprintf(stderr, "cloud_polls: see the head of tests/cloud_polls.c\n");
        return 64;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    uv_loop_init(&r.loop);
    record_begin(&r.record);
    r.http = http_client_new(&r.loop, &config);
    r.rounds = strtoul(argv[3], NULL, 10);
    if (strcmp(argv[1], "aws") == 0)
        poll_aws(&r, argv[2], argc - 4, argv + 4);
    else
        poll_gcp(&r, argv[2], argv[4]);
    uv_timer_init(&r.loop, &r.timer);
    r.timer.data = &r;
    uv_timer_start(&r.timer, look, 5, 5);
    uv_run(&r.loop, UV_RUN_DEFAULT);
    BUG_ON(uv_loop_close(&r.loop) != 0);
    record_end(&r.record);
    return 0;
}
