/* stamp.h - packets of STAMP, the Simple Two-way Active Measurement Protocol (RFC 8762).
 *
 * A sender's packet leaves at T1, reaches the reflector at T2, is sent back at T3 and arrives
 * at T4:
 *
 *      there and back   (T4 - T1) - (T3 - T2)     whatever the two clocks show
 *      there            T2 - T1                   these two hold the difference of the clocks,
 *      back             T4 - T3                   with opposite signs
 *
 * Unauthenticated packets have 44 bytes, authenticated ones 112 of which the last 16 are the first
 * half of an HMAC-SHA-256 over the 96 before. What is beyond (padding, TLVs of RFC 8972) a
 * reflector returns as it came; the sender has set the flag "unrecognised" of a TLV, so that is the
 * right answer of one that understands none. TWAMP Light (RFC 5357, appendix I) has the same
 * packets; one of its senders must pad to 44 bytes, since a reflector that answers with more than
 * it was sent can be used against others.
 *
 * Times are nanoseconds since 1970 UTC. NTP's seconds of 32 bits wrap in 2036; values are read as
 * the years 1968 to 2104 (RFC 5905, 7.3.1). A reflector may use PTP's truncated time (flag Z),
 * which counts TAI: it is brought to UTC by the 37 seconds that have held since 2017.
 *
 * Pure but for OpenSSL's HMAC, a function of its arguments. Nothing here allocates. */
#pragma once

#include "base/base.h"

enum {
    STAMP_PORT = 862,
    STAMP_LEN = 44,
    STAMP_AUTH_LEN = 112,
    STAMP_PACKET_MAX = 1472, /* what fits into an Ethernet frame by IPv4 and UDP */
    STAMP_KEY_MAX = 64,
    STAMP_TTL = 255, /* both ends send with it, so that hops can be counted (4.2.1, 4.3.1) */
};

/* A secret shared by both ends; NULL in the calls below means unauthenticated mode. */
struct stamp_key {
    uint8_t byte[STAMP_KEY_MAX];
    uint8_t len; /* 1.. */
};

struct stamp_request {
    uint32_t seq;    /* counts from 0 in each session */
    uint16_t error;  /* estimate of the clock's error: stamp_error */
    uint16_t ssid;   /* RFC 8972: tells sessions of one sender apart; 0: none */
    int64_t sent_ns; /* T1 */
};

struct stamp_reply {
    uint32_t seq; /* the reflector's own count; a stateless reflector repeats the sender's */
    uint16_t error, ssid;
    int64_t received_ns; /* T2 */
    int64_t sent_ns;     /* T3 */
    uint32_t sender_seq;
    uint16_t sender_error;
    int64_t sender_sent_ns; /* T1, returned */
    uint8_t sender_ttl;     /* TTL or hop limit with which the request arrived; 0: not known */
};

enum stamp_read {
    STAMP_GOOD,
    STAMP_SHORT,   /* fewer bytes than the mode's packet */
    STAMP_LONG,    /* more than STAMP_PACKET_MAX */
    STAMP_FORGED,  /* the HMAC is not that of this key */
    STAMP_INVALID, /* an error estimate with a multiplier of 0, which must be thrown away */
};
extern const char *const stamp_read_names[]; /* "good", "short", ... */

static inline size_t stamp_len(const struct stamp_key *key)
{
    return key ? STAMP_AUTH_LEN : STAMP_LEN;
}

/* Writes stamp_len(key) bytes and returns how many. */
size_t stamp_write_request(uint8_t out[STAMP_AUTH_LEN], const struct stamp_request *r,
                           const struct stamp_key *key);
enum stamp_read stamp_read_request(const uint8_t *p, size_t n, const struct stamp_key *key,
                                   struct stamp_request *out) MUST_USE;
enum stamp_read stamp_read_reply(const uint8_t *p, size_t n, const struct stamp_key *key,
                                 struct stamp_reply *out) MUST_USE;
/* Makes the reply to a request that stamp_read_request found good, in the request's own n bytes; of
 * `r` the fields sender_seq, sender_error, sender_sent_ns and ssid are taken from the packet. */
void stamp_make_reply(uint8_t *packet, size_t n, const struct stamp_reply *r,
                      const struct stamp_key *key);

/* The error estimate of RFC 4656, 4.1.2: multiplier * 2^(scale - 32) seconds, never below error_ns
 * unless it is beyond what can be said. `synced`: the clock is disciplined by UTC. */
uint16_t stamp_error(int64_t error_ns, bool synced);
int64_t stamp_error_ns(uint16_t error); /* at most INT64_MAX */
bool stamp_error_synced(uint16_t error);

/* NTP's 64 bits and back: exact for every nanosecond of the years 1968 to 2104. */
uint64_t stamp_ntp_of(int64_t ns);
int64_t stamp_ntp_ns(uint64_t ntp);
