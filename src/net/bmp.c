/* bmp.c - the way of the bytes: frames, then a reader for each type of message.
 *
 *     frame   version 1 | length 4 | type 1 | per-peer header 42 (but Initiation, Termination) |
 * ... header  peer type 1 | flags 1 | distinguisher 8 | address 16 | AS 4 | router id 4 | time 8
 *
 * A router tells one peer's table after the other, so Route Monitoring is taken in runs of one peer
 * and view, whose peer is mostly that of the run before; only otherwise it is looked up. */
#include "net/bmp.h"

#include <string.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/rng.h"
#include "net/wire.h"

const char *const bmp_status_names[BMP_STATUSES] = {
    "going on",          "terminated",
    "not BMP version 3", "a length that cannot be",
    "no Initiation",     "a message that cannot be understood",
    "no room",           "too many oddities",
};

const char *const bmp_quirk_names[BMP_QUIRKS] = {
    "own AS in front of received paths",
    "nothing but withdrawals before policy",
    "Peer Down repeated",
    "routes without Peer Up",
    "local routes under a peer of zeros",
    "unknown statistics",
    "Peer Up repeated for each view",
    "Peer Up without the OPENs",
};

enum bmp_type {
    BMP_ROUTE_MONITORING,
    BMP_STATISTICS,
    BMP_PEER_DOWN,
    BMP_PEER_UP,
    BMP_INITIATION,
    BMP_TERMINATION,
    BMP_MIRRORING,
    BMP_TYPES
};

enum { /* flags of the per-peer header; those of Loc-RIB have other meanings */
       FLAG_IPV6 = 0x80,
       FLAG_POST_POLICY = 0x40,
       FLAG_AS2 = 0x20,
       FLAG_ADJ_OUT = 0x10,
};

enum peer_state { PEER_NEW, PEER_UP, PEER_DOWN };

struct bmp_peer {
    uint8_t head[26]; /* type, 0, distinguisher, address: as on the wire */
    uint8_t state;    /* enum peer_state */
    uint8_t add_path; /* struct route_up */
    bool local;       /* of all zeros */
    uint32_t number;  /* of the source */
    uint32_t own_as;  /* to take off received paths; 0: never */
    uint32_t as;
    uint64_t session;    /* hash of what Peer Up said */
    uint8_t flags, view; /* of its last Route Monitoring, and what follows from them */
    bool flags_known;
    struct bgp_context context;
    uint64_t announced[VIEWS], withdrawn[VIEWS]; /* messages, by what they say last */
};

struct bmp_session {
    struct bmp_options o;
    struct bmp_peer *peer;
    uint32_t n_peers, cap_peers, last; /* last: index of the peer heard last */
    struct map64 peer_by_hash;
    struct buf kept;          /* the beginning of a message */
    struct route_event event; /* of Route Monitoring; router is set once */
    bool begun;
    enum bmp_status status;
    struct bmp_stats stats;
    char name[BMP_NAME_MAX];
};

struct bmp_session *bmp_session_new(const struct bmp_options *o)
{
    struct bmp_session *s = mem_new(1, sizeof *s);
    s->o = *o;
    s->event.router = o->router;
    return s;
}

static struct route_event event_of(const struct bmp_session *s, uint32_t peer, int64_t at_ms)
{
    return (struct route_event){.router = s->o.router, .peer = peer, .at_ms = at_ms};
}

void bmp_session_free(struct bmp_session *s, int64_t at_ms)
{
    if (!s)
        return;
    if (s->begun) {
        struct route_event e = event_of(s, 0, at_ms);
        e.type = ROUTE_FEED_LOST;
        s->o.sink(s->o.arg, &e);
    }
    mem_free(s->peer);
    map64_free(&s->peer_by_hash);
    buf_free(&s->kept);
    mem_free(s);
}

/* ---- peers ---- */

static bool head_equal(const struct bmp_peer *p, const uint8_t *h)
{
    return p->head[0] == h[0] && memcmp(p->head + 2, h + 2, 24) == 0;
}

static uint64_t head_hash(const uint8_t *h)
{
    return mix64(be64(h + 2) ^ mix64(be64(h + 10) ^ mix64(be64(h + 18) + h[0])));
}

static bool all_zero(const uint8_t *p, size_t n)
{
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++)
        any |= p[i];
    return !any;
}

static struct peer_key key_of(const uint8_t *h)
{
    struct peer_key k = {.type = h[0], .distinguisher = be64(h + 2)};
    if (h[0] == PEER_LOC_RIB || all_zero(h + 10, 16))
        return k;
    k.address.family = h[1] & FLAG_IPV6 ? IPV6 : IPV4;
    if (h[1] & FLAG_IPV6)
        memcpy(k.address.byte, h + 10, 16);
    else
        memcpy(k.address.byte, h + 22, 4);
    return k;
}

/* The peer of a header not heard of before; NULL: there are too many. */
static struct bmp_peer *peer_new(struct bmp_session *s, const uint8_t *h, uint64_t hash)
{
    struct peer_key key = key_of(h);
    uint32_t number =
        s->n_peers < BMP_PEERS_MAX ? source_peer(s->o.sources, s->o.router, &key) : SOURCE_NONE;
    if (number == SOURCE_NONE)
        return NULL;
    if (s->n_peers == s->cap_peers) {
        s->cap_peers = s->cap_peers ? s->cap_peers * 2 : 8;
        s->peer = mem_grow(s->peer, s->cap_peers, sizeof *s->peer);
    }
    struct bmp_peer *p = &s->peer[s->n_peers];
    *p = (struct bmp_peer){.number = number};
    memcpy(p->head, h, sizeof p->head);
    p->local = h[0] != PEER_LOC_RIB && !key.address.family;
    if (p->local)
        s->stats.quirks |= BMP_QUIRK_LOCAL_PEER;
    s->last = s->n_peers++;
    map64_insert(&s->peer_by_hash, hash, s->n_peers);
    source_peer_heard(s->o.sources, number, be32(h + 26), be32(h + 30));
    return p;
}

static struct bmp_peer *peer_of(struct bmp_session *s, const uint8_t *h)
{
    if (LIKELY(s->n_peers && head_equal(&s->peer[s->last], h)))
        return &s->peer[s->last];
    uint64_t hash = head_hash(h);
    uint32_t at;
    for (; map64_find(&s->peer_by_hash, hash, &at); hash++)
        if (head_equal(&s->peer[at - 1], h)) {
            s->last = at - 1;
            return &s->peer[s->last];
        }
    return peer_new(s, h, hash);
}

static enum route_view view_of(const uint8_t *h)
{
    if (h[0] == PEER_LOC_RIB)
        return VIEW_LOC_RIB;
    bool post = h[1] & FLAG_POST_POLICY;
    if (h[1] & FLAG_ADJ_OUT)
        return post ? VIEW_OUT_POST : VIEW_OUT_PRE;
    return post ? VIEW_IN_POST : VIEW_IN_PRE;
}

/* ---- Peer Up, Peer Down ---- */

/* Path ids are used one way when that side sends them and the other receives them (RFC 7911 4).
 * Both OPENs of a Loc-RIB are made up and say the same (RFC 9069 5.2). */
static uint8_t add_path_of(const struct bgp_open *own, const struct bgp_open *peers)
{
    uint8_t bits = 0;
    for (int f = 0; f < 2; f++) {
        bits |= (uint8_t)((own->add_path[f] & 1 && peers->add_path[f] & 2) << f);
        bits |= (uint8_t)((own->add_path[f] & 2 && peers->add_path[f] & 1) << (f + 2));
    }
    return bits;
}

/* An OPEN of a Peer Up. *known: it is more than a header that stands for one. */
static bool read_open(const uint8_t *msg, size_t n, struct bgp_open *out, bool *known)
{
    uint8_t type;
    *known = n != BGP_HEADER;
    *out = (struct bgp_open){0};
    return *known ? bgp_open(msg, n, out) : bgp_message(msg, n, &type) == n && type == BGP_OPEN;
}

/* local address 16 | local port 2 | remote port 2 | OPEN sent | OPEN received | TLVs */
static bool read_peer_up(const uint8_t *p, size_t n, const uint8_t *h, struct route_up *up,
                         struct bgp_open *own, struct bgp_open *peers, uint64_t *session,
                         bool *known)
{
    uint8_t type;
    bool known_own, known_peers;
    if (n < 20)
        return false;
    size_t sent = bgp_message(p + 20, n - 20, &type);
    size_t received = sent ? bgp_message(p + 20 + sent, n - 20 - sent, &type) : 0;
    if (!received || !read_open(p + 20, sent, own, &known_own) ||
        !read_open(p + 20 + sent, received, peers, &known_peers))
        return false;
    *known = known_own && known_peers;
    *session = hash_fast(0, p, 20 + sent + received);
    *up = (struct route_up){.local_port = (uint16_t)be16(p + 16),
                            .remote_port = (uint16_t)be16(p + 18),
                            .hold_s_sent = own->hold_s,
                            .hold_s_received = peers->hold_s,
                            .as_local = own->as,
                            .as4 = (own->as4 || !known_own) && (peers->as4 || !known_peers),
                            .add_path = add_path_of(own, peers)};
    if (h[0] != PEER_LOC_RIB && !all_zero(p, 16)) {
        bool v6 = h[1] & FLAG_IPV6;
        up->local.family = v6 ? IPV6 : IPV4;
        memcpy(up->local.byte, v6 ? p : p + 12, v6 ? 16 : 4);
    }
    return true;
}

static enum bmp_status on_peer_up(struct bmp_session *s, const uint8_t *h, const uint8_t *p,
                                  size_t n, int64_t at_ms)
{
    struct route_up up;
    struct bgp_open own, peers;
    uint64_t session;
    bool known;
    if (!read_peer_up(p, n, h, &up, &own, &peers, &session, &known))
        return BMP_BAD_MESSAGE;
    if (!known)
        s->stats.quirks |= BMP_QUIRK_NO_OPEN;
    struct bmp_peer *peer = peer_of(s, h);
    if (!peer)
        return BMP_NO_ROOM;
    if (peer->state == PEER_UP && peer->session == session) {
        s->stats.quirks |= BMP_QUIRK_PEER_UP_AGAIN;
        return BMP_GOING_ON;
    }
    peer->session = session;
    s->stats.peers_up += peer->state != PEER_UP;
    peer->state = PEER_UP;
    peer->as = be32(h + 26);
    if (own.as) /* else as it was: a router has one number */
        peer->own_as = h[0] != PEER_LOC_RIB && own.as != peer->as ? own.as : 0;
    peer->add_path = up.add_path;
    if (h[0] == PEER_LOC_RIB)
        for (int f = 0; f < 2; f++)
            if (own.add_path[f] && peers.add_path[f])
                peer->add_path |= (uint8_t)(1 << f);
    peer->flags_known = false;
    source_peer_heard(s->o.sources, peer->number, peer->as, be32(h + 30));
    struct route_event e = event_of(s, peer->number, at_ms);
    e.type = ROUTE_PEER_UP;
    e.up = &up;
    s->o.sink(s->o.arg, &e);
    return BMP_GOING_ON;
}

/* reason 1 | NOTIFICATION (1, 3), event of the state machine 2 (2), nothing (4, 5), TLVs (6) */
static bool read_peer_down(const uint8_t *p, size_t n, struct route_down *d)
{
    uint8_t type;
    if (n < 1)
        return false;
    *d = (struct route_down){.reason = p[0]};
    if (p[0] == DOWN_LOCAL_NOTIFICATION || p[0] == DOWN_REMOTE_NOTIFICATION) {
        size_t len = bgp_message(p + 1, n - 1, &type);
        return len && bgp_notification(p + 1, len, &d->code, &d->subcode);
    }
    if (p[0] == DOWN_LOCAL_FSM) {
        if (n < 3)
            return false;
        d->fsm_event = (uint16_t)be16(p + 1);
    }
    return true;
}

static enum bmp_status on_peer_down(struct bmp_session *s, const uint8_t *h, const uint8_t *p,
                                    size_t n, int64_t at_ms)
{
    struct route_down down;
    if (!read_peer_down(p, n, &down))
        return BMP_BAD_MESSAGE;
    struct bmp_peer *peer = peer_of(s, h);
    if (!peer)
        return BMP_NO_ROOM;
    if (peer->state == PEER_DOWN) {
        s->stats.quirks |= BMP_QUIRK_PEER_DOWN_AGAIN;
        return BMP_GOING_ON;
    }
    s->stats.peers_up -= peer->state == PEER_UP;
    peer->state = PEER_DOWN;
    struct route_event e = event_of(s, peer->number, at_ms);
    e.type = ROUTE_PEER_DOWN;
    e.down = &down;
    s->o.sink(s->o.arg, &e);
    return BMP_GOING_ON;
}

/* ---- Route Monitoring ---- */

static struct bgp_context context_of(const struct bmp_peer *peer, const uint8_t *h,
                                     enum route_view view)
{
    unsigned bits =
        view == VIEW_OUT_PRE || view == VIEW_OUT_POST ? peer->add_path >> 2u : peer->add_path;
    bool in = view == VIEW_IN_PRE || view == VIEW_IN_POST;
    return (struct bgp_context){.own_as = in ? peer->own_as : 0,
                                .peer_as = in && peer->own_as ? peer->as : 0,
                                .as4 = view == VIEW_LOC_RIB || !(h[1] & FLAG_AS2),
                                .add_path = {bits & 1, bits >> 1 & 1},
                                .kind = peer->local ? ROUTE_LOCAL : ROUTE_BGP};
}

static void first_heard(struct bmp_session *s, struct bmp_peer *peer)
{
    peer->state = PEER_UP;
    s->stats.peers_up++;
    if (!peer->local)
        s->stats.quirks |= BMP_QUIRK_NO_PEER_UP;
}

/* What the flags of a peer's messages mean changes from one table to the next only. */
static void flags_changed(struct bmp_peer *peer, const uint8_t *h)
{
    peer->view = (uint8_t)view_of(h);
    peer->context = context_of(peer, h, view_of(h));
    peer->flags = h[1];
    peer->flags_known = true;
}

/* *read: how many of the n were read before one ended the session. */
static enum bmp_status read_updates(struct bmp_session *s, struct bmp_peer *peer,
                                    const struct bgp_bytes *update, uint32_t n, uint32_t *read)
{
    struct bgp_decoder *d = s->o.decoder;
    struct route_event *e = &s->event;
    bgp_show(d, update, n, &peer->context);
    for (uint32_t i = 0; i < n; i++) {
        e->type = ROUTE_EVENT_TYPES;
        enum bgp_outcome o = bgp_shown(d, i, e, s->o.sink, s->o.arg);
        *read = i + 1;
        peer->announced[peer->view] += e->type == ROUTE_ANNOUNCE; /* the last event of it */
        peer->withdrawn[peer->view] += e->type == ROUTE_WITHDRAW;
        if (LIKELY(o < BGP_WITHDRAW))
            continue;
        if (o != BGP_WITHDRAW)
            return o == BGP_FULL ? BMP_NO_ROOM : BMP_BAD_MESSAGE;
        s->stats.withdrawn_by_rule++;
        if (++s->stats.glitches > BMP_GLITCHES_MAX)
            return BMP_TOO_ODD;
    }
    return BMP_GOING_ON;
}

/* Messages one after the other whose headers are as h but for the time: whom they are about is
 * found out once. */
static enum bmp_status on_monitoring(struct bmp_session *s, const uint8_t *h,
                                     const struct bgp_bytes *update, uint32_t n, int64_t at_ms)
{
    struct bmp_peer *peer = peer_of(s, h);
    const struct bgp_stats *decoded = bgp_decoder_stats(s->o.decoder);
    uint64_t removed = decoded->own_as_removed;
    enum bmp_status status = BMP_GOING_ON;
    uint32_t read = 0;
    if (UNLIKELY(!peer)) {
        status = BMP_NO_ROOM;
        read = 1;
    } else if (UNLIKELY(peer->state == PEER_DOWN)) {
        for (; read < n && status == BMP_GOING_ON; read++)
            status = ++s->stats.glitches > BMP_GLITCHES_MAX ? BMP_TOO_ODD : BMP_GOING_ON;
    } else {
        if (UNLIKELY(peer->state != PEER_UP))
            first_heard(s, peer);
        if (UNLIKELY(peer->flags != h[1] || !peer->flags_known))
            flags_changed(peer, h);
        s->event.peer = peer->number;
        s->event.view = peer->view;
        s->event.at_ms = at_ms;
        status = read_updates(s, peer, update, n, &read);
    }
    s->stats.messages += read;
    s->stats.of_type[BMP_ROUTE_MONITORING] += read;
    if (decoded->own_as_removed != removed)
        s->stats.quirks |= BMP_QUIRK_OWN_AS_FIRST;
    return status;
}

/* ---- Statistics ---- */

enum { /* statistics of one family: AFI 2, SAFI 1, gauge 8 */
       STAT_PER_FAMILY = 1u << 9 | 1u << 10 | 1u << 16 | 1u << 17,
};

static void read_statistic(struct bmp_session *s, unsigned type, const uint8_t *p, size_t n,
                           struct route_stats *out)
{
    bool per_family = type < ROUTE_STATS && (STAT_PER_FAMILY >> type & 1);
    uint64_t value = 0;
    if (type >= ROUTE_STATS) {
        s->stats.quirks |= BMP_QUIRK_UNKNOWN_STATISTIC;
        return;
    }
    if (per_family ? n != 11 : n != 4 && n != 8)
        return;
    p += per_family ? 3 : 0;
    value = n == 4 ? be32(p) : be64(p);
    out->value[type] = per_family ? out->value[type] + value : value;
    out->has |= 1u << type;
}

/* count 4 | TLVs. The count is not needed: what is there is read, what is cut off is not. */
static enum bmp_status on_statistics(struct bmp_session *s, const uint8_t *h, const uint8_t *p,
                                     size_t n, int64_t at_ms)
{
    struct route_stats stats = {0};
    if (n < 4)
        return BMP_BAD_MESSAGE;
    struct bmp_peer *peer = peer_of(s, h);
    if (!peer)
        return BMP_NO_ROOM;
    for (p += 4, n -= 4; n >= 4;) {
        size_t len = be16(p + 2);
        if (n - 4 < len)
            break;
        read_statistic(s, be16(p), p + 4, len, &stats);
        p += 4 + len;
        n -= 4 + len;
    }
    s->stats.glitches += n != 0;
    struct route_event e = event_of(s, peer->number, at_ms);
    e.type = ROUTE_PEER_STATS;
    e.stats = &stats;
    s->o.sink(s->o.arg, &e);
    return BMP_GOING_ON;
}

/* ---- Initiation ---- */

enum { TLV_SYS_NAME = 2 };

static void set_name(struct bmp_session *s, const uint8_t *p, size_t n)
{
    n = MIN(n, sizeof s->name - 1);
    for (size_t i = 0; i < n; i++)
        s->name[i] = p[i] >= 0x20 && p[i] < 0x7f ? (char)p[i] : '?';
    s->name[n] = '\0';
}

static void on_initiation(struct bmp_session *s, const uint8_t *p, size_t n, int64_t at_ms)
{
    while (n >= 4 && n - 4 >= be16(p + 2)) {
        size_t len = be16(p + 2);
        if (be16(p) == TLV_SYS_NAME)
            set_name(s, p + 4, len);
        p += 4 + len;
        n -= 4 + len;
    }
    s->stats.glitches += n != 0;
    if (s->begun)
        return;
    s->begun = true;
    struct route_event e = event_of(s, 0, at_ms);
    e.type = ROUTE_FEED_UP;
    s->o.sink(s->o.arg, &e);
}

/* ---- frames ---- */

enum { BMP_BODY = BMP_HEADER + BMP_PEER_HEADER }; /* where it begins */

/* Route Monitoring of which something can be made; n: of the whole message. */
static bool is_monitoring(const struct bmp_session *s, const uint8_t *m, size_t n)
{
    return m[5] == BMP_ROUTE_MONITORING && n >= BMP_BODY && m[BMP_HEADER] <= PEER_LOC_RIB &&
           s->begun;
}

/* A whole message of n bytes. */
static enum bmp_status message(struct bmp_session *s, const uint8_t *m, size_t n, int64_t at_ms)
{
    unsigned type = m[5];
    const uint8_t *h = m + BMP_HEADER, *p = m + BMP_BODY;
    size_t left = n - BMP_BODY;
    if (is_monitoring(s, m, n))
        return on_monitoring(s, h, &(struct bgp_bytes){p, left}, 1, at_ms);
    s->stats.messages++;
    if (!s->begun && type != BMP_INITIATION)
        return BMP_NO_INITIATION;
    if (type >= BMP_TYPES) {
        s->stats.unknown++;
        return BMP_GOING_ON;
    }
    s->stats.of_type[type]++;
    if (type == BMP_INITIATION) {
        on_initiation(s, h, n - BMP_HEADER, at_ms);
        return BMP_GOING_ON;
    }
    if (type == BMP_TERMINATION)
        return BMP_TERMINATED;
    if (n < BMP_BODY)
        return BMP_BAD_LENGTH;
    if (h[0] > PEER_LOC_RIB) {
        s->stats.unknown++;
        return BMP_GOING_ON;
    }
    switch (type) {
    case BMP_STATISTICS: return on_statistics(s, h, p, left, at_ms);
    case BMP_PEER_DOWN: return on_peer_down(s, h, p, left, at_ms);
    case BMP_PEER_UP: return on_peer_up(s, h, p, left, at_ms);
    default: /* mirrored messages are copies of what the router got: of no use to a model */
        return BMP_GOING_ON;
    }
}

/* The length of the message that begins at p, with n >= BMP_HEADER bytes there; 0: *bad says why
 * there is none. */
static size_t frame_length(const uint8_t *p, enum bmp_status *bad)
{
    size_t len = be32(p + 1);
    if (p[0] != 3)
        *bad = BMP_BAD_VERSION;
    else if (len < BMP_HEADER || len > BMP_MESSAGE_MAX)
        *bad = BMP_BAD_LENGTH;
    else
        return len;
    return 0;
}

static enum bmp_status frame(struct bmp_session *s, const uint8_t *p, size_t n, int64_t at_ms)
{
    enum bmp_status status = message(s, p, n, at_ms);
    if (UNLIKELY(status == BMP_GOING_ON && s->stats.glitches > BMP_GLITCHES_MAX))
        return BMP_TOO_ODD;
    return status;
}

/* Adds to the message begun what it lacks, out of *p and *n; runs it when it is whole. */
static enum bmp_status feed_kept(struct bmp_session *s, const uint8_t **p, size_t *n, int64_t at_ms)
{
    for (;;) {
        enum bmp_status status = BMP_GOING_ON;
        const uint8_t *m = (const uint8_t *)s->kept.data;
        bool head = s->kept.len >= BMP_HEADER;
        size_t want = head ? frame_length(m, &status) : BMP_HEADER;
        if (!want)
            return status;
        size_t take = MIN(*n, want - s->kept.len);
        buf_add(&s->kept, *p, take);
        *p += take;
        *n -= take;
        if (s->kept.len < want)
            return BMP_GOING_ON;
        if (head) {
            status = frame(s, (const uint8_t *)s->kept.data, want, at_ms);
            buf_reset(&s->kept);
            return status;
        }
    }
}

/* Runs what is first of the n bytes at p: a run of Route Monitoring for one peer and view, or
 * another message. *taken: how many bytes that was; 0 when there is no whole message. */
static enum bmp_status run(struct bmp_session *s, const uint8_t *p, size_t n, size_t *taken,
                           int64_t at_ms)
{
    enum { SAME = 26 }; /* type, flags, distinguisher and address of a per-peer header */
    enum bmp_status status = BMP_GOING_ON;
    struct bgp_bytes update[BGP_SHOWN] UNINITIALISED;
    const uint8_t *m = p, *end = p + n;
    uint32_t count = 0;
    while (count < BGP_SHOWN && end - m >= BMP_HEADER) {
        size_t len = frame_length(m, &status);
        if (!len || len > (size_t)(end - m) || !is_monitoring(s, m, len) ||
            memcmp(m + BMP_HEADER, p + BMP_HEADER, SAME) != 0)
            break;
        update[count++] = (struct bgp_bytes){m + BMP_BODY, len - BMP_BODY};
        __builtin_prefetch(m + 4096); /* the stream is read in order, only much else meanwhile; */
        __builtin_prefetch(m + 4096 + 64); /* a message has two lines, mostly */
        m += len;
    }
    *taken = (size_t)(m - p);
    if (LIKELY(count))
        return on_monitoring(s, p + BMP_HEADER, update, count, at_ms);
    size_t len = n >= BMP_HEADER ? frame_length(p, &status) : 0;
    if (!len || len > n)
        return status;
    *taken = len;
    return frame(s, p, len, at_ms);
}

enum bmp_status bmp_feed(struct bmp_session *s, const void *bytes, size_t n, int64_t at_ms)
{
    const uint8_t *p = bytes;
    enum bmp_status status = s->status;
    size_t taken = 1;
    if (status != BMP_GOING_ON)
        return status;
    s->stats.bytes += n;
    if (s->kept.len)
        status = feed_kept(s, &p, &n, at_ms);
    while (status == BMP_GOING_ON && taken) {
        status = run(s, p, n, &taken, at_ms);
        p += taken;
        n -= taken;
    }
    bgp_show(s->o.decoder, NULL, 0, NULL); /* the caller's bytes are his again */
    if (status == BMP_GOING_ON && n)
        buf_add(&s->kept, p, n);
    else if (!s->kept.len && s->kept.cap > 1 << 16)
        buf_free(&s->kept); /* that was an exceptional message */
    return s->status = status;
}

struct bmp_stats bmp_session_stats(const struct bmp_session *s)
{
    struct bmp_stats out = s->stats;
    out.peers = s->n_peers;
    for (uint32_t i = 0; i < s->n_peers; i++) {
        const struct bmp_peer *p = &s->peer[i];
        if (p->withdrawn[VIEW_IN_PRE] && !p->announced[VIEW_IN_PRE] && p->announced[VIEW_IN_POST])
            out.quirks |= BMP_QUIRK_PRE_POLICY_EMPTY;
    }
    return out;
}

const char *bmp_session_name(const struct bmp_session *s)
{
    return s->name;
}

size_t bmp_session_kept(const struct bmp_session *s)
{
    return s->kept.len;
}
