/* bgp_attr.c - a block of path attributes into a struct attr, with RFC 7606's rule for each.
 *
 * The table says of each attribute which flags it has, how long it may be and what becomes of the
 * route when it is malformed. An attribute that comes twice counts the first time (7606 3 g). */
#include "net/bgp_i.h"

#include "base/mem.h"

enum { AS_TRANS = 23456 };

struct decoding {
    struct draft *d;
    const struct bgp_context *context;
    struct span as4_path;
    uint32_t aggregator_as, as4_aggregator_as;
    bool aggregator_is_trans;
};

/* ---- AS paths ---- */

static uint32_t *words_room(struct draft *d, uint32_t n)
{
    BUG_ON(n > DRAFT_WORDS - d->n);
    uint32_t *at = d->word + d->n;
    d->n += n;
    return at;
}

/* Segments of `octets` an AS into words behind those in use. False: malformed (7606 7.2). */
static bool path_read(struct draft *d, struct span s, unsigned octets, bool confeds,
                      const uint32_t **path, uint16_t *n)
{
    uint32_t start = d->n;
    for (const uint8_t *p = s.p, *end = s.p + s.n; p < end;) {
        if (end - p < 2)
            return false;
        uint32_t type = p[0], count = p[1];
        bool confed = type == AS_CONFED_SEQUENCE || type == AS_CONFED_SET;
        p += 2;
        if (type < AS_SET || type > AS_CONFED_SET || count == 0 ||
            (size_t)(end - p) < (size_t)count * octets)
            return false;
        uint32_t *to = confed && !confeds ? NULL : words_room(d, 1 + count);
        if (to)
            *to++ = AS_SEGMENT(type, count);
        for (; count; count--, p += octets)
            if (to)
                *to++ = octets == 4 ? be32(p) : be16(p);
    }
    *path = d->word + start;
    *n = (uint16_t)(d->n - start);
    return true;
}

static uint32_t path_count(const uint32_t *path, uint32_t n)
{
    uint32_t count = 0;
    for (uint32_t at = 0; at < n; at += 1 + (path[at] & 0xffff)) {
        uint32_t type = path[at] >> 16;
        count += type == AS_SEQUENCE ? path[at] & 0xffff : type == AS_SET;
    }
    return count;
}

/* RFC 6793 4.2.3: AS_PATH of a speaker that knows two octets only, whose last part AS4_PATH gives
 * in full. What AS_PATH has more, at its front, stays. */
static void path_merge(struct draft *d, struct span as4_path)
{
    const uint32_t *four, *two = d->attr.path;
    uint16_t n4, n2 = d->attr.n_path;
    if (!path_read(d, as4_path, 4, false, &four, &n4))
        return; /* malformed: discarded (RFC 6793 6) */
    uint32_t c2 = path_count(two, n2), c4 = path_count(four, n4);
    if (c2 < c4)
        return;
    uint32_t start = d->n, lead = c2 - c4;
    for (uint32_t at = 0; at < n2 && lead; at += 1 + (two[at] & 0xffff)) {
        uint32_t type = two[at] >> 16, n = two[at] & 0xffff, take = n;
        if (type == AS_SEQUENCE)
            take = MIN(n, lead), lead -= take;
        else if (type == AS_SET)
            lead--;
        uint32_t *to = words_room(d, 1 + take);
        to[0] = AS_SEGMENT(type, take);
        memcpy(to + 1, two + at + 1, take * sizeof *to);
    }
    if (n4)
        memcpy(words_room(d, n4), four, n4 * sizeof *four);
    d->attr.path = d->word + start;
    d->attr.n_path = (uint16_t)(d->n - start);
}

/* FRR's BMP shows a received path as it would send it on: with its own AS in front. */
static void path_remove_own_as(struct draft *d, const struct bgp_context *c)
{
    struct attr *a = &d->attr;
    uint32_t n = a->n_path ? a->path[0] & 0xffff : 0;
    if (!c->own_as || n < 2 || a->path[0] >> 16 != AS_SEQUENCE || a->path[1] != c->own_as ||
        a->path[2] != c->peer_as)
        return;
    uint32_t *head = d->word + (a->path - d->word) + 1; /* over the AS that goes */
    *head = AS_SEGMENT(AS_SEQUENCE, n - 1);
    a->path = head;
    a->n_path--;
    d->own_as_removed = true;
}

/* ---- one attribute each; false: malformed ---- */

static bool read_origin(struct decoding *x, struct span v)
{
    x->d->attr.origin = v.p[0];
    return v.p[0] <= ORIGIN_INCOMPLETE;
}

static bool read_as_path(struct decoding *x, struct span v)
{
    return path_read(x->d, v, x->context->as4 ? 4 : 2, true, &x->d->attr.path, &x->d->attr.n_path);
}

static bool read_next_hop(struct decoding *x, struct span v)
{
    x->d->attr.next_hop.family = IPV4;
    memcpy(x->d->attr.next_hop.byte, v.p, 4);
    return true;
}

/* Of MP_REACH. Of 32 bytes the first 16 are the global address (RFC 2545); 12, 24 and 48 come with
 * a route distinguisher before each address. */
static bool read_mp_next_hop(struct draft *d, struct span v)
{
    struct ip_addr *a = &d->attr.next_hop;
    size_t skip = v.n == 12 || v.n == 24 || v.n == 48 ? 8 : 0, n = v.n == 12 ? 4 : v.n;
    if (n != 4 && n != 16 && n != 24 && n != 32 && n != 48)
        return false;
    memset(a, 0, sizeof *a);
    a->family = n == 4 ? IPV4 : IPV6;
    memcpy(a->byte, v.p + skip, n == 4 ? 4 : 16);
    return true;
}

static bool read_med(struct decoding *x, struct span v)
{
    x->d->attr.med = be32(v.p);
    x->d->attr.has |= ATTR_MED;
    return true;
}

static bool read_local_pref(struct decoding *x, struct span v)
{
    x->d->attr.local_pref = be32(v.p);
    x->d->attr.has |= ATTR_LOCAL_PREF;
    return true;
}

static bool read_atomic_aggregate(struct decoding *x, struct span v)
{
    x->d->attr.has |= ATTR_ATOMIC_AGGREGATE;
    return true;
}

static bool read_aggregator(struct decoding *x, struct span v)
{
    if (v.n != (x->context->as4 ? 8 : 6))
        return false;
    x->aggregator_as = x->context->as4 ? be32(v.p) : be16(v.p);
    x->d->attr.has |= ATTR_AGGREGATOR;
    return true;
}

static bool read_as4_aggregator(struct decoding *x, struct span v)
{
    x->as4_aggregator_as = be32(v.p);
    return true;
}

static bool read_as4_path(struct decoding *x, struct span v)
{
    x->as4_path = v;
    return true;
}

static bool read_originator_id(struct decoding *x, struct span v)
{
    x->d->attr.originator = be32(v.p);
    x->d->attr.has |= ATTR_ORIGINATOR;
    return true;
}

static bool read_only_to_customer(struct decoding *x, struct span v)
{
    x->d->attr.only_to_customer = be32(v.p);
    x->d->attr.has |= ATTR_ONLY_TO_CUSTOMER;
    return true;
}

static const uint32_t *read_words(struct draft *d, struct span v)
{
    uint32_t n = (uint32_t)v.n / 4, *to = words_room(d, n);
    for (uint32_t i = 0; i < n; i++)
        to[i] = be32(v.p + 4 * (size_t)i);
    return to;
}

static bool read_communities(struct decoding *x, struct span v)
{
    x->d->attr.communities = read_words(x->d, v);
    x->d->attr.n_communities = (uint16_t)(v.n / 4);
    return true;
}

static bool read_cluster_list(struct decoding *x, struct span v)
{
    x->d->attr.clusters = read_words(x->d, v);
    x->d->attr.n_clusters = (uint16_t)(v.n / 4);
    return true;
}

static bool read_extended(struct decoding *x, struct span v)
{
    x->d->attr.extended = read_words(x->d, v);
    x->d->attr.n_extended = (uint16_t)(v.n / 8);
    return true;
}

static bool read_large(struct decoding *x, struct span v)
{
    x->d->attr.large = read_words(x->d, v);
    x->d->attr.n_large = (uint16_t)(v.n / 12);
    return true;
}

/* ---- the table ---- */

enum { ANY_LENGTH = 255 };
struct rule {
    bool (*read)(struct decoding *x, struct span v);
    uint8_t flags;            /* optional, transitive: as specified */
    uint8_t length, multiple; /* exactly, or a multiple of and not none; ANY_LENGTH: it looks */
    uint8_t on_error;         /* enum bgp_outcome */
};
#define WELL_KNOWN PA_TRANSITIVE
#define NON_TRANS  PA_OPTIONAL
#define OPT_TRANS  (PA_OPTIONAL | PA_TRANSITIVE)
static const struct rule rules[PA_ONLY_TO_CUSTOMER + 1] = {
    [PA_ORIGIN] = {read_origin, WELL_KNOWN, 1, 0, BGP_WITHDRAW},
    [PA_AS_PATH] = {read_as_path, WELL_KNOWN, ANY_LENGTH, 0, BGP_WITHDRAW},
    [PA_NEXT_HOP] = {read_next_hop, WELL_KNOWN, 4, 0, BGP_WITHDRAW},
    [PA_MED] = {read_med, NON_TRANS, 4, 0, BGP_WITHDRAW},
    [PA_LOCAL_PREF] = {read_local_pref, WELL_KNOWN, 4, 0, BGP_WITHDRAW},
    [PA_ATOMIC_AGGREGATE] = {read_atomic_aggregate, WELL_KNOWN, 0, 0, BGP_DISCARD},
    [PA_AGGREGATOR] = {read_aggregator, OPT_TRANS, ANY_LENGTH, 0, BGP_DISCARD},
    [PA_COMMUNITIES] = {read_communities, OPT_TRANS, 0, 4, BGP_WITHDRAW},
    [PA_ORIGINATOR_ID] = {read_originator_id, NON_TRANS, 4, 0, BGP_WITHDRAW},
    [PA_CLUSTER_LIST] = {read_cluster_list, NON_TRANS, 0, 4, BGP_WITHDRAW},
    [PA_EXTENDED_COMMUNITIES] = {read_extended, OPT_TRANS, 0, 8, BGP_WITHDRAW},
    [PA_AS4_PATH] = {read_as4_path, OPT_TRANS, ANY_LENGTH, 0, BGP_DISCARD},
    [PA_AS4_AGGREGATOR] = {read_as4_aggregator, OPT_TRANS, 8, 0, BGP_DISCARD},
    [PA_LARGE_COMMUNITIES] = {read_large, OPT_TRANS, 0, 12, BGP_WITHDRAW},
    [PA_ONLY_TO_CUSTOMER] = {read_only_to_customer, OPT_TRANS, 4, 0, BGP_WITHDRAW},
};

static bool rule_holds(const struct rule *r, const struct pa *a)
{
    if ((a->flags & (PA_OPTIONAL | PA_TRANSITIVE)) != r->flags)
        return false;
    if (r->multiple)
        return a->value.n && a->value.n % r->multiple == 0;
    return r->length == ANY_LENGTH || a->value.n == r->length;
}

/* RFC 6793 4.2.3: an aggregator of two octets that is not AS_TRANS was put there by somebody who
 * did not know of AS4_PATH, so that is not to be believed. */
static void merge_as4(struct decoding *x)
{
    struct attr *a = &x->d->attr;
    a->aggregator_as = x->aggregator_as;
    if (x->context->as4)
        return;
    if (x->as4_aggregator_as && a->has & ATTR_AGGREGATOR) {
        if (x->aggregator_as != AS_TRANS)
            return;
        a->aggregator_as = x->as4_aggregator_as;
    }
    if (x->as4_path.n)
        path_merge(x->d, x->as4_path);
}

enum bgp_outcome draft_decode(struct draft *d, struct span block, const struct span *mp_next_hop,
                              const struct bgp_context *c)
{
    struct decoding x = {.d = d, .context = c};
    struct pa_walk w = {block.p, block.p + block.n, false};
    enum bgp_outcome outcome = BGP_OK;
    uint64_t seen = 0;
    struct pa a;
    d->attr = (struct attr){.kind = c->kind};
    d->n = 0;
    d->own_as_removed = false;
    while (pa_next(&w, &a)) {
        if (a.type >= COUNTOF(rules) || seen >> a.type & 1)
            continue;
        const struct rule *r = &rules[a.type];
        seen |= UINT64_C(1) << a.type;
        if (!r->read || (mp_next_hop && a.type == PA_NEXT_HOP))
            continue;
        if (!rule_holds(r, &a) || !r->read(&x, a.value))
            outcome = MAX(outcome, (enum bgp_outcome)r->on_error);
    }
    d->has_mp = seen & (1u << PA_MP_REACH | 1u << PA_MP_UNREACH);
    uint64_t must = 1u << PA_ORIGIN | 1u << PA_AS_PATH;
    if (w.bad || (seen & must) != must || (mp_next_hop && !read_mp_next_hop(d, *mp_next_hop)))
        outcome = BGP_WITHDRAW;
    else if (!d->attr.next_hop.family)
        outcome = MAX(outcome, BGP_DISCARD);
    if (outcome == BGP_WITHDRAW)
        return outcome;
    merge_as4(&x);
    path_remove_own_as(d, c);
    return outcome;
}
