/* feed_station.c - connections in a list, addresses in a table of tokens, routers with what they
 * cost; one timer a second for what takes too long. */
#include "driver/routes/feed_station.h"

#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>
#include <uv.h>

#include "base/log.h"
#include "base/mem.h"

enum {
    LISTENERS_MAX = 4,
    ADDRESSES_MAX = 1024, /* whose tokens are remembered; the one not seen longest is forgotten */
    READ_BYTES = 1 << 16,
    SWEEP_MS = 1000,
    KEEPALIVE_S = 30,
};

struct address { /* tokens of an address */
    struct ip_addr ip;
    uint64_t millitokens; /* a thousandth each, so that nothing is lost between two connections */
    uint64_t seen_ms;
    uint64_t refused; /* in a row */
};

struct conn {
    struct feed_station *station;
    uv_tcp_t tcp;
    LIST_ENTRY(conn) link;
    void *session;     /* of the protocol; NULL: ended, the handle is closing */
    struct ip_addr ip; /* as it connects */
    uint32_t router;
    bool introduced;
    uint64_t opened_ms, begun_ms; /* of the loop; begun: of the message that is not complete */
    int64_t since_ms;             /* Unix time */
    size_t kept;
    unsigned quirks; /* that were logged */
};

struct feed_station {
    struct feed_station_ports ports;
    struct feed_station_config config;
    struct feed_router *routers;
    struct ip_addr *unlisted; /* that have a number */
    uint32_t n_unlisted;
    uv_tcp_t listener[LISTENERS_MAX];
    uint32_t n_listeners, handles;
    uv_timer_t sweep;
    LIST_HEAD(, conn) conns;
    struct address address[ADDRESSES_MAX];
    uint32_t n_addresses;
    int64_t *cost; /* by router number - 1: bytes the table of attributes grew while it spoke */
    uint32_t n_costs;
    struct feed_station_stats stats;
    bool closing;
    void (*closed)(void *arg);
    void *closed_arg;
    char read_buffer[READ_BYTES];
};

static const char *const end_names[FEED_ENDS - FEED_STATUSES_MAX] = {
    "closed by the router",
    "the connection broke",
    "replaced by a newer connection of the router",
    "did not introduce itself",
    "a message was not completed in time",
    "more memory than its share",
    "the station closes",
};

const char *feed_end_text(const struct feed_protocol *p, unsigned end)
{
    return end < p->statuses                             ? p->status_names[end]
           : end >= FEED_STATUSES_MAX && end < FEED_ENDS ? end_names[end - FEED_STATUSES_MAX]
                                                         : "unknown";
}

static int64_t system_now_ms(void *unused)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t unix_ms(const struct feed_station *s)
{
    return s->ports.now_ms(s->ports.now_arg);
}

/* ---- the end of a connection ---- */

static void finish(struct feed_station *s);

static void on_conn_closed(uv_handle_t *h)
{
    struct conn *c = CONTAINER_OF(h, struct conn, tcp);
    struct feed_station *s = c->station;
    s->handles--;
    mem_free(c);
    finish(s);
}

static void conn_end(struct conn *c, unsigned why)
{
    struct feed_station *s = c->station;
    char ip[IP_TEXT_MAX];
    if (!c->session)
        return;
    const struct feed_protocol *p = s->ports.protocol;
    void *session = c->session;
    c->session = NULL;
    LIST_REMOVE(c, link);
    s->stats.conns--;
    s->stats.kept -= c->kept;
    s->stats.ended[why]++;
    struct feed_figures st = p->figures(session);
    s->stats.messages += st.messages;
    const char *name = source_router_name(s->ports.sources, c->router);
    bool quiet =
        (p->goodbye && why == p->goodbye) || why == FEED_END_CLOSED || why == FEED_END_STATION;
    if (quiet)
        log_notice("feed", "router gone", LF_S("by", p->name), LF_S("router", name),
                   LF_S("why", feed_end_text(p, why)), LF_U("messages", st.messages));
    else
        log_warn("feed", "session ended", LF_S("by", p->name), LF_S("router", name),
                 LF_S("address", ip_text(&c->ip, ip)), LF_S("why", feed_end_text(p, why)),
                 LF_U("messages", st.messages), LF_U("glitches", st.glitches));
    p->end(session, unix_ms(s));
    uv_close((uv_handle_t *)&c->tcp, on_conn_closed);
}

/* ---- what routers say ---- */

/* Each habit once a connection. */
static void log_quirks(struct conn *c)
{
    const struct feed_protocol *p = c->station->ports.protocol;
    unsigned quirks = p->figures(c->session).quirks;
    const char *name = source_router_name(c->station->ports.sources, c->router);
    for (unsigned bit = 0; bit < p->quirks; bit++)
        if ((quirks & ~c->quirks) >> bit & 1)
            log_info("feed", "a habit of this router", LF_S("by", p->name), LF_S("router", name),
                     LF_S("habit", p->quirk_names[bit]));
    c->quirks = quirks;
}

/* Whoever introduced himself before as this router goes first, so that the model sees its feed lost
 * before it sees it come. */
static void introduced(struct conn *c)
{
    struct feed_station *s = c->station;
    struct conn *other, *next;
    for (other = LIST_FIRST(&s->conns); other; other = next) {
        next = LIST_NEXT(other, link);
        if (other->router == c->router && other->introduced)
            conn_end(other, FEED_END_REPLACED);
    }
    c->introduced = true;
    c->since_ms = unix_ms(s);
}

static void on_event(void *arg, const struct route_event *e)
{
    struct conn *c = arg;
    if (e->type == ROUTE_FEED_UP)
        introduced(c);
    c->station->ports.sink(c->station->ports.arg, e);
}

static int64_t *cost_of(struct feed_station *s, uint32_t router)
{
    if (router > s->n_costs) {
        uint32_t n = MAX(router, s->n_costs * 2);
        s->cost = mem_grow(s->cost, n, sizeof *s->cost);
        memset(s->cost + s->n_costs, 0, (n - s->n_costs) * sizeof *s->cost);
        s->n_costs = n;
    }
    return &s->cost[router - 1];
}

static void conn_read(struct conn *c, const char *bytes, size_t n)
{
    struct feed_station *s = c->station;
    bool was_introduced = c->introduced;
    size_t before = attr_table_stats(s->ports.attrs).bytes;
    const struct feed_protocol *p = s->ports.protocol;
    unsigned status = p->feed(c->session, bytes, n, unix_ms(s));
    int64_t *cost = cost_of(s, c->router);
    *cost += (int64_t)(attr_table_stats(s->ports.attrs).bytes - before);
    size_t kept = p->kept(c->session);
    s->stats.bytes += n;
    s->stats.kept += kept - c->kept;
    c->kept = kept;
    if (kept <= n) /* all of it came just now */
        c->begun_ms = uv_now(s->ports.loop);
    if (c->introduced && !was_introduced)
        log_notice("feed", "router speaks", LF_S("by", p->name),
                   LF_S("router", source_router_name(s->ports.sources, c->router)),
                   LF_S("name", p->figures(c->session).name));
    if (status)
        conn_end(c, status);
    else if (s->stats.kept > s->config.kept_max ||
             (*cost > 0 && (size_t)*cost > s->config.attr_bytes_router_max))
        conn_end(c, FEED_END_MEMORY);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *out)
{
    struct feed_station *s = CONTAINER_OF(h, struct conn, tcp)->station;
    *out = uv_buf_init(s->read_buffer, READ_BYTES); /* used up before the next read */
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    struct conn *c = CONTAINER_OF(stream, struct conn, tcp);
    if (!c->session || n == 0)
        return;
    if (n < 0)
        conn_end(c, n == UV_EOF ? FEED_END_CLOSED : FEED_END_BROKEN);
    else
        conn_read(c, b->base, (size_t)n);
}

/* ---- who may connect ---- */

static struct ip_addr ip_of(const struct sockaddr_storage *a)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct ip_addr ip = {0};
    const uint8_t *six =
        (const uint8_t *)&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
    if (a->ss_family == AF_INET) {
        ip.family = IPV4;
        memcpy(ip.byte, &((const struct sockaddr_in *)(const void *)a)->sin_addr, 4);
    } else if (memcmp(six, mapped, sizeof mapped) == 0) {
        ip.family = IPV4;
        memcpy(ip.byte, six + 12, 4);
    } else {
        ip.family = IPV6;
        memcpy(ip.byte, six, 16);
    }
    return ip;
}

/* The row of the address; a new one takes the place of the one not seen longest. */
static struct address *address_of(struct feed_station *s, const struct ip_addr *ip)
{
    struct ip_addr key = *ip;
    struct address *oldest = &s->address[0];
    if (key.family == IPV6)
        memset(key.byte + 8, 0, 8);
    for (uint32_t i = 0; i < s->n_addresses; i++) {
        if (ip_equal(&s->address[i].ip, &key))
            return &s->address[i];
        if (s->address[i].seen_ms < oldest->seen_ms)
            oldest = &s->address[i];
    }
    if (s->n_addresses < ADDRESSES_MAX)
        oldest = &s->address[s->n_addresses++];
    *oldest = (struct address){.ip = key,
                               .millitokens = s->config.connects_burst * UINT64_C(1000),
                               .seen_ms = uv_now(s->ports.loop)};
    return oldest;
}

static bool takes_token(struct feed_station *s, const struct ip_addr *ip)
{
    struct address *a = address_of(s, ip);
    uint64_t now_ms = uv_now(s->ports.loop), most = s->config.connects_burst * UINT64_C(1000);
    char text[IP_TEXT_MAX];
    a->millitokens += (now_ms - a->seen_ms) * 1000 / MAX(s->config.connect_interval_ms, 1u);
    a->millitokens = MIN(a->millitokens, most);
    a->seen_ms = now_ms;
    if (a->millitokens >= 1000) {
        a->millitokens -= 1000;
        if (a->refused)
            log_notice("feed", "an address that connected too often is let in again",
                       LF_S("by", s->ports.protocol->name), LF_S("address", ip_text(ip, text)),
                       LF_U("turned_away", a->refused));
        a->refused = 0;
        return true;
    }
    if (a->refused++ == 0)
        log_warn("feed", "connects too often, turned away for now",
                 LF_S("by", s->ports.protocol->name), LF_S("address", ip_text(ip, text)),
                 LF_U("one_in_ms", s->config.connect_interval_ms));
    return false;
}

static const struct feed_router *listed(const struct feed_station *s, const struct ip_addr *ip)
{
    for (uint32_t i = 0; i < s->config.n_routers; i++)
        if (ip_equal(&s->routers[i].address, ip))
            return &s->routers[i];
    return NULL;
}

/* Is there room for one more of this address? One that never introduced itself makes room. */
static bool has_room(struct feed_station *s, const struct ip_addr *ip)
{
    struct conn *c, *longest = NULL;
    uint32_t of_address = 0;
    LIST_FOREACH(c, &s->conns, link)
    {
        of_address += ip_equal(&c->ip, ip);
        if (!c->introduced && (!longest || c->opened_ms < longest->opened_ms))
            longest = c;
    }
    if (of_address >= s->config.conns_address_max)
        return false;
    if (s->stats.conns < s->config.conns_max)
        return true;
    if (!longest)
        return false;
    conn_end(longest, FEED_END_NO_INTRODUCTION);
    return true;
}

/* The number of the router at the address. Those that are not listed have some numbers among them:
 * an address costs a stranger nothing. */
static uint32_t number_of(struct feed_station *s, const struct feed_router *r,
                          const struct ip_addr *ip)
{
    char text[IP_TEXT_MAX];
    if (r)
        return source_router(s->ports.sources, r->name);
    for (uint32_t i = 0; i < s->n_unlisted; i++)
        if (ip_equal(&s->unlisted[i], ip))
            return source_router(s->ports.sources, ip_text(ip, text));
    if (s->n_unlisted == s->config.unlisted_max)
        return SOURCE_NONE;
    s->unlisted[s->n_unlisted++] = *ip;
    return source_router(s->ports.sources, ip_text(ip, text));
}

/* The router that connects; SOURCE_NONE: it is turned away. */
static uint32_t admitted(struct feed_station *s, const struct ip_addr *ip)
{
    const struct feed_router *r = listed(s, ip);
    char text[IP_TEXT_MAX];
    if (!r && s->config.only_routers) {
        s->stats.turned_away_unknown++;
        log_warn("feed", "not a router of the configuration, turned away",
                 LF_S("by", s->ports.protocol->name), LF_S("address", ip_text(ip, text)));
        return SOURCE_NONE;
    }
    if (!takes_token(s, ip)) {
        s->stats.turned_away_often++;
        return SOURCE_NONE;
    }
    uint32_t router = has_room(s, ip) ? number_of(s, r, ip) : SOURCE_NONE;
    if (router == SOURCE_NONE) {
        s->stats.turned_away_full++;
        log_warn("feed", "no room for one more connection", LF_S("by", s->ports.protocol->name),
                 LF_S("address", ip_text(ip, text)), LF_U("connections", s->stats.conns));
    }
    return router;
}

static void conn_open(struct conn *c)
{
    struct feed_station *s = c->station;
    struct feed_speaker who = {s->ports.attrs, s->ports.decoder, s->ports.sources,
                               c->router,      on_event,         c};
    c->session = s->ports.protocol->begin(&who);
    c->opened_ms = c->begun_ms = uv_now(s->ports.loop);
    LIST_INSERT_HEAD(&s->conns, c, link);
    s->stats.accepted++;
    s->stats.conns++;
    s->stats.conns_most = MAX(s->stats.conns_most, s->stats.conns);
    uv_tcp_keepalive(&c->tcp, 1, KEEPALIVE_S);
    if (uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) != 0)
        conn_end(c, FEED_END_BROKEN);
}

/* Out of descriptors: libuv keeps a spare one, with which it accepts and closes the connection, so
 * that the listening socket does not stay readable for ever. */
static void on_connection(uv_stream_t *listener, int status)
{
    struct feed_station *s = listener->data;
    struct sockaddr_storage a = {0};
    int n = sizeof a;
    if (status || s->closing)
        return;
    struct conn *c = mem_new(1, sizeof *c);
    c->station = s;
    BUG_ON(uv_tcp_init(s->ports.loop, &c->tcp) != 0);
    s->handles++;
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) == 0 &&
        uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&a, &n) == 0) {
        c->ip = ip_of(&a);
        c->router = admitted(s, &c->ip);
    }
    if (c->router == SOURCE_NONE)
        uv_close((uv_handle_t *)&c->tcp, on_conn_closed);
    else
        conn_open(c);
}

static void alive(struct conn *c)
{
    struct feed_station *s = c->station;
    size_t before = attr_table_stats(s->ports.attrs).bytes;
    const struct feed_protocol *p = s->ports.protocol;
    unsigned status = p->tick ? p->tick(c->session, unix_ms(s)) : 0;
    *cost_of(s, c->router) += (int64_t)(attr_table_stats(s->ports.attrs).bytes - before);
    log_quirks(c);
    if (status)
        conn_end(c, status);
}

static void on_sweep(uv_timer_t *timer)
{
    struct feed_station *s = timer->data;
    uint64_t now_ms = uv_now(s->ports.loop);
    struct conn *c, *next;
    for (c = LIST_FIRST(&s->conns); c; c = next) {
        next = LIST_NEXT(c, link);
        if (!c->introduced && now_ms - c->opened_ms >= s->config.introduce_timeout_ms)
            conn_end(c, FEED_END_NO_INTRODUCTION);
        else if (c->kept && now_ms - c->begun_ms >= s->config.message_timeout_ms)
            conn_end(c, FEED_END_UNFINISHED);
        else
            alive(c);
    }
}

/* Often enough for the shortest limit, at most once a second. */
static uint64_t sweep_ms(const struct feed_station_config *g)
{
    uint32_t least = MIN(g->introduce_timeout_ms, g->message_timeout_ms);
    return MAX(MIN(least / 4, (uint32_t)SWEEP_MS), 10u);
}

/* ---- the station ---- */

struct feed_station *feed_station_new(const struct feed_station_ports *ports,
                                      const struct feed_station_config *config)
{
    struct feed_station *s = mem_new(1, sizeof *s);
    s->ports = *ports;
    s->config = *config;
    s->config.routers = NULL;
    BUG_ON(ports->protocol->statuses > FEED_STATUSES_MAX);
    if (!s->ports.now_ms)
        s->ports.now_ms = system_now_ms;
    s->routers = mem_new(config->n_routers, sizeof *s->routers);
    for (uint32_t i = 0; i < config->n_routers; i++) {
        s->routers[i] = config->routers[i];
        s->routers[i].name = mem_strdup(config->routers[i].name);
    }
    s->unlisted = mem_new(config->unlisted_max, sizeof *s->unlisted);
    LIST_INIT(&s->conns);
    BUG_ON(uv_timer_init(ports->loop, &s->sweep) != 0);
    s->sweep.data = s;
    s->handles = 1;
    uv_timer_start(&s->sweep, on_sweep, sweep_ms(config), sweep_ms(config));
    return s;
}

int feed_station_listen(struct feed_station *s, const char *address, int port, char *error,
                        size_t cap)
{
    struct sockaddr_storage a = {0};
    int n = sizeof a, e;
    if (s->n_listeners == LISTENERS_MAX || port < 0 || port > 65535 ||
        (uv_ip4_addr(address, port, (struct sockaddr_in *)(void *)&a) != 0 &&
         uv_ip6_addr(address, port, (struct sockaddr_in6 *)(void *)&a) != 0)) {
        snprintf(error, cap,
                 "%s cannot listen on %s port %d: not an IP address and port, or more than %d",
                 s->ports.protocol->name, address, port, LISTENERS_MAX);
        return -1;
    }
    uv_tcp_t *t = &s->listener[s->n_listeners++];
    BUG_ON(uv_tcp_init(s->ports.loop, t) != 0);
    t->data = s;
    s->handles++;
    if ((e = uv_tcp_bind(t, (const struct sockaddr *)&a, 0)) != 0 ||
        (e = uv_listen((uv_stream_t *)t, 128, on_connection)) != 0 ||
        (e = uv_tcp_getsockname(t, (struct sockaddr *)&a, &n)) != 0) {
        snprintf(error, cap, "%s cannot listen on %s port %d: %s", s->ports.protocol->name, address,
                 port, uv_strerror(e));
        return -1; /* the handle is closed with the station */
    }
    return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&a)->sin6_port
                                         : ((struct sockaddr_in *)(void *)&a)->sin_port);
}

static void on_handle_closed(uv_handle_t *h)
{
    struct feed_station *s = h->data;
    s->handles--;
    finish(s);
}

/* A handle has gone: was it the last? */
static void finish(struct feed_station *s)
{
    if (!s->closing || s->handles)
        return;
    void (*closed)(void *) = s->closed;
    void *arg = s->closed_arg;
    for (uint32_t i = 0; i < s->config.n_routers; i++)
        mem_free((char *)(uintptr_t)s->routers[i].name);
    mem_free(s->routers);
    mem_free(s->unlisted);
    mem_free(s->cost);
    mem_free(s);
    if (closed)
        closed(arg);
}

void feed_station_close(struct feed_station *s, void (*closed)(void *arg), void *arg)
{
    BUG_ON(s->closing);
    s->closing = true;
    s->closed = closed;
    s->closed_arg = arg;
    while (!LIST_EMPTY(&s->conns))
        conn_end(LIST_FIRST(&s->conns), FEED_END_STATION);
    for (uint32_t i = 0; i < s->n_listeners; i++)
        uv_close((uv_handle_t *)&s->listener[i], on_handle_closed);
    uv_close((uv_handle_t *)&s->sweep, on_handle_closed);
}

struct feed_station_stats feed_station_stats(const struct feed_station *s)
{
    struct feed_station_stats out = s->stats;
    const struct conn *c;
    LIST_FOREACH(c, &s->conns, link)
    out.messages += s->ports.protocol->figures(c->session).messages;
    return out;
}

void feed_station_each(const struct feed_station *s,
                       void (*fn)(void *arg, const struct feed_station_router *r), void *arg)
{
    const struct conn *c;
    LIST_FOREACH(c, &s->conns, link)
    {
        struct feed_station_router r = {
            .router = c->router,
            .name = source_router_name(s->ports.sources, c->router),
            .address = c->ip,
            .since_ms = c->since_ms,
            .figures = s->ports.protocol->figures(c->session),
        };
        if (c->introduced)
            fn(arg, &r);
    }
}
