#include "driver/routes/aws_words.h"

#include <string.h>

#include "driver/routes/cloud.h"

struct word {
    const char *word;
    uint8_t value;
};

static uint8_t look_up(const struct word *w, size_t n, const char *word, uint8_t otherwise)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(w[i].word, word) == 0)
            return w[i].value;
    return otherwise;
}

uint8_t aws_link_state(const char *word)
{
    static const struct word words[] = {{"available", LINK_UP},      {"associated", LINK_UP},
                                        {"down", LINK_DOWN},         {"deleted", LINK_DOWN},
                                        {"rejected", LINK_DOWN},     {"failed", LINK_DOWN},
                                        {"disassociated", LINK_DOWN}};
    return look_up(words, COUNTOF(words), word, LINK_CHANGING);
}

uint8_t aws_route_kind(const char *resource_type)
{
    static const struct word words[] = {{"vpc", ROUTE_VPC},
                                        {"direct-connect-gateway", ROUTE_DXGW},
                                        {"connect", ROUTE_CONNECT},
                                        {"vpn", ROUTE_VPN},
                                        {"vpn-concentrator", ROUTE_VPN},
                                        {"peering", ROUTE_PEERING},
                                        {"tgw-peering", ROUTE_PEERING}};
    return look_up(words, COUNTOF(words), resource_type, ROUTE_BGP);
}
