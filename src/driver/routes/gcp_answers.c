#include "driver/routes/gcp_answers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { PATH_WORDS_MAX = 1024, COMMUNITIES_MAX = 512 };

/* ---- small things ---- */

/* A whole number from 0 to max, as a number or as a text; `otherwise` when it is none. */
static int64_t number(const struct jr_node *o, const char *key, int64_t max, int64_t otherwise)
{
    const struct jr_node *v = jr_get(o, key);
    int64_t n = -1;
    if (v && v->kind == JR_WHOLE) {
        n = v->whole;
    } else if (v && v->kind == JR_TEXT && v->len && v->len < 20 &&
               strspn(v->text, "0123456789") == v->len) {
        n = strtoll(v->text, NULL, 10);
    }
    return n >= 0 && n <= max ? n : otherwise;
}

static bool is_true(const struct jr_node *o, const char *key, bool otherwise)
{
    const struct jr_node *v = jr_get(o, key);
    return v ? v->kind == JR_TRUE : otherwise;
}

static struct ip_addr address(const struct jr_node *o, const char *key)
{
    struct ip_addr a = {.family = 0};
    if (!ip_parse(jr_get_text(o, key), &a))
        a = (struct ip_addr){.family = 0};
    return a;
}

static const struct jr_node *list(const struct jr_node *o, const char *key)
{
    const struct jr_node *v = jr_get(o, key);
    return v && v->kind == JR_ARRAY ? v : NULL;
}

static void take_token(const struct jr_node *o, struct buf *next)
{
    buf_reset(next);
    buf_str(next, jr_get_text(o, "nextPageToken"));
}

/* "https://www.googleapis.com/.../routers/r1" -> "r1" */
static const char *last_part(const char *url)
{
    const char *slash = strrchr(url, '/');
    return slash ? slash + 1 : url;
}

/* ---- paths ---- */

struct set { /* attributes being read, and what they point at */
    struct attr a;
    uint32_t path[PATH_WORDS_MAX], communities[COMMUNITIES_MAX];
};

static uint8_t segment_type(const char *word)
{
    static const struct {
        const char *word;
        uint8_t type;
    } words[] = {
        {"AS_SEQUENCE", AS_SEQUENCE},
        {"AS_SET", AS_SET},
        {"AS_CONFED_SEQUENCE", AS_CONFED_SEQUENCE},
        {"AS_CONFED_SET", AS_CONFED_SET},
        {"AS_PATH_TYPE_SEQUENCE", AS_SEQUENCE},
        {"AS_PATH_TYPE_SET", AS_SET},
        {"AS_PATH_TYPE_CONFED_SEQUENCE", AS_CONFED_SEQUENCE},
        {"AS_PATH_TYPE_CONFED_SET", AS_CONFED_SET},
    };
    for (size_t i = 0; i < COUNTOF(words); i++)
        if (strcmp(word, words[i].word) == 0)
            return words[i].type;
    return 0;
}

/* Both APIs have a list of segments, and other names for what is in them. False: malformed. */
static bool read_path(const struct jr_node *paths, const char *type_key, const char *list_key,
                      struct set *s)
{
    uint32_t n = 0;
    if (paths)
        jr_each(p, paths)
        {
            const struct jr_node *as = list(p, list_key);
            uint8_t type = segment_type(jr_get_text(p, type_key));
            if (!type || !as || n + 1 + as->count > PATH_WORDS_MAX || as->count > 255)
                return false;
            s->path[n++] = AS_SEGMENT(type, as->count);
            jr_each(v, as)
            {
                if (v->kind != JR_WHOLE || v->whole < 0 || v->whole > UINT32_MAX)
                    return false;
                s->path[n++] = (uint32_t)v->whole;
            }
        }
    s->a.path = s->path;
    s->a.n_path = (uint16_t)n;
    return true;
}

/* "65000:100"; well-known ones are numbers of the same form. */
static bool read_communities(const struct jr_node *l, struct set *s)
{
    uint32_t n = 0;
    if (l)
        jr_each(v, l)
        {
            char *end = NULL;
            if (v->kind != JR_TEXT || n == COMMUNITIES_MAX || v->text[0] < '0' || v->text[0] > '9')
                return false;
            unsigned long high = strtoul(v->text, &end, 10);
            if (*end != ':' || end[1] < '0' || end[1] > '9')
                return false;
            unsigned long low = strtoul(end + 1, &end, 10);
            if (*end || high > UINT16_MAX || low > UINT16_MAX)
                return false;
            s->communities[n++] = (uint32_t)(high << 16 | low);
        }
    s->a.communities = s->communities;
    s->a.n_communities = (uint16_t)n;
    return true;
}

static uint8_t read_origin(const char *word)
{
    if (strstr(word, "EGP"))
        return ORIGIN_EGP;
    return strstr(word, "IGP") ? ORIGIN_IGP : ORIGIN_INCOMPLETE;
}

/* ---- getRouterStatus ---- */

static uint8_t route_kind(const char *type)
{
    if (strcmp(type, "STATIC") == 0)
        return ROUTE_STATIC;
    return strcmp(type, "SUBNET") == 0 ? ROUTE_SUBNET : ROUTE_BGP;
}

static void tell_best(struct cloud *c, uint32_t router, const struct jr_node *l, int64_t at_ms)
{
    struct cloud_table t = {.router = router,
                            .peer = cloud_table_peer(c, router, ""),
                            .view = VIEW_LOC_RIB,
                            .listed_by = CLOUD_TABLE,
                            .at_ms = at_ms};
    if (!t.peer)
        return;
    cloud_table_begin(c, &t);
    struct set s;
    if (l)
        jr_each(v, l)
        {
            int64_t med = number(v, "nextHopMed", UINT32_MAX, -1);
            const char *status = jr_get_text(v, "routeStatus");
            s.a = (struct attr){.next_hop = address(v, "nextHopIp"),
                                .kind = route_kind(jr_get_text(v, "routeType")),
                                .origin = read_origin(jr_get_text(v, "nextHopOrigin")),
                                .priority = (uint32_t)number(v, "priority", UINT32_MAX, 0),
                                .region_cost =
                                    (uint32_t)number(v, "nextHopInterRegionCost", UINT32_MAX, 0),
                                .med = med < 0 ? 0 : (uint32_t)med};
            s.a.has = (uint8_t)((med >= 0 ? ATTR_MED : 0) |
                                (*status && strcmp(status, "ACTIVE") != 0 ? ATTR_INACTIVE : 0));
            if (read_path(list(v, "asPaths"), "pathSegmentType", "asLists", &s))
                (void)cloud_route(c, &t, jr_get_text(v, "destRange"), 0, &s.a);
            else
                cloud_count_bad_route(c);
        }
    cloud_table_end(c, &t);
}

static void tell_learned(struct cloud *c, uint32_t router, uint32_t peer, int64_t routes,
                         int64_t at_ms)
{
    struct route_stats stats = {.has = 1u << STAT_ADJ_IN_ROUTES};
    stats.value[STAT_ADJ_IN_ROUTES] = (uint64_t)routes;
    cloud_tell_stats(c, router, peer, &stats, at_ms);
}

static void tell_peer(struct cloud *c, uint32_t router, const struct jr_node *v, int64_t at_ms,
                      struct gcp_peers *peers)
{
    const char *status = jr_get_text(v, "status"), *state = jr_get_text(v, "state");
    struct ip_addr far = address(v, "peerIpAddress");
    struct cloud_session s = {
        .listed_by = CLOUD_SESSION,
        .router = router,
        .key = {.address = far, .type = PEER_GLOBAL},
        .up = strcmp(status, "UP") == 0,
        .known = strcmp(status, "UP") == 0 || strcmp(status, "DOWN") == 0,
        .word = *state ? state : status,
        .local = address(v, "ipAddress"),
    };
    if (!far.family) { /* which session would it be? */
        cloud_count_bad_route(c);
        return;
    }
    uint32_t peer = cloud_tell_session(c, &s, at_ms);
    int64_t learned = number(v, "numLearnedRoutes", INT64_MAX, -1);
    if (peer && learned >= 0)
        tell_learned(c, router, peer, learned, at_ms);
    const char *name = jr_get_text(v, "name");
    if (!peer || !s.up || !peers || peers->n == GCP_PEERS_MAX || !*name)
        return;
    struct gcp_peer *p = &peers->peer[peers->n];
    if (!str_copy(p->name, sizeof p->name, name))
        return;
    p->peer = peer;
    p->ipv4 = is_true(v, "enableIpv4", far.family == IPV4);
    p->ipv6 = is_true(v, "enableIpv6", far.family == IPV6);
    peers->n++;
}

bool gcp_router_status(struct cloud *c, uint32_t router, const void *json, size_t n, int64_t at_ms,
                       struct gcp_peers *peers)
{
    const struct jr_node *result = jr_get(cloud_json(c, json, n), "result");
    if (peers)
        peers->n = 0;
    if (!result || result->kind != JR_OBJECT)
        return false;
    uint32_t began = cloud_poll_begin(c);
    const struct jr_node *sessions = list(result, "bgpPeerStatus");
    if (sessions)
        jr_each(v, sessions) tell_peer(c, router, v, at_ms, peers);
    cloud_poll_end(c, CLOUD_SESSION, router, began, at_ms);
    tell_best(c, cloud_router_part(c, router, "sessions"), list(result, "bestRoutesForRouter"),
              at_ms);
    tell_best(c, router, list(result, "bestRoutes"), at_ms);
    return true;
}

/* ---- listBgpRoutes ---- */

static void tell_bgp_route(struct cloud *c, const struct cloud_table *t, const struct jr_node *v)
{
    struct set s = {.a = {.kind = ROUTE_BGP}};
    const struct jr_node *to = jr_get(v, "destination");
    int64_t med = number(v, "med", UINT32_MAX, -1);
    s.a.med = med < 0 ? 0 : (uint32_t)med;
    s.a.has = med < 0 ? 0 : ATTR_MED;
    s.a.origin = read_origin(jr_get_text(v, "origin"));
    if (t->view <= VIEW_IN_POST) /* not in the answer; sessions are of one hop */
        s.a.next_hop = cloud_peer_address(c, t->peer);
    if (read_path(list(v, "asPaths"), "type", "asns", &s) &&
        read_communities(list(v, "communities"), &s))
        (void)cloud_route(c, t, jr_get_text(to, "prefix"),
                          (uint32_t)number(to, "pathId", UINT32_MAX, 0), &s.a);
    else
        cloud_count_bad_route(c);
}

bool gcp_bgp_routes(struct cloud *c, const struct cloud_table *table, bool first, const void *json,
                    size_t n, struct buf *next)
{
    const struct jr_node *o = cloud_json(c, json, n), *result = list(o, "result");
    buf_reset(next);
    if (!o || (jr_get(o, "result") && !result))
        return false; /* without the member the table is empty */
    if (first)
        cloud_table_begin(c, table);
    if (result)
        jr_each(v, result) tell_bgp_route(c, table, v);
    take_token(o, next);
    if (!next->len)
        cloud_table_end(c, table);
    return true;
}

/* ---- interconnectAttachments ---- */

static uint8_t attachment_state(const struct jr_node *v)
{
    const char *state = jr_get_text(v, "state"), *works = jr_get_text(v, "operationalStatus");
    if (strcmp(state, "DEFUNCT") == 0 || !is_true(v, "adminEnabled", true))
        return LINK_DOWN;
    if (strcmp(works, "OS_ACTIVE") == 0 && (!*state || strcmp(state, "ACTIVE") == 0))
        return LINK_UP;
    return *state && strcmp(state, "ACTIVE") != 0 ? LINK_CHANGING : LINK_DOWN;
}

static void tell_attachment(struct cloud *c, const char *place, const struct jr_node *v,
                            int64_t at_ms)
{
    struct buf name = {0};
    const char *router = last_part(jr_get_text(v, "router")), *own = jr_get_text(v, "name");
    if (!*router || !*own) {
        cloud_count_bad_route(c);
        return;
    }
    buf_fmt(&name, "%s/%s", place, router);
    struct link_event e = {.kind = CLOUD_INTERCONNECT,
                           .state = attachment_state(v),
                           .router = cloud_router(c, name.data),
                           .far = cloud_name(c, last_part(jr_get_text(v, "interconnect"))),
                           .vlan = (uint16_t)number(v, "vlanTag8021q", 4094, 0),
                           .mtu = (uint16_t)number(v, "mtu", UINT16_MAX, 0),
                           .at_ms = at_ms};
    buf_reset(&name);
    buf_fmt(&name, "%s/%s", place, own);
    e.link = cloud_name(c, name.data);
    const char *state = jr_get_text(v, "state");
    const char *word = *state && strcmp(state, "ACTIVE") != 0 ? state
                       : is_true(v, "adminEnabled", true)     ? jr_get_text(v, "operationalStatus")
                                                              : "ADMIN_DISABLED";
    cloud_word(e.word, sizeof e.word, word);
    if (e.router)
        cloud_tell_link(c, &e);
    buf_free(&name);
}

bool gcp_attachments(struct cloud *c, const char *place, const void *json, size_t n, int64_t at_ms,
                     struct buf *next)
{
    const struct jr_node *o = cloud_json(c, json, n), *items = list(o, "items");
    buf_reset(next);
    if (!o || (jr_get(o, "items") && !items))
        return false;
    if (items)
        jr_each(v, items) tell_attachment(c, place, v, at_ms);
    take_token(o, next);
    return true;
}
