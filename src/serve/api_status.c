/* api_status.c - the whole in one reply, what there is, whether it serves, and how a run went. */
#include "serve/api_i.h"

#include <stdio.h>
#include <string.h>

#include "serve/openapi_json.h"

void api_get_health(struct api_call *k)
{
    if (!k->node) {
        api_problem(k, 503, "No node is up.");
        return;
    }
    struct jw w = api_json(k);
    jw_obj(&w);
    kv_text(&w, "status", live_rushing(k->api->live) ? "starting" : "serving");
    kv_text(&w, "node", view_node_name(k->core, k->core->self));
    kv_text(&w, "version", TANDEM_VERSION);
    jw_end(&w);
    api_reply(k, 200);
}

void api_get_status(struct api_call *k)
{
    static const char *const names[] = {NULL};
    if (!api_query_known(k, names))
        return;
    struct scene s = api_scene(k->api, k->core);
    const struct cfg_policy *p = core_policy(k->core);
    struct jw w = api_json(k);
    jw_obj(&w);
    kv_text(&w, "name", k->core->c->name);
    kv_text(&w, "version", TANDEM_VERSION);
    kv_text(&w, "answered_by", view_node_name(k->core, k->core->self));
    kv_int(&w, "now_ms", s.now);
    kv_decimal(&w, "speed", s.speed, 3);
    kv_int(&w, "late_ms", live_late_ms(k->api->live));
    kv_text(&w, "policy", p->name);
    kv_int(&w, "share_bound_contacts", p->share_bound_contacts);
    jw_key(&w, "totals");
    view_totals(&w, &s);
    jw_key(&w, "alerts");
    view_alerts(&w, &s);
    jw_key(&w, "nodes");
    view_nodes(&w, &s);
    jw_key(&w, "sites");
    view_sites(&w, &s);
    jw_end(&w);
    api_reply(k, 200);
}

/* One or two sections of the picture with the time of it. */
typedef void section_fn(struct jw *w, const struct scene *s);

static void reply_sections(struct api_call *k, const char *key, section_fn *write, const char *key2,
                           section_fn *write2)
{
    static const char *const names[] = {NULL};
    if (!api_query_known(k, names))
        return;
    struct scene s = api_scene(k->api, k->core);
    struct jw w = api_json(k);
    jw_obj(&w);
    kv_int(&w, "now_ms", s.now);
    jw_key(&w, key);
    write(&w, &s);
    if (key2) {
        jw_key(&w, key2);
        write2(&w, &s);
    }
    jw_end(&w);
    api_reply(k, 200);
}

void api_get_sites(struct api_call *k)
{
    reply_sections(k, "sites", view_sites, NULL, NULL);
}

void api_get_queues(struct api_call *k)
{
    reply_sections(k, "queues", view_queues, NULL, NULL);
}

void api_get_nodes(struct api_call *k)
{
    reply_sections(k, "nodes", view_nodes, "health", view_health);
}

/* What one node has: the facts it has folded, and what it made of them. */
static void state_of(struct jw *w, const struct config *c, struct node *n)
{
    const struct core *k = node_core(n);
    char hash[17];
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)core_hash(k));
    kv_text(w, "state_hash", hash);
    jw_key(w, "facts");
    jw_obj(w);
    for (uint8_t i = 0; i <= c->n_sites; i++) {
        uint8_t origin = i ? i - 1 : HUB;
        kv_uint(w, view_node_name(k, origin), k->vector[origin].seq);
    }
    jw_end(w);
    kv_uint(w, "contacts_live", k->contacts_live);
    kv_uint(w, "contacts_ended", node_store(n)->ops->history_count(node_store(n)));
}

/* Do the replicas agree? Nodes that have folded the same facts have the same hash. It is worked out
 * over the whole model of each, so this is for who asks, not for a board that looks all the time.
 */
void api_get_state(struct api_call *k)
{
    static const char *const names[] = {NULL};
    if (!api_query_known(k, names))
        return;
    const struct config *c = k->core->c;
    uint64_t hash = core_hash(k->core);
    bool agree = true;
    struct jw w = api_json(k);
    jw_obj(&w);
    kv_int(&w, "now_ms", world_now(k->api->world));
    kv_arr(&w, "nodes");
    for (uint8_t i = 0; i <= c->n_sites; i++) {
        uint8_t id = i ? i - 1 : HUB;
        struct node *n = world_node(k->api->world, id);
        jw_obj(&w);
        kv_text(&w, "name", view_node_name(k->core, id));
        kv_bool(&w, "running", n != NULL);
        if (n)
            state_of(&w, c, n);
        jw_end(&w);
        agree = agree && n && core_hash(node_core(n)) == hash;
    }
    jw_end(&w);
    kv_bool(&w, "agree", agree);
    jw_end(&w);
    api_reply(k, 200);
}

void api_get_arrivals(struct api_call *k)
{
    reply_sections(k, "series", view_series, NULL, NULL);
}

void api_get_timeline(struct api_call *k)
{
    reply_sections(k, "timeline", view_timeline, NULL, NULL);
}

/* ---- what there is ---- */

void api_get_index(struct api_call *k)
{
    struct jw w = api_json(k);
    jw_obj(&w);
    kv_text(&w, "openapi", "/openapi.json");
    kv_arr(&w, "paths");
    for (size_t i = 0; i < api_n_routes; i++) {
        jw_obj(&w);
        kv_text(&w, "method", http_method_names[api_routes[i].method]);
        kv_text(&w, "path", api_routes[i].path);
        jw_end(&w);
    }
    jw_end(&w);
    jw_end(&w);
    api_reply_tagged(k);
}

void api_get_openapi(struct api_call *k)
{
    http_reply_asset(k->rq, &openapi_json);
}

/* ---- at the end ---- */

void api_summary(struct api *a, struct buf *out)
{
    const struct stats_all *t = stats_all(a->stats);
    double came = (double)(t->sum.answered + t->sum.abandoned);
    buf_fmt(out, "%llu contacts placed, %llu answered, %llu abandoned; ",
            (unsigned long long)t->placed, (unsigned long long)t->sum.answered,
            (unsigned long long)t->sum.abandoned);
    if (came > 0)
        buf_fmt(out, "%.2f %% answered in target, ", 100 * (double)t->sum.in_target / came);
    buf_fmt(out, "%llu moved while they waited\n", (unsigned long long)t->moved);
    uint8_t teller = api_teller(a);
    if (teller == SITE_NONE || !a->world)
        return;
    const struct core *k = node_core(world_node(a->world, teller));
    const struct cfg_policy *p = core_policy(k);
    for (uint8_t g = 0; g < p->n_groups; g++) {
        uint64_t all = 0;
        int32_t wanted[SITES_MAX];
        shares_wanted(k, k->policy, g, wanted);
        for (uint8_t s = 0; s < k->c->n_sites; s++)
            all += k->group[g].placed[s];
        for (int i = 0; i < p->group[g].n_sites; i++) {
            uint8_t s = p->group[g].site[i];
            buf_fmt(out, "  %-20s %8llu contacts, %6.2f %% of group %s (share %g %%), %+.1f off\n",
                    k->c->site[s].name, (unsigned long long)k->group[g].placed[s],
                    all ? 100 * (double)k->group[g].placed[s] / (double)all : 0, p->group[g].name,
                    wanted[s] / 1e4, (double)-k->group[g].lag_u[s] / PPM);
        }
    }
}
