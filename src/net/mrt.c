/* mrt.c - records by their type; a cursor with a sticky error reads them.
 *
 *     record  time 4 | type 2 | subtype 2 | length 4 | [microseconds 4, in _ET] | ... */
#include "net/mrt.h"

#include "net/wire.h"

#include "base/mem.h"

enum { RECORD_HEAD = 12 };
enum { TABLE_DUMP_V2 = 13, BGP4MP = 16, BGP4MP_ET = 17 };
enum { /* of TABLE_DUMP_V2 */
       PEER_INDEX_TABLE = 1,
       RIB_IPV4_UNICAST = 2,
       RIB_IPV6_UNICAST = 4,
       RIB_IPV4_UNICAST_ADDPATH = 8,
       RIB_IPV6_UNICAST_ADDPATH = 10,
};
enum { /* of BGP4MP */
       STATE_CHANGE = 0,
       MESSAGE = 1,
       MESSAGE_AS4 = 4,
       STATE_CHANGE_AS4 = 5,
       MESSAGE_LOCAL = 6,
       MESSAGE_AS4_LOCAL = 7,
       MESSAGE_ADDPATH = 8, /* the four of them */
       MESSAGE_AS4_LOCAL_ADDPATH = 11,
};
enum { ESTABLISHED = 6 };

struct mrt_reader {
    struct mrt_options o;
    uint32_t *peer; /* numbers of sources, by index in the table of peers */
    uint32_t n_peers;
    struct buf kept;
    bool begun, bad;
    struct mrt_stats stats;
};

/* A cursor; once it is bad, it gives zeros. */
struct cursor {
    const uint8_t *p, *end;
    bool bad;
};

static const uint8_t *take(struct cursor *c, size_t n)
{
    static const uint8_t zero[16];
    if (c->bad || (size_t)(c->end - c->p) < n) {
        c->bad = true;
        BUG_ON(n > sizeof zero);
        return zero;
    }
    c->p += n;
    return c->p - n;
}

static uint32_t take8(struct cursor *c)
{
    return take(c, 1)[0];
}
static uint32_t take16(struct cursor *c)
{
    return be16(take(c, 2));
}
static uint32_t take32(struct cursor *c)
{
    return be32(take(c, 4));
}

/* A span of n bytes; NULL when there are not so many. */
static const uint8_t *take_span(struct cursor *c, size_t n)
{
    if (c->bad || (size_t)(c->end - c->p) < n) {
        c->bad = true;
        return NULL;
    }
    c->p += n;
    return c->p - n;
}

static struct ip_addr take_ip(struct cursor *c, bool v6)
{
    struct ip_addr a = {.family = v6 ? IPV6 : IPV4};
    memcpy(a.byte, take(c, v6 ? 16 : 4), v6 ? 16 : 4);
    return a;
}

static struct route_event event_of(const struct mrt_reader *m, uint32_t peer, int64_t at_ms)
{
    return (struct route_event){
        .router = m->o.router, .peer = peer, .at_ms = at_ms, .view = (uint8_t)m->o.view};
}

static uint32_t peer_number(struct mrt_reader *m, const struct ip_addr *ip, uint32_t as,
                            uint32_t router_id)
{
    struct peer_key key = {.address = *ip};
    uint32_t number = source_peer(m->o.sources, m->o.router, &key);
    if (number)
        source_peer_heard(m->o.sources, number, as, router_id);
    return number;
}

/* ---- TABLE_DUMP_V2 ---- */

/* collector 4 | length of a name 2, name | count 2 | peers: type 1, router id 4, address, AS */
static bool read_peers(struct mrt_reader *m, struct cursor *c)
{
    enum { TYPE_IPV6 = 1, TYPE_AS4 = 2 };
    take32(c);
    take_span(c, take16(c));
    uint32_t n = take16(c);
    if (c->bad)
        return false;
    m->peer = mem_grow(m->peer, n, sizeof *m->peer);
    for (m->n_peers = 0; m->n_peers < n; m->n_peers++) {
        uint32_t type = take8(c), router_id = take32(c);
        struct ip_addr ip = take_ip(c, type & TYPE_IPV6);
        uint32_t as = type & TYPE_AS4 ? take32(c) : take16(c);
        if (c->bad)
            return false;
        m->peer[m->n_peers] = peer_number(m, &ip, as, router_id);
    }
    return true;
}

/* sequence 4 | prefix | count 2 | entries: peer 2, time 4, [path id 4], length 2, attributes */
static bool read_table_row(struct mrt_reader *m, struct cursor *c, uint8_t family, bool add_path,
                           int64_t at_ms)
{
    const struct bgp_context context = {.as4 = true};
    struct route_event e = event_of(m, 0, at_ms);
    uint32_t no_path_id;
    take32(c);
    if (c->bad || !bgp_prefix(&c->p, c->end, family, false, &e.prefix, &no_path_id))
        return false;
    e.type = ROUTE_ANNOUNCE;
    for (uint32_t n = take16(c); n; n--) {
        uint32_t peer = take16(c);
        take32(c);
        e.path_id = add_path ? take32(c) : 0;
        size_t len = take16(c);
        const uint8_t *block = take_span(c, len);
        if (!block || peer >= m->n_peers)
            return false;
        e.peer = m->peer[peer];
        enum bgp_outcome o = bgp_attributes(m->o.decoder, block, len, &context, &e.attr);
        if (o > BGP_DISCARD || !e.peer) {
            m->stats.broken++;
            continue;
        }
        m->stats.routes++;
        m->o.sink(m->o.arg, &e);
    }
    return !c->bad;
}

static bool read_table(struct mrt_reader *m, struct cursor *c, unsigned subtype, int64_t at_ms)
{
    switch (subtype) {
    case PEER_INDEX_TABLE: return read_peers(m, c);
    case RIB_IPV4_UNICAST: return read_table_row(m, c, IPV4, false, at_ms);
    case RIB_IPV6_UNICAST: return read_table_row(m, c, IPV6, false, at_ms);
    case RIB_IPV4_UNICAST_ADDPATH: return read_table_row(m, c, IPV4, true, at_ms);
    case RIB_IPV6_UNICAST_ADDPATH: return read_table_row(m, c, IPV6, true, at_ms);
    default: m->stats.unknown++; return true;
    }
}

/* ---- BGP4MP ---- */

struct bgp4mp { /* peer AS, local AS | interface 2 | AFI 2 | peer's and local address */
    uint32_t as;
    struct ip_addr peer;
};

static bool read_bgp4mp_head(struct cursor *c, bool as4, struct bgp4mp *out)
{
    out->as = as4 ? take32(c) : take16(c);
    if (as4)
        take32(c);
    else
        take16(c);
    take16(c);
    uint32_t afi = take16(c);
    if (afi != 1 && afi != 2)
        return false;
    out->peer = take_ip(c, afi == 2);
    (void)take_ip(c, afi == 2);
    return !c->bad;
}

static bool read_state_change(struct mrt_reader *m, struct cursor *c, bool as4, int64_t at_ms)
{
    static const struct route_down down = {.reason = DOWN_REMOTE_SILENT};
    static const struct route_up up;
    struct bgp4mp h;
    if (!read_bgp4mp_head(c, as4, &h))
        return false;
    uint32_t before = take16(c), after = take16(c);
    uint32_t peer = c->bad ? 0 : peer_number(m, &h.peer, h.as, 0);
    if (!peer)
        return false;
    if ((before == ESTABLISHED) == (after == ESTABLISHED))
        return true;
    struct route_event e = event_of(m, peer, at_ms);
    e.type = after == ESTABLISHED ? ROUTE_PEER_UP : ROUTE_PEER_DOWN;
    if (after == ESTABLISHED)
        e.up = &up;
    else
        e.down = &down;
    m->o.sink(m->o.arg, &e);
    return true;
}

static bool read_message(struct mrt_reader *m, struct cursor *c, bool as4, bool local,
                         bool add_path, int64_t at_ms)
{
    const struct bgp_context context = {.as4 = as4, .add_path = {add_path, add_path}};
    struct bgp4mp h;
    uint8_t type;
    if (!read_bgp4mp_head(c, as4, &h))
        return false;
    size_t n = bgp_message(c->p, (size_t)(c->end - c->p), &type);
    uint32_t peer = n ? peer_number(m, &h.peer, h.as, 0) : 0;
    if (!peer)
        return false;
    m->stats.messages++;
    if (type != BGP_UPDATE)
        return true;
    struct route_event e = event_of(m, peer, at_ms);
    if (local)
        e.view = VIEW_OUT_POST;
    return bgp_update(m->o.decoder, c->p, n, &context, &e, m->o.sink, m->o.arg) <= BGP_DISCARD;
}

static bool read_bgp4mp(struct mrt_reader *m, struct cursor *c, unsigned subtype, int64_t at_ms)
{
    if (subtype == STATE_CHANGE || subtype == STATE_CHANGE_AS4)
        return read_state_change(m, c, subtype == STATE_CHANGE_AS4, at_ms);
    bool add_path = subtype >= MESSAGE_ADDPATH && subtype <= MESSAGE_AS4_LOCAL_ADDPATH;
    unsigned kind = subtype == 8 ? 1 : subtype == 9 ? 4 : add_path ? subtype - 4 : subtype;
    if (kind != MESSAGE && kind != MESSAGE_AS4 && kind != MESSAGE_LOCAL &&
        kind != MESSAGE_AS4_LOCAL) {
        m->stats.unknown++;
        return true;
    }
    bool as4 = kind == MESSAGE_AS4 || kind == MESSAGE_AS4_LOCAL;
    bool local = kind == MESSAGE_LOCAL || kind == MESSAGE_AS4_LOCAL;
    return read_message(m, c, as4, local, add_path, at_ms);
}

/* ---- records ---- */

static void record(struct mrt_reader *m, const uint8_t *p, size_t n)
{
    struct cursor c = {p + RECORD_HEAD, p + n, false};
    unsigned type = be16(p + 4), subtype = be16(p + 6);
    int64_t at_ms = (int64_t)be32(p) * 1000;
    bool ok = true;
    if (type == BGP4MP_ET)
        at_ms += take32(&c) / 1000;
    if (!m->begun) {
        struct route_event e = event_of(m, 0, at_ms);
        e.type = ROUTE_FEED_UP;
        m->o.sink(m->o.arg, &e);
        m->begun = true;
        m->stats.first_ms = at_ms;
    }
    m->stats.last_ms = at_ms;
    m->stats.records++;
    if (type == TABLE_DUMP_V2)
        ok = read_table(m, &c, subtype, at_ms);
    else if (type == BGP4MP || type == BGP4MP_ET)
        ok = read_bgp4mp(m, &c, subtype, at_ms);
    else
        m->stats.unknown++;
    m->stats.broken += !ok;
}

/* The length of the record that begins at p, of which the head is there; 0: too long. */
static size_t record_length(const uint8_t *p)
{
    size_t len = be32(p + 8);
    return len > MRT_RECORD_MAX ? 0 : RECORD_HEAD + len;
}

static bool feed_kept(struct mrt_reader *m, const uint8_t **p, size_t *n)
{
    for (;;) {
        bool head = m->kept.len >= RECORD_HEAD;
        size_t want = head ? record_length((const uint8_t *)m->kept.data) : RECORD_HEAD;
        if (!want)
            return false;
        size_t more = MIN(*n, want - m->kept.len);
        buf_add(&m->kept, *p, more);
        *p += more;
        *n -= more;
        if (m->kept.len < want)
            return true;
        if (head) {
            record(m, (const uint8_t *)m->kept.data, want);
            buf_reset(&m->kept);
            return true;
        }
    }
}

bool mrt_feed(struct mrt_reader *m, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    if (m->kept.len && !m->bad)
        m->bad = !feed_kept(m, &p, &n);
    while (!m->bad && n >= RECORD_HEAD) {
        size_t len = record_length(p);
        m->bad = !len;
        if (!len || len > n)
            break;
        record(m, p, len);
        p += len;
        n -= len;
    }
    if (!m->bad && n)
        buf_add(&m->kept, p, n);
    return !m->bad;
}

bool mrt_end(struct mrt_reader *m)
{
    for (uint32_t i = 0; i < m->n_peers; i++)
        for (uint8_t family = IPV4; m->peer[i] && family <= IPV6; family += IPV6 - IPV4) {
            struct route_event e = event_of(m, m->peer[i], m->stats.last_ms);
            e.type = ROUTE_END_OF_RIB;
            e.family = family;
            m->o.sink(m->o.arg, &e);
        }
    m->n_peers = 0;
    return !m->bad && !m->kept.len;
}

struct mrt_reader *mrt_new(const struct mrt_options *o)
{
    struct mrt_reader *m = mem_new(1, sizeof *m);
    m->o = *o;
    return m;
}

void mrt_free(struct mrt_reader *m)
{
    if (!m)
        return;
    mem_free(m->peer);
    buf_free(&m->kept);
    mem_free(m);
}

struct mrt_stats mrt_stats(const struct mrt_reader *m)
{
    return m->stats;
}
