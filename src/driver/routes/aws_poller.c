#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <string.h>
#include <time.h>
#include <uv.h>

#include "base/json.h"
#include "base/json_kv.h"
#include "base/log.h"
#include "driver/routes/aws_answers.h"
#include "driver/routes/aws_poller.h"
#include "driver/routes/ec2_answers.h"

enum {
    PAGES_MAX = 1000, /* of one question: more are a token that goes in circles */
    PAGE_MAX = 1000,  /* routes or things a page, as AWS has it */
    DX_PAGE_MAX = 100,
    SOON_MS = 5000, /* between the beginnings of two rounds, when one is wanted soon */
    AGAIN_MAX = 3,  /* a table is asked for anew because it changed meanwhile */
};

/* The questions of a round, in this order; one for each table comes after them. */
enum question { VIFS, ASSOCIATIONS, ATTACHMENTS, PEERINGS, CONNECT_PEERS, VPNS, TABLES };

static const struct {
    enum aws_op op;
    enum cloud_kind kind;
} questions[] = {
    [VIFS] = {AWS_OP_DescribeVirtualInterfaces, CLOUD_VIF},
    [ASSOCIATIONS] = {AWS_OP_DescribeDirectConnectGatewayAssociations, CLOUD_ASSOCIATION},
    [ATTACHMENTS] = {AWS_OP_DescribeTransitGatewayAttachments, CLOUD_ATTACHMENT},
    [PEERINGS] = {AWS_OP_DescribeTransitGatewayPeeringAttachments, CLOUD_PEERING},
    [CONNECT_PEERS] = {AWS_OP_DescribeTransitGatewayConnectPeers, CLOUD_CONNECT_PEER},
    [VPNS] = {AWS_OP_DescribeVpnConnections, CLOUD_VPN},
    [TABLES] = {AWS_OP_SearchTransitGatewayRoutes, CLOUD_TABLE},
};

struct aws_poller {
    uv_loop_t *loop;
    struct aws_client *client;
    struct cloud *cloud;
    uint32_t lister;
    struct aws_poller_config config;
    char *region;
    char **gateway, **table;
    uint32_t *failed; /* by question: in a row */
    struct rng rng;
    uv_timer_t timer;
    uint64_t call; /* 0: none is under way */
    uint32_t at, pages, began;
    uint32_t again;          /* how often this table was asked for anew */
    uint64_t round_began_ms; /* of the loop's clock */
    bool round_failed, answered, soon;
    uint32_t rounds_failed; /* in a row */
    struct buf token, body;
    struct xml xml;
    struct aws_poller_stats stats;
};

static int64_t now_ms(const struct aws_poller *p)
{
    struct timespec t;
    if (p->config.now_ms)
        return p->config.now_ms(p->config.now_arg);
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static enum question question_at(uint32_t at)
{
    return at < TABLES ? (enum question)at : TABLES;
}

static bool is_asked(const struct aws_poller *p, uint32_t at)
{
    if (at < ATTACHMENTS)
        return p->config.direct_connect;
    if (at == VPNS)
        return p->config.vpn;
    return at >= TABLES || p->config.transit_gateways;
}

/* ---- a question ---- */

static void put_parameter(struct buf *b, const char *name, const char *value)
{
    buf_fmt(b, "&%s=", name);
    sigv4_encode(b, HTTP_SPAN(value), false);
}

static void make_form(struct aws_poller *p)
{
    const char *name = aws_operations[questions[question_at(p->at)].op].name;
    buf_fmt(&p->body, "Action=%s&Version=2016-11-15", name);
    if (p->at != VPNS)
        buf_fmt(&p->body, "&MaxResults=%d", PAGE_MAX);
    if (p->at >= TABLES) {
        put_parameter(&p->body, "TransitGatewayRouteTableId", p->table[p->at - TABLES]);
        put_parameter(&p->body, "Filter.1.Name", "state");
        put_parameter(&p->body, "Filter.1.Value.1", "active");
        put_parameter(&p->body, "Filter.1.Value.2", "blackhole");
    }
    if (p->token.len)
        put_parameter(&p->body, "NextToken", p->token.data);
}

static void make_json(struct aws_poller *p)
{
    struct jw w;
    jw_begin(&w, &p->body);
    jw_obj(&w);
    kv_int(&w, "maxResults", DX_PAGE_MAX);
    if (p->token.len)
        kv_text(&w, "nextToken", p->token.data);
    jw_end(&w);
}

static void on_reply(void *arg, const struct aws_reply *r);

static void ask(struct aws_poller *p)
{
    buf_reset(&p->body);
    if (p->at < ATTACHMENTS)
        make_json(p);
    else
        make_form(p);
    p->stats.pages++;
    p->call = aws_call(p->client,
                       &(struct aws_call_spec){.op = questions[question_at(p->at)].op,
                                               .region = p->region,
                                               .body = {p->body.data, p->body.len},
                                               .priority = AWS_POLL},
                       on_reply, p);
}

/* ---- the round ---- */

static void on_timer(uv_timer_t *timer);

static void first_page(struct aws_poller *p)
{
    p->pages = 0;
    buf_reset(&p->token);
    p->began = cloud_poll_begin(p->cloud);
    ask(p);
}

static void begin_question(struct aws_poller *p, uint32_t at)
{
    uint32_t all = TABLES + p->config.n_tables;
    while (at < all && !is_asked(p, at))
        at++;
    p->at = at;
    if (at < all) {
        p->again = 0;
        p->stats.questions++;
        first_page(p);
        return;
    }
    p->stats.rounds++;
    p->stats.failed_rounds += p->round_failed;
    p->rounds_failed = p->round_failed ? p->rounds_failed + 1 : 0;
    int64_t delay = poll_delay_ms(&p->config.poll, p->rounds_failed, &p->rng);
    (void)uv_timer_start(&p->timer, on_timer, (uint64_t)delay, 0);
    if (p->soon)
        aws_poller_soon(p);
}

void aws_poller_soon(struct aws_poller *p)
{
    bool waits = uv_is_active((uv_handle_t *)&p->timer) != 0; /* else a round is under way */
    p->soon = !waits;
    if (!waits || p->rounds_failed)
        return;
    uint64_t now = uv_now(p->loop), from = p->round_began_ms ? p->round_began_ms + SOON_MS : now;
    uint64_t in = from > now ? from - now : 0;
    if (in < uv_timer_get_due_in(&p->timer))
        (void)uv_timer_start(&p->timer, on_timer, in, 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct aws_poller *p = CONTAINER_OF(timer, struct aws_poller, timer);
    p->round_failed = p->soon = false;
    p->round_began_ms = uv_now(p->loop);
    begin_question(p, 0);
}

/* A gateway's feed works when all of its tables do. */
static void judge_tables(struct aws_poller *p, uint32_t at)
{
    bool lost = false, works = true;
    for (uint32_t i = 0; i < p->config.n_tables; i++) {
        if (strcmp(p->gateway[i], p->gateway[at - TABLES]) != 0)
            continue;
        lost |= poll_is_lost(&p->config.poll, p->failed[TABLES + i]);
        works &= p->failed[TABLES + i] == 0;
    }
    uint32_t router = cloud_router(p->cloud, p->gateway[at - TABLES]);
    if (router && (lost || works))
        cloud_feed(p->cloud, router, works && !lost, now_ms(p));
}

static void end_question(struct aws_poller *p, bool good, const char *why)
{
    uint32_t at = p->at;
    if (good) {
        p->failed[at] = 0;
        if (at < TABLES)
            cloud_poll_end(p->cloud, questions[at].kind, 0, p->began, now_ms(p));
        if (at == VPNS)
            cloud_poll_end(p->cloud, CLOUD_TUNNEL, 0, p->began, now_ms(p));
    } else {
        p->failed[at]++;
        p->round_failed = true;
        p->stats.failed_questions++;
        log_warn("routes", "a poll failed",
                 LF_S("op", aws_operations[questions[question_at(at)].op].name),
                 LF_S("region", p->region), LF_S("why", why), LF_I("in_a_row", p->failed[at]));
    }
    if (at >= TABLES)
        judge_tables(p, at);
    begin_question(p, at + 1);
}

/* ---- answers ---- */

static bool take_routes(struct aws_poller *p, struct http_span b, struct buf *next)
{
    uint32_t i = p->at - TABLES;
    bool whole = true;
    struct cloud_table t = {.router = cloud_router(p->cloud, p->gateway[i]),
                            .view = VIEW_LOC_RIB,
                            .listed_by = CLOUD_TABLE,
                            .at_ms = now_ms(p)};
    t.peer = cloud_table_peer(p->cloud, t.router, p->table[i]);
    if (!t.peer || !ec2_routes(p->cloud, &p->xml, &t, p->pages == 0, b.p, b.n, next, &whole))
        return false;
    if (!whole && !next->len) {
        p->stats.cut++;
        log_warn("routes", "AWS has more routes than it says", LF_S("table", p->table[i]));
    }
    return true;
}

static bool take(struct aws_poller *p, struct http_span b, struct buf *next)
{
    int64_t at = now_ms(p);
    switch (question_at(p->at)) {
    case VIFS: return aws_virtual_interfaces(p->cloud, b.p, b.n, at, next);
    case ASSOCIATIONS: return aws_gateway_associations(p->cloud, b.p, b.n, at, next);
    case ATTACHMENTS: return ec2_attachments(p->cloud, &p->xml, b.p, b.n, at, next);
    case PEERINGS: return ec2_peerings(p->cloud, &p->xml, p->region, b.p, b.n, at, next);
    case CONNECT_PEERS: return ec2_connect_peers(p->cloud, &p->xml, b.p, b.n, at, next);
    case VPNS: return ec2_vpn_connections(p->cloud, &p->xml, b.p, b.n, at, next);
    case TABLES: return take_routes(p, b, next);
    }
    return false;
}

/* Feeds work as soon as AWS answers at all, and before it is told what the answer says. */
static void begin_feeds(struct aws_poller *p)
{
    for (uint32_t i = 0; !p->answered && i < p->config.n_tables; i++) {
        uint32_t router = cloud_router(p->cloud, p->gateway[i]);
        if (router)
            cloud_feed(p->cloud, router, true, now_ms(p));
    }
    p->answered = true;
}

/* A change was pushed while the table was asked for: the answer may be of before it. */
static bool is_overtaken(struct aws_poller *p)
{
    if (p->at < TABLES || p->again == AGAIN_MAX)
        return false;
    uint32_t router = cloud_router(p->cloud, p->gateway[p->at - TABLES]);
    uint32_t peer = cloud_table_peer(p->cloud, router, p->table[p->at - TABLES]);
    bool overtaken = cloud_pushed_since(p->cloud, peer, p->began);
    p->again += overtaken;
    return overtaken;
}

static void on_reply(void *arg, const struct aws_reply *r)
{
    struct aws_poller *p = arg;
    struct buf next = {0};
    p->call = 0;
    cloud_from(p->cloud, p->lister);
    if (r->class == AWS_OK)
        begin_feeds(p);
    if (r->class != AWS_OK) {
        end_question(p, false, *r->code ? r->code : aws_class_names[r->class]);
    } else if (is_overtaken(p)) {
        first_page(p);
    } else if (!take(p, r->bytes, &next)) {
        end_question(p, false, "not such an answer");
    } else if (!next.len) {
        end_question(p, true, "");
    } else if (++p->pages == PAGES_MAX || (p->token.len && strcmp(p->token.data, next.data) == 0)) {
        end_question(p, false, "pages without an end");
    } else {
        buf_reset(&p->token);
        buf_add(&p->token, next.data, next.len);
        ask(p);
    }
    buf_free(&next);
}

/* ---- life ---- */

struct aws_poller *aws_poller_new(struct uv_loop_s *loop, struct aws_client *client,
                                  struct cloud *cloud, const struct aws_poller_config *config)
{
    struct aws_poller *p = mem_new(1, sizeof *p);
    p->loop = loop;
    p->client = client;
    p->cloud = cloud;
    p->lister = cloud_lister_new(cloud);
    p->config = *config;
    p->region = mem_strdup(config->region);
    p->gateway = mem_new(config->n_tables, sizeof *p->gateway);
    p->table = mem_new(config->n_tables, sizeof *p->table);
    for (uint32_t i = 0; i < config->n_tables; i++) {
        p->gateway[i] = mem_strdup(config->table[i].gateway);
        p->table[i] = mem_strdup(config->table[i].table);
    }
    p->failed = mem_new(TABLES + config->n_tables, sizeof *p->failed);
    p->rng = rng_seed(config->seed, 0xa90);
    BUG_ON(uv_timer_init(loop, &p->timer) != 0);
    (void)uv_timer_start(&p->timer, on_timer, rng_below(&p->rng, 1000), 0);
    return p;
}

static void on_closed(uv_handle_t *h)
{
    struct aws_poller *p = CONTAINER_OF((uv_timer_t *)h, struct aws_poller, timer);
    for (uint32_t i = 0; i < p->config.n_tables; i++) {
        mem_free(p->gateway[i]);
        mem_free(p->table[i]);
    }
    mem_free(p->gateway);
    mem_free(p->table);
    mem_free(p->failed);
    mem_free(p->region);
    buf_free(&p->token);
    buf_free(&p->body);
    xml_free(&p->xml);
    mem_free(p);
}

void aws_poller_close(struct aws_poller *p)
{
    if (p->call)
        aws_call_cancel(p->client, p->call);
    p->call = 0;
    uv_close((uv_handle_t *)&p->timer, on_closed);
}

struct aws_poller_stats aws_poller_stats(const struct aws_poller *p)
{
    return p->stats;
}
