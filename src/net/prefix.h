/* prefix.h - IP prefixes and addresses of both families, and their text.
 *
 * A prefix is kept canonical: bits beyond its length are zero, an IPv4 address is in the first four
 * bytes and the rest is zero. So two prefixes are equal exactly when their bytes are. */
#pragma once

#include "base/base.h"

#include <string.h>

enum { IPV4 = 4, IPV6 = 6 };

struct ip_addr {
    uint8_t byte[16]; /* network order; IPv4: the first 4, the rest zero */
    uint8_t family;   /* IPV4, IPV6; 0: none */
};

struct prefix {
    uint8_t byte[16];
    uint8_t len; /* bits: 0..32 or 0..128 */
    uint8_t family;
};

enum { IP_TEXT_MAX = 46, PREFIX_TEXT_MAX = 50 }; /* with the NUL */

static inline int prefix_bits_max(const struct prefix *p) { return p->family == IPV4 ? 32 : 128; }
static inline bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}
static inline bool ip_equal(const struct ip_addr *a, const struct ip_addr *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* Zeroes the bits beyond len. */
void prefix_canonical(struct prefix *p);
/* Does `a` contain every address of `b`? Equal prefixes contain each other. */
bool prefix_covers(const struct prefix *a, const struct prefix *b);
/* By family, address, then length: a covering prefix comes before what it covers. */
int prefix_compare(const struct prefix *a, const struct prefix *b);
struct prefix prefix_of_ip(const struct ip_addr *a); /* /32 or /128 */

/* "10.1.0.0/16", "2001:db8::/32"; an address alone is a host prefix. False: not a prefix, or one
 * with bits set beyond its length (10.1.2.3/16), which is a mistake more often than not. */
bool prefix_parse(const char *text, struct prefix *out) MUST_USE;
bool ip_parse(const char *text, struct ip_addr *out) MUST_USE;
/* Writes the text, RFC 5952 for IPv6, and returns `out`. */
char *prefix_text(const struct prefix *p, char out[PREFIX_TEXT_MAX]);
char *ip_text(const struct ip_addr *a, char out[IP_TEXT_MAX]);
