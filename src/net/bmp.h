/* bmp.h - a BMP session: bytes of a router in, route events out.
 *
 * BMP (RFC 7854) is one way: a router connects, says who it is (Initiation), which of its BGP
 * sessions are up (Peer Up), what each said and says (Route Monitoring: BGP UPDATEs in an
 * envelope), and what ends (Peer Down, Termination). Adj-RIB-Out (RFC 8671) and Loc-RIB (RFC 9069)
 * are told the same way. Numbers of RFC 9515 and 9736. Version 3 only.
 *
 * The bytes may come in pieces of any size. A whole message is parsed where it lies; only a piece
 * is kept, at most one message of BMP_MESSAGE_MAX. A peer that breaks the framing, or says what
 * cannot be understood as a whole, ends its session: bmp_feed says so, and from then on takes
 * nothing. The router will connect again and tell everything anew; that is BMP's only way to agree
 * again. Oddities that leave the rest clear are counted (quirks, glitches), and too many glitches
 * end the session too.
 *
 * What real routers do, and what is made of it (FRR 8.4 and GoBGP 3.10 as seen in the lab; Cisco,
 * Huawei and 6WIND in the captures of pmacct's tests):
 *   - the own AS in front of received paths: taken off where it cannot be (bgp.h)
 *   - announcements told as withdrawals in the view before policy, when the router keeps no such
 *     table: harmless, and the quirk says that this view is not to be relied on
 *   - Peer Up once more for each view and family of one session (Huawei): told once; one that says
 *     anything else than before is another session, and told
 *   - Peer Down again and again while the neighbour cannot be reached: told once
 *   - Peer Up with bare headers for OPENs that the router has not kept (FRR, after a session came
 *     back): up all the same, what an OPEN would have said is not known
 *   - Loc-RIB and neighbours without their Peer Up: taken as up with the first message
 *   - own routes under a peer of all zeros: a peer without an address, its routes ROUTE_LOCAL
 *   - no withdrawals after Peer Down, as the RFC says: the RIB forgets them
 *   - routes of a peer after its Peer Down: not told, a glitch
 *   - statistics of a number nobody knows (65531), of odd lengths: passed over */
#pragma once

#include "net/bgp.h"

enum {
    BMP_HEADER = 6,
    BMP_PEER_HEADER = 42,
    BMP_MESSAGE_MAX = 1 << 20, /* a BGP message has 64 KiB at most; two OPENs and TLVs fit easily */
    BMP_PEERS_MAX = 4096,      /* of one router */
    BMP_GLITCHES_MAX = 1000,   /* then the router is not worth listening to */
    BMP_NAME_MAX = 64,
};

enum bmp_status {
    BMP_GOING_ON,
    BMP_TERMINATED,    /* the router said goodbye */
    BMP_BAD_VERSION,   /* not version 3: perhaps not BMP at all */
    BMP_BAD_LENGTH,    /* shorter than its headers, longer than BMP_MESSAGE_MAX */
    BMP_NO_INITIATION, /* the first message was another */
    BMP_BAD_MESSAGE,   /* a message that ends within its fixed fields, or whose UPDATE is beyond
                          understanding (RFC 7606: session reset) */
    BMP_NO_ROOM,       /* for attributes, or for peers: more than BMP_PEERS_MAX */
    BMP_TOO_ODD,       /* BMP_GLITCHES_MAX */
    BMP_STATUSES
};
extern const char *const bmp_status_names[BMP_STATUSES]; /* "going on", "terminated", ... */

enum bmp_quirk { /* bits: habits seen, worth a line in a log once */
    BMP_QUIRK_OWN_AS_FIRST = 1,
    BMP_QUIRK_PRE_POLICY_EMPTY = 2, /* only withdrawals before policy, for a peer that announces
                                       after it */
    BMP_QUIRK_PEER_DOWN_AGAIN = 4,
    BMP_QUIRK_NO_PEER_UP = 8,
    BMP_QUIRK_LOCAL_PEER = 16,
    BMP_QUIRK_UNKNOWN_STATISTIC = 32,
    BMP_QUIRK_PEER_UP_AGAIN = 64,
    BMP_QUIRK_NO_OPEN = 128,
    BMP_QUIRKS = 8 /* how many */
};
extern const char *const bmp_quirk_names[BMP_QUIRKS]; /* by bit */

struct bmp_session;
struct bmp_options {
    struct bgp_decoder *decoder; /* these three outlive the session */
    struct sources *sources;
    uint32_t router; /* who speaks (source_router) */
    route_sink *sink;
    void *arg;
};
struct bmp_session *bmp_session_new(const struct bmp_options *o);
/* Tells ROUTE_FEED_LOST when the session had begun. */
void bmp_session_free(struct bmp_session *s, int64_t at_ms);

/* Events carry at_ms. The sink must not free the session. */
enum bmp_status bmp_feed(struct bmp_session *s, const void *bytes, size_t n, int64_t at_ms);

struct bmp_stats {
    uint64_t bytes, messages;
    uint64_t of_type[7]; /* by message type: 0 Route Monitoring .. 6 Route Mirroring */
    uint64_t unknown;    /* messages and peers of types nobody knows: passed over */
    uint64_t glitches;   /* content that could not be used */
    uint64_t withdrawn_by_rule; /* updates under RFC 7606's treat-as-withdraw */
    uint32_t peers, peers_up;
    unsigned quirks; /* enum bmp_quirk */
};
struct bmp_stats bmp_session_stats(const struct bmp_session *s);
size_t bmp_session_kept(const struct bmp_session *s); /* bytes of an unfinished message */
/* sysName of Initiation: printable ASCII, other octets as '?'; "" before. */
const char *bmp_session_name(const struct bmp_session *s);
