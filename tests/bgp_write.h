/* bgp_write.h - BGP and BMP messages written by the book, for tests and benchmarks: the other side
 * of src/net/bgp.h and bmp.h, and independent of them. Appends to a struct buf. */
#pragma once

#include "base/codec.h"
#include "net/attr.h"

static inline void wr16(struct buf *b, uint32_t v)
{
    put_u8(b, (uint8_t)(v >> 8));
    put_u8(b, (uint8_t)v);
}
static inline void wr32(struct buf *b, uint32_t v)
{
    wr16(b, v >> 16);
    wr16(b, v);
}
static inline void wr64(struct buf *b, uint64_t v)
{
    wr32(b, (uint32_t)(v >> 32));
    wr32(b, (uint32_t)v);
}
/* Writes the length of what came since at + 2 into the two octets at `at`. */
static inline void wr_len16(struct buf *b, size_t at)
{
    size_t n = b->len - at - 2;
    b->data[at] = (char)(n >> 8);
    b->data[at + 1] = (char)n;
}

struct wr_style {
    bool as2;          /* AS_PATH in two octets, with AS4_PATH where that does not do */
    bool extended;     /* two octets of length everywhere, as FRR writes AS_PATH */
    bool add_path;     /* path ids before prefixes */
    uint8_t mp_family; /* prefixes go into MP_REACH and MP_UNREACH; 0: into the fields of old */
};

struct wr_route {
    struct prefix prefix;
    uint32_t path_id;
};

static inline size_t wr_attr_begin(struct buf *b, const struct wr_style *s, uint8_t flags,
                                   uint8_t type, bool maybe_long)
{
    bool ext = s->extended || maybe_long;
    put_u8(b, (uint8_t)(flags | (ext ? 0x10 : 0)));
    put_u8(b, type);
    if (ext)
        put_u8(b, 0);
    put_u8(b, 0);
    return b->len;
}

static inline void wr_attr_end(struct buf *b, size_t body)
{
    size_t n = b->len - body;
    uint8_t *p = (uint8_t *)b->data + body;
    p[-1] = (uint8_t)n;
    if (n > 255) /* was begun with maybe_long */
        p[-2] = (uint8_t)(n >> 8);
}

static inline void wr_routes(struct buf *b, const struct wr_style *s, const struct wr_route *r,
                             size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (s->add_path)
            wr32(b, r[i].path_id);
        put_u8(b, r[i].prefix.len);
        put_bytes(b, r[i].prefix.byte, (r[i].prefix.len + 7u) / 8);
    }
}

static inline void wr_path(struct buf *b, const struct attr *a, unsigned octets)
{
    for (uint32_t at = 0; at < a->n_path;) {
        uint32_t type = a->path[at] >> 16, n = a->path[at] & 0xffff;
        put_u8(b, (uint8_t)type);
        put_u8(b, (uint8_t)n);
        for (at++; n; n--, at++)
            if (octets == 4)
                wr32(b, a->path[at]);
            else
                wr16(b, a->path[at] > 65535 ? 23456 : a->path[at]);
    }
}

static inline void wr_words(struct buf *b, const struct wr_style *s, uint8_t flags, uint8_t type,
                            const uint32_t *word, size_t n)
{
    if (!n)
        return;
    size_t at = wr_attr_begin(b, s, flags, type, n > 60);
    for (size_t i = 0; i < n; i++)
        wr32(b, word[i]);
    wr_attr_end(b, at);
}

static inline void wr_mp(struct buf *b, const struct wr_style *s, const struct attr *a,
                         const struct wr_route *out, size_t n_out, const struct wr_route *in,
                         size_t n_in)
{
    if (n_in) {
        size_t at = wr_attr_begin(b, s, 0x80, 14, true);
        wr16(b, s->mp_family == IPV4 ? 1 : 2);
        put_u8(b, 1);
        put_u8(b, a->next_hop.family == IPV4 ? 4 : 16);
        put_bytes(b, a->next_hop.byte, a->next_hop.family == IPV4 ? 4 : 16);
        put_u8(b, 0);
        wr_routes(b, s, in, n_in);
        wr_attr_end(b, at);
    }
    if (n_out) {
        size_t at = wr_attr_begin(b, s, 0x80, 15, true);
        wr16(b, s->mp_family == IPV4 ? 1 : 2);
        put_u8(b, 1);
        wr_routes(b, s, out, n_out);
        wr_attr_end(b, at);
    }
}

/* All attributes of *a but MP_REACH. */
static inline void wr_attrs(struct buf *b, const struct wr_style *s, const struct attr *a)
{
    size_t at = wr_attr_begin(b, s, 0x40, 1, false);
    put_u8(b, a->origin);
    wr_attr_end(b, at);
    at = wr_attr_begin(b, s, 0x40, 2, a->n_path > 60);
    wr_path(b, a, s->as2 ? 2 : 4);
    wr_attr_end(b, at);
    if (!s->mp_family && a->next_hop.family == IPV4) {
        at = wr_attr_begin(b, s, 0x40, 3, false);
        put_bytes(b, a->next_hop.byte, 4);
        wr_attr_end(b, at);
    }
    wr_words(b, s, 0x80, 4, &a->med, a->has & ATTR_MED ? 1 : 0);
    wr_words(b, s, 0x40, 5, &a->local_pref, a->has & ATTR_LOCAL_PREF ? 1 : 0);
    if (a->has & ATTR_ATOMIC_AGGREGATE)
        wr_attr_end(b, wr_attr_begin(b, s, 0x40, 6, false));
    wr_words(b, s, 0xc0, 8, a->communities, a->n_communities);
    wr_words(b, s, 0x80, 9, &a->originator, a->has & ATTR_ORIGINATOR ? 1 : 0);
    wr_words(b, s, 0x80, 10, a->clusters, a->n_clusters);
    wr_words(b, s, 0xc0, 16, a->extended, 2u * a->n_extended);
    bool needs_as4 = false;
    for (uint32_t i = 0, left = 0; s->as2 && i < a->n_path; i++) {
        needs_as4 |= left && a->path[i] > 65535;
        left = left ? left - 1 : a->path[i] & 0xffff;
    }
    if (needs_as4) {
        at = wr_attr_begin(b, s, 0xc0, 17, true);
        wr_path(b, a, 4);
        wr_attr_end(b, at);
    }
    wr_words(b, s, 0xc0, 32, a->large, 3u * a->n_large);
    wr_words(b, s, 0xc0, 35, &a->only_to_customer, a->has & ATTR_ONLY_TO_CUSTOMER ? 1 : 0);
}

/* Where a message begins, for wr_message_end. */
static inline size_t wr_message_begin(struct buf *b, uint8_t type)
{
    size_t at = b->len;
    for (int i = 0; i < 16; i++)
        put_u8(b, 0xff);
    wr16(b, 0);
    put_u8(b, type);
    return at;
}

static inline void wr_message_end(struct buf *b, size_t at)
{
    size_t n = b->len - at;
    b->data[at + 16] = (char)(n >> 8);
    b->data[at + 17] = (char)n;
}

/* a may be NULL when nothing is announced. */
static inline void wr_update(struct buf *b, const struct wr_style *s, const struct attr *a,
                             const struct wr_route *out, size_t n_out, const struct wr_route *in,
                             size_t n_in)
{
    size_t message = wr_message_begin(b, 2), at = b->len;
    wr16(b, 0);
    if (!s->mp_family)
        wr_routes(b, s, out, n_out);
    wr_len16(b, at);
    at = b->len;
    wr16(b, 0);
    if (s->mp_family)
        wr_mp(b, s, a, out, n_out, in, n_in);
    if (n_in)
        wr_attrs(b, s, a);
    wr_len16(b, at);
    if (!s->mp_family)
        wr_routes(b, s, in, n_in);
    wr_message_end(b, message);
}

/* An OPEN with four-octet AS, both unicast families and add-path for both (0: none, else 1 receive,
 * 2 send, 3 both). */
static inline void wr_open(struct buf *b, uint32_t as, uint16_t hold_s, uint32_t router_id,
                           uint8_t add_path)
{
    size_t message = wr_message_begin(b, 1);
    put_u8(b, 4);
    wr16(b, as > 65535 ? 23456 : as);
    wr16(b, hold_s);
    wr32(b, router_id);
    size_t at = b->len;
    put_u8(b, 0);
    for (uint32_t afi = 1; afi <= 2; afi++) {
        put_u8(b, 2), put_u8(b, 6), put_u8(b, 1), put_u8(b, 4);
        wr16(b, afi), put_u8(b, 0), put_u8(b, 1);
    }
    put_u8(b, 2), put_u8(b, 6), put_u8(b, 65), put_u8(b, 4);
    wr32(b, as);
    if (add_path) {
        put_u8(b, 2), put_u8(b, 10), put_u8(b, 69), put_u8(b, 8);
        for (uint32_t afi = 1; afi <= 2; afi++)
            wr16(b, afi), put_u8(b, 1), put_u8(b, add_path);
    }
    b->data[at] = (char)(b->len - at - 1);
    wr_message_end(b, message);
}

/* ---- BMP (RFC 7854) ---- */

struct wr_peer {
    uint8_t type, flags;
    uint64_t distinguisher;
    struct ip_addr address;
    uint32_t as, router_id;
};

static inline size_t wr_bmp_begin(struct buf *b, uint8_t type, const struct wr_peer *p)
{
    size_t at = b->len;
    put_u8(b, 3);
    wr32(b, 0);
    put_u8(b, type);
    if (!p)
        return at;
    put_u8(b, p->type);
    put_u8(b, (uint8_t)(p->flags | (p->address.family == IPV6 ? 0x80 : 0)));
    wr64(b, p->distinguisher);
    for (int i = 0; i < 16; i++)
        put_u8(b, p->address.family == IPV6 ? p->address.byte[i]
                  : i >= 12                 ? p->address.byte[i - 12]
                                            : 0);
    wr32(b, p->as);
    wr32(b, p->router_id);
    wr32(b, 1700000000);
    wr32(b, 123456);
    return at;
}

static inline void wr_bmp_end(struct buf *b, size_t at)
{
    size_t n = b->len - at;
    for (int i = 0; i < 4; i++)
        b->data[at + 1 + (size_t)i] = (char)(n >> (24 - 8 * i));
}

static inline void wr_tlv(struct buf *b, uint32_t type, const void *p, size_t n)
{
    wr16(b, type);
    wr16(b, (uint32_t)n);
    put_bytes(b, p, n);
}

static inline void wr_initiation(struct buf *b, const char *name)
{
    size_t at = wr_bmp_begin(b, 4, NULL);
    wr_tlv(b, 1, "a router", 8);
    wr_tlv(b, 2, name, strlen(name));
    wr_bmp_end(b, at);
}

static inline void wr_peer_up(struct buf *b, const struct wr_peer *p, uint32_t own_as,
                              uint8_t own_add_path, uint8_t peer_add_path)
{
    size_t at = wr_bmp_begin(b, 3, p);
    for (int i = 0; i < 12; i++)
        put_u8(b, 0);
    wr32(b, 0x0a000001);
    wr16(b, 179);
    wr16(b, 40000);
    wr_open(b, own_as, 60, 0x0a000001, own_add_path);
    wr_open(b, p->as, 90, p->router_id, peer_add_path);
    wr_bmp_end(b, at);
}

static inline void wr_monitoring(struct buf *b, const struct wr_peer *p, const struct wr_style *s,
                                 const struct attr *a, const struct wr_route *out, size_t n_out,
                                 const struct wr_route *in, size_t n_in)
{
    size_t at = wr_bmp_begin(b, 0, p);
    wr_update(b, s, a, out, n_out, in, n_in);
    wr_bmp_end(b, at);
}
