/* bgp_update.c - the way of an UPDATE: the four places where routes stand, the attributes once.
 *
 *     header 19 | length, withdrawn routes | length, path attributes | announced routes
 *
 * The two fields outside the attributes are IPv4; other families, and IPv4 at the sender's choice,
 * are inside MP_UNREACH and MP_REACH. So two UPDATEs about different IPv6 prefixes have different
 * blocks of attributes though they say the same of them; the block that is looked up is therefore
 * the one without its MP attributes, with the next hop at its end. */
#include "net/bgp_i.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/mem.h"

const char *const bgp_outcome_names[BGP_OUTCOMES] = {
    "ok", "attribute discard", "treat-as-withdraw", "session reset", "no room",
};

enum { AFI_IPV4 = 1, AFI_IPV6 = 2, SAFI_UNICAST = 1 };

/* ---- prefixes ---- */

/* The first bits of p[0..bytes), the rest zero. */
static inline uint32_t first_bits(const uint8_t *p, size_t left, unsigned bits, unsigned bytes)
{
    uint32_t v = 0;
    if (LIKELY(left >= 4))
        v = be32(p);
    else
        for (unsigned i = 0; i < bytes; i++)
            v |= (uint32_t)p[i] << (24 - 8 * i);
    return bits ? v & UINT32_MAX << (32 - bits) : 0;
}

static inline __attribute__((always_inline)) bool read_prefix(const uint8_t **at,
                                                              const uint8_t *end, uint8_t family,
                                                              bool add_path, struct prefix *out,
                                                              uint32_t *path_id)
{
    const uint8_t *p = *at;
    size_t left = (size_t)(end - p), head = add_path ? 5 : 1;
    if (UNLIKELY(left < head))
        return false;
    *path_id = add_path ? be32(p) : 0;
    unsigned bits = p[head - 1], bytes = (bits + 7) / 8;
    p += head;
    left -= head;
    if (UNLIKELY(bits > (family == IPV4 ? 32 : 128) || left < bytes))
        return false;
    memset(out->byte, 0, sizeof out->byte);
    out->len = (uint8_t)bits;
    out->family = family;
    if (family == IPV4) {
        uint32_t v = htonl(first_bits(p, left, bits, bytes));
        memcpy(out->byte, &v, 4);
    } else {
        memcpy(out->byte, p, bytes);
        prefix_canonical(out);
    }
    *at = p + bytes;
    return true;
}

bool bgp_prefix(const uint8_t **at, const uint8_t *end, uint8_t family, bool add_path,
                struct prefix *out, uint32_t *path_id)
{
    return read_prefix(at, end, family, add_path, out, path_id);
}

/* A field of prefixes with what is said of them. */
struct nlri {
    struct span s;
    uint8_t family;
};

static inline __attribute__((always_inline)) bool tell_span(struct span f, uint8_t family,
                                                            bool add_path, uint32_t attr,
                                                            struct route_event *e, route_sink *sink,
                                                            void *arg)
{
    const uint8_t *p = f.p, *end = p + f.n;
    e->type = attr ? ROUTE_ANNOUNCE : ROUTE_WITHDRAW;
    e->attr = attr;
    while (p < end) {
        if (UNLIKELY(!read_prefix(&p, end, family, add_path, &e->prefix, &e->path_id)))
            return false;
        sink(arg, e);
    }
    return true;
}

/* Tells one event a prefix; attr ATTR_NONE: withdrawn. False: the field is malformed. */
static bool tell(const struct nlri *f, uint32_t attr, const struct bgp_context *c,
                 struct route_event *e, route_sink *sink, void *arg)
{
    bool add_path = c->add_path[f->family == IPV6];
    if (LIKELY(f->family == IPV4 && !add_path)) /* most of all: a way of its own for it */
        return tell_span(f->s, IPV4, false, attr, e, sink, arg);
    return tell_span(f->s, f->family, add_path, attr, e, sink, arg);
}

/* ---- attributes ---- */

/* raw: the block; behind it, where mp_next_hop is given, that. */
static struct cache_hit attributes(struct bgp_decoder *d, struct span raw,
                                   const struct span *mp_next_hop, const struct bgp_context *c)
{
    struct cache_key k =
        cache_with_context(cache_hash(d->cache, raw), raw.n, c, mp_next_hop != NULL);
    struct cache_hit hit;
    d->stats.updates++;
    if (LIKELY(cache_find(d->cache, k, &hit))) {
        d->stats.hits++;
        return hit;
    }
    struct span block = {raw.p, raw.n - (mp_next_hop ? mp_next_hop->n : 0)};
    hit = (struct cache_hit){ATTR_NONE, draft_decode(&d->draft, block, mp_next_hop, c)};
    if (hit.outcome == BGP_WITHDRAW)
        return hit;
    d->stats.own_as_removed += d->draft.own_as_removed;
    hit.attr = attr_intern(d->attrs, &d->draft.attr);
    if (hit.attr == ATTR_NONE)
        return (struct cache_hit){ATTR_NONE, BGP_FULL};
    cache_insert(d->cache, k, hit);
    return hit;
}

struct mp { /* what the MP attributes of a block say */
    struct nlri reach, unreach;
    struct span next_hop;
    bool has_reach, has_unreach; /* of families that are not passed over */
};

static uint8_t unicast_family(const uint8_t *afi_safi)
{
    unsigned afi = be16(afi_safi);
    if (afi_safi[2] != SAFI_UNICAST)
        return 0;
    return afi == AFI_IPV4 ? IPV4 : afi == AFI_IPV6 ? IPV6 : 0;
}

/* MP_REACH: AFI 2, SAFI 1, length of next hop 1, next hop, reserved 1, prefixes. */
static bool mp_reach(struct mp *m, struct span v, bool *other)
{
    if (v.n < 5 || v.n < 5u + v.p[3])
        return false;
    m->next_hop = (struct span){v.p + 4, v.p[3]};
    size_t head = 5 + m->next_hop.n;
    m->reach = (struct nlri){{v.p + head, v.n - head}, unicast_family(v.p)};
    *other = !m->reach.family;
    m->has_reach = !*other;
    return true;
}

static bool mp_unreach(struct mp *m, struct span v, bool *other)
{
    if (v.n < 3)
        return false;
    m->unreach = (struct nlri){{v.p + 3, v.n - 3}, unicast_family(v.p)};
    *other = !m->unreach.family;
    m->has_unreach = !*other;
    return true;
}

/* Takes the block apart: its MP attributes into *m, the others one after the other into d->scratch,
 * *n bytes; without NEXT_HOP where MP_REACH has one of its own. BGP_RESET: the MP attributes cannot
 * be read, or one comes twice (7606 3 g, 5.3). What is behind an attribute that is cut off stays as
 * it is: the decoder of the rest says what is made of it. */
static enum bgp_outcome mp_split(struct bgp_decoder *d, struct span block, struct mp *m, size_t *n,
                                 bool without_next_hop)
{
    struct pa_walk w = {block.p, block.p + block.n, false};
    const uint8_t *run = block.p; /* what has not been copied yet; mostly there is one run */
    struct pa a;
    unsigned seen = 0;
    *m = (struct mp){0};
    *n = 0;
    while (pa_next(&w, &a)) {
        bool other = false, is_mp = a.type == PA_MP_REACH || a.type == PA_MP_UNREACH;
        if (!is_mp && (a.type != PA_NEXT_HOP || !without_next_hop))
            continue;
        memcpy(d->scratch + *n, run, (size_t)(a.whole - run));
        *n += (size_t)(a.whole - run);
        run = w.p;
        if (!is_mp)
            continue;
        unsigned bit = 1u << (a.type - PA_MP_REACH);
        bool ok =
            a.type == PA_MP_REACH ? mp_reach(m, a.value, &other) : mp_unreach(m, a.value, &other);
        if (!ok || (seen & bit))
            return BGP_RESET;
        seen |= bit;
        d->stats.other_families += other;
    }
    memcpy(d->scratch + *n, run, (size_t)(w.end - run));
    *n += (size_t)(w.end - run);
    return BGP_OK;
}

static bool block_has_mp(struct span block)
{
    struct pa_walk w = {block.p, block.p + block.n, false};
    struct pa a;
    while (pa_next(&w, &a))
        if (a.type == PA_MP_REACH || a.type == PA_MP_UNREACH)
            return true;
    return false;
}

/* ---- the message ---- */

struct update {
    struct nlri withdrawn, announced;
    struct span block;
};

static bool update_read(const uint8_t *msg, size_t n, struct update *u)
{
    const uint8_t *p = msg + BGP_HEADER, *end = msg + n;
    if (end - p < 4)
        return false;
    size_t withdrawn = be16(p);
    if ((size_t)(end - p) < 4 + withdrawn)
        return false;
    u->withdrawn = (struct nlri){{p + 2, withdrawn}, IPV4};
    p += 2 + withdrawn;
    size_t block = be16(p);
    if ((size_t)(end - p) < 2 + block)
        return false;
    u->block = (struct span){p + 2, block};
    p += 2 + block;
    u->announced = (struct nlri){{p, (size_t)(end - p)}, IPV4};
    return true;
}

void bgp_ahead(struct bgp_decoder *d, const struct bgp_bytes msg[BGP_AHEAD], uint32_t n)
{
    struct update u;
    uint32_t count = 0;
    for (uint32_t i = 0; i < MIN(n, (uint32_t)BGP_AHEAD); i++) {
        uint8_t type;
        if (bgp_message(msg[i].p, msg[i].n, &type) != msg[i].n || type != BGP_UPDATE ||
            !update_read(msg[i].p, msg[i].n, &u) || !u.announced.s.n)
            continue;
        struct ahead *a = &d->ahead[count++];
        a->msg = msg[i].p;
        a->n = (uint16_t)msg[i].n;
        a->withdrawn = (uint16_t)u.withdrawn.s.n;
        a->block = (uint16_t)u.block.n;
        a->key = cache_hash(d->cache, u.block);
        cache_prefetch(d->cache, a->key.place);
    }
    d->n_ahead = count;
    d->next_ahead = 0;
}

/* The message, if it was shown; what was shown before it and did not come is passed over. */
static inline const struct ahead *ahead_of(struct bgp_decoder *d, const uint8_t *msg, size_t n)
{
    for (uint32_t i = d->next_ahead; i < d->n_ahead; i++)
        if (d->ahead[i].msg == msg && d->ahead[i].n == n) {
            d->next_ahead = i + 1;
            return &d->ahead[i];
        }
    return NULL;
}

static void tell_end_of_rib(uint8_t family, struct route_event *e, route_sink *sink, void *arg)
{
    e->type = ROUTE_END_OF_RIB;
    e->family = family;
    e->attr = ATTR_NONE;
    sink(arg, e);
}

/* An UPDATE with MP attributes, or whose attributes are not in the cache. */
static enum bgp_outcome update_mp(struct bgp_decoder *d, const struct update *u,
                                  const struct bgp_context *c, struct route_event *e,
                                  route_sink *sink, void *arg)
{
    struct mp m;
    size_t n;
    struct cache_hit v4 = {ATTR_NONE, BGP_OK}, mp = v4;
    bool only_mp = !u->announced.s.n;
    if (mp_split(d, u->block, &m, &n, only_mp) != BGP_OK)
        return BGP_RESET;
    if (!tell(&u->withdrawn, ATTR_NONE, c, e, sink, arg) ||
        (m.has_unreach && !tell(&m.unreach, ATTR_NONE, c, e, sink, arg)))
        return BGP_RESET;
    if (u->announced.s.n) {
        v4 = attributes(d, (struct span){d->scratch, n}, NULL, c);
        if (v4.outcome == BGP_FULL || !tell(&u->announced, v4.attr, c, e, sink, arg))
            return MAX(v4.outcome, BGP_RESET);
    }
    if (m.has_reach) {
        if (!only_mp) /* the same once more, for its own next hop */
            (void)mp_split(d, u->block, &m, &n, true);
        memcpy(d->scratch + n, m.next_hop.p, m.next_hop.n);
        mp = attributes(d, (struct span){d->scratch, n + m.next_hop.n}, &m.next_hop, c);
        if (mp.outcome == BGP_FULL || !tell(&m.reach, mp.attr, c, e, sink, arg))
            return MAX(mp.outcome, BGP_RESET);
    }
    /* RFC 4724 2: an UPDATE that says nothing but its family. */
    if (m.has_unreach && !m.has_reach && !m.unreach.s.n && !n && !u->withdrawn.s.n &&
        !u->announced.s.n)
        tell_end_of_rib(m.unreach.family, e, sink, arg);
    return MAX(v4.outcome, mp.outcome);
}

static enum bgp_outcome update(struct bgp_decoder *d, const struct update *u,
                               const struct bgp_context *c, struct route_event *e, route_sink *sink,
                               void *arg)
{
    if (!u->block.n) {
        if (!u->withdrawn.s.n && !u->announced.s.n) {
            tell_end_of_rib(IPV4, e, sink, arg);
            return BGP_OK;
        }
        if (!tell(&u->withdrawn, ATTR_NONE, c, e, sink, arg))
            return BGP_RESET;
        if (!u->announced.s.n)
            return BGP_OK;
        return tell(&u->announced, ATTR_NONE, c, e, sink, arg) ? BGP_WITHDRAW : BGP_RESET;
    }
    return update_mp(d, u, c, e, sink, arg);
}

/* An UPDATE that was shown ahead, and whose attributes are known. Only blocks without MP attributes
 * are in the cache as they are. False: it has to be read. */
static inline bool update_known(struct bgp_decoder *d, const struct ahead *a,
                                const struct bgp_context *c, struct route_event *e,
                                route_sink *sink, void *arg, enum bgp_outcome *outcome)
{
    const uint8_t *withdrawn = a->msg + BGP_HEADER + 2, *block = withdrawn + a->withdrawn + 2;
    struct cache_hit hit;
    if (!cache_find(d->cache, cache_with_context(a->key, a->block, c, false), &hit))
        return false;
    const struct nlri out = {{withdrawn, a->withdrawn}, IPV4};
    const struct nlri in = {{block + a->block, (size_t)(a->msg + a->n - block - a->block)}, IPV4};
    d->stats.updates++;
    d->stats.hits++;
    bool ok = (LIKELY(!a->withdrawn) || tell(&out, ATTR_NONE, c, e, sink, arg)) &&
              tell(&in, hit.attr, c, e, sink, arg);
    *outcome = ok ? hit.outcome : BGP_RESET;
    return true;
}

enum bgp_outcome bgp_update(struct bgp_decoder *d, const uint8_t *msg, size_t n,
                            const struct bgp_context *c, struct route_event *e, route_sink *sink,
                            void *arg)
{
    enum bgp_outcome worst = BGP_OK, outcome;
    const struct ahead *a = ahead_of(d, msg, n);
    if (LIKELY(a && update_known(d, a, c, e, sink, arg, &outcome))) {
        d->stats.outcome[outcome]++;
        return outcome;
    }
    do {
        struct update u;
        uint8_t type;
        size_t len = bgp_message(msg, n, &type);
        outcome = BGP_RESET;
        if (len && type == BGP_UPDATE && update_read(msg, len, &u))
            outcome = update(d, &u, c, e, sink, arg);
        d->stats.outcome[outcome]++;
        worst = MAX(worst, outcome);
        msg += len;
        n -= len;
    } while (n && worst < BGP_RESET);
    return worst;
}

/* RFC 6396 4.3.4: MP_REACH of a dump is the length of the next hop and the next hop. */
static bool dump_next_hop(struct span v, struct span *next_hop)
{
    if (v.n >= 5 && v.p[0] == 0) { /* some write it in full; a length of 0 would say nothing */
        if (v.n < 5u + v.p[3])
            return false;
        *next_hop = (struct span){v.p + 4, v.p[3]};
        return true;
    }
    if (!v.n || v.n < 1u + v.p[0])
        return false;
    *next_hop = (struct span){v.p + 1, v.p[0]};
    return true;
}

enum bgp_outcome bgp_attributes(struct bgp_decoder *d, const uint8_t *block, size_t n,
                                const struct bgp_context *c, uint32_t *attr)
{
    struct span raw = {block, n}, next_hop;
    struct cache_hit hit;
    *attr = ATTR_NONE;
    if (n > BGP_MESSAGE_MAX)
        return BGP_RESET;
    if (!block_has_mp(raw)) {
        hit = attributes(d, raw, NULL, c);
    } else {
        struct pa_walk w = {block, block + n, false};
        struct pa a;
        size_t rest = 0;
        bool found = false;
        while (pa_next(&w, &a)) {
            if (a.type == PA_MP_REACH && !found) {
                found = dump_next_hop(a.value, &next_hop);
            } else if (a.type < PA_MP_REACH || a.type > PA_MP_UNREACH) {
                if (a.type == PA_NEXT_HOP)
                    continue;
                memcpy(d->scratch + rest, a.whole, (size_t)(w.p - a.whole));
                rest += (size_t)(w.p - a.whole);
            }
        }
        if (w.bad || !found)
            return BGP_WITHDRAW;
        memcpy(d->scratch + rest, next_hop.p, next_hop.n);
        hit = attributes(d, (struct span){d->scratch, rest + next_hop.n}, &next_hop, c);
    }
    *attr = hit.attr;
    d->stats.outcome[hit.outcome]++;
    return hit.outcome;
}

/* ---- the decoder ---- */

struct bgp_decoder *bgp_decoder_new(struct attr_table *attrs, uint64_t seed, uint32_t entries)
{
    struct bgp_decoder *d = mem_new(1, sizeof *d);
    d->attrs = attrs;
    d->cache = cache_new(attrs, seed, entries);
    return d;
}

void bgp_decoder_free(struct bgp_decoder *d)
{
    if (!d)
        return;
    cache_free(d->cache);
    mem_free(d);
}

const struct bgp_stats *bgp_decoder_stats(const struct bgp_decoder *d)
{
    return &d->stats;
}
