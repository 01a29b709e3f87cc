/* cloud.c - what was listed last, by name; and the events that follow from what is listed now. */
#include "driver/routes/cloud.h"

#include <string.h>

#include "base/map.h"
#include "base/rng.h"

const char *const cloud_kind_names[CLOUD_KINDS] = {
    "session",     "table",      "interconnect", "virtual interface",
    "association", "attachment", "peering",      "connect peer",
    "vpn",         "tunnel"};
const char *const link_state_names[LINK_STATES] = {"up", "down", "changing", "gone"};

enum { FEED_UNTOLD, FEED_UP, FEED_LOST };
enum {
    LISTERS_MAX = (1 << 24) - 1, /* they have 24 bits of a key */
    FOLLOWED_MAX = 16384,        /* tables: more than the configuration has */
    KNOWN_MS = 10000,            /* a poll has what was changed so long before its answer came */
};

struct followed {        /* a table of which changes are pushed */
    uint64_t sequence;   /* of the newest one applied */
    int64_t polled_ms;   /* when it was last told in full */
    uint32_t generation; /* of the last poll begun before the newest one came; 0: none has come */
};

struct thing { /* a session: its peer; a link: what was told last */
    struct link_event link;
    uint32_t peer;
    uint32_t lister;
    uint8_t listed_by;
    bool told, session_known, session_up;
    uint32_t generation; /* of the poll that listed it */
};

struct cloud {
    struct cloud_ports ports;
    struct jr json;
    struct thing *thing;
    uint32_t things, cap;
    struct map64 by_key;
    uint32_t generation;
    uint32_t lister, listers; /* who is told now; the last one */
    struct map64 called;      /* hash of a name in its cloud -> router */
    struct followed *followed;
    uint32_t n_followed;
    struct map64 followed_of; /* by peer */
    uint8_t *feed;            /* by router */
    uint32_t feeds;
    struct cloud_stats stats;
};

struct cloud *cloud_new(const struct cloud_ports *ports)
{
    struct cloud *c = mem_new(1, sizeof *c);
    c->ports = *ports;
    return c;
}

void cloud_free(struct cloud *c)
{
    if (!c)
        return;
    jr_free(&c->json);
    mem_free(c->thing);
    mem_free(c->feed);
    mem_free(c->followed);
    map64_free(&c->followed_of);
    map64_free(&c->by_key);
    map64_free(&c->called);
    mem_free(c);
}

struct cloud_stats cloud_stats(const struct cloud *c)
{
    return c->stats;
}

void cloud_count_answer(struct cloud *c, bool good)
{
    c->stats.answers++;
    c->stats.bad_answers += !good;
}

void cloud_count_bad_route(struct cloud *c)
{
    c->stats.bad_routes++;
}

const struct jr_node *cloud_json(struct cloud *c, const void *json, size_t n)
{
    bool good = jr_read(&c->json, json, n) && jr_root(&c->json)->kind == JR_OBJECT;
    cloud_count_answer(c, good);
    return good ? jr_root(&c->json) : NULL;
}

/* ---- names ---- */

uint32_t cloud_router(struct cloud *c, const char *name)
{
    uint32_t n = SOURCE_NONE;
    if (*name && !map64_find(&c->called, hash_str(name), &n))
        n = source_router(c->ports.sources, name);
    c->stats.refused += n == SOURCE_NONE;
    return n;
}

uint32_t cloud_router_known(const struct cloud *c, const char *name)
{
    uint32_t n = SOURCE_NONE;
    (void)map64_find(&c->called, hash_str(name), &n);
    return n;
}

void cloud_call(struct cloud *c, const char *theirs, const char *ours)
{
    uint32_t n = source_router(c->ports.sources, ours);
    if (n)
        map64_insert(&c->called, hash_str(theirs), n);
}

uint32_t cloud_router_part(struct cloud *c, uint32_t router, const char *part)
{
    struct buf name = {0};
    buf_fmt(&name, "%s/%s", source_router_name(c->ports.sources, router), part);
    uint32_t n = source_router(c->ports.sources, name.data);
    c->stats.refused += n == SOURCE_NONE;
    buf_free(&name);
    return n;
}

uint32_t cloud_name(struct cloud *c, const char *name)
{
    uint32_t n = *name ? source_name(c->ports.sources, name) : SOURCE_NONE;
    c->stats.refused += *name && n == SOURCE_NONE;
    return n;
}

uint32_t cloud_table_peer(struct cloud *c, uint32_t router, const char *table)
{
    struct peer_key key = {.distinguisher = hash_str(table), .type = PEER_LOC_RIB};
    uint32_t peer = router ? source_peer(c->ports.sources, router, &key) : SOURCE_NONE;
    c->stats.refused += peer == SOURCE_NONE;
    return peer;
}

struct ip_addr cloud_peer_address(const struct cloud *c, uint32_t peer)
{
    return source_peer_get(c->ports.sources, peer)->key.address;
}

void cloud_word(char *out, size_t cap, const char *word)
{
    size_t n = 0;
    for (; word[n] && n + 1 < cap; n++)
        out[n] = word[n] >= ' ' && word[n] <= '~' ? word[n] : '?';
    out[n] = 0;
}

/* ---- things ---- */

static uint64_t key_of(const struct cloud *c, enum cloud_kind kind, uint32_t name)
{
    return mix64((uint64_t)c->lister << 40 | (uint64_t)kind << 32 | name);
}

/* Kinds that have peers for names: sessions and tables. NULL: there are too many. */
static struct thing *thing_of(struct cloud *c, enum cloud_kind kind, uint32_t name)
{
    uint32_t at;
    if (map64_find(&c->by_key, key_of(c, kind, name), &at))
        return &c->thing[at];
    if (c->things == CLOUD_THINGS_MAX) {
        c->stats.refused++;
        return NULL;
    }
    if (c->things == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 64;
        c->thing = mem_grow(c->thing, c->cap, sizeof *c->thing);
    }
    map64_insert(&c->by_key, key_of(c, kind, name), c->things);
    struct thing *t = &c->thing[c->things++];
    *t = (struct thing){.link = {.kind = (uint8_t)kind}, .lister = c->lister};
    return t;
}

static void tell(struct cloud *c, struct route_event *e)
{
    c->ports.sink(c->ports.arg, e);
}

uint32_t cloud_lister_new(struct cloud *c)
{
    BUG_ON(c->listers == LISTERS_MAX);
    return ++c->listers;
}

void cloud_from(struct cloud *c, uint32_t lister)
{
    c->lister = lister;
}

uint32_t cloud_poll_begin(struct cloud *c)
{
    return ++c->generation;
}

static void tell_down(struct cloud *c, struct thing *t, uint8_t reason, const char *word,
                      int64_t at_ms)
{
    struct route_down down = {.reason = reason};
    cloud_word(down.text, sizeof down.text, word);
    tell(c, &(struct route_event){.type = ROUTE_PEER_DOWN,
                                  .router = t->link.router,
                                  .peer = t->peer,
                                  .at_ms = at_ms,
                                  .down = &down});
    t->session_up = false;
}

static void thing_gone(struct cloud *c, struct thing *t, int64_t at_ms)
{
    if (t->link.kind == CLOUD_SESSION) {
        if (t->session_known)
            tell_down(c, t, DOWN_NOT_MONITORED, "", at_ms);
        t->session_known = false;
    } else if (t->link.kind == CLOUD_TABLE) {
        struct cloud_table all = {.router = t->link.router,
                                  .peer = t->peer,
                                  .view = VIEW_LOC_RIB,
                                  .listed_by = t->listed_by,
                                  .at_ms = at_ms};
        cloud_table_begin(c, &all);
        cloud_table_end(c, &all);
    } else {
        t->link.state = LINK_GONE;
        t->link.word[0] = 0;
        t->link.at_ms = at_ms;
        c->ports.link(c->ports.arg, &t->link);
    }
    t->told = false;
}

void cloud_poll_end(struct cloud *c, enum cloud_kind kind, uint32_t scope, uint32_t began,
                    int64_t at_ms)
{
    for (uint32_t i = 0; i < c->things; i++) {
        struct thing *t = &c->thing[i];
        if (t->lister == c->lister && t->listed_by == kind && t->told && t->generation < began &&
            (!scope || t->link.router == scope))
            thing_gone(c, t, at_ms);
    }
}

void cloud_feed(struct cloud *c, uint32_t router, bool works, int64_t at_ms)
{
    if (router >= c->feeds) {
        c->feed = mem_grow(c->feed, router + 1, sizeof *c->feed);
        memset(c->feed + c->feeds, FEED_UNTOLD, router + 1 - c->feeds);
        c->feeds = router + 1;
    }
    uint8_t now = works ? FEED_UP : FEED_LOST;
    if (c->feed[router] == now)
        return;
    c->feed[router] = now;
    for (uint32_t i = 0; works && i < c->things; i++)
        if (c->thing[i].link.router == router)
            c->thing[i].session_known = false;
    tell(c, &(struct route_event){
                .type = works ? ROUTE_FEED_UP : ROUTE_FEED_LOST, .router = router, .at_ms = at_ms});
}

/* ---- tables ---- */

static void tell_table(struct cloud *c, const struct cloud_table *t, enum route_event_type type)
{
    for (uint8_t family = IPV4; family <= IPV6; family += IPV6 - IPV4)
        if (!t->family || t->family == family)
            tell(c, &(struct route_event){.type = (uint8_t)type,
                                          .view = t->view,
                                          .family = family,
                                          .router = t->router,
                                          .peer = t->peer,
                                          .at_ms = t->at_ms});
}

void cloud_table_begin(struct cloud *c, const struct cloud_table *t)
{
    if (t->view == VIEW_LOC_RIB) {
        struct thing *k = thing_of(c, CLOUD_TABLE, t->peer);
        if (k) {
            k->link.router = t->router;
            k->listed_by = t->listed_by;
            k->peer = t->peer;
            k->told = true;
            k->generation = c->generation;
        }
    }
    tell_table(c, t, ROUTE_RESYNC);
}

void cloud_table_end(struct cloud *c, const struct cloud_table *t)
{
    uint32_t at;
    if (t->listed_by == CLOUD_TABLE && map64_find(&c->followed_of, t->peer, &at))
        c->followed[at].polled_ms = t->at_ms;
    tell_table(c, t, ROUTE_END_OF_RIB);
}

static bool route_event_of(struct cloud *c, const struct cloud_table *t, const char *prefix,
                           uint32_t path_id, struct route_event *e)
{
    *e = (struct route_event){.view = t->view,
                              .router = t->router,
                              .peer = t->peer,
                              .at_ms = t->at_ms,
                              .path_id = path_id};
    if (prefix_parse(prefix, &e->prefix) && (!t->family || e->prefix.family == t->family))
        return true;
    c->stats.bad_routes++;
    return false;
}

bool cloud_route(struct cloud *c, const struct cloud_table *t, const char *prefix, uint32_t path_id,
                 const struct attr *a)
{
    struct route_event e;
    if (!route_event_of(c, t, prefix, path_id, &e))
        return false;
    e.type = ROUTE_ANNOUNCE;
    e.attr = attr_intern(c->ports.attrs, a);
    if (e.attr == ATTR_NONE) {
        c->stats.bad_routes++;
        return false;
    }
    c->stats.routes++;
    tell(c, &e);
    attr_release(c->ports.attrs, e.attr);
    return true;
}

bool cloud_withdraw(struct cloud *c, const struct cloud_table *t, const char *prefix,
                    uint32_t path_id)
{
    struct route_event e;
    if (!route_event_of(c, t, prefix, path_id, &e))
        return false;
    e.type = ROUTE_WITHDRAW;
    tell(c, &e);
    return true;
}

/* ---- sessions and links ---- */

uint32_t cloud_tell_session(struct cloud *c, const struct cloud_session *s, int64_t at_ms)
{
    uint32_t peer = s->router ? source_peer(c->ports.sources, s->router, &s->key) : SOURCE_NONE;
    struct thing *t = peer ? thing_of(c, CLOUD_SESSION, peer) : NULL;
    if (!t) {
        c->stats.refused += !peer;
        return SOURCE_NONE;
    }
    source_peer_heard(c->ports.sources, peer, s->as, 0);
    t->link.router = s->router;
    t->listed_by = s->listed_by;
    t->peer = peer;
    t->told = true;
    t->generation = c->generation;
    if (!s->known || (t->session_known && t->session_up == s->up))
        return peer;
    t->session_known = true;
    if (!s->up) {
        tell_down(c, t, DOWN_POLLED, s->word, at_ms);
        return peer;
    }
    struct route_up up = {.local = s->local, .as_local = s->as_local, .as4 = 1};
    tell(c,
         &(struct route_event){
             .type = ROUTE_PEER_UP, .router = s->router, .peer = peer, .at_ms = at_ms, .up = &up});
    t->session_up = true;
    return peer;
}

void cloud_tell_stats(struct cloud *c, uint32_t router, uint32_t peer,
                      const struct route_stats *stats, int64_t at_ms)
{
    tell(c, &(struct route_event){.type = ROUTE_PEER_STATS,
                                  .router = router,
                                  .peer = peer,
                                  .at_ms = at_ms,
                                  .stats = stats});
}

void cloud_tell_link(struct cloud *c, const struct link_event *e)
{
    struct thing *t = e->link ? thing_of(c, e->kind, e->link) : NULL;
    if (!t)
        return;
    struct link_event was = t->link;
    bool told = t->told;
    t->link = *e;
    t->listed_by = e->kind;
    t->told = true;
    t->generation = c->generation;
    was.at_ms = e->at_ms;
    bool same = was.router == e->router && was.far == e->far && was.table == e->table &&
                was.state == e->state && was.vlan == e->vlan && was.mtu == e->mtu &&
                strcmp(was.word, e->word) == 0;
    if (!told || !same)
        c->ports.link(c->ports.arg, e);
}

uint32_t cloud_link_router(const struct cloud *c, enum cloud_kind kind, uint32_t link)
{
    uint32_t at;
    return map64_find(&c->by_key, key_of(c, kind, link), &at) ? c->thing[at].link.router : 0;
}

/* ---- what is pushed ---- */

void cloud_follow(struct cloud *c, const char *gateway, const char *table)
{
    uint32_t at, peer = cloud_table_peer(c, cloud_router(c, gateway), table);
    if (!peer || c->n_followed == FOLLOWED_MAX || map64_find(&c->followed_of, peer, &at))
        return;
    c->followed = mem_grow(c->followed, c->n_followed + 1, sizeof *c->followed);
    c->followed[c->n_followed] = (struct followed){0};
    map64_insert(&c->followed_of, peer, c->n_followed++);
}

static struct followed *followed(struct cloud *c, uint32_t router, const char *table)
{
    uint64_t name = hash_str(table);
    uint32_t at, peer = SOURCE_NONE;
    while ((peer = source_next_peer(c->ports.sources, router, peer)))
        if (source_peer_get(c->ports.sources, peer)->key.distinguisher == name &&
            map64_find(&c->followed_of, peer, &at))
            return &c->followed[at];
    return NULL;
}

enum cloud_turn cloud_turn(struct cloud *c, uint32_t router, const char *table, uint64_t sequence)
{
    struct followed *f = followed(c, router, table);
    if (!f)
        return CLOUD_TURN_NONE;
    bool polled = f->polled_ms > KNOWN_MS && sequence < (uint64_t)(f->polled_ms - KNOWN_MS);
    if (sequence < f->sequence || polled) {
        c->stats.late_changes++;
        return CLOUD_TURN_LATE;
    }
    f->sequence = sequence;
    f->generation = c->generation;
    return CLOUD_TURN_NOW;
}

bool cloud_pushed_since(const struct cloud *c, uint32_t peer, uint32_t began)
{
    uint32_t at;
    return map64_find(&c->followed_of, peer, &at) && c->followed[at].sequence &&
           c->followed[at].generation >= began;
}

bool cloud_push_link(struct cloud *c, enum cloud_kind kind, uint32_t router, const char *name,
                     enum link_state state, const char *word, int64_t at_ms)
{
    bool listed = false;
    for (uint32_t i = 0; i < c->things; i++) {
        struct thing *t = &c->thing[i];
        if (!t->told || t->link.kind != kind || t->link.router != router ||
            strcmp(source_name_text(c->ports.sources, t->link.link), name) != 0)
            continue;
        listed = true;
        struct link_event e = t->link;
        e.state = (uint8_t)state;
        e.at_ms = at_ms;
        cloud_word(e.word, sizeof e.word, word);
        bool same = e.state == t->link.state && strcmp(e.word, t->link.word) == 0;
        t->link = e;
        if (!same)
            c->ports.link(c->ports.arg, &e);
    }
    return listed;
}
