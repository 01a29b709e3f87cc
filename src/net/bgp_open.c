/* bgp_open.c - OPEN with its capabilities, NOTIFICATION. */
#include "net/bgp_i.h"

enum { /* capability codes */
       CAP_MULTIPROTOCOL = 1,
       CAP_AS4 = 65,
       CAP_ADD_PATH = 69,
       OPT_CAPABILITIES = 2,
       OPT_EXTENDED = 255, /* RFC 9072: lengths of two octets follow */
};

static int family_of(const uint8_t *afi_safi, unsigned safi)
{
    unsigned afi = be16(afi_safi);
    return safi != 1 ? -1 : afi == 1 ? 0 : afi == 2 ? 1 : -1;
}

/* RFC 7911 4: AFI 2, SAFI 1, 1 receive, 2 send, 3 both; other values are to be ignored. */
static void read_add_path(const uint8_t *p, size_t n, struct bgp_open *o)
{
    for (; n >= 4; p += 4, n -= 4) {
        int family = family_of(p, p[2]);
        if (family >= 0 && p[3] >= 1 && p[3] <= 3)
            o->add_path[family] = p[3];
    }
}

/* Code 1, length 1, value. A capability that is cut off makes the OPEN malformed. */
static bool read_capabilities(const uint8_t *p, size_t n, struct bgp_open *o)
{
    while (n) {
        if (n < 2 || n - 2 < p[1])
            return false;
        const uint8_t *v = p + 2;
        size_t len = p[1];
        int family;
        switch (p[0]) {
        case CAP_MULTIPROTOCOL:
            family = len == 4 ? family_of(v, v[3]) : -1;
            if (family >= 0)
                o->unicast[family] = true;
            break;
        case CAP_AS4:
            if (len == 4) {
                o->as4 = true;
                o->as = be32(v);
            }
            break;
        case CAP_ADD_PATH: read_add_path(v, len, o); break;
        default: break;
        }
        p += 2 + len;
        n -= 2 + len;
    }
    return true;
}

/* version 1, AS 2, hold time 2, router id 4, length of the parameters 1, parameters. */
bool bgp_open(const uint8_t *msg, size_t n, struct bgp_open *out)
{
    uint8_t type;
    *out = (struct bgp_open){0};
    if (bgp_message(msg, n, &type) != n || type != BGP_OPEN || n < BGP_HEADER + 10)
        return false;
    const uint8_t *p = msg + BGP_HEADER;
    if (p[0] != 4)
        return false;
    out->as = be16(p + 1);
    out->hold_s = (uint16_t)be16(p + 3);
    out->router_id = be32(p + 5);
    size_t left = p[9], head = 2;
    p += 10;
    n -= BGP_HEADER + 10;
    if (left == OPT_EXTENDED && n >= 3 && p[0] == OPT_EXTENDED) {
        left = be16(p + 1);
        p += 3;
        n -= 3;
        head = 3;
    }
    if (left != n)
        return false;
    while (left) {
        if (left < head)
            return false;
        size_t len = head == 2 ? p[1] : be16(p + 1);
        if (left - head < len)
            return false;
        if (p[0] == OPT_CAPABILITIES && !read_capabilities(p + head, len, out))
            return false;
        p += head + len;
        left -= head + len;
    }
    return true;
}

bool bgp_notification(const uint8_t *msg, size_t n, uint8_t *code, uint8_t *subcode)
{
    uint8_t type;
    if (bgp_message(msg, n, &type) != n || type != BGP_NOTIFICATION || n < BGP_HEADER + 2)
        return false;
    *code = msg[BGP_HEADER];
    *subcode = msg[BGP_HEADER + 1];
    return true;
}
