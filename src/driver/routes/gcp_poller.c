/* gcp_poller.c - a round: STATUS, then for each session that is up, family and view the TABLE, then
 * the ATTACHMENTS. One timer says when the next request may go. */
#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#include "aws/pace.h"
#include "aws/sigv4.h"
#include "base/log.h"
#include "driver/routes/gcp_answers.h"
#include "driver/routes/gcp_poller.h"

enum {
    GAP_MS = 250,
    ROUTES_A_PAGE = 500, /* the most that listBgpRoutes gives */
    PAGES_MAX = 1000,
    RETRIES_MAX = 4,
    RETRY_BASE_MS = 250,
    RETRY_MOST_MS = 20000,
    TOKEN_AGAIN_MS = 200,
    TOKEN_WAIT_MS = 10000, /* then the question has failed */
    CALL_MS = 20000,
    REPLY_MAX = 16 << 20,
    TABLES_A_PEER = 8, /* two families of four views */
};

enum question { STATUS, TABLE, ATTACHMENTS, END };

struct gcp_poller {
    struct http_client *http;
    struct gcp_auth *auth;
    struct cloud *cloud;
    struct gcp_poller_config config;
    char *project, *region, *name, *endpoint, *place; /* place: "PROJECT/REGION" */
    uint32_t router, lister;
    struct rng rng;
    struct pace_retry budget;
    uv_timer_t timer;
    struct http_call *call;
    enum question question;
    struct gcp_peers peers;
    uint32_t peer, table; /* of the TABLE question: which peer, which of its eight */
    uint32_t pages, began, attempt;
    int64_t token_since; /* loop time: waiting for a token since */
    bool round_failed;
    uint32_t rounds_failed, failed; /* in a row: rounds; of those, with the router's own part */
    bool router_failed;             /* in this round */
    struct buf token, url;
    struct gcp_poller_stats stats;
};

static int64_t now_ms(const struct gcp_poller *p)
{
    struct timespec t;
    if (p->config.now_ms)
        return p->config.now_ms(p->config.now_arg);
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void on_timer(uv_timer_t *timer);

static void ask_in(struct gcp_poller *p, int64_t ms)
{
    (void)uv_timer_start(&p->timer, on_timer, (uint64_t)MAX(ms, 0), 0);
}

/* ---- the request ---- */

static uint8_t family_of(uint32_t table)
{
    return table < TABLES_A_PEER / 2 ? IPV4 : IPV6;
}

static enum route_view view_of(uint32_t table)
{
    static const enum route_view views[] = {VIEW_IN_PRE, VIEW_IN_POST, VIEW_OUT_PRE, VIEW_OUT_POST};
    return views[table % COUNTOF(views)];
}

static void put_parameter(struct buf *b, const char *name, const char *value)
{
    buf_fmt(b, "%c%s=", strchr(b->data, '?') ? '&' : '?', name);
    sigv4_encode(b, HTTP_SPAN(value), false);
}

static void put_part(struct buf *b, const char *collection, const char *name)
{
    buf_fmt(b, "/%s/", collection);
    sigv4_encode(b, HTTP_SPAN(name), false);
}

static void make_url(struct gcp_poller *p)
{
    struct buf *u = &p->url;
    buf_reset(u);
    buf_fmt(u, "%s/compute/v1", p->endpoint);
    put_part(u, "projects", p->project);
    put_part(u, "regions", p->region);
    if (p->question == ATTACHMENTS) {
        buf_str(u, "/interconnectAttachments");
        put_parameter(u, "maxResults", "500");
    } else {
        put_part(u, "routers", p->name);
        buf_str(u, p->question == STATUS ? "/getRouterStatus" : "/listBgpRoutes");
    }
    if (p->question == TABLE) {
        enum route_view view = view_of(p->table);
        bool learned = view <= VIEW_IN_POST;
        bool policy = view == VIEW_IN_POST || view == VIEW_OUT_POST;
        char most[12];
        snprintf(most, sizeof most, "%d", ROUTES_A_PAGE);
        put_parameter(u, "peer", p->peers.peer[p->peer].name);
        put_parameter(u, "addressFamily", family_of(p->table) == IPV4 ? "IPV4" : "IPV6");
        put_parameter(u, "routeType", learned ? "LEARNED" : "ADVERTISED");
        put_parameter(u, "policyApplied", policy ? "true" : "false");
        put_parameter(u, "maxResults", most);
    }
    if (p->token.len)
        put_parameter(u, "pageToken", p->token.data);
}

static void on_answer(void *arg, const struct http_result *r);
static void end_question(struct gcp_poller *p, bool good, const char *why, int status);

static void send_request(struct gcp_poller *p, const char *bearer)
{
    struct buf value = {0};
    make_url(p);
    buf_fmt(&value, "Bearer %s", bearer);
    const struct http_field fields[] = {{"Authorization", value.data},
                                        {"Accept", "application/json"}};
    struct http_call_spec spec = {.method = HTTP_METHOD_GET,
                                  .url = p->url.data,
                                  .fields = fields,
                                  .n_fields = COUNTOF(fields),
                                  .reply_max = REPLY_MAX,
                                  .total_timeout_ms = CALL_MS};
    p->stats.requests++;
    p->call = http_client_start(p->http, &spec, on_answer, p);
    buf_free(&value);
}

/* ---- the round ---- */

/* The next table of a family that the session carries; false: there is none. */
static bool next_table(struct gcp_poller *p)
{
    for (; p->peer < p->peers.n; p->peer++, p->table = 0)
        for (; p->table < TABLES_A_PEER; p->table++) {
            const struct gcp_peer *peer = &p->peers.peer[p->peer];
            if (family_of(p->table) == IPV4 ? peer->ipv4 : peer->ipv6)
                return true;
        }
    return false;
}

static void begin_question(struct gcp_poller *p, enum question q, int64_t in_ms)
{
    if (q == TABLE && !next_table(p))
        q = ATTACHMENTS;
    if (q == ATTACHMENTS && !p->config.attachments)
        q = END;
    p->question = q;
    p->pages = p->attempt = 0;
    p->token_since = 0;
    buf_reset(&p->token);
    if (q != END) {
        p->began = cloud_poll_begin(p->cloud);
        p->stats.questions++;
        ask_in(p, in_ms);
        return;
    }
    p->stats.rounds++;
    p->stats.failed_rounds += p->round_failed;
    p->rounds_failed = p->round_failed ? p->rounds_failed + 1 : 0;
    p->failed = p->router_failed ? p->failed + 1 : 0;
    if (!p->failed)
        cloud_feed(p->cloud, p->router, true, now_ms(p));
    else if (poll_is_lost(&p->config.poll, p->failed))
        cloud_feed(p->cloud, p->router, false, now_ms(p));
    ask_in(p, poll_delay_ms(&p->config.poll, p->rounds_failed, &p->rng));
}

static int64_t gap_ms(const struct gcp_poller *p)
{
    return p->config.gap_ms ? p->config.gap_ms : GAP_MS;
}

static void on_timer(uv_timer_t *timer)
{
    struct gcp_poller *p = CONTAINER_OF(timer, struct gcp_poller, timer);
    if (p->question == END) {
        p->round_failed = p->router_failed = false;
        p->peers.n = p->peer = p->table = 0;
        begin_question(p, STATUS, 0);
        return;
    }
    struct buf audience = {0};
    buf_fmt(&audience, "%s/", p->endpoint);
    const char *bearer = gcp_auth_token(p->auth, audience.data);
    int64_t now = (int64_t)uv_now(timer->loop);
    buf_free(&audience);
    p->token_since = p->token_since ? p->token_since : now;
    if (bearer) {
        p->token_since = 0;
        send_request(p, bearer);
    } else if (now - p->token_since < TOKEN_WAIT_MS) {
        ask_in(p, TOKEN_AGAIN_MS);
    } else {
        end_question(p, false, "no token", 0);
    }
}

static void end_question(struct gcp_poller *p, bool good, const char *why, int status)
{
    enum question q = p->question;
    cloud_from(p->cloud, p->lister);
    if (!good) {
        p->round_failed = true;
        p->router_failed |= q != ATTACHMENTS;
        p->stats.failed_questions++;
        log_warn("routes", "a poll failed", LF_S("router", p->name), LF_S("region", p->region),
                 LF_S("why", why), LF_I("status", status));
    } else if (q == ATTACHMENTS) {
        cloud_poll_end(p->cloud, CLOUD_INTERCONNECT, 0, p->began, now_ms(p));
    }
    if (q == TABLE)
        p->table++;
    begin_question(p, q == ATTACHMENTS ? END : TABLE, gap_ms(p));
}

/* ---- answers ---- */

static bool take(struct gcp_poller *p, const struct http_result *r, struct buf *next)
{
    const char *b = r->body.p;
    size_t n = r->body.n;
    if (p->question == STATUS && !p->failed) /* else it is lost, until a whole round was good */
        cloud_feed(p->cloud, p->router, true, now_ms(p));
    if (p->question == STATUS)
        return gcp_router_status(p->cloud, p->router, b, n, now_ms(p), &p->peers);
    if (p->question == ATTACHMENTS)
        return gcp_attachments(p->cloud, p->place, b, n, now_ms(p), next);
    struct cloud_table t = {.router = p->router,
                            .peer = p->peers.peer[p->peer].peer,
                            .view = (uint8_t)view_of(p->table),
                            .family = family_of(p->table),
                            .listed_by = CLOUD_SESSION,
                            .at_ms = now_ms(p)};
    return gcp_bgp_routes(p->cloud, &t, p->pages == 0, b, n, next);
}

/* 403 is a rate exceeded, or a permission that is missing: the reason tells. */
static bool is_rate(const struct http_result *r)
{
    static const char *const reasons[] = {"rateLimitExceeded", "userRateLimitExceeded",
                                          "RATE_LIMIT_EXCEEDED"};
    for (size_t i = 0; i < COUNTOF(reasons); i++)
        if (r->body.n && memmem(r->body.p, r->body.n, reasons[i], strlen(reasons[i])))
            return true;
    return false;
}

static bool again(struct gcp_poller *p, const struct http_result *r)
{
    bool lost = r->error != HTTP_CLIENT_OK, refused = !lost && r->status == 401;
    int64_t ms = 0;
    if (!lost && !refused && r->status != 429 && r->status < 500 &&
        !(r->status == 403 && is_rate(r)))
        return false;
    if (p->attempt == RETRIES_MAX ||
        !pace_retry(&p->budget, p->attempt + 1, lost, RETRY_BASE_MS, RETRY_MOST_MS, &p->rng, &ms))
        return false;
    if (refused)
        gcp_auth_refused(p->auth);
    p->attempt++;
    p->stats.retries++;
    ask_in(p, gap_ms(p) + ms);
    return true;
}

static void on_answer(void *arg, const struct http_result *r)
{
    struct gcp_poller *p = arg;
    struct buf next = {0};
    p->call = NULL;
    cloud_from(p->cloud, p->lister);
    if (r->error == HTTP_CLIENT_CANCELLED || again(p, r))
        return;
    if (r->error != HTTP_CLIENT_OK) {
        end_question(p, false, http_client_error_names[r->error], 0);
    } else if (r->status != 200) {
        end_question(p, false, "refused", r->status);
    } else if (!take(p, r, &next)) {
        end_question(p, false, "not such an answer", r->status);
    } else {
        pace_went_well(&p->budget, p->attempt > 0);
        p->attempt = 0;
        if (!next.len) {
            end_question(p, true, "", 0);
        } else if (++p->pages == PAGES_MAX ||
                   (p->token.len && strcmp(p->token.data, next.data) == 0)) {
            end_question(p, false, "pages without an end", r->status);
        } else {
            buf_reset(&p->token);
            buf_add(&p->token, next.data, next.len);
            ask_in(p, gap_ms(p));
        }
    }
    buf_free(&next);
}

/* ---- life ---- */

struct gcp_poller *gcp_poller_new(struct uv_loop_s *loop, struct http_client *http,
                                  struct gcp_auth *auth, struct cloud *cloud,
                                  const struct gcp_poller_config *config)
{
    struct buf name = {0};
    buf_fmt(&name, "%s/%s/%s", config->project, config->region, config->router);
    uint32_t router = cloud_router(cloud, name.data);
    buf_free(&name);
    if (!router)
        return NULL;
    struct gcp_poller *p = mem_new(1, sizeof *p);
    p->http = http;
    p->auth = auth;
    p->cloud = cloud;
    p->config = *config;
    p->router = router;
    p->lister = cloud_lister_new(cloud);
    p->project = mem_strdup(config->project);
    p->region = mem_strdup(config->region);
    p->name = mem_strdup(config->router);
    p->endpoint =
        mem_strdup(config->endpoint ? config->endpoint : "https://compute.googleapis.com");
    buf_fmt(&name, "%s/%s", config->project, config->region);
    p->place = name.data;
    p->rng = rng_seed(config->seed, 0x6c0);
    p->budget = (struct pace_retry)PACE_RETRY_START;
    p->question = END;
    BUG_ON(uv_timer_init(loop, &p->timer) != 0);
    ask_in(p, (int64_t)rng_below(&p->rng, 1000));
    return p;
}

static void on_closed(uv_handle_t *h)
{
    struct gcp_poller *p = CONTAINER_OF((uv_timer_t *)h, struct gcp_poller, timer);
    mem_free(p->project);
    mem_free(p->region);
    mem_free(p->name);
    mem_free(p->endpoint);
    mem_free(p->place);
    buf_free(&p->token);
    buf_free(&p->url);
    mem_free(p);
}

void gcp_poller_close(struct gcp_poller *p)
{
    if (p->call)
        http_call_cancel(p->call);
    p->call = NULL;
    uv_close((uv_handle_t *)&p->timer, on_closed);
}

struct gcp_poller_stats gcp_poller_stats(const struct gcp_poller *p)
{
    return p->stats;
}
