/* fpm.c - frames, netlink messages in them, attributes in those.
 *
 *     message    length 4 | type 2 | flags 2 | sequence 4 | process 4 | body, padded to 4
 *     ... route  family 1 | prefix length 1 | 2 bytes | table 1 | protocol 1 | scope 1 | type 1 |
 *                flags 4 | attributes
 *     ... next hop  family 1 | scope 1 | protocol 1 | 1 byte | flags 4 | attributes
 *     attribute  length 2 | type 2 | value, padded to 4 */
#include "net/fpm.h"

#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "net/wire.h"

const char *const fpm_status_names[FPM_STATUSES] = {
    "going on",
    "not FPM version 1",
    "a length that cannot be",
    "not netlink (FRR: -M fpm:netlink, or dplane_fpm_nl)",
    "a route that cannot be understood",
    "more next hops by number than are kept (FRR: no fpm use-next-hop-groups)",
    "a group of next hops within a group",
    "routes by next hops that are not told (FRR: no fpm use-next-hop-groups)",
    "no room",
    "too many oddities",
};

enum { /* linux/netlink.h, linux/rtnetlink.h */
       NETLINK_HEADER = 16,
       RTM_NEWROUTE = 24,
       RTM_DELROUTE = 25,
       RTM_NEWNEXTHOP = 104,
       RTM_DELNEXTHOP = 105,
       ROUTE_HEADER = 12,
       NEXT_HOP_HEADER = 8, /* struct nhmsg */
       ATTRIBUTE_HEADER = 4,
       HOP_HEADER = 8, /* struct rtnexthop */
       FAMILY_IPV4 = 2,
       FAMILY_IPV6 = 10, /* Linux's numbers, whatever the router runs on */
       RT_TABLE_UNSPEC = 0,
       RT_TABLE_MAIN = 254,
       RTN_UNICAST = 1,
       RTN_LOCAL = 2,
       RTN_BLACKHOLE = 6,
       RTN_UNREACHABLE = 7,
       RTN_PROHIBIT = 8,
       RTA_DST = 1,
       RTA_OIF = 4,
       RTA_GATEWAY = 5,
       RTA_MULTIPATH = 9,
       RTA_TABLE = 15,
       RTA_VIA = 18, /* a gateway of another family than the route's (RFC 8950) */
       RTA_NH_ID = 30,
       NHA_ID = 1, /* linux/nexthop.h */
       NHA_GROUP = 2,
       NHA_BLACKHOLE = 4,
       NHA_OIF = 5,
       NHA_GATEWAY = 6,
       NHA_FDB = 11,
       GROUP_MEMBER = 8,       /* struct nexthop_grp */
       RTA_TYPE_MASK = 0x3fff, /* without the bits for nested and network order */
};

struct order { /* in which the router writes its numbers */
    bool big;
};

static uint32_t get16(struct order o, const uint8_t *p)
{
    return o.big ? be16(p) : (uint32_t)p[1] << 8 | p[0];
}

static uint32_t get32(struct order o, const uint8_t *p)
{
    return o.big ? be32(p) : (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | get16(o, p);
}

static size_t padded(size_t n)
{
    return (n + 3) & ~(size_t)3;
}

struct fpm_session {
    struct fpm_options o;
    struct buf kept; /* the beginning of a frame */
    uint32_t peer;
    struct map64 interface; /* its number -> its name (source_name) */
    uint32_t paths_most;    /* of a route, so far: what a shorter one may leave behind */
    struct fpm_hops *hops;
    bool begun, told;                  /* told: the end of the table */
    int64_t begun_ms, last_ms, now_ms; /* last: when something came */
    enum fpm_status status;
    struct fpm_stats stats;
};

struct fpm_session *fpm_session_new(const struct fpm_options *o)
{
    struct fpm_session *s = mem_new(1, sizeof *s);
    s->o = *o;
    s->hops = fpm_hops_new();
    return s;
}

static void tell(struct fpm_session *s, struct route_event e)
{
    e.router = s->o.router;
    e.at_ms = s->now_ms;
    e.view = VIEW_LOC_RIB;
    s->o.sink(s->o.arg, &e);
}

void fpm_session_free(struct fpm_session *s, int64_t at_ms)
{
    if (!s)
        return;
    s->now_ms = at_ms;
    if (s->begun)
        tell(s, (struct route_event){.type = ROUTE_FEED_LOST});
    fpm_hops_free(s->hops);
    map64_free(&s->interface);
    buf_free(&s->kept);
    mem_free(s);
}

/* ---- a route ---- */

struct told_route {
    struct prefix prefix;
    struct order order;
    uint32_t table;
    uint8_t protocol, type;
    uint32_t number; /* of its next hop, which is told apart; 0: none */
    struct fpm_hop hop[FPM_PATHS_MAX];
    uint32_t n_hops, n_left_out; /* next hops beyond FPM_PATHS_MAX */
};

/* An attribute at *p of `left` bytes: its type, value and length, and *p and *left behind it.
 * False: it is not all there. */
struct attribute {
    uint32_t type;
    const uint8_t *value;
    size_t n;
};
static bool next_attribute(struct order o, const uint8_t **p, size_t *left, struct attribute *out)
{
    if (*left < ATTRIBUTE_HEADER)
        return false;
    size_t len = get16(o, *p), step = MIN(padded(len), *left);
    if (len < ATTRIBUTE_HEADER || len > *left)
        return false;
    *out = (struct attribute){get16(o, *p + 2) & RTA_TYPE_MASK, *p + ATTRIBUTE_HEADER,
                              len - ATTRIBUTE_HEADER};
    *p += step;
    *left -= step;
    return true;
}

static bool take_address(uint8_t family, const struct attribute *a, struct ip_addr *out)
{
    size_t want = family == IPV4 ? 4 : 16;
    *out = (struct ip_addr){.family = family};
    if (a->n != want)
        return false;
    memcpy(out->byte, a->value, want);
    return true;
}

/* RTA_VIA: a family in two bytes, then the address. */
static bool take_via(struct order o, const struct attribute *a, struct ip_addr *out)
{
    if (a->n < 2)
        return false;
    uint32_t family = get16(o, a->value);
    struct attribute rest = {.value = a->value + 2, .n = a->n - 2};
    return (family == FAMILY_IPV4 || family == FAMILY_IPV6) &&
           take_address(family == FAMILY_IPV4 ? IPV4 : IPV6, &rest, out);
}

/* What says where packets go, of a route or of one of its several next hops. */
static bool take_hop(const struct told_route *r, const struct attribute *a, struct fpm_hop *out)
{
    switch (a->type) {
    case RTA_GATEWAY: return take_address(r->prefix.family, a, &out->gateway);
    case RTA_VIA: return take_via(r->order, a, &out->gateway);
    case RTA_OIF: out->interface = a->n == 4 ? get32(r->order, a->value) : 0; return a->n == 4;
    default: return true;
    }
}

static bool take_hops(struct told_route *r, const uint8_t *p, size_t left)
{
    r->n_hops = 0;
    while (left) {
        size_t len = left >= HOP_HEADER ? get16(r->order, p) : 0;
        struct attribute a;
        if (len < HOP_HEADER || len > left)
            return false;
        struct fpm_hop hop = {.interface = get32(r->order, p + 4)};
        const uint8_t *q = p + HOP_HEADER;
        for (size_t n = len - HOP_HEADER; n;)
            if (!next_attribute(r->order, &q, &n, &a) || !take_hop(r, &a, &hop))
                return false;
        if (r->n_hops < FPM_PATHS_MAX)
            r->hop[r->n_hops++] = hop;
        else
            r->n_left_out++;
        size_t step = MIN(padded(len), left);
        p += step;
        left -= step;
    }
    return true;
}

/* The attributes of a route; its header is read already. */
static bool take_attributes(struct told_route *r, const uint8_t *p, size_t left)
{
    struct attribute a;
    bool destination = !r->prefix.len;
    r->n_hops = 1;
    r->number = 0;
    r->hop[0] = (struct fpm_hop){0};
    while (left) {
        if (!next_attribute(r->order, &p, &left, &a))
            return false;
        struct ip_addr to;
        if (a.type == RTA_DST) {
            if (!take_address(r->prefix.family, &a, &to))
                return false;
            memcpy(r->prefix.byte, to.byte, sizeof r->prefix.byte);
            destination = true;
        } else if (a.type == RTA_TABLE || a.type == RTA_NH_ID) {
            if (a.n != 4)
                return false;
            *(a.type == RTA_TABLE ? &r->table : &r->number) = get32(r->order, a.value);
        } else if (a.type == RTA_MULTIPATH) {
            if (!take_hops(r, a.value, a.n))
                return false;
        } else if (!take_hop(r, &a, &r->hop[0])) {
            return false;
        }
    }
    prefix_canonical(&r->prefix);
    return destination;
}

static bool discards(const struct told_route *r)
{
    return r->type == RTN_BLACKHOLE || r->type == RTN_UNREACHABLE || r->type == RTN_PROHIBIT;
}

/* RTPROT_*: 2 kernel, 3 boot, 4 static; 186 BGP and 196 static as FRR has them; 11 is FRR's old
 * module, which does not say whose a route is. */
static uint8_t kind_of(const struct told_route *r, const struct fpm_hop *h)
{
    if (!discards(r) && !h->drops && !h->gateway.family)
        return ROUTE_SUBNET;
    switch (r->protocol) {
    case 2:
    case 3:
    case 4:
    case 196: return ROUTE_STATIC;
    case 186: return ROUTE_BGP;
    default: return ROUTE_OTHER;
    }
}

static bool link_local(const uint8_t byte[16])
{
    return byte[0] == 0xfe && (byte[1] & 0xc0) == 0x80;
}

/* The name of an interface, as `via`; 0: none, or there are too many. */
static uint32_t interface_name(struct fpm_session *s, uint32_t interface)
{
    uint32_t name;
    char text[16];
    if (!interface || map64_find(&s->interface, interface, &name))
        return interface ? name : 0;
    if (s->interface.count >= FPM_INTERFACES_MAX)
        return 0;
    snprintf(text, sizeof text, "if%u", interface);
    name = source_name(s->o.sources, text);
    map64_insert(&s->interface, interface, name);
    return name;
}

static enum fpm_status announce(struct fpm_session *s, const struct told_route *r)
{
    uint32_t n = discards(r) ? 1 : r->n_hops;
    struct route_event e = {.peer = s->peer, .prefix = r->prefix};
    if (r->n_left_out)
        s->stats.glitches++;
    for (e.path_id = 0; e.path_id < n; e.path_id++) {
        const struct fpm_hop *h = &r->hop[e.path_id];
        struct attr a = {.kind = kind_of(r, h)};
        if (discards(r) || h->drops) {
            a.has = ATTR_BLACKHOLE;
        } else {
            a.next_hop = h->gateway;
            if (!h->gateway.family || (h->gateway.family == IPV6 && link_local(h->gateway.byte)))
                a.via = interface_name(s, h->interface);
        }
        e.type = ROUTE_ANNOUNCE;
        e.attr = attr_intern(s->o.attrs, &a);
        if (!e.attr)
            return FPM_NO_ROOM;
        tell(s, e);
        attr_release(s->o.attrs, e.attr);
    }
    e.attr = ATTR_NONE;
    for (e.type = ROUTE_WITHDRAW; e.path_id < s->paths_most; e.path_id++)
        tell(s, e); /* what the route before may have had more of */
    s->paths_most = MAX(s->paths_most, n);
    return FPM_GOING_ON;
}

static void withdraw(struct fpm_session *s, const struct told_route *r)
{
    struct route_event e = {.type = ROUTE_WITHDRAW, .peer = s->peer, .prefix = r->prefix};
    for (; e.path_id < MAX(s->paths_most, 1u); e.path_id++)
        tell(s, e);
    s->stats.withdrawn++;
}

static enum fpm_status of_hops(enum fpm_hops_status status)
{
    switch (status) {
    case FPM_HOPS_KEPT: return FPM_GOING_ON;
    case FPM_HOPS_FULL: return FPM_TOO_MANY_NUMBERS;
    case FPM_HOPS_NESTED: return FPM_NESTED_GROUPS;
    }
    return FPM_BAD_MESSAGE;
}

/* A new route: with its next hops in it, or with their number. */
static enum fpm_status new_route(struct fpm_session *s, struct told_route *r)
{
    bool numbered = r->number && r->n_hops == 1 && !r->hop[0].gateway.family && !discards(r);
    s->stats.announced++;
    if (numbered) {
        struct fpm_numbered what = {r->prefix, r->protocol, r->type};
        enum fpm_status status = of_hops(fpm_hops_use(s->hops, &what, r->number));
        if (status != FPM_GOING_ON)
            return status;
        r->n_hops = fpm_hops_of(s->hops, r->number, r->hop);
    } else {
        fpm_hops_disuse(s->hops, &r->prefix);
    }
    return announce(s, r);
}

/* Tells routes anew whose number means something else than it did, with so many events or a few
 * more. True: that was all. */
static bool settle(struct fpm_session *s, size_t events_max)
{
    struct told_route r UNINITIALISED;
    struct fpm_numbered what;
    r.n_left_out = 0;
    for (size_t n = 0; s->status == FPM_GOING_ON && n < events_max; n += MAX(s->paths_most, 1u)) {
        if (!fpm_hops_stale(s->hops, &what, &r.number))
            return true;
        r.prefix = what.prefix;
        r.protocol = what.protocol;
        r.type = what.type;
        r.n_hops = fpm_hops_of(s->hops, r.number, r.hop);
        s->stats.told_anew++;
        s->status = announce(s, &r);
    }
    return false;
}

static enum fpm_status route(struct fpm_session *s, struct order o, bool gone, const uint8_t *p,
                             size_t n)
{
    struct told_route r UNINITIALISED;
    if (n < ROUTE_HEADER)
        return FPM_BAD_MESSAGE;
    r.prefix = (struct prefix){.len = p[1], .family = p[0] == FAMILY_IPV4 ? IPV4 : IPV6};
    if (p[0] != FAMILY_IPV4 && p[0] != FAMILY_IPV6) {
        s->stats.passed_over++;
        return FPM_GOING_ON;
    }
    r.order = o;
    r.table = p[4];
    r.protocol = p[5];
    r.type = p[7];
    r.n_left_out = 0;
    if (r.prefix.len > prefix_bits_max(&r.prefix) ||
        !take_attributes(&r, p + ROUTE_HEADER, n - ROUTE_HEADER))
        return FPM_BAD_MESSAGE;
    bool known = gone || discards(&r) || r.type == RTN_UNICAST || r.type == RTN_LOCAL;
    if ((r.table != RT_TABLE_MAIN && r.table != RT_TABLE_UNSPEC) || !known ||
        (r.prefix.family == IPV6 && r.prefix.len >= 10 && link_local(r.prefix.byte))) {
        s->stats.passed_over++;
        return FPM_GOING_ON;
    }
    if (!gone)
        return new_route(s, &r);
    fpm_hops_disuse(s->hops, &r.prefix);
    withdraw(s, &r);
    return FPM_GOING_ON;
}

/* ---- a next hop ---- */

struct told_hop {
    uint32_t number;
    struct fpm_hop hop;
    uint32_t member[FPM_PATHS_MAX];
    uint32_t n_members, n_left_out;
    bool whole; /* it says where packets go, if it is no group */
    bool of_layer_2;
};

static bool take_members(struct order o, const struct attribute *a, struct told_hop *out)
{
    out->n_members = out->n_left_out = 0;
    for (size_t at = 0; at < a->n; at += GROUP_MEMBER)
        if (out->n_members < FPM_PATHS_MAX)
            out->member[out->n_members++] = get32(o, a->value + at);
        else
            out->n_left_out++;
    for (uint32_t i = 0; i < out->n_members; i++)
        if (!out->member[i])
            return false;
    return out->n_members;
}

static bool take_next_hop(struct order o, const struct attribute *a, struct told_hop *out)
{
    switch (a->type) {
    case NHA_ID: out->number = a->n == 4 ? get32(o, a->value) : 0; return out->number;
    case NHA_GROUP: return a->n % GROUP_MEMBER == 0 && take_members(o, a, out);
    case NHA_BLACKHOLE: out->hop.drops = out->whole = true; return true;
    case NHA_OIF:
        out->hop.interface = a->n == 4 ? get32(o, a->value) : 0;
        out->whole = true;
        return a->n == 4;
    case NHA_GATEWAY:
        out->whole = true;
        return take_address(a->n == 4 ? IPV4 : IPV6, a, &out->hop.gateway);
    case NHA_FDB: out->of_layer_2 = true; return true;
    default: return true;
    }
}

static enum fpm_status next_hop(struct fpm_session *s, struct order o, bool gone, const uint8_t *p,
                                size_t n)
{
    struct told_hop t = {0};
    struct attribute a;
    if (n < NEXT_HOP_HEADER)
        return FPM_BAD_MESSAGE;
    p += NEXT_HOP_HEADER;
    for (n -= NEXT_HOP_HEADER; n;)
        if (!next_attribute(o, &p, &n, &a) || !take_next_hop(o, &a, &t))
            return FPM_BAD_MESSAGE;
    if (!t.number)
        return FPM_BAD_MESSAGE;
    s->stats.next_hops++;
    if (t.hop.drops)
        t.hop = (struct fpm_hop){.drops = true};
    if (t.n_left_out || (!gone && !t.whole && !t.n_members && !t.of_layer_2))
        s->stats.glitches++;
    if (gone || t.of_layer_2 || (!t.whole && !t.n_members)) {
        fpm_hops_forget(s->hops, t.number);
        return FPM_GOING_ON;
    }
    return of_hops(t.n_members ? fpm_hops_group(s->hops, t.number, t.member, t.n_members)
                               : fpm_hops_single(s->hops, t.number, &t.hop));
}

/* ---- frames ---- */

/* All netlink messages of a frame. */
static enum fpm_status messages(struct fpm_session *s, const uint8_t *p, size_t n)
{
    enum fpm_status status = FPM_GOING_ON;
    while (n && status == FPM_GOING_ON) {
        struct order o = {.big = n >= 4 && !p[0] && !p[1]}; /* no length needs more than two */
        size_t len = n >= NETLINK_HEADER ? get32(o, p) : 0, step = MIN(padded(len), n);
        if (len < NETLINK_HEADER || len > n)
            return FPM_BAD_LENGTH;
        uint32_t type = get16(o, p + 4);
        s->stats.messages++;
        if (type == RTM_NEWROUTE || type == RTM_DELROUTE)
            status = route(s, o, type == RTM_DELROUTE, p + NETLINK_HEADER, len - NETLINK_HEADER);
        else if (type == RTM_NEWNEXTHOP || type == RTM_DELNEXTHOP)
            status =
                next_hop(s, o, type == RTM_DELNEXTHOP, p + NETLINK_HEADER, len - NETLINK_HEADER);
        else
            s->stats.passed_over++;
        p += step;
        n -= step;
    }
    return status;
}

static size_t frame_length(const uint8_t *p, enum fpm_status *bad)
{
    size_t len = be16(p + 2);
    if (p[0] != 1)
        *bad = FPM_BAD_VERSION;
    else if (p[1] != 1)
        *bad = FPM_NOT_NETLINK;
    else if (len < FPM_HEADER)
        *bad = FPM_BAD_LENGTH;
    else
        return len;
    return 0;
}

static enum fpm_status begin(struct fpm_session *s)
{
    struct peer_key key = {.type = PEER_LOC_RIB, .distinguisher = RT_TABLE_MAIN};
    s->peer = source_peer(s->o.sources, s->o.router, &key);
    if (s->peer == SOURCE_NONE)
        return FPM_NO_ROOM;
    s->begun = true;
    s->begun_ms = s->last_ms;
    tell(s, (struct route_event){.type = ROUTE_FEED_UP});
    return FPM_GOING_ON;
}

static enum fpm_status frame(struct fpm_session *s, const uint8_t *p, size_t n)
{
    enum fpm_status status = s->begun ? FPM_GOING_ON : begin(s);
    if (status == FPM_GOING_ON)
        status = messages(s, p + FPM_HEADER, n - FPM_HEADER);
    return status == FPM_GOING_ON && s->stats.glitches > FPM_GLITCHES_MAX ? FPM_TOO_ODD : status;
}

/* Adds to the frame begun what it lacks, out of *p and *n; runs it when it is whole. */
static enum fpm_status feed_kept(struct fpm_session *s, const uint8_t **p, size_t *n)
{
    for (;;) {
        enum fpm_status status = FPM_GOING_ON;
        bool head = s->kept.len >= FPM_HEADER;
        size_t want =
            head ? frame_length((const uint8_t *)s->kept.data, &status) : (size_t)FPM_HEADER;
        if (!want)
            return status;
        size_t take = MIN(*n, want - s->kept.len);
        buf_add(&s->kept, *p, take);
        *p += take;
        *n -= take;
        if (s->kept.len < want)
            return FPM_GOING_ON;
        if (head) {
            status = frame(s, (const uint8_t *)s->kept.data, want);
            buf_reset(&s->kept);
            return status;
        }
    }
}

enum fpm_status fpm_feed(struct fpm_session *s, const void *bytes, size_t n, int64_t at_ms)
{
    const uint8_t *p = bytes;
    if (s->status != FPM_GOING_ON || !n)
        return s->status;
    s->stats.bytes += n;
    s->last_ms = s->now_ms = at_ms;
    if (s->kept.len)
        s->status = feed_kept(s, &p, &n);
    while (s->status == FPM_GOING_ON && n >= FPM_HEADER) {
        size_t len = frame_length(p, &s->status);
        if (!len || len > n)
            break;
        s->status = frame(s, p, len);
        p += len;
        n -= len;
    }
    if (s->status == FPM_GOING_ON && n)
        buf_add(&s->kept, p, n);
    (void)settle(s, FPM_ANEW_FEED);
    return s->status;
}

enum fpm_status fpm_tick(struct fpm_session *s, int64_t at_ms)
{
    s->now_ms = at_ms;
    bool settled = settle(s, FPM_ANEW_TICK);
    bool quiet = settled && at_ms - s->last_ms >= FPM_QUIET_MS;
    if (!s->begun || s->told || s->status != FPM_GOING_ON ||
        (!quiet && at_ms - s->begun_ms < FPM_TABLE_MS))
        return s->status;
    if (quiet && fpm_hops_counts(s->hops).nowhere)
        return s->status = FPM_UNKNOWN_NUMBERS;
    s->told = true;
    for (int i = 0; i < 2; i++)
        tell(s, (struct route_event){
                    .type = ROUTE_END_OF_RIB, .peer = s->peer, .family = i ? IPV6 : IPV4});
    return s->status;
}

struct fpm_stats fpm_session_stats(const struct fpm_session *s)
{
    return s->stats;
}

struct fpm_hops_counts fpm_session_numbers(const struct fpm_session *s)
{
    return fpm_hops_counts(s->hops);
}

size_t fpm_session_kept(const struct fpm_session *s)
{
    return s->kept.len;
}
