/* route: numbers of routers, peers and names stay, limits hold, why a session ended in words. */
#include "net/route.h"
#include "tap.h"

TEST(numbers_stay)
{
    struct sources *s = sources_new();
    uint32_t a = source_router(s, "us-east-1"), b = source_router(s, "hub");
    CHECK_EQ(source_router(s, "us-east-1"), a);
    CHECK(a != b && a && b);
    CHECK_EQ(source_name(s, "tgw-attach-1"), 1); /* names are apart from routers */
    CHECK_STR(source_name_text(s, 1), "tgw-attach-1");
    CHECK_STR(source_router_name(s, b), "hub");
    struct peer_key k = {.address = {.byte = {10, 0, 0, 1}, .family = IPV4}};
    uint32_t p = source_peer(s, a, &k);
    CHECK_EQ(source_peer(s, a, &k), p);
    CHECK(source_peer(s, b, &k) != p); /* the same address seen from another router */
    struct peer_key other = k;
    other.distinguisher = 1;
    uint32_t q = source_peer(s, a, &other);
    CHECK(q != p);
    other = k;
    other.type = PEER_LOC_RIB;
    CHECK(source_peer(s, a, &other) != p);
    CHECK_EQ(source_next_peer(s, a, 0), p);
    CHECK_EQ(source_next_peer(s, a, p), q);
    CHECK_EQ(source_peers(s), 4);
    source_peer_heard(s, p, 64512, 0x0a000001);
    source_peer_heard(s, p, 0, 0); /* says nothing new */
    CHECK_EQ(source_peer_get(s, p)->as, 64512);
    CHECK_EQ(source_peer_get(s, p)->router_id, 0x0a000001);
    sources_free(s);
}

TEST(limits)
{
    struct sources *s = sources_new();
    char name[SOURCE_NAME_MAX + 1];
    memset(name, 'a', sizeof name);
    name[SOURCE_NAME_MAX] = '\0';
    CHECK_EQ(source_router(s, name), SOURCE_NONE);
    name[SOURCE_NAME_MAX - 1] = '\0';
    CHECK(source_router(s, name) != SOURCE_NONE);
    for (uint32_t i = 1; i < SOURCE_ROUTERS_MAX; i++) {
        snprintf(name, sizeof name, "r%u", i);
        CHECK(source_router(s, name) != SOURCE_NONE);
    }
    CHECK_EQ(source_router(s, "one too many"), SOURCE_NONE);
    CHECK_EQ(source_router(s, "r7"), 8);
    for (uint64_t i = 0; i < SOURCE_PEERS_ROUTER_MAX; i++)
        CHECK_EQ(source_peer(s, 1, &(struct peer_key){.distinguisher = i}), i + 1);
    CHECK_EQ(source_peer(s, 1, &(struct peer_key){.distinguisher = UINT64_MAX}), SOURCE_NONE);
    CHECK_EQ(source_peer(s, 1, &(struct peer_key){.distinguisher = 7}), 8); /* as before */
    uint32_t n = SOURCE_PEERS_ROUTER_MAX; /* others are not concerned, until there are too many */
    for (uint32_t router = 2; n < SOURCE_PEERS_MAX; router++)
        for (uint64_t i = 0; i < 100 && n < SOURCE_PEERS_MAX; i++)
            CHECK_EQ(source_peer(s, router, &(struct peer_key){.distinguisher = i}), ++n);
    CHECK_EQ(source_peer(s, SOURCE_ROUTERS_MAX, &(struct peer_key){.distinguisher = 1}),
             SOURCE_NONE);
    CHECK_EQ(source_peer(s, 2, &(struct peer_key){.distinguisher = 0}),
             SOURCE_PEERS_ROUTER_MAX + 1);
    sources_free(s);
}

TEST(words)
{
    struct route_down d = {.reason = DOWN_REMOTE_NOTIFICATION, .code = 4};
    CHECK_STR(route_down_text(&d), "hold timer expired");
    d = (struct route_down){.reason = DOWN_LOCAL_NOTIFICATION, .code = 6, .subcode = 10};
    CHECK_STR(route_down_text(&d), "BFD down");
    d.subcode = 99;
    CHECK_STR(route_down_text(&d), "cease");
    d.code = 99;
    CHECK_STR(route_down_text(&d), "unknown notification");
    d.reason = DOWN_REMOTE_SILENT;
    CHECK_STR(route_down_text(&d), "connection lost");
    d = (struct route_down){.reason = DOWN_POLLED, .text = "HOLD_TIMER_EXPIRED"};
    CHECK_STR(route_down_text(&d), "HOLD_TIMER_EXPIRED");
}

TAP_MAIN
