/* bgp_update.c - the way of an UPDATE: the four places where routes stand, the attributes once.
 *
 *     header 19 | length, withdrawn routes | length, path attributes | announced routes
 *
 * The two fields outside the attributes are IPv4; other families, and IPv4 at the sender's choice,
 * are inside MP_UNREACH and MP_REACH. So two UPDATEs about different IPv6 prefixes have different
 * blocks of attributes though they say the same of them; what is looked up is therefore the block
 * without the prefixes in it, or without its MP attributes and with the next hop. */
#include "net/bgp_i.h"

#include <endian.h>
#include <string.h>

#include "base/mem.h"

const char *const bgp_outcome_names[BGP_OUTCOMES] = {
    "ok", "attribute discard", "treat-as-withdraw", "session reset", "no room",
};

enum { AFI_IPV4 = 1, AFI_IPV6 = 2, SAFI_UNICAST = 1 };

/* ---- prefixes ---- */

/* The prefix at *at, and behind it. The sixteen octets before *at must be readable, as those of an
 * UPDATE's header are: so a prefix is loaded whole with what is before it, which is shifted out. */
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
    unsigned bits = p[head - 1], bytes = (bits + 7) / 8, spare = 8 * bytes - bits;
    p += head + bytes;
    if (UNLIKELY(bits > (family == IPV4 ? 32 : 128) || left - head < bytes))
        return false;
    uint64_t high = 0, low = 0;
    if (family == IPV4) {
        high = (uint64_t)(be32(p - 4) >> spare) << (32 - bits) << 32;
    } else if (bits) {
        u128 v = (((u128)be64(p - 16) << 64 | be64(p - 8)) >> spare) << (128 - bits);
        high = (uint64_t)(v >> 64);
        low = (uint64_t)v;
    }
    high = htobe64(high);
    low = htobe64(low);
    memcpy(out->byte, &high, 8);
    memcpy(out->byte + 8, &low, 8);
    out->len = (uint8_t)bits;
    out->family = family;
    *at = p;
    return true;
}

bool bgp_prefix(const uint8_t **at, const uint8_t *end, uint8_t family, bool add_path,
                struct prefix *out, uint32_t *path_id)
{
    enum { BEFORE = 16, LONGEST = 4 + 1 + 16 };
    uint8_t copy[BEFORE + LONGEST] = {0};
    const uint8_t *p = copy + BEFORE;
    size_t n = MIN((size_t)(end - *at), (size_t)LONGEST);
    if (n)
        memcpy(copy + BEFORE, *at, n);
    if (!read_prefix(&p, p + n, family, add_path, out, path_id))
        return false;
    *at += p - (copy + BEFORE);
    return true;
}

/* A field of prefixes with what is said of them. */
struct nlri {
    struct span s;
    uint8_t family;
};

/* Whom to tell, and what is the same in all events. */
struct telling {
    const struct bgp_context *context;
    struct route_event *event;
    route_sink *sink;
    void *arg;
};

static inline __attribute__((always_inline)) bool
tell_span(const struct telling *to, struct span f, uint8_t family, bool add_path, uint32_t attr)
{
    struct route_event *e = to->event;
    const uint8_t *p = f.p, *end = p + f.n;
    e->type = attr ? ROUTE_ANNOUNCE : ROUTE_WITHDRAW;
    e->attr = attr;
    while (p < end) {
        if (UNLIKELY(!read_prefix(&p, end, family, add_path, &e->prefix, &e->path_id)))
            return false;
        to->sink(to->arg, e);
    }
    return true;
}

/* Tells one event a prefix; attr ATTR_NONE: withdrawn. False: the field is malformed. */
static bool tell(const struct telling *to, const struct nlri *f, uint32_t attr)
{
    if (UNLIKELY(to->context->add_path[f->family == IPV6]))
        return tell_span(to, f->s, f->family, true, attr);
    return f->family == IPV4 ? tell_span(to, f->s, IPV4, false, attr)
                             : tell_span(to, f->s, IPV6, false, attr);
}

/* ---- attributes ---- */

/* The set of a block that is not in the cache: from now on it is, under k. False: nothing was made
 * of the block, for there are MP attributes in it. */
static bool learn(struct bgp_decoder *d, struct span block, const struct span *mp_next_hop,
                  struct cache_key k, const struct bgp_context *c, struct cache_hit *hit)
{
    *hit = (struct cache_hit){ATTR_NONE, draft_decode(&d->draft, block, mp_next_hop, c)};
    if (d->draft.has_mp)
        return false;
    d->stats.updates++;
    if (hit->outcome == BGP_WITHDRAW)
        return true;
    d->stats.own_as_removed += d->draft.own_as_removed;
    hit->attr = attr_intern(d->attrs, &d->draft.attr);
    if (hit->attr == ATTR_NONE)
        hit->outcome = BGP_FULL;
    else
        cache_insert(d->cache, k, *hit);
    return true;
}

static inline bool look_up(struct bgp_decoder *d, struct cache_key k, struct cache_hit *hit)
{
    bool found = cache_find(d->cache, k, hit);
    d->stats.updates += found;
    d->stats.hits += found;
    return found;
}

/* block: without MP attributes; mp_next_hop: what MP_REACH said, or NULL. */
static struct cache_hit attributes(struct bgp_decoder *d, struct span block,
                                   const struct span *mp_next_hop, const struct bgp_context *c)
{
    struct cache_sum sum = {0};
    struct cache_hit hit;
    cache_run(d->cache, &sum, block);
    if (mp_next_hop)
        cache_run(d->cache, &sum, *mp_next_hop);
    u128 all = cache_add_runs(&sum, mp_next_hop ? CACHE_NEXT_HOP : CACHE_BLOCK);
    struct cache_key k = cache_key_of(d->cache, all, cache_place(d->cache, sum.nh), c);
    if (!look_up(d, k, &hit))
        BUG_ON(!learn(d, block, mp_next_hop, k, c, &hit));
    return hit;
}

struct mp { /* what the MP attributes of a block say */
    struct nlri reach, unreach;
    struct span next_hop;
    bool has_reach, has_unreach; /* of families that are not passed over */
    bool alone;                  /* there is but one MP attribute */
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
        m->alone = !seen;
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

/* What the attributes of an UPDATE that announces are looked up by. False: it announces nothing
 * that is not passed over. Nobody looks whether there are MP attributes in a block that announces
 * in the field of old, or more of them behind the first MP_REACH: only blocks without are in the
 * cache. */
static inline __attribute__((always_inline)) bool look_ahead(const struct bgp_decoder *d,
                                                             const uint8_t *msg, size_t n,
                                                             const struct update *u,
                                                             struct ahead *a)
{
    struct nlri in;
    struct cache_sum sum = {0};
    if (LIKELY(u->announced.s.n)) {
        in = u->announced;
        a->runs = CACHE_BLOCK;
        cache_run(d->cache, &sum, u->block);
    } else {
        struct mp m = {0};
        struct pa pa = {0};
        struct pa_walk w = {u->block.p, u->block.p + u->block.n, false};
        bool other = true;
        while (pa_next(&w, &pa) && pa.type != PA_MP_REACH)
            ;
        if (pa.type != PA_MP_REACH || w.bad || !mp_reach(&m, pa.value, &other) || other)
            return false;
        in = m.reach;
        a->runs = CACHE_AROUND;
        cache_run(d->cache, &sum, (struct span){u->block.p, (size_t)(pa.whole - u->block.p)});
        cache_run(d->cache, &sum, (struct span){pa.value.p, (size_t)(in.s.p - pa.value.p)});
        cache_run(d->cache, &sum, (struct span){w.p, (size_t)(w.end - w.p)});
    }
    a->sum = cache_add_runs(&sum, (enum cache_runs)a->runs);
    a->place = cache_place(d->cache, sum.nh);
    a->msg = msg;
    a->n = (uint16_t)n;
    a->withdrawn = (uint16_t)u->withdrawn.s.n;
    a->in_at = (uint16_t)(in.s.p - msg);
    a->in = (uint16_t)in.s.n;
    a->family = in.family;
    return true;
}

void bgp_ahead(struct bgp_decoder *d, const struct bgp_bytes msg[BGP_AHEAD], uint32_t n)
{
    struct update u;
    uint32_t count = 0;
    for (uint32_t i = 0; i < MIN(n, (uint32_t)BGP_AHEAD); i++) {
        uint8_t type;
        struct ahead *a = &d->ahead[count];
        if (bgp_message(msg[i].p, msg[i].n, &type) != msg[i].n || type != BGP_UPDATE ||
            !update_read(msg[i].p, msg[i].n, &u) || !look_ahead(d, msg[i].p, msg[i].n, &u, a))
            continue;
        cache_prefetch(d->cache, a->place);
        count++;
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

static void tell_end_of_rib(const struct telling *to, uint8_t family)
{
    struct route_event *e = to->event;
    e->type = ROUTE_END_OF_RIB;
    e->family = family;
    e->attr = ATTR_NONE;
    to->sink(to->arg, e);
}

/* An UPDATE with MP attributes. k: under this its set is not in the cache; NULL: look for it. */
static enum bgp_outcome update_mp(struct bgp_decoder *d, const struct update *u,
                                  const struct cache_key *k, const struct telling *to)
{
    struct mp m;
    size_t n;
    struct cache_hit v4 = {ATTR_NONE, BGP_OK}, mp = v4;
    bool only_mp = !u->announced.s.n;
    if (mp_split(d, u->block, &m, &n, only_mp) != BGP_OK)
        return BGP_RESET;
    if (!tell(to, &u->withdrawn, ATTR_NONE) || (m.has_unreach && !tell(to, &m.unreach, ATTR_NONE)))
        return BGP_RESET;
    if (u->announced.s.n) {
        v4 = attributes(d, (struct span){d->scratch, n}, NULL, to->context);
        if (v4.outcome == BGP_FULL || !tell(to, &u->announced, v4.attr))
            return MAX(v4.outcome, BGP_RESET);
    }
    if (m.has_reach) {
        if (!only_mp) /* the same once more, for its own next hop */
            (void)mp_split(d, u->block, &m, &n, true);
        struct span block = {d->scratch, n};
        if (!k || !m.alone || !learn(d, block, &m.next_hop, *k, to->context, &mp))
            mp = attributes(d, block, &m.next_hop, to->context);
        if (mp.outcome == BGP_FULL || !tell(to, &m.reach, mp.attr))
            return MAX(mp.outcome, BGP_RESET);
    }
    /* RFC 4724 2: an UPDATE that says nothing but its family. */
    if (m.has_unreach && !m.has_reach && !m.unreach.s.n && !n && !u->withdrawn.s.n &&
        !u->announced.s.n)
        tell_end_of_rib(to, m.unreach.family);
    return MAX(v4.outcome, mp.outcome);
}

/* An UPDATE that announces nothing. */
static enum bgp_outcome update_rest(struct bgp_decoder *d, const struct update *u,
                                    const struct telling *to)
{
    if (u->block.n)
        return update_mp(d, u, NULL, to);
    if (!u->withdrawn.s.n)
        tell_end_of_rib(to, IPV4);
    return tell(to, &u->withdrawn, ATTR_NONE) ? BGP_OK : BGP_RESET;
}

/* What is announced with the set, and before it what is withdrawn. */
static inline __attribute__((always_inline)) enum bgp_outcome
update_tell(const struct ahead *a, const struct telling *to, struct cache_hit hit)
{
    if (UNLIKELY(a->withdrawn)) {
        struct nlri out = {{a->msg + BGP_HEADER + 2, a->withdrawn}, IPV4};
        if (!tell(to, &out, ATTR_NONE))
            return BGP_RESET;
    }
    struct nlri in = {{a->msg + a->in_at, a->in}, a->family};
    return tell(to, &in, hit.attr) ? hit.outcome : BGP_RESET;
}

/* The first time that these attributes come. */
static enum bgp_outcome update_learn(struct bgp_decoder *d, const struct ahead *a,
                                     struct cache_key k, const struct telling *to)
{
    struct update u;
    struct cache_hit hit;
    BUG_ON(!update_read(a->msg, a->n, &u));
    if (a->runs == CACHE_AROUND)
        return update_mp(d, &u, &k, to);
    if (!learn(d, u.block, NULL, k, to->context, &hit))
        return update_mp(d, &u, NULL, to);
    return hit.outcome == BGP_FULL ? BGP_FULL : update_tell(a, to, hit);
}

static inline enum bgp_outcome update(struct bgp_decoder *d, const struct ahead *a,
                                      const struct telling *to)
{
    struct cache_key k = cache_key_of(d->cache, a->sum, a->place, to->context);
    struct cache_hit hit;
    return LIKELY(look_up(d, k, &hit)) ? update_tell(a, to, hit) : update_learn(d, a, k, to);
}

enum bgp_outcome bgp_update(struct bgp_decoder *d, const uint8_t *msg, size_t n,
                            const struct bgp_context *c, struct route_event *e, route_sink *sink,
                            void *arg)
{
    const struct telling to = {c, e, sink, arg};
    enum bgp_outcome worst = BGP_OK, outcome;
    const struct ahead *a = ahead_of(d, msg, n);
    if (LIKELY(a)) {
        outcome = update(d, a, &to);
        d->stats.outcome[outcome]++;
        return outcome;
    }
    do {
        struct update u;
        struct ahead now;
        uint8_t type;
        size_t len = bgp_message(msg, n, &type);
        outcome = BGP_RESET;
        if (len && type == BGP_UPDATE && update_read(msg, len, &u))
            outcome =
                look_ahead(d, msg, len, &u, &now) ? update(d, &now, &to) : update_rest(d, &u, &to);
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
        hit = attributes(d, (struct span){d->scratch, rest}, &next_hop, c);
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
