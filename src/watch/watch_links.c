/* watch_links.c - what clouds say of links, into the model.
 *
 * A link of the topology is often several things to clouds: a VLAN attachment at one end and a
 * virtual interface at the other, an attachment of a Transit Gateway and the tunnel of a VPN, a
 * peering that two regions list. It is down while one of them is. A thing that is being changed, or
 * of which nobody can be asked, is what it was last said to be: not known is not down. */
#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <string.h>

#include "base/rng.h"
#include "watch/watch_i.h"

struct thing {
    uint16_t link;
    bool down;
    char said[48]; /* the cloud's word, with the thing's name where that is not the link's */
};

struct watch_links {
    struct map64 thing_of; /* kind, router and name */
    struct thing *thing;
    uint32_t n; /* bounded by the names of the topology */
};

static struct thing *thing_of(struct watch *w, const struct link_event *e, uint16_t link)
{
    if (!w->links)
        w->links = mem_new(1, sizeof *w->links);
    struct watch_links *l = w->links;
    uint64_t key = mix64((uint64_t)e->kind << 56 ^ (uint64_t)e->router << 32 ^ e->link);
    uint32_t at;
    if (map64_find(&l->thing_of, key, &at))
        return &l->thing[at];
    map64_insert(&l->thing_of, key, l->n);
    l->thing = mem_grow(l->thing, l->n + 1, sizeof *l->thing);
    l->thing[l->n] = (struct thing){.link = link};
    return &l->thing[l->n++];
}

static void say(struct thing *t, const struct topo_link *l, const char *name,
                const struct link_event *e)
{
    struct buf b = {0};
    if (strcmp(name, l->name) != 0)
        buf_fmt(&b, "%s: ", name);
    buf_str(&b, *e->word ? e->word : link_state_names[e->state]);
    (void)str_copy(t->said, sizeof t->said, b.data); /* cut to fit */
    buf_free(&b);
}

/* The gateway's table of this name, as a router; TOPO_NONE: none that is asked for. */
static uint16_t table_of(const struct watch *w, const struct watch_aws *g, const char *name)
{
    struct buf router = {0};
    uint16_t table = TOPO_NONE;
    if (strcmp(g->table[0], name) == 0)
        return g->router;
    buf_fmt(&router, "%s/%s", w->o.config->topo.router[g->router].name, name);
    table = topo_router_by_name(&w->o.config->topo, router.data);
    buf_free(&router);
    return table;
}

/* An attachment is associated with a table. Of a gateway of which one table is asked, that is it.
 */
static void associate(struct watch *w, const struct link_event *e, uint16_t router, uint16_t link,
                      const char *name)
{
    const struct watch_clouds *c = &w->o.config->clouds;
    const struct topo *t = &w->o.config->topo;
    const struct watch_aws *g = NULL;
    for (uint32_t i = 0; i < c->n_aws && !g; i++)
        if (c->aws[i].router == router && c->aws[i].n_tables > 1)
            g = &c->aws[i];
    if (!g || !e->table)
        return;
    uint16_t table = table_of(w, g, source_name_text(w->sources, e->table));
    if (link != TOPO_NONE)
        netmodel_associate(w->model, link, router, table);
    for (uint32_t s = 0; s < t->n_sites; s++)
        if (t->site[s].router == router && strcmp(t->site[s].attachment, name) == 0)
            netmodel_associate_site(w->model, (uint16_t)s, table);
    watch__soon(w);
}

/* Google's names are known here without project and region. */
void watch__link_told(void *arg, const struct link_event *e)
{
    struct watch *w = arg;
    const struct topo *t = &w->o.config->topo;
    const char *name = source_name_text(w->sources, e->link);
    if (e->kind == CLOUD_INTERCONNECT && strrchr(name, '/'))
        name = strrchr(name, '/') + 1;
    uint16_t router = topo_router_by_name(t, source_router_name(w->sources, e->router));
    uint16_t link = router == TOPO_NONE ? TOPO_NONE : topo_link_by_name(t, router, name);
    if (router != TOPO_NONE && e->kind == CLOUD_ATTACHMENT)
        associate(w, e, router, link, name);
    if (link == TOPO_NONE || e->state == LINK_CHANGING)
        return; /* one that is being changed goes on as it was */
    struct thing *now = thing_of(w, e, link);
    now->down = e->state != LINK_UP;
    say(now, &t->link[link], name, e);
    const struct thing *shown = now;
    for (uint32_t i = 0; !shown->down && i < w->links->n; i++)
        if (w->links->thing[i].link == link && w->links->thing[i].down)
            shown = &w->links->thing[i];
    netmodel_link(w->model, link, !shown->down, shown->said, e->at_ms);
    watch__soon(w);
}

void watch__links_free(struct watch *w)
{
    if (!w->links)
        return;
    map64_free(&w->links->thing_of);
    mem_free(w->links->thing);
    mem_free(w->links);
}
