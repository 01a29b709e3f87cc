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

/* What was decoded and interned is from now on in the cache. */
static struct cache_hit keep(struct bgp_decoder *d, struct cache_key k, struct cache_hit hit,
                             bool own_as_removed)
{
    if (hit.attr == ATTR_NONE)
        return (struct cache_hit){ATTR_NONE, BGP_FULL};
    d->stats.own_as_removed += own_as_removed;
    cache_insert(d->cache, k, hit);
    return hit;
}

static inline bool look_up(struct bgp_decoder *d, struct cache_key k, struct cache_hit *hit)
{
    bool found = cache_find(d->cache, k, hit);
    d->stats.updates += found;
    d->stats.hits += found;
    return found;
}

/* Of blocks that are not looked up as they are: block is without MP attributes, mp_next_hop is what
 * MP_REACH said, or NULL. */
static struct cache_hit attributes(struct bgp_decoder *d, struct span block,
                                   const struct span *mp_next_hop, const struct bgp_context *c)
{
    struct cache_sum sum = {0};
    struct cache_hit hit;
    cache_run(d->cache, &sum, block);
    if (mp_next_hop)
        cache_run(d->cache, &sum, *mp_next_hop);
    struct cache_key k =
        cache_key_of(d->cache, &sum, mp_next_hop ? CACHE_NEXT_HOP : CACHE_BLOCK, c);
    if (look_up(d, k, &hit))
        return hit;
    d->stats.updates++;
    hit = (struct cache_hit){ATTR_NONE, draft_decode(&d->draft, block, mp_next_hop, c)};
    if (hit.outcome == BGP_WITHDRAW)
        return hit;
    hit.attr = attr_intern(d->attrs, &d->draft.attr);
    return keep(d, k, hit, d->draft.own_as_removed);
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
 * in the field of old, or more of them behind the first MP_REACH: only blocks that are not mixed
 * like that are in the cache. */
static inline __attribute__((always_inline)) bool read_key(const struct bgp_decoder *d,
                                                           const struct update *u,
                                                           const struct bgp_context *c,
                                                           struct shown *a)
{
    struct nlri in = u->announced;
    struct cache_sum sum = {0};
    if (LIKELY(in.s.n)) {
        a->runs = CACHE_BLOCK;
        cache_run(d->cache, &sum, u->block);
    } else {
        struct pa_walk w = {u->block.p, u->block.p + u->block.n, false};
        struct span next_hop;
        struct pa pa = {0};
        while (pa_next(&w, &pa) && pa.type != PA_MP_REACH)
            ;
        if (pa.type != PA_MP_REACH || w.bad || !mp_reach(pa.value, &in, &next_hop) || !in.family)
            return false;
        a->runs = CACHE_AROUND;
        cache_run(d->cache, &sum, (struct span){u->block.p, (size_t)(pa.whole - u->block.p)});
        cache_run(d->cache, &sum, (struct span){pa.value.p, (size_t)(in.s.p - pa.value.p)});
        cache_run(d->cache, &sum, (struct span){w.p, (size_t)(w.end - w.p)});
    }
    a->key = cache_key_of(d->cache, &sum, (enum cache_runs)a->runs, c);
    a->in_at = (uint16_t)(in.s.p - a->msg);
    a->in = (uint16_t)in.s.n;
    a->family = in.family;
    a->withdrawn = (uint16_t)u->withdrawn.s.n;
    return true;
}

/* Decodes what is not in the cache into a->set, and a->hit.outcome. None when the outcome is
 * BGP_WITHDRAW, or the attributes are mixed. */
static void prepare(struct bgp_decoder *d, struct shown *a, const struct bgp_context *c)
{
    struct update u;
    struct mp m = {0};
    BUG_ON(!update_read(a->msg, a->n, &u));
    bool around = a->runs == CACHE_AROUND;
    a->mixed = around && (!mp_read(u.block, &m) || m.count > 1);
    if (a->mixed)
        return;
    a->hit = (struct cache_hit){ATTR_NONE,
                                draft_decode(&d->draft, u.block, around ? &m.next_hop : NULL, c)};
    a->mixed = !around && d->draft.has_mp;
    if (a->mixed || a->hit.outcome == BGP_WITHDRAW)
        return;
    a->set = attr_prepare(d->attrs, &d->draft.attr);
    a->own_as_removed = d->draft.own_as_removed;
    d->prepared++;
}

static void forget_shown(struct bgp_decoder *d)
{
    for (uint32_t i = 0; i < d->n_shown && d->prepared; i++) {
        d->prepared -= d->shown[i].set != NULL;
        attr_unprepare(d->shown[i].set);
    }
    d->n_shown = 0;
}

void bgp_show(struct bgp_decoder *d, const struct bgp_bytes *msg, uint32_t n,
              const struct bgp_context *c)
{
    struct update u;
    uint64_t asked = 0; /* the last one not found: neighbours often have the same attributes */
    forget_shown(d);
    BUG_ON(n > BGP_SHOWN);
    for (uint32_t i = 0; i < n; i++) {
        struct shown *a = &d->shown[i];
        uint8_t type = 0;
        a->msg = msg[i].p;
        a->n = msg[i].n;
        a->set = NULL;
        a->known = SHOWN_ODD;
        if (bgp_message(a->msg, a->n, &type) != a->n || type != BGP_UPDATE ||
            !update_read(a->msg, a->n, &u) || !read_key(d, &u, c, a))
            continue;
        cache_prefetch(d->cache, a->key.place);
        a->known = SHOWN_NEW;
    }
    for (uint32_t i = 0; i < n; i++) {
        struct shown *a = &d->shown[i];
        if (a->known == SHOWN_ODD)
            continue;
        if (LIKELY(cache_find(d->cache, a->key, &a->hit))) {
            a->known = SHOWN_FOUND;
        } else if (a->key.tag != asked) {
            prepare(d, a, c);
            asked = a->key.tag;
        }
    }
    if (n)
        d->context = *c;
    d->n_shown = n;
    d->evicted = d->cache->evicted;
}

static void tell_end_of_rib(const struct telling *to, uint8_t family)
{
    struct route_event *e = to->event;
    e->type = ROUTE_END_OF_RIB;
    e->family = family;
    e->attr = ATTR_NONE;
    to->sink(to->arg, e);
}

/* An UPDATE with MP attributes other than one MP_REACH alone. */
static enum bgp_outcome update_mp(struct bgp_decoder *d, const struct update *u,
                                  const struct telling *to)
{
    struct mp m;
    struct cache_hit v4 = {ATTR_NONE, BGP_OK}, mp = v4;
    struct span rest = {d->scratch, 0};
    bool readable = mp_read(u->block, &m);
    d->stats.other_families += m.others;
    if (!readable || !tell(to, &u->withdrawn, ATTR_NONE) ||
        (m.unreach.family && !tell(to, &m.unreach, ATTR_NONE)))
        return BGP_RESET;
    if (u->announced.s.n) {
        rest.n = mp_remove(u->block, false, d->scratch);
        v4 = attributes(d, rest, NULL, to->context);
        if (v4.outcome == BGP_FULL || !tell(to, &u->announced, v4.attr))
            return MAX(v4.outcome, BGP_RESET);
    }
    if (m.reach.family) {
        rest.n = mp_remove(u->block, true, d->scratch);
        mp = attributes(d, rest, &m.next_hop, to->context);
        if (mp.outcome == BGP_FULL || !tell(to, &m.reach, mp.attr))
            return MAX(mp.outcome, BGP_RESET);
    }
    /* RFC 4724 2: an UPDATE that says nothing but its family. */
    if (m.unreach.family && !m.reach.family && !m.unreach.s.n && !m.rest && !u->withdrawn.s.n &&
        !u->announced.s.n)
        tell_end_of_rib(to, m.unreach.family);
    return MAX(v4.outcome, mp.outcome);
}

/* An UPDATE that announces nothing. */
static enum bgp_outcome update_rest(struct bgp_decoder *d, const struct update *u,
                                    const struct telling *to)
{
    if (u->block.n)
        return update_mp(d, u, to);
    if (!u->withdrawn.s.n)
        tell_end_of_rib(to, IPV4);
    return tell(to, &u->withdrawn, ATTR_NONE) ? BGP_OK : BGP_RESET;
}

/* What is announced with the set, and before it what is withdrawn. */
static inline __attribute__((always_inline)) enum bgp_outcome
update_tell(const struct shown *a, const struct telling *to, struct cache_hit hit)
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
static enum bgp_outcome update_learn(struct bgp_decoder *d, struct shown *a,
                                     const struct telling *to)
{
    struct update u;
    if (!a->set)
        prepare(d, a, to->context);
    if (a->mixed) {
        BUG_ON(!update_read(a->msg, a->n, &u));
        return update_mp(d, &u, to);
    }
    d->stats.updates++;
    if (a->set) {
        a->hit.attr = attr_intern_prepared(d->attrs, a->set);
        a->set = NULL;
        d->prepared--;
        a->hit = keep(d, a->key, a->hit, a->own_as_removed);
        if (a->hit.outcome == BGP_FULL)
            return BGP_FULL;
    }
    return update_tell(a, to, a->hit);
}

static enum bgp_outcome update(struct bgp_decoder *d, struct shown *a, const struct telling *to)
{
    struct cache_hit hit;
    return look_up(d, a->key, &hit) ? update_tell(a, to, hit) : update_learn(d, a, to);
}

enum bgp_outcome bgp_update(struct bgp_decoder *d, const uint8_t *msg, size_t n,
                            const struct bgp_context *c, struct route_event *e, route_sink *sink,
                            void *arg)
{
    const struct telling to = {c, e, sink, arg};
    enum bgp_outcome worst = BGP_OK, outcome;
    do {
        struct update u;
        uint8_t type;
        size_t len = bgp_message(msg, n, &type);
        struct shown now = {.msg = msg, .n = len};
        outcome = BGP_RESET;
        if (len && type == BGP_UPDATE && update_read(msg, len, &u))
            outcome = read_key(d, &u, c, &now) ? update(d, &now, &to) : update_rest(d, &u, &to);
        d->stats.outcome[outcome]++;
        worst = MAX(worst, outcome);
        msg += len;
        n -= len;
    } while (n && worst < BGP_RESET);
    return worst;
}

enum bgp_outcome bgp_shown(struct bgp_decoder *d, uint32_t i, struct route_event *e,
                           route_sink *sink, void *arg)
{
    BUG_ON(i >= d->n_shown);
    struct shown *a = &d->shown[i];
    const struct telling to = {&d->context, e, sink, arg};
    enum bgp_outcome outcome;
    if (UNLIKELY(a->known == SHOWN_ODD))
        return bgp_update(d, a->msg, a->n, &d->context, e, sink, arg);
    if (LIKELY(a->known == SHOWN_FOUND && d->evicted == d->cache->evicted)) {
        d->stats.updates++;
        d->stats.hits++;
        outcome = update_tell(a, &to, a->hit);
    } else {
        outcome = update(d, a, &to);
    }
    d->stats.outcome[outcome]++;
    return outcome;
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
        bool found = false;
        while (pa_next(&w, &a))
            if (a.type == PA_MP_REACH && !found)
                found = mp_dump_next_hop(a.value, &next_hop);
        if (w.bad || !found)
            return BGP_WITHDRAW;
        struct span rest = {d->scratch, mp_remove(raw, true, d->scratch)};
        hit = attributes(d, rest, &next_hop, c);
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
    forget_shown(d);
    cache_free(d->cache);
    mem_free(d);
}

const struct bgp_stats *bgp_decoder_stats(const struct bgp_decoder *d)
{
    return &d->stats;
}
