/* fpm: what real routers told becomes their tables, as `ip route` had them; built messages in both
 * byte orders; hostile bytes. */
#include "base/mem.h"
#include "base/rng.h"
#include "net/fpm.h"
#include "net/rib.h"
#include "tap.h"

struct table {
    struct attr_table *attrs;
    struct sources *sources;
    struct rib *rib;
    struct fpm_session *session;
    struct buf seen; /* events that are no routes, a word each */
};

static void on_event(void *arg, const struct route_event *e)
{
    struct table *t = arg;
    rib_apply(t->rib, e);
    if (e->type != ROUTE_ANNOUNCE && e->type != ROUTE_WITHDRAW)
        buf_fmt(&t->seen, "%s ", route_event_names[e->type]);
}

static void session_begin(struct table *t)
{
    struct fpm_options o = {t->attrs, t->sources, source_router(t->sources, "r/fib"), on_event, t};
    t->session = fpm_session_new(&o);
}

static struct table *table_new(void)
{
    static const struct rib_limits limits = RIB_LIMITS_DEFAULTS;
    struct table *t = mem_new(1, sizeof *t);
    t->attrs = attr_table_new(3, 100000, ATTR_BYTES_MAX);
    t->sources = sources_new();
    t->rib = rib_new(t->attrs, t->sources, &limits, NULL, NULL);
    buf_str(&t->seen, "");
    session_begin(t);
    return t;
}

static void table_free(struct table *t)
{
    fpm_session_free(t->session, 0);
    rib_free(t->rib);
    CHECK_EQ(attr_table_stats(t->attrs).sets, 0);
    attr_table_free(t->attrs);
    sources_free(t->sources);
    buf_free(&t->seen);
    mem_free(t);
}

static void line_of(struct table *t, const struct rib_route *r, char *out, size_t cap)
{
    char prefix[PREFIX_TEXT_MAX], ip[IP_TEXT_MAX];
    const struct attr *a = attr_get(t->attrs, r->attr);
    const char *via = a->via ? source_name_text(t->sources, a->via) : "";
    snprintf(out, cap, "%s %s%s%s %s%s%s", prefix_text(rib_prefix(t->rib, r->prefix_id), prefix),
             a->next_hop.family ? "via " : "", a->next_hop.family ? ip_text(&a->next_hop, ip) : "",
             a->has & ATTR_BLACKHOLE ? "dropped" : "", route_kind_names[a->kind], *via ? " " : "",
             via);
}

struct list {
    struct table *t;
    char line[64][128];
    size_t n;
};

static bool take_route(void *arg, const struct rib_route *r)
{
    struct list *l = arg;
    line_of(l->t, r, l->line[l->n++], sizeof l->line[0]);
    return l->n < 64;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* The table as lines in order of their text. */
static void table_is(struct table *t, const char *want)
{
    struct list *l = mem_new(1, sizeof *l);
    struct buf got = {0};
    l->t = t;
    rib_each_route(t->rib, 1, VIEW_LOC_RIB, take_route, l);
    qsort(l->line, l->n, sizeof l->line[0], by_text);
    buf_str(&got, "");
    for (size_t i = 0; i < l->n; i++)
        buf_fmt(&got, "%s\n", l->line[i]);
    CHECK_STR(got.data, want);
    buf_free(&got);
    mem_free(l);
}

static struct buf file(const char *name)
{
    const char *source = getenv("TANDEM_SOURCE");
    char path[512];
    struct buf b = {0};
    snprintf(path, sizeof path, "%s/tests/data/fpm/%s", source ? source : ".", name);
    FILE *in = fopen(path, "rb");
    CHECK(in != NULL);
    buf_reserve(&b, 65536);
    if (in) {
        b.len = fread(b.data, 1, 65536, in);
        fclose(in);
    }
    return b;
}

/* In pieces of `piece` octets, each at the end of its own memory. */
static enum fpm_status feed(struct table *t, const struct buf *b, size_t piece)
{
    enum fpm_status status = FPM_GOING_ON;
    for (size_t at = 0; at < b->len; at += piece) {
        size_t n = MIN(piece, b->len - at);
        uint8_t *exact = mem_grow(NULL, n, 1);
        memcpy(exact, b->data + at, n);
        status = fpm_feed(t->session, exact, n, 1000);
        mem_free(exact);
        CHECK(fpm_session_kept(t->session) <= FPM_FRAME_MAX);
    }
    return status;
}

/* ---- real routers ---- */

/* `ip route` at the router at the end of each recording, link-local prefixes left out; interfaces
 * are vpc 3, mgmt 2, and the links to cea 4, to ceb 5 and to usw2 6. */
static const char dplane_table[] = "10.1.0.0/16  subnet if3\n"
                                   "10.100.0.0/16 via 169.254.4.1 bgp\n"
                                   "10.2.0.0/16 via 169.254.4.1 bgp\n"
                                   "10.3.0.0/16 via 169.254.4.1 bgp\n"
                                   "10.4.0.0/16 via 169.254.4.1 bgp\n"
                                   "169.254.11.0/30  subnet if6\n"
                                   "169.254.4.0/30  subnet if4\n"
                                   "169.254.5.0/30  subnet if5\n"
                                   "198.18.0.0/24  subnet if2\n";
static const char fpm_table[] = "10.1.0.0/16  subnet if3\n"
                                "10.100.0.0/16 via 169.254.4.1 other\n"
                                "10.2.0.0/16 via 169.254.4.1 other\n"
                                "10.3.0.0/16 via 169.254.4.1 other\n"
                                "10.4.0.0/16 via 169.254.4.1 other\n"
                                "10.77.0.0/16 via 169.254.4.1 static\n"
                                "10.77.0.0/16 via 169.254.5.1 static\n"
                                "10.78.0.0/16 dropped static\n"
                                "10.79.0.0/16 dropped static\n"
                                "10.81.0.0/16  subnet if4\n"
                                "169.254.11.0/30  subnet if6\n"
                                "169.254.4.0/30  subnet if4\n"
                                "169.254.5.0/30  subnet if5\n"
                                "198.18.0.0/24  subnet if2\n"
                                "fd00:4::/64  subnet if4\n"
                                "fd00:98::/32 dropped static\n"
                                "fd00:99::/32 via fd00:4::1 static\n";

/* Of the router of tests/data/fpm/record.sh: its links are 3, 5 and 7. */
#define NUMBERS_4                                                                                  \
    "10.0.1.0/24  subnet if3\n"                                                                    \
    "10.0.2.0/24  subnet if5\n"                                                                    \
    "10.0.3.0/24  subnet if7\n"                                                                    \
    "10.77.0.0/16 via 10.0.1.2 static\n"                                                           \
    "10.78.0.0/16 via 10.0.1.2 static\n"                                                           \
    "10.78.0.0/16 via 10.0.2.2 static\n"                                                           \
    "10.79.0.0/16 via 10.0.1.2 static\n"                                                           \
    "10.80.0.0/16 dropped static\n"                                                                \
    "10.81.0.0/16 dropped static\n"                                                                \
    "10.82.0.0/16  subnet if7\n"                                                                   \
    "10.84.0.0/16 via 10.0.1.3 static\n"                                                           \
    "10.84.0.0/16 via 10.0.3.3 static\n"                                                           \
    "10.85.0.0/16 via 10.0.1.2 static\n"                                                           \
    "10.85.0.0/16 via 10.0.3.3 static\n"
#define NUMBERS_6                                                                                  \
    "fd00:1::/64  subnet if3\n"                                                                    \
    "fd00:3::/64  subnet if7\n"                                                                    \
    "fd00:98::/32 via fe80::5 static if7\n"                                                        \
    "fd00:99::/32 via fd00:1::2 static\n"
static const char numbers_table[] = NUMBERS_4 NUMBERS_6;
static const char groups_changed_table[] = NUMBERS_4 "10.90.0.0/16 via 10.0.1.2 other\n"
                                                     "10.90.0.0/16 via 10.0.2.2 other\n"
                                                     "10.90.0.0/16 via 10.0.3.2 other\n"
                                                     "10.91.0.0/16 via 10.0.2.2 other\n"
                                                     "10.91.0.0/16 via 10.0.3.2 other\n" NUMBERS_6;

static void replay(const char *name, const char *want)
{
    struct buf b = file(name);
    for (size_t piece = 1; piece < 200; piece = piece * 3 / 2 + 1) {
        struct table *t = table_new();
        CHECK_EQ(feed(t, &b, piece), FPM_GOING_ON);
        table_is(t, want);
        CHECK_EQ(fpm_session_kept(t->session), 0);
        CHECK_EQ(fpm_session_stats(t->session).bytes, b.len);
        CHECK_EQ(fpm_session_stats(t->session).glitches, 0);
        table_free(t);
    }
    buf_free(&b);
}

TEST(frr_dplane_fpm_nl)
{
    replay("frr-8.4.4-dplane_fpm_nl", dplane_table);
}

TEST(frr_fpm)
{
    replay("frr-8.4.4-fpm", fpm_table);
}

TEST(frr_next_hop_groups)
{
    replay("frr-8.4.4-next-hop-groups", numbers_table);
    replay("frr-8.4.4-next-hop-groups-again", numbers_table); /* a group before its members */
    replay("frr-8.4.4-groups-changed", groups_changed_table); /* and no word of their routes */
}

/* ---- messages built here ---- */

static bool big; /* the byte order of what is written */

static void w16(struct buf *b, uint32_t v)
{
    buf_char(b, (char)(big ? v >> 8 : v));
    buf_char(b, (char)(big ? v : v >> 8));
}

static void w32(struct buf *b, uint32_t v)
{
    w16(b, big ? v >> 16 : v);
    w16(b, big ? v : v >> 16);
}

static void patch(struct buf *b, size_t at, uint32_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        b->data[at + i] = (char)(v >> 8 * (big ? n - 1 - i : i));
}

static void pad(struct buf *b, size_t from)
{
    while ((b->len - from) % 4)
        buf_char(b, 0);
}

static size_t frame_begin(struct buf *b)
{
    size_t at = b->len;
    buf_add(b, "\1\1\0\0", 4);
    return at;
}

static void frame_end(struct buf *b, size_t at)
{
    size_t n = b->len - at;
    b->data[at + 2] = (char)(n >> 8);
    b->data[at + 3] = (char)n;
}

static void attribute(struct buf *b, uint32_t type, const void *value, size_t n)
{
    w16(b, (uint32_t)(4 + n));
    w16(b, type);
    buf_add(b, value, n);
    pad(b, b->len - n);
}

static struct ip_addr ip(const char *text)
{
    struct ip_addr a = {0};
    CHECK(ip_parse(text, &a));
    return a;
}

static void address(struct buf *b, uint32_t type, const char *text)
{
    struct ip_addr a = ip(text);
    attribute(b, type, a.byte, a.family == IPV4 ? 4 : 16);
}

static size_t message_begin(struct buf *b, uint32_t type, const char *prefix, uint8_t table,
                            uint8_t protocol, uint8_t kind)
{
    size_t at = b->len;
    struct prefix p;
    CHECK(prefix_parse(prefix, &p));
    w32(b, 0);
    w16(b, type);
    w16(b, 0x501);
    w32(b, 0);
    w32(b, 4711);
    uint8_t head[12] = {p.family == IPV4 ? 2 : 10, p.len, 0, 0, table, protocol, 0, kind};
    buf_add(b, head, sizeof head);
    attribute(b, 1, p.byte, p.family == IPV4 ? 4 : 16);
    return at;
}

static void message_end(struct buf *b, size_t at)
{
    patch(b, at, (uint32_t)(b->len - at), 4);
}

/* A frame with one route: by gateways, none to n_via. */
static void route(struct buf *b, const char *prefix, uint8_t protocol, size_t n_via,
                  const char *const *via)
{
    size_t f = frame_begin(b), m = message_begin(b, 24, prefix, 254, protocol, 1);
    if (n_via == 1)
        address(b, 5, via[0]);
    size_t list = b->len;
    if (n_via > 1) {
        w16(b, 0);
        w16(b, 9 | 0x8000); /* nested */
    }
    for (size_t i = 0; i < n_via && n_via > 1; i++) {
        size_t hop = b->len;
        w16(b, 0);
        w16(b, 0);
        w32(b, 4);
        address(b, 5, via[i]);
        patch(b, hop, (uint32_t)(b->len - hop), 2);
    }
    if (n_via > 1)
        patch(b, list, (uint32_t)(b->len - list), 2);
    message_end(b, m);
    frame_end(b, f);
}

static void no_route(struct buf *b, const char *prefix)
{
    size_t f = frame_begin(b), m = message_begin(b, 25, prefix, 254, 0, 0);
    message_end(b, m);
    frame_end(b, f);
}

static void taken(struct table *t, struct buf *b, const char *want)
{
    CHECK_EQ(feed(t, b, 7), FPM_GOING_ON);
    buf_reset(b);
    table_is(t, want);
}

TEST(a_new_route_replaces_the_one_before)
{
    static const char *const via[] = {"10.0.0.1", "10.0.0.2", "10.0.0.3"};
    for (int order = 0; order < 2; order++) {
        struct table *t = table_new();
        struct buf b = {0};
        big = order;
        route(&b, "10.1.0.0/16", 186, 3, via);
        taken(t, &b,
              "10.1.0.0/16 via 10.0.0.1 bgp\n"
              "10.1.0.0/16 via 10.0.0.2 bgp\n"
              "10.1.0.0/16 via 10.0.0.3 bgp\n");
        route(&b, "10.1.0.0/16", 196, 2, via + 1);
        taken(t, &b, "10.1.0.0/16 via 10.0.0.2 static\n10.1.0.0/16 via 10.0.0.3 static\n");
        route(&b, "10.1.0.0/16", 188, 1, via);
        taken(t, &b, "10.1.0.0/16 via 10.0.0.1 other\n");
        route(&b, "10.1.0.0/16", 2, 0, via);
        taken(t, &b, "10.1.0.0/16  subnet\n");
        route(&b, "10.1.0.0/16", 186, 3, via);
        no_route(&b, "10.1.0.0/16");
        taken(t, &b, "");
        buf_free(&b);
        table_free(t);
    }
    big = false;
}

TEST(what_is_passed_over)
{
    struct table *t = table_new();
    struct buf b = {0};
    size_t f = frame_begin(&b), m = message_begin(&b, 24, "10.9.0.0/16", 0, 4, 1);
    uint8_t table_300[4] = {0x2c, 1}, main_table[4] = {254};
    attribute(&b, 15, table_300, 4);
    message_end(&b, m);
    m = message_begin(&b, 24, "10.8.0.0/16", 0, 4, 1); /* a second message in the frame */
    attribute(&b, 15, main_table, 4);
    address(&b, 5, "10.0.0.1");
    message_end(&b, m);
    m = message_begin(&b, 24, "224.0.0.0/4", 254, 4, 5); /* multicast */
    message_end(&b, m);
    m = message_begin(&b, 24, "fe80::/64", 254, 2, 1);
    message_end(&b, m);
    m = message_begin(&b, 16, "10.0.0.0/8", 254, 2,
                      1); /* RTM_NEWLINK; what follows does not matter */
    message_end(&b, m);
    frame_end(&b, f);
    taken(t, &b, "10.8.0.0/16 via 10.0.0.1 static\n");
    CHECK_EQ(fpm_session_stats(t->session).passed_over, 4);
    CHECK_EQ(fpm_session_stats(t->session).messages, 5);
    buf_free(&b);
    table_free(t);
}

TEST(a_gateway_of_the_other_family)
{
    struct table *t = table_new();
    struct buf b = {0};
    struct ip_addr six = ip("fd00::1");
    uint8_t via[18] = {10, 0};
    memcpy(via + 2, six.byte, 16);
    size_t f = frame_begin(&b), m = message_begin(&b, 24, "10.1.0.0/16", 254, 186, 1);
    attribute(&b, 18, via, sizeof via);
    message_end(&b, m);
    frame_end(&b, f);
    taken(t, &b, "10.1.0.0/16 via fd00::1 bgp\n");
    buf_free(&b);
    table_free(t);
}

TEST(a_link_local_gateway_has_its_interface)
{
    struct table *t = table_new();
    struct buf b = {0};
    for (uint8_t i = 0; i < 2; i++) {
        uint8_t interface[4] = {(uint8_t)(7 + i)};
        size_t f = frame_begin(&b);
        size_t m = message_begin(&b, 24, i ? "2001:db8:2::/48" : "2001:db8:1::/48", 254, 186, 1);
        address(&b, 5, i ? "2001:db8::1" : "fe80::1");
        attribute(&b, 4, interface, 4);
        message_end(&b, m);
        frame_end(&b, f);
    }
    taken(t, &b, "2001:db8:1::/48 via fe80::1 bgp if7\n2001:db8:2::/48 via 2001:db8::1 bgp\n");
    buf_free(&b);
    table_free(t);
}

/* Numbers of interfaces become names that all feeds share: no router makes too many. */
TEST(interfaces_without_end)
{
    struct table *t = table_new();
    struct buf b = {0};
    for (uint32_t i = 1; i <= 2 * FPM_INTERFACES_MAX; i++) {
        size_t f = frame_begin(&b), m = message_begin(&b, 24, "10.1.0.0/16", 254, 2, 1);
        size_t at = b.len;
        attribute(&b, 4, "\0\0\0", 4);
        patch(&b, at + 4, i, 4);
        message_end(&b, m);
        frame_end(&b, f);
    }
    CHECK_EQ(feed(t, &b, 4096), FPM_GOING_ON);
    table_is(t, "10.1.0.0/16  subnet\n");
    char last[16];
    snprintf(last, sizeof last, "if%d", FPM_INTERFACES_MAX);
    uint32_t number = source_name(t->sources, last);
    CHECK_EQ(source_name(t->sources, "the next"), number + 1);
    buf_free(&b);
    table_free(t);
}

/* ---- next hops by number ---- */

static void attribute32(struct buf *b, uint32_t type, uint32_t v)
{
    size_t at = b->len;
    attribute(b, type, "\0\0\0", 4);
    patch(b, at + 4, v, 4);
}

static size_t hop_begin(struct buf *b, uint32_t type, uint32_t number)
{
    size_t at = b->len;
    w32(b, 0);
    w16(b, type);
    w16(b, 0x501);
    w32(b, 0);
    w32(b, 4711);
    buf_add(b, "\2\0\x0b\0\0\0\0\0", 8);
    attribute32(b, 1, number);
    return at;
}

/* A frame: number is this gateway, "drop", or nowhere (NULL: it is gone). */
static void hop(struct buf *b, uint32_t number, const char *gateway)
{
    size_t f = frame_begin(b), m = hop_begin(b, gateway ? 104 : 105, number);
    if (gateway && strcmp(gateway, "drop") == 0) {
        attribute(b, 4, "", 0);
    } else if (gateway) {
        address(b, 6, gateway);
        attribute32(b, 5, 3);
    }
    message_end(b, m);
    frame_end(b, f);
}

static void group(struct buf *b, uint32_t number, size_t n, const uint32_t *member)
{
    size_t f = frame_begin(b), m = hop_begin(b, 104, number), list = b->len;
    w16(b, (uint32_t)(4 + 8 * n));
    w16(b, 2);
    for (size_t i = 0; i < n; i++) {
        w32(b, member[i]);
        w32(b, 0); /* weight 1 */
    }
    CHECK_EQ(b->len - list, 4 + 8 * n);
    message_end(b, m);
    frame_end(b, f);
}
#define GROUP(b, number, ...)                                                                      \
    group(b, number, COUNTOF(((uint32_t[]){__VA_ARGS__})), (uint32_t[]){__VA_ARGS__})

static void route_by(struct buf *b, const char *prefix, uint32_t number)
{
    size_t f = frame_begin(b), m = message_begin(b, 24, prefix, 254, 186, 1);
    attribute32(b, 30, number);
    message_end(b, m);
    frame_end(b, f);
}

TEST(routes_follow_their_numbers)
{
    for (int order = 0; order < 2; order++) {
        struct table *t = table_new();
        struct buf b = {0};
        big = order;
        route_by(&b, "10.1.0.0/16", 20); /* before its number */
        GROUP(&b, 20, 7, 8);
        hop(&b, 7, "10.0.0.7");
        taken(t, &b, "10.1.0.0/16 via 10.0.0.7 bgp\n");
        hop(&b, 8, "fd00::8"); /* a group is told before its member: only now two */
        taken(t, &b, "10.1.0.0/16 via 10.0.0.7 bgp\n10.1.0.0/16 via fd00::8 bgp\n");
        hop(&b, 7, "10.0.0.9"); /* a member changes: the group's routes do */
        route_by(&b, "10.2.0.0/16", 7);
        taken(t, &b,
              "10.1.0.0/16 via 10.0.0.9 bgp\n10.1.0.0/16 via fd00::8 bgp\n"
              "10.2.0.0/16 via 10.0.0.9 bgp\n");
        GROUP(&b, 20, 8); /* the group itself */
        taken(t, &b, "10.1.0.0/16 via fd00::8 bgp\n10.2.0.0/16 via 10.0.0.9 bgp\n");
        hop(&b, 8, NULL); /* gone before its routes */
        taken(t, &b, "10.2.0.0/16 via 10.0.0.9 bgp\n");
        hop(&b, 7, "drop");
        taken(t, &b, "10.2.0.0/16 dropped bgp\n");
        hop(&b, 20, "10.0.0.6"); /* no group any more */
        route_by(&b, "10.2.0.0/16", 20);
        taken(t, &b, "10.1.0.0/16 via 10.0.0.6 bgp\n10.2.0.0/16 via 10.0.0.6 bgp\n");
        no_route(&b, "10.1.0.0/16");
        route(&b, "10.2.0.0/16", 2, 0, NULL); /* by no number now */
        hop(&b, 20, "10.0.0.5");
        taken(t, &b, "10.2.0.0/16  subnet\n");
        hop(&b, 20, NULL);
        hop(&b, 7, NULL);
        taken(t, &b, "10.2.0.0/16  subnet\n");
        CHECK_EQ(fpm_session_numbers(t->session).numbers, 0);
        CHECK_EQ(fpm_session_numbers(t->session).routes, 0);
        CHECK_EQ(fpm_session_stats(t->session).glitches, 0);
        buf_free(&b);
        table_free(t);
    }
    big = false;
}

TEST(what_is_as_it_was_is_not_told_anew)
{
    struct table *t = table_new();
    struct buf b = {0};
    hop(&b, 7, "10.0.0.7");
    GROUP(&b, 20, 7);
    route_by(&b, "10.1.0.0/16", 20);
    CHECK_EQ(feed(t, &b, b.len), FPM_GOING_ON);
    buf_reset(&b);
    uint64_t before = fpm_session_stats(t->session).told_anew;
    for (int round = 0; round < 3; round++) { /* the next hop changes; the rest does not */
        hop(&b, 7, "10.0.0.8");
        hop(&b, 9, round % 2 ? "10.0.0.1" : "10.0.0.2");
        GROUP(&b, 20, 7);
        taken(t, &b, "10.1.0.0/16 via 10.0.0.8 bgp\n");
        CHECK_EQ(fpm_session_stats(t->session).told_anew, before + 1);
    }
    buf_free(&b);
    table_free(t);
}

TEST(groups_in_groups_are_refused)
{
    for (int how = 0; how < 3; how++) {
        struct table *t = table_new();
        struct buf b = {0};
        hop(&b, 7, "10.0.0.7");
        if (how == 0) { /* a group as a member */
            GROUP(&b, 20, 7);
            GROUP(&b, 21, 7, 20);
        } else if (how == 1) { /* a member becomes one */
            GROUP(&b, 21, 20);
            GROUP(&b, 20, 7);
        } else {
            GROUP(&b, 20, 7, 20);
        }
        CHECK_EQ(feed(t, &b, 13), FPM_NESTED_GROUPS);
        buf_free(&b);
        table_free(t);
    }
}

TEST(next_hops_that_cannot_be)
{
    const struct {
        uint32_t type;
        const char *bytes;
        size_t n;
        enum fpm_status status;
        uint64_t glitches;
    } bad[] = {
        {104, "", 0, FPM_BAD_MESSAGE, 0},                                      /* of no number */
        {105, "", 0, FPM_BAD_MESSAGE, 0},                                      /* all of them? */
        {104, "\x08\0\1\0\0\0\0\0", 8, FPM_BAD_MESSAGE, 0},                    /* number 0 */
        {104, "\x06\0\1\0\7\0\0\0", 8, FPM_BAD_MESSAGE, 0},                    /* of two bytes */
        {104, "\x08\0\1\0\7\0\0\0\4\0\2\0", 12, FPM_BAD_MESSAGE, 0},           /* a group of none */
        {104, "\x08\0\1\0\7\0\0\0\x08\0\2\0\5\0\0\0", 16, FPM_BAD_MESSAGE, 0}, /* of half a one */
        {104, "\x08\0\1\0\7\0\0\0\x07\0\6\0\5\0\0\0", 16, FPM_BAD_MESSAGE, 0}, /* gateway of 3 */
        {104, "\x08\0\1\0\7\0\0\0", 8, FPM_GOING_ON, 1},                       /* to where? */
        {104, "\x08\0\1\0\7\0\0\0\4\0\x0b\0", 12, FPM_GOING_ON, 0},            /* of a bridge */
    };
    for (size_t i = 0; i < COUNTOF(bad); i++) {
        struct table *t = table_new();
        struct buf b = {0};
        size_t f = frame_begin(&b), m = b.len;
        w32(&b, 0);
        w16(&b, bad[i].type);
        buf_add(&b, "\0\0\0\0\0\0\0\0\0\0", 10);
        buf_add(&b, "\2\0\0\0\0\0\0\0", 8);
        buf_add(&b, bad[i].bytes, bad[i].n);
        message_end(&b, m);
        frame_end(&b, f);
        route_by(&b, "10.1.0.0/16", 7);
        CHECK_EQ(feed(t, &b, b.len), bad[i].status);
        CHECK_EQ(fpm_session_stats(t->session).glitches, bad[i].glitches);
        table_is(t, "");
        buf_free(&b);
        table_free(t);
    }
}

TEST(more_numbers_than_are_kept)
{
    struct table *t = table_new();
    struct buf b = {0};
    for (uint32_t i = 1; i <= FPM_NUMBERS_MAX; i++)
        hop(&b, 3 * i, "10.0.0.1");
    CHECK_EQ(feed(t, &b, 65536), FPM_GOING_ON);
    buf_reset(&b);
    hop(&b, 3, NULL); /* makes room */
    route_by(&b, "10.1.0.0/16", 1);
    CHECK_EQ(feed(t, &b, 65536), FPM_GOING_ON);
    CHECK_EQ(fpm_session_numbers(t->session).numbers, FPM_NUMBERS_MAX);
    hop(&b, 2, "10.0.0.1");
    CHECK_EQ(feed(t, &b, 65536), FPM_TOO_MANY_NUMBERS);
    buf_free(&b);
    table_free(t);
}

TEST(more_members_than_are_kept)
{
    struct table *t = table_new();
    struct buf b = {0};
    uint32_t member[FPM_PATHS_MAX + 8];
    for (uint32_t i = 0; i < COUNTOF(member); i++) {
        member[i] = 100 + i;
        hop(&b, member[i], i % 2 ? "10.0.0.1" : "10.0.0.2");
    }
    group(&b, 20, COUNTOF(member), member);
    route_by(&b, "10.1.0.0/16", 20);
    CHECK_EQ(feed(t, &b, b.len), FPM_GOING_ON);
    CHECK_EQ(rib_peer_routes(t->rib, 1, VIEW_LOC_RIB), FPM_PATHS_MAX);
    CHECK_EQ(fpm_session_stats(t->session).glitches, 1);
    buf_free(&b);
    table_free(t);
}

static struct prefix numbered_prefix(uint32_t i)
{
    return (struct prefix){{(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}, 24, IPV4};
}

TEST(more_numbered_routes_than_are_kept)
{
    struct fpm_hops *h = fpm_hops_new();
    struct fpm_numbered r = {.protocol = 186, .type = 1};
    for (uint32_t i = 0; i <= FPM_NUMBERED_MAX; i++) {
        r.prefix = numbered_prefix(i);
        enum fpm_hops_status status = fpm_hops_use(h, &r, 1 + i % 100);
        if (status != (i < FPM_NUMBERED_MAX ? FPM_HOPS_KEPT : FPM_HOPS_FULL))
            CHECK_EQ(i, FPM_NUMBERED_MAX);
    }
    CHECK_EQ(fpm_hops_counts(h).routes, FPM_NUMBERED_MAX);
    CHECK_EQ(fpm_hops_counts(h).numbers, 100);
    struct prefix first = numbered_prefix(0);
    fpm_hops_disuse(h, &first);
    CHECK_EQ(fpm_hops_use(h, &r, 1), FPM_HOPS_KEPT);
    for (uint32_t i = 1; i <= FPM_NUMBERED_MAX; i++) {
        struct prefix p = numbered_prefix(i);
        fpm_hops_disuse(h, &p);
    }
    CHECK_EQ(fpm_hops_counts(h).routes, 0);
    CHECK_EQ(fpm_hops_counts(h).numbers, 0);
    fpm_hops_free(h);
}

/* One message changes many routes: told in pieces, each once, and the table is not at its end
 * before that. */
TEST(a_number_of_many_routes)
{
    enum { ROUTES = 3 * FPM_ANEW_TICK };
    struct table *t = table_new();
    struct buf b = {0};
    char prefix[32];
    hop(&b, 7, "10.0.0.7");
    for (uint32_t i = 0; i < ROUTES; i++) {
        snprintf(prefix, sizeof prefix, "%u.%u.%u.0/24", i >> 16, i >> 8 & 255, i & 255);
        route_by(&b, prefix, 7);
    }
    CHECK_EQ(fpm_feed(t->session, b.data, b.len, 1000), FPM_GOING_ON);
    CHECK_EQ(fpm_session_stats(t->session).told_anew, 0);
    buf_reset(&b);
    hop(&b, 7, "10.0.0.8");
    CHECK_EQ(fpm_feed(t->session, b.data, b.len, 1100), FPM_GOING_ON);
    CHECK_EQ(fpm_session_stats(t->session).told_anew, FPM_ANEW_FEED);
    buf_reset(&b);
    hop(&b, 7, "10.0.0.9"); /* those told go to the end of the line; all are due again */
    CHECK_EQ(fpm_feed(t->session, b.data, b.len, 1200), FPM_GOING_ON);
    CHECK_EQ(fpm_session_stats(t->session).told_anew, 2 * FPM_ANEW_FEED);
    CHECK_EQ(fpm_tick(t->session, 5000), FPM_GOING_ON);
    CHECK_EQ(fpm_session_stats(t->session).told_anew, 2 * FPM_ANEW_FEED + FPM_ANEW_TICK);
    CHECK_STR(t->seen.data, "feed-up ");
    CHECK_EQ(fpm_tick(t->session, 6000), FPM_GOING_ON);
    CHECK_EQ(fpm_tick(t->session, 7000), FPM_GOING_ON);
    CHECK_EQ(fpm_session_stats(t->session).told_anew, FPM_ANEW_FEED + ROUTES);
    CHECK_STR(t->seen.data, "feed-up end-of-rib end-of-rib ");
    struct attr a = {.kind = ROUTE_BGP, .next_hop = ip("10.0.0.9")};
    uint32_t held = attr_intern(t->attrs, &a);
    CHECK_EQ(attr_table_stats(t->attrs).sets, 1); /* all have it */
    attr_release(t->attrs, held);
    buf_free(&b);
    table_free(t);
}

/* FRR with `zebra nexthop proto only` has routes name numbers that it never tells. */
TEST(numbers_that_are_never_told)
{
    for (int never = 0; never < 3; never++) {
        struct table *t = table_new();
        struct buf b = {0};
        route_by(&b, "10.1.0.0/16", 7);
        CHECK_EQ(fpm_feed(t->session, b.data, b.len, 1000), FPM_GOING_ON);
        buf_reset(&b);
        CHECK_EQ(fpm_tick(t->session, 1900), FPM_GOING_ON);
        if (never < 2)
            hop(&b, never ? 8 : 7, "10.0.0.1");
        else
            GROUP(&b, 7, 9, 8); /* nor are its members */
        CHECK_EQ(fpm_feed(t->session, b.data, b.len, 1950), FPM_GOING_ON);
        CHECK_EQ(fpm_tick(t->session, 2900), FPM_GOING_ON);
        CHECK_EQ(fpm_tick(t->session, 3000), never ? FPM_UNKNOWN_NUMBERS : FPM_GOING_ON);
        CHECK_STR(t->seen.data, never ? "feed-up " : "feed-up end-of-rib end-of-rib ");
        buf_free(&b);
        table_free(t);
    }
}

/* A model that keeps what was told as it was told, and works out the table from nothing. */
enum { SINGLES = 8, NUMBERS = 12, PREFIXES = 8 };
struct model {
    uint32_t gateway[NUMBERS]; /* 10.0.0.x; 0: not told */
    uint32_t n_members[NUMBERS], member[NUMBERS][4];
    int32_t route[PREFIXES]; /* -1: not there; -2: attached; a number */
};

static void model_table(const struct model *m, char *out, size_t cap)
{
    struct list *l = mem_new(1, sizeof *l);
    for (int p = 0; p < PREFIXES; p++) {
        int32_t r = m->route[p];
        if (r == -2)
            snprintf(l->line[l->n++], sizeof l->line[0], "10.%d.0.0/16  subnet", p);
        uint32_t n = r < 0 ? 0 : r < SINGLES ? 1 : m->n_members[r];
        for (uint32_t i = 0; i < n; i++) {
            uint32_t g = m->gateway[r < SINGLES ? (uint32_t)r : m->member[r][i]];
            if (g)
                snprintf(l->line[l->n++], sizeof l->line[0], "10.%d.0.0/16 via 10.0.0.%u bgp", p,
                         g);
        }
    }
    qsort(l->line, l->n, sizeof l->line[0], by_text);
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < l->n; i++)
        at += (size_t)snprintf(out + at, cap - at, "%s\n", l->line[i]);
    mem_free(l);
}

static void model_step(struct model *m, struct rng *rng, struct buf *b)
{
    char text[32];
    uint32_t n = (uint32_t)rng_below(rng, NUMBERS), p = (uint32_t)rng_below(rng, PREFIXES);
    bool gone = rng_chance(rng, 0.25), by_route = rng_chance(rng, 0.4);
    snprintf(text, sizeof text, "10.%u.0.0/16", p);
    if (by_route && gone) {
        m->route[p] = rng_chance(rng, 0.5) ? -1 : -2;
        if (m->route[p] == -1)
            no_route(b, text);
        else
            route(b, text, 2, 0, NULL);
    } else if (by_route) {
        m->route[p] = (int32_t)n;
        route_by(b, text, 1 + n);
    } else if (gone) {
        m->gateway[n] = m->n_members[n] = 0;
        hop(b, 1 + n, NULL);
    } else if (n < SINGLES) {
        m->gateway[n] = 1 + (uint32_t)rng_below(rng, 9);
        snprintf(text, sizeof text, "10.0.0.%u", m->gateway[n]);
        hop(b, 1 + n, text);
    } else {
        uint32_t told[4];
        m->n_members[n] = 1 + (uint32_t)rng_below(rng, 4);
        for (uint32_t i = 0; i < m->n_members[n]; i++) {
            m->member[n][i] = (uint32_t)rng_below(rng, SINGLES);
            told[i] = 1 + m->member[n][i];
        }
        group(b, 1 + n, m->n_members[n], told);
    }
}

PROP(numbers_as_a_model_has_them, 1500)
{
    struct table *t = table_new();
    struct model m = {0};
    struct buf b = {0};
    char want[4096];
    big = rng_chance(rng, 0.5);
    for (int p = 0; p < PREFIXES; p++)
        m.route[p] = -1;
    for (uint32_t rounds = 1 + (uint32_t)rng_below(rng, 12); rounds; rounds--) {
        for (uint32_t n = 1 + (uint32_t)rng_below(rng, 8); n; n--)
            model_step(&m, rng, &b);
        CHECK_EQ(feed(t, &b, 1 + rng_below(rng, 300)), FPM_GOING_ON);
        buf_reset(&b);
        model_table(&m, want, sizeof want);
        table_is(t, want);
    }
    big = false;
    buf_free(&b);
    table_free(t);
}

TEST(more_next_hops_than_are_kept)
{
    const char *via[FPM_PATHS_MAX + 8];
    char text[FPM_PATHS_MAX + 8][16];
    struct table *t = table_new();
    struct buf b = {0};
    for (size_t i = 0; i < COUNTOF(via); i++) {
        snprintf(text[i], sizeof text[i], "10.0.0.%zu", i + 1);
        via[i] = text[i];
    }
    route(&b, "10.1.0.0/16", 186, COUNTOF(via), via);
    CHECK_EQ(feed(t, &b, b.len), FPM_GOING_ON);
    CHECK_EQ(rib_peer_routes(t->rib, 1, VIEW_LOC_RIB), FPM_PATHS_MAX);
    CHECK_EQ(fpm_session_stats(t->session).glitches, 1);
    for (int i = 0; i < FPM_GLITCHES_MAX; i++)
        (void)feed(t, &b, b.len);
    CHECK_EQ(fpm_feed(t->session, "", 1, 1), FPM_TOO_ODD);
    buf_free(&b);
    table_free(t);
}

/* ---- when a table has been told ---- */

TEST(the_end_of_the_table_is_silence)
{
    static const char *const via[] = {"10.0.0.1"};
    struct table *t = table_new();
    struct buf b = {0};
    CHECK_EQ(fpm_tick(t->session, 90000), FPM_GOING_ON); /* nobody has spoken */
    CHECK_STR(t->seen.data, "");
    route(&b, "10.1.0.0/16", 186, 1, via);
    CHECK_EQ(fpm_feed(t->session, b.data, b.len, 1000), FPM_GOING_ON);
    CHECK_EQ(fpm_tick(t->session, 1000 + FPM_QUIET_MS - 1), FPM_GOING_ON);
    CHECK_STR(t->seen.data, "feed-up ");
    CHECK_EQ(fpm_tick(t->session, 1000 + FPM_QUIET_MS), FPM_GOING_ON);
    CHECK_EQ(fpm_tick(t->session, 1000 + 2 * FPM_QUIET_MS), FPM_GOING_ON);
    CHECK_STR(t->seen.data, "feed-up end-of-rib end-of-rib ");
    CHECK(rib_synced(t->rib, 1, VIEW_LOC_RIB, IPV4) && rib_synced(t->rib, 1, VIEW_LOC_RIB, IPV6));
    /* It connects again and tells another table; what is not in it goes at its end. */
    fpm_session_free(t->session, 5000);
    session_begin(t);
    table_is(t, "10.1.0.0/16 via 10.0.0.1 bgp\n");
    buf_reset(&b);
    route(&b, "10.2.0.0/16", 186, 1, via);
    for (int64_t at = 6000; at <= 6000 + FPM_TABLE_MS; at += 500) { /* never silent */
        CHECK_EQ(fpm_feed(t->session, b.data, b.len, at), FPM_GOING_ON);
        CHECK_EQ(fpm_tick(t->session, at + 100), FPM_GOING_ON);
    }
    table_is(t, "10.2.0.0/16 via 10.0.0.1 bgp\n");
    buf_free(&b);
    table_free(t);
}

/* ---- hostile bytes ---- */

TEST(what_cannot_be)
{
    const struct {
        const char *bytes;
        size_t n;
        enum fpm_status status;
    } bad[] = {
        {"\3\0\0\0", 4, FPM_BAD_VERSION},
        {"\1\2\0\x08xxxx", 8, FPM_NOT_NETLINK},
        {"\1\1\0\3", 4, FPM_BAD_LENGTH},
        {"\1\1\0\x08\x10\0\0\0", 8, FPM_BAD_LENGTH}, /* a piece of a header */
        {"\1\1\0\x14\x40\0\0\0\x18\0\0\0\0\0\0\0\0\0\0\0", 20,
         FPM_BAD_LENGTH}, /* beyond the frame */
        {"\1\1\0\x14\x0f\0\0\0\x18\0\0\0\0\0\0\0\0\0\0\0", 20, FPM_BAD_LENGTH},  /* no header */
        {"\1\1\0\x14\x10\0\0\0\x18\0\0\0\0\0\0\0\0\0\0\0", 20, FPM_BAD_MESSAGE}, /* no route */
        {"\1\1\0\x20\x1c\0\0\0\x18\0\0\0\0\0\0\0\0\0\0\0\2\x21\0\0\xfe\2\0\1\0\0\0\0", 32,
         FPM_BAD_MESSAGE}, /* 33 bits */
        {"\1\1\0\x20\x1c\0\0\0\x18\0\0\0\0\0\0\0\0\0\0\0\2\x10\0\0\xfe\2\0\1\0\0\0\0", 32,
         FPM_BAD_MESSAGE}, /* to where? */
    };
    for (size_t i = 0; i < COUNTOF(bad); i++)
        for (size_t piece = 1; piece < 40; piece += 6) {
            struct table *t = table_new();
            struct buf b = {0};
            buf_add(&b, bad[i].bytes, bad[i].n);
            CHECK_EQ(feed(t, &b, piece), bad[i].status);
            CHECK(fpm_status_names[bad[i].status] != NULL);
            buf_free(&b);
            table_free(t);
        }
}

TEST(a_route_to_everywhere)
{
    static const char *const via[] = {"10.0.0.1"};
    struct table *t = table_new();
    struct buf b = {0};
    route(&b, "0.0.0.0/0", 4, 1, via);
    taken(t, &b, "0.0.0.0/0 via 10.0.0.1 static\n");
    buf_free(&b);
    table_free(t);
}

/* A real stream with some octets changed: nothing but an end of the session may come of it, and the
 * same however it is cut. */
PROP(changed_octets, 4000)
{
    static const char *const names[] = {
        "frr-8.4.4-fpm", "frr-8.4.4-dplane_fpm_nl", "frr-8.4.4-next-hop-groups",
        "frr-8.4.4-next-hop-groups-again", "frr-8.4.4-groups-changed"};
    uint32_t which = (uint32_t)rng_below(rng, COUNTOF(names));
    struct buf b = file(names[which]);
    for (uint32_t n = 1 + (uint32_t)rng_below(rng, 4); n; n--)
        b.data[rng_below(rng, b.len)] = (char)rng_below(rng, 256);
    struct table *whole = table_new(), *cut = table_new();
    enum fpm_status status = feed(whole, &b, b.len);
    CHECK_EQ(feed(cut, &b, 1 + rng_below(rng, 100)), status);
    if (which < 2) {
        CHECK_EQ(rib_stats(cut->rib).routes, rib_stats(whole->rib).routes);
        CHECK_EQ(rib_stats(cut->rib).announced, rib_stats(whole->rib).announced);
    } else if (status == FPM_GOING_ON) { /* each told anew after one change or after several */
        CHECK_EQ(rib_stats(cut->rib).routes, rib_stats(whole->rib).routes);
    }
    table_free(whole);
    table_free(cut);
    buf_free(&b);
}

TAP_MAIN
