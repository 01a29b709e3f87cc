/* cloud_record.h - what a cloud tells, as lines of text: for tests. */
#pragma once

#include <stdio.h>

#include "base/mem.h"
#include "driver/routes/cloud.h"

struct record {
    struct attr_table *attrs;
    struct sources *sources;
    struct cloud *cloud;
    struct buf text;
};

static inline const char *record__peer(const struct record *r, uint32_t peer, char out[80])
{
    char ip[IP_TEXT_MAX];
    if (!peer)
        return "";
    const struct source_peer *p = source_peer_get(r->sources, peer);
    snprintf(out, 80, " peer %u %s", peer,
             p->key.type == PEER_LOC_RIB ? "(table)" : ip_text(&p->key.address, ip));
    return out;
}

static inline void record__attr(struct record *r, const struct attr *a)
{
    char path[200], ip[IP_TEXT_MAX];
    buf_fmt(&r->text, " %s path [%s]", route_kind_names[a->kind],
            attr_path_text(a, path, sizeof path));
    if (a->next_hop.family)
        buf_fmt(&r->text, " next %s", ip_text(&a->next_hop, ip));
    if (a->has & ATTR_MED)
        buf_fmt(&r->text, " med %u", a->med);
    if (a->priority)
        buf_fmt(&r->text, " priority %u", a->priority);
    if (a->region_cost)
        buf_fmt(&r->text, " cost %u", a->region_cost);
    if (a->via)
        buf_fmt(&r->text, " via %s", source_name_text(r->sources, a->via));
    for (int i = 0; i < a->n_communities; i++)
        buf_fmt(&r->text, " %u:%u", a->communities[i] >> 16, a->communities[i] & 0xffff);
    buf_fmt(&r->text, " origin %d%s%s", a->origin, a->has & ATTR_BLACKHOLE ? " blackhole" : "",
            a->has & ATTR_INACTIVE ? " inactive" : "");
}

static inline void record_route(void *arg, const struct route_event *e)
{
    struct record *r = arg;
    char peer[80], prefix[PREFIX_TEXT_MAX];
    buf_fmt(&r->text, "%s %s%s", route_event_names[e->type],
            source_router_name(r->sources, e->router), record__peer(r, e->peer, peer));
    if (e->type <= ROUTE_RESYNC)
        buf_fmt(&r->text, " %s", route_view_names[e->view]);
    if (e->type == ROUTE_END_OF_RIB || e->type == ROUTE_RESYNC)
        buf_fmt(&r->text, " ipv%u", e->family);
    if (e->type <= ROUTE_WITHDRAW)
        buf_fmt(&r->text, " %s id %u", prefix_text(&e->prefix, prefix), e->path_id);
    if (e->type == ROUTE_ANNOUNCE)
        record__attr(r, attr_get(r->attrs, e->attr));
    if (e->type == ROUTE_PEER_UP)
        buf_fmt(&r->text, " as %u local as %u", source_peer_get(r->sources, e->peer)->as,
                e->up->as_local);
    if (e->type == ROUTE_PEER_DOWN)
        buf_fmt(&r->text, " reason %u [%s]", e->down->reason, e->down->text);
    if (e->type == ROUTE_PEER_STATS)
        buf_fmt(&r->text, " learned %llu", (unsigned long long)e->stats->value[STAT_ADJ_IN_ROUTES]);
    buf_char(&r->text, '\n');
}

static inline void record_link(void *arg, const struct link_event *e)
{
    struct record *r = arg;
    buf_fmt(&r->text, "link %s %s of %s %s [%s] far %s table %s vlan %u mtu %u\n",
            cloud_kind_names[e->kind], source_name_text(r->sources, e->link),
            source_router_name(r->sources, e->router), link_state_names[e->state], e->word,
            e->far ? source_name_text(r->sources, e->far) : "-",
            e->table ? source_name_text(r->sources, e->table) : "-", e->vlan, e->mtu);
}

static inline void record_begin(struct record *r)
{
    *r = (struct record){.attrs = attr_table_new(1, 10000, 10 << 20), .sources = sources_new()};
    r->cloud = cloud_new(
        &(struct cloud_ports){r->attrs, r->sources, record_route, record_link, r});
}

static inline void record_end(struct record *r)
{
    cloud_free(r->cloud);
    sources_free(r->sources);
    attr_table_free(r->attrs);
    buf_free(&r->text);
}
