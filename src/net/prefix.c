#include "net/prefix.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

void prefix_canonical(struct prefix *p)
{
    uint64_t half[2];
    memcpy(half, p->byte, sizeof half);
    half[0] &= p->len < 64 ? htobe64(p->len ? ~0ull << (64 - p->len) : 0) : ~0ull;
    half[1] &= p->len > 64 ? htobe64(~0ull << (128 - MIN(p->len, 128))) : 0;
    memcpy(p->byte, half, sizeof half);
}

bool prefix_covers(const struct prefix *a, const struct prefix *b)
{
    if (a->family != b->family || a->len > b->len)
        return false;
    size_t whole = a->len / 8u;
    unsigned rest = a->len % 8u;
    return memcmp(a->byte, b->byte, whole) == 0 &&
           (!rest || ((a->byte[whole] ^ b->byte[whole]) & (0xff00u >> rest) & 0xffu) == 0);
}

int prefix_compare(const struct prefix *a, const struct prefix *b)
{
    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    int c = memcmp(a->byte, b->byte, sizeof a->byte);
    return c ? c : (a->len > b->len) - (a->len < b->len);
}

struct prefix prefix_of_ip(const struct ip_addr *a)
{
    struct prefix p = {.len = a->family == IPV4 ? 32 : 128, .family = a->family};
    memcpy(p.byte, a->byte, sizeof p.byte);
    return p;
}

bool ip_parse(const char *text, struct ip_addr *out)
{
    memset(out, 0, sizeof *out);
    out->family = strchr(text, ':') ? IPV6 : IPV4;
    return inet_pton(out->family == IPV4 ? AF_INET : AF_INET6, text, out->byte) == 1;
}

bool prefix_parse(const char *text, struct prefix *out)
{
    char address[IP_TEXT_MAX];
    const char *slash = strchr(text, '/');
    size_t n = slash ? (size_t)(slash - text) : strlen(text);
    struct ip_addr a;
    if (n >= sizeof address)
        return false;
    memcpy(address, text, n);
    address[n] = '\0';
    if (!ip_parse(address, &a))
        return false;
    *out = prefix_of_ip(&a);
    if (!slash)
        return true;
    size_t digits = strspn(slash + 1, "0123456789");
    long len = digits && digits <= 3 ? strtol(slash + 1, NULL, 10) : -1;
    if (slash[1 + digits] != '\0' || (digits > 1 && slash[1] == '0') || len < 0 ||
        len > prefix_bits_max(out))
        return false;
    struct prefix as_given = *out;
    out->len = (uint8_t)len;
    prefix_canonical(out);
    return memcmp(out->byte, as_given.byte, sizeof out->byte) == 0;
}

char *ip_text(const struct ip_addr *a, char out[IP_TEXT_MAX])
{
    if (!a->family || !inet_ntop(a->family == IPV4 ? AF_INET : AF_INET6, a->byte, out, IP_TEXT_MAX))
        str_copy(out, IP_TEXT_MAX, "none");
    return out;
}

char *prefix_text(const struct prefix *p, char out[PREFIX_TEXT_MAX])
{
    struct ip_addr a = {.family = p->family};
    char text[IP_TEXT_MAX];
    memcpy(a.byte, p->byte, sizeof a.byte);
    snprintf(out, PREFIX_TEXT_MAX, "%s/%u", ip_text(&a, text), p->len);
    return out;
}
