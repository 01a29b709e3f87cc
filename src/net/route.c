/* route.c - numbers for routers, peers and names, and the words for what ends a session.
 *
 * How many there may be: 4,096 routers are ten times the largest estate anyone runs with one hub,
 * and 64 peers on each 262,144; beyond that a feed is broken or hostile. Numbers are never taken
 * back, so one router has a limit of its own: it may say whatever it likes, and the others still
 * get theirs. */
#include "net/route.h"

#include "base/map.h"
#include "base/rng.h"

const char *const route_view_names[VIEWS] = {"in-pre", "in-post", "out-pre", "out-post", "loc-rib"};

const char *const route_event_names[ROUTE_EVENT_TYPES] = {
    "announce",  "withdraw",   "end-of-rib", "resync",    "peer-up",
    "peer-down", "peer-stats", "feed-up",    "feed-lost",
};

/* ---- names ---- */

struct name_list {
    char **text; /* by number - 1 */
    uint32_t n, cap, max;
    struct map64 by_hash;
};

/* Two names with one 64-bit hash: the second looks on under the next key. */
static uint32_t name_number(struct name_list *l, const char *name)
{
    uint64_t key = hash_str(name);
    uint32_t id = 0;
    for (; map64_find(&l->by_hash, key, &id); key++)
        if (strcmp(l->text[id - 1], name) == 0)
            return id;
    if (l->n == l->max || strlen(name) >= SOURCE_NAME_MAX)
        return SOURCE_NONE;
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 16;
        l->text = mem_grow(l->text, l->cap, sizeof *l->text);
    }
    l->text[l->n++] = mem_strdup(name);
    map64_insert(&l->by_hash, key, l->n);
    return l->n;
}

static void names_free(struct name_list *l)
{
    for (uint32_t i = 0; i < l->n; i++)
        mem_free(l->text[i]);
    mem_free(l->text);
    map64_free(&l->by_hash);
}

/* ---- sources ---- */

struct peer_entry {
    struct source_peer peer;
    uint32_t next; /* of the same router */
};

struct router_peers {
    uint32_t first, last, n;
};

struct sources {
    struct name_list routers, names;
    struct router_peers *of_router; /* by number - 1 */
    uint32_t cap_routers;
    struct peer_entry *peer; /* by number - 1 */
    uint32_t n_peers, cap_peers;
    struct map64 peer_by_hash;
};

struct sources *sources_new(void)
{
    struct sources *s = mem_new(1, sizeof *s);
    s->routers.max = SOURCE_ROUTERS_MAX;
    s->names.max = SOURCE_NAMES_MAX;
    return s;
}

void sources_free(struct sources *s)
{
    if (!s)
        return;
    names_free(&s->routers);
    names_free(&s->names);
    mem_free(s->of_router);
    mem_free(s->peer);
    map64_free(&s->peer_by_hash);
    mem_free(s);
}

uint32_t source_router(struct sources *s, const char *name)
{
    uint32_t before = s->routers.n, id = name_number(&s->routers, name);
    if (s->routers.n > s->cap_routers) {
        s->cap_routers = s->routers.cap;
        s->of_router = mem_grow(s->of_router, s->cap_routers, sizeof *s->of_router);
    }
    if (s->routers.n > before)
        s->of_router[id - 1] = (struct router_peers){0};
    return id;
}

uint32_t source_name(struct sources *s, const char *name)
{
    return name_number(&s->names, name);
}

static uint64_t peer_hash(uint32_t router, const struct peer_key *k)
{
    uint64_t hi, lo;
    memcpy(&hi, k->address.byte, 8);
    memcpy(&lo, k->address.byte + 8, 8);
    uint64_t h = mix64(router) ^ mix64(k->distinguisher + 1);
    h = mix64(h ^ hi);
    return mix64(h ^ lo ^ (uint64_t)k->type << 56 ^ (uint64_t)k->address.family << 48);
}

static bool peer_is(const struct source_peer *p, uint32_t router, const struct peer_key *k)
{
    return p->router == router && p->key.distinguisher == k->distinguisher &&
           p->key.type == k->type && ip_equal(&p->key.address, &k->address);
}

uint32_t source_peer(struct sources *s, uint32_t router, const struct peer_key *key)
{
    BUG_ON(router == SOURCE_NONE || router > s->routers.n);
    uint64_t hash = peer_hash(router, key);
    uint32_t id = 0;
    for (; map64_find(&s->peer_by_hash, hash, &id); hash++)
        if (peer_is(&s->peer[id - 1].peer, router, key))
            return id;
    struct router_peers *of = &s->of_router[router - 1];
    if (s->n_peers == SOURCE_PEERS_MAX || of->n == SOURCE_PEERS_ROUTER_MAX)
        return SOURCE_NONE;
    if (s->n_peers == s->cap_peers) {
        s->cap_peers = s->cap_peers ? s->cap_peers * 2 : 16;
        s->peer = mem_grow(s->peer, s->cap_peers, sizeof *s->peer);
    }
    s->peer[s->n_peers++] = (struct peer_entry){.peer = {.router = router, .key = *key}};
    id = s->n_peers;
    map64_insert(&s->peer_by_hash, hash, id);
    if (of->last)
        s->peer[of->last - 1].next = id;
    else
        of->first = id;
    of->last = id;
    of->n++;
    return id;
}

const char *source_router_name(const struct sources *s, uint32_t router)
{
    BUG_ON(router == SOURCE_NONE || router > s->routers.n);
    return s->routers.text[router - 1];
}

const char *source_name_text(const struct sources *s, uint32_t name)
{
    BUG_ON(name == SOURCE_NONE || name > s->names.n);
    return s->names.text[name - 1];
}

const struct source_peer *source_peer_get(const struct sources *s, uint32_t peer)
{
    BUG_ON(peer == SOURCE_NONE || peer > s->n_peers);
    return &s->peer[peer - 1].peer;
}

void source_peer_heard(struct sources *s, uint32_t peer, uint32_t as, uint32_t router_id)
{
    BUG_ON(peer == SOURCE_NONE || peer > s->n_peers);
    struct source_peer *p = &s->peer[peer - 1].peer;
    if (as)
        p->as = as;
    if (router_id)
        p->router_id = router_id;
}

uint32_t source_routers(const struct sources *s)
{
    return s->routers.n;
}

uint32_t source_peers(const struct sources *s)
{
    return s->n_peers;
}

uint32_t source_next_peer(const struct sources *s, uint32_t router, uint32_t after)
{
    BUG_ON(router == SOURCE_NONE || router > s->routers.n || after > s->n_peers);
    return after ? s->peer[after - 1].next : s->of_router[router - 1].first;
}

/* ---- why a session ended ---- */

static const struct {
    uint8_t code, subcode;
    const char *text;
} notifications[] = {
    {1, 0, "message header error"},
    {2, 0, "OPEN refused"},
    {2, 2, "wrong AS number"},
    {2, 3, "bad router id"},
    {2, 6, "hold time refused"},
    {2, 7, "capability refused"},
    {3, 0, "UPDATE refused"},
    {4, 0, "hold timer expired"},
    {5, 0, "state machine error"},
    {6, 0, "cease"},
    {6, 1, "too many prefixes"},
    {6, 2, "shut down by an operator"},
    {6, 3, "taken out of the configuration"},
    {6, 4, "reset by an operator"},
    {6, 5, "connection refused"},
    {6, 6, "configuration changed"},
    {6, 7, "connections collided"},
    {6, 8, "out of resources"},
    {6, 9, "hard reset"},
    {6, 10, "BFD down"},
    {7, 0, "route refresh error"},
};

static const char *notification_text(uint8_t code, uint8_t subcode)
{
    const char *general = "unknown notification";
    for (size_t i = 0; i < COUNTOF(notifications); i++) {
        if (notifications[i].code == code && notifications[i].subcode == subcode)
            return notifications[i].text;
        if (notifications[i].code == code && !notifications[i].subcode)
            general = notifications[i].text;
    }
    return general;
}

const char *route_down_text(const struct route_down *d)
{
    switch (d->reason) {
    case DOWN_LOCAL_NOTIFICATION:
    case DOWN_REMOTE_NOTIFICATION: return notification_text(d->code, d->subcode);
    case DOWN_LOCAL_FSM: return d->fsm_event == 10 ? "hold timer expired" : "closed by the router";
    case DOWN_REMOTE_SILENT: return "connection lost";
    case DOWN_NOT_MONITORED: return "no longer monitored";
    case DOWN_LOC_RIB: return "instance taken away";
    case DOWN_POLLED: return d->text;
    default: return "unknown reason";
    }
}
