/* bgp.h - BGP messages as others relay them (BMP, MRT): UPDATE into route events, OPEN, reasons.
 *
 * This is no speaker: there is no session of our own to reset. What RFC 7606 has a speaker do is
 * what is made of the message here, and how it is named:
 *
 *     BGP_OK        all is told
 *     BGP_DISCARD   "attribute discard": told without an attribute that was not needed
 *     BGP_WITHDRAW  "treat-as-withdraw": the routes announced are told as withdrawn
 *     BGP_RESET     "session reset": which routes it was about cannot be said. The feed must be
 *                   read anew from its beginning
 *     BGP_FULL      no room in the table of attributes; as BGP_RESET, and not the sender's fault
 *
 * One rule is milder: a route without NEXT_HOP is told, without one (BGP_DISCARD), for FRR's BMP
 * leaves it out where the next hop of an IPv4 route is an IPv6 address.
 *
 * A block of path attributes that was seen before costs a hash and a look into one line of memory:
 * a decoder keeps a bounded cache from raw bytes to handles of attr.h. What is not kept: unknown
 * attributes, and what attr.h does not list.
 *
 * RFC 4271 (UPDATE, OPEN, NOTIFICATION), 4760 (MP_REACH and MP_UNREACH, unicast of both families;
 * others are passed over), 6793 (AS numbers of two octets with AS4_PATH), 7606, 7911 (add-path),
 * 8654 (messages above 4096 octets), 8950 (IPv6 next hops of IPv4 routes), 9072 (long OPEN). */
#pragma once

#include "net/attr.h"
#include "net/route.h"
#include "net/wire.h"

enum bgp_outcome { BGP_OK, BGP_DISCARD, BGP_WITHDRAW, BGP_RESET, BGP_FULL, BGP_OUTCOMES };
extern const char *const bgp_outcome_names[BGP_OUTCOMES];

enum { BGP_HEADER = 19, BGP_MESSAGE_MAX = 65535 };
enum bgp_type { BGP_OPEN = 1, BGP_UPDATE, BGP_NOTIFICATION, BGP_KEEPALIVE, BGP_ROUTE_REFRESH };

/* The length of the message at p and its type; 0: there is no whole message, its length is a lie,
 * or it does not begin with the marker of ones. */
static inline size_t bgp_message(const uint8_t *p, size_t n, uint8_t *type)
{
    if (n < BGP_HEADER || (be64(p) & be64(p + 8)) != UINT64_MAX)
        return 0;
    size_t len = be16(p + 16);
    *type = p[18];
    return len >= BGP_HEADER && len <= n ? len : 0;
}

struct bgp_context { /* how the sender writes, and what is known of it */
    /* A router that puts its own AS in front of received paths (FRR's BMP): when the first AS of a
     * path is own_as and the next one peer_as, the first is taken off. 0: no such router. */
    uint32_t own_as, peer_as;
    uint8_t as4;         /* AS_PATH has four octets an AS */
    uint8_t add_path[2]; /* IPv4, IPv6 routes have path ids */
    uint8_t kind;        /* enum route_kind of the routes: ROUTE_BGP or ROUTE_LOCAL */
};

struct bgp_decoder;
enum { BGP_CACHE_ENTRIES = 1 << 18 }; /* 4 MiB; a full table has about 100,000 blocks */
/* The table outlives the decoder, which holds up to cache_entries (a power of two) of its sets. One
 * decoder serves any number of feeds of one thread. `seed` keys its hash, and must be secret where
 * feeds may be hostile (bgp_cache.c). */
struct bgp_decoder *bgp_decoder_new(struct attr_table *attrs, uint64_t seed,
                                    uint32_t cache_entries);
void bgp_decoder_free(struct bgp_decoder *d);

/* The n bytes are one UPDATE, or several one behind the other, headers included. *e has router,
 * peer, view and at_ms set; its type, prefix, path_id, attr and family are set for each call of the
 * sink: ROUTE_WITHDRAW, ROUTE_ANNOUNCE, ROUTE_END_OF_RIB. The worst outcome of all counts; behind a
 * BGP_RESET nothing is read any more, and some events may have been told before. */
enum bgp_outcome bgp_update(struct bgp_decoder *d, const uint8_t *msg, size_t n,
                            const struct bgp_context *c, struct route_event *e, route_sink *sink,
                            void *arg) MUST_USE;

/* Whoever has several UPDATEs of one sender at hand shows them, and then has them read one after
 * the other: what is known of them is fetched from memory meanwhile, and what is not known is
 * decoded together. Any bytes will do, and not all need be read; but they must stay as they are
 * until others are shown (n = 0: none), and nothing else be asked of the decoder between. */
enum { BGP_SHOWN = 64 };
struct bgp_bytes {
    const uint8_t *p;
    size_t n;
};
/* n: at most BGP_SHOWN. */
void bgp_show(struct bgp_decoder *d, const struct bgp_bytes *msg, uint32_t n,
              const struct bgp_context *c);
/* As bgp_update, of the one that was shown as number i. */
enum bgp_outcome bgp_shown(struct bgp_decoder *d, uint32_t i, struct route_event *e,
                           route_sink *sink, void *arg) MUST_USE;

/* For a dump (MRT's TABLE_DUMP_V2) that has attributes apart from prefixes: the set of a block. In
 * a dump MP_REACH may hold only the next hop (RFC 6396 4.3.4). The handle is the decoder's, and
 * valid until its next call. */
enum bgp_outcome bgp_attributes(struct bgp_decoder *d, const uint8_t *block, size_t n,
                                const struct bgp_context *c, uint32_t *attr);

struct bgp_open {
    uint32_t as, router_id;
    uint16_t hold_s;
    bool as4;               /* capability 65 */
    bool unicast[2];        /* capability 1: IPv4, IPv6 */
    uint8_t add_path[2];    /* capability 69, by family: bit 0 receives, bit 1 sends */
};
bool bgp_open(const uint8_t *msg, size_t n, struct bgp_open *out) MUST_USE;
bool bgp_notification(const uint8_t *msg, size_t n, uint8_t *code, uint8_t *subcode) MUST_USE;

/* ---- reading prefixes ---- */

/* The prefix at *p and behind it, with its path id when add_path; moves *p. False: bits too many or
 * bytes too few, *p is untouched. Bits beyond its length are cleared (RFC 4271 4.3: irrelevant). */
bool bgp_prefix(const uint8_t **p, const uint8_t *end, uint8_t family, bool add_path,
                struct prefix *out, uint32_t *path_id) MUST_USE;

struct bgp_stats {
    uint64_t updates, hits; /* blocks of attributes asked for, and found in the cache */
    uint64_t outcome[BGP_OUTCOMES];
    uint64_t own_as_removed; /* distinct blocks */
    uint64_t other_families; /* MP attributes passed over */
};
const struct bgp_stats *bgp_decoder_stats(const struct bgp_decoder *d);
