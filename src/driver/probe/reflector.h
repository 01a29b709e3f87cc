/* reflector.h - answers STAMP's probes (RFC 8762, 4.3), statefully: each session's packets are
 * counted, so that a sender can tell losses on the way there from those on the way back.
 *
 * A session is a sender's address, port and SSID at one of our addresses. At most `sessions_max`
 * are kept; those silent for `idle_ms` make room. A sender beyond that is answered without state:
 * its own numbers are repeated, as a stateless reflector does.
 *
 * A reflector can be used against others by who lies about his address. So a reply is never longer
 * than what it answers, only the given prefixes are answered when any are given, not more than
 * `packets_per_s_max` are sent, and port 862's own replies are not answered (two reflectors would
 * play ping-pong for ever). In authenticated mode only what bears the right HMAC is answered. */
#pragma once

#include "net/prefix.h"
#include "net/stamp.h"

struct uv_loop_s;
struct reflector;

enum {
    REFLECTOR_SESSIONS_DEFAULT = 1024,
    REFLECTOR_PACKETS_DEFAULT = 20000, /* a second */
    REFLECTOR_IDLE_DEFAULT_MS = 900000, /* REFWAIT of RFC 5357, 4.2 */
    REFLECTOR_ALLOW_MAX = 64,
};

struct reflector_config {
    struct ip_addr address; /* none: all addresses of both families */
    uint16_t port;          /* 0: any free one (reflector_port tells) */
    const struct stamp_key *key; /* NULL: unauthenticated mode. Copied. */
    const struct prefix *allow;  /* whom to answer; copied. n_allow == 0: everybody */
    uint32_t n_allow;            /* at most REFLECTOR_ALLOW_MAX */
    uint32_t sessions_max, packets_per_s_max, idle_ms; /* 0: the defaults above */
};

/* NULL and a sentence in `why`: the port is taken, or may not be had. */
struct reflector *reflector_new(struct uv_loop_s *loop, const struct reflector_config *c, char *why,
                                size_t cap) MUST_USE;
/* `closed` (may be NULL) is called from the loop when nothing of it is left. */
void reflector_close(struct reflector *r, void (*closed)(void *arg), void *arg);
uint16_t reflector_port(const struct reflector *r);

struct reflector_stats {
    uint64_t answered;
    uint64_t refused;     /* not of an allowed prefix, or of a port that reflects */
    uint64_t held;        /* beyond packets_per_s_max */
    uint64_t malformed;   /* too short, too long, no error estimate */
    uint64_t forged;      /* another HMAC than the key's */
    uint64_t stateless;   /* answered without a session, of which there were too many */
    uint64_t send_failed;
    uint32_t sessions;    /* now */
};
struct reflector_stats reflector_stats(const struct reflector *r);
