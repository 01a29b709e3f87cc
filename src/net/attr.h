/* attr.h - interned sets of path attributes: what is said of a route, once for all routes alike.
 *
 * A full table has a million routes and a tenth as many distinct sets of attributes. So a set is
 * kept once, and a route holds its handle: 32 bits, equal exactly when the sets are equal. Sets
 * are counted: whoever keeps a handle holds it (attr_hold) and lets go (attr_release).
 *
 * The same struct serves feeds that are not BGP: a route of a Transit Gateway has a kind and an
 * attachment instead of an AS path, a Cloud Router's has a priority.
 *
 * A table has a most number of sets and of bytes. When it is full, attr_intern gives ATTR_NONE, and
 * the feed that wanted more loses its session; what others have stays.
 *
 * RFC 4271 5 (attributes), 6793 (four-octet AS numbers), 1997, 4360 and 8092 (communities), 4456
 * (reflection), 9234 (only to customer). */
#pragma once

#include "net/prefix.h"

enum { ATTR_NONE = 0 }; /* the handle of nothing */

enum attr_origin { ORIGIN_IGP, ORIGIN_EGP, ORIGIN_INCOMPLETE };

enum as_segment_type { AS_SET = 1, AS_SEQUENCE, AS_CONFED_SEQUENCE, AS_CONFED_SET };

/* Where a route comes from, as far as the order of preference asks. AWS's order for one prefix in a
 * Transit Gateway's table is that of ROUTE_STATIC .. ROUTE_PEERING. */
enum route_kind {
    ROUTE_BGP, /* by a BGP session with a router */
    ROUTE_STATIC,
    ROUTE_PREFIX_LIST, /* a reference to a managed prefix list */
    ROUTE_VPC,         /* propagated by a VPC attachment */
    ROUTE_DXGW,        /* by a Direct Connect gateway */
    ROUTE_CONNECT,     /* by a Connect attachment (GRE and BGP) */
    ROUTE_VPN_PRIVATE, /* by a VPN over Direct Connect */
    ROUTE_VPN,         /* by a VPN over the Internet */
    ROUTE_PEERING,     /* by a peering of Transit Gateways */
    ROUTE_SUBNET,      /* a subnet of a VPC, on Google's side */
    ROUTE_LOCAL,       /* what the router itself originates */
    ROUTE_OTHER,       /* by another protocol, or whose it is is not told */
    ROUTE_KINDS
};
extern const char *const route_kind_names[ROUTE_KINDS]; /* "bgp", "static", ... */

enum attr_has { /* bits of attr.has: which of the numbers below were there */
    ATTR_MED = 1,
    ATTR_LOCAL_PREF = 2,
    ATTR_ORIGINATOR = 4,
    ATTR_ONLY_TO_CUSTOMER = 8,
    ATTR_AGGREGATOR = 16,
    ATTR_ATOMIC_AGGREGATE = 32,
    ATTR_BLACKHOLE = 64, /* the route drops what it matches (a static blackhole) */
    ATTR_INACTIVE = 128, /* listed by its router, but not used by it */
};

/* One set. Build one, zeroed, to intern it; get one by its handle to read it. Numbers are in host
 * order, but router ids: those are as in the text, 10.0.0.1 is 0x0a000001. */
struct attr {
    /* The AS path: its segments one after the other, each one word AS_SEGMENT(type, n) and then n
     * AS numbers, the nearest first. Walk it with attr_path_next. */
    const uint32_t *path;
    const uint32_t *communities; /* 7224:7300 is COMMUNITY(7224, 7300); interned: ascending */
    const uint32_t *large;       /* three words each; interned: ascending */
    const uint32_t *extended;    /* two words each, the type in the first; in the order sent */
    const uint32_t *clusters;
    uint32_t med, local_pref;
    uint32_t originator; /* router id */
    uint32_t only_to_customer;
    uint32_t aggregator_as;
    uint32_t via;         /* an attachment or link by its number (source_name); 0: none */
    uint32_t priority;    /* Cloud Router's: base priority or MED, 0..65535 */
    uint32_t region_cost; /* Cloud Router's inter-region cost, 0 in the region itself */
    /* Worked out by attr_intern; what the builder puts there is not looked at. */
    uint32_t neighbour_as, origin_as; /* the first and the last of the path; 0: none, or a set */
    uint16_t path_length;             /* as BGP counts: a set is one, confederations nothing */
    uint16_t n_path;                  /* words */
    uint16_t n_communities, n_large, n_extended, n_clusters;
    struct ip_addr next_hop; /* the global one where IPv6 gives two */
    uint8_t origin;          /* enum attr_origin */
    uint8_t kind;            /* enum route_kind */
    uint8_t has;             /* enum attr_has */
};

#define AS_SEGMENT(type, n)  ((uint32_t)(type) << 16 | (uint32_t)(n))
#define COMMUNITY(as, value) ((uint32_t)(as) << 16 | (uint32_t)(value))

struct attr_segment {
    enum as_segment_type type;
    uint32_t n;
    const uint32_t *as;
};
/* The next segment; *at starts as 0. False at the end. */
bool attr_path_next(const struct attr *a, uint32_t *at, struct attr_segment *out) MUST_USE;
/* How often the AS is in the path, sets and confederations included. */
uint32_t attr_path_count(const struct attr *a, uint32_t as);
bool attr_has_community(const struct attr *a, uint32_t community);
/* "16550 64601 {1 2}", as routers print it; cut to cap. Returns `out`. */
char *attr_path_text(const struct attr *a, char *out, size_t cap);

struct attr_table;

enum { /* defaults of attr_table_new: ten full Internet tables */
    ATTR_SETS_MAX = 4000000,
    ATTR_BYTES_MAX = 1 << 30,
};
/* `seed` keys the hash (hash.h); anything will do in a test. */
struct attr_table *attr_table_new(uint64_t seed, uint32_t sets_max, size_t bytes_max);
void attr_table_free(struct attr_table *t);

/* The handle of the set equal to *a, held once more for the caller; ATTR_NONE: the table is full.
 * Nothing of *a is kept. */
uint32_t attr_intern(struct attr_table *t, const struct attr *a) MUST_USE;
/* The same in two steps, so that memory can be fetched meanwhile: first a copy, which the second
 * step takes over whatever comes of it, or attr_unprepare frees (NULL too). */
struct attr_entry;
struct attr_entry *attr_prepare(const struct attr_table *t, const struct attr *a) MUST_USE;
uint32_t attr_intern_prepared(struct attr_table *t, struct attr_entry *e) MUST_USE;
void attr_unprepare(struct attr_entry *e);
/* Valid as long as somebody holds the handle. Not for ATTR_NONE. */
const struct attr *attr_get(const struct attr_table *t, uint32_t id);
/* Both do nothing for ATTR_NONE. The last release frees the set; its handle may then be used for
 * another. */
void attr_hold(struct attr_table *t, uint32_t id);
void attr_release(struct attr_table *t, uint32_t id);

struct attr_stats {
    uint32_t sets;    /* that are held */
    size_t bytes;     /* of sets and tables */
    uint64_t refused; /* sets for which there was no room */
};
struct attr_stats attr_table_stats(const struct attr_table *t);
