/* api_net.c - the network as it is watched: what routers and probes say, verdicts, and what a
 * change would do. */
#include "serve/api_i.h"

#include "serve/net_parse.h"
#include "serve/view_net.h"

/* False: replied with 404. */
static bool watched(struct api_call *k)
{
    if (k->api->watch)
        return true;
    api_problem(k, 404, "No network is watched here; give the configuration a section network.");
    return false;
}

static void finish(struct api_call *k, struct jw *w)
{
    jw_done(w);
    api_reply(k, 200);
}

void api_get_net(struct api_call *k)
{
    if (!watched(k) || !api_query_known(k, (const char *const[]){NULL}))
        return;
    struct jw w = api_json(k);
    view_net(&w, k->api->watch);
    finish(k, &w);
}

void api_get_net_verdicts(struct api_call *k)
{
    static const char *const words[] = {"false", "true"};
    int ended;
    if (!watched(k) || !api_query_known(k, (const char *const[]){"ended", NULL}) ||
        !api_query_word(k, "ended", words, 2, &ended))
        return;
    struct jw w = api_json(k);
    jw_obj(&w);
    jw_key(&w, "verdicts");
    view_net_verdicts(&w, k->api->watch, ended == 1);
    jw_end(&w);
    finish(k, &w);
}

void api_get_net_routes(struct api_call *k)
{
    char text[PREFIX_TEXT_MAX];
    bool given;
    struct prefix p;
    if (!watched(k) || !api_query_known(k, (const char *const[]){"prefix", NULL}) ||
        !api_query_text(k, "prefix", text, sizeof text, &given))
        return;
    if (!given || !prefix_parse(text, &p)) {
        api_problem(k, 400,
                    "prefix: must be a prefix or an address, 10.1.0.0/16 or 2001:db8::1, with no "
                    "bit set beyond its length.");
        return;
    }
    struct jw w = api_json(k);
    view_net_routes(&w, k->api->watch, &p);
    finish(k, &w);
}

static bool query_net_site(struct api_call *k, const char *name, uint16_t *site)
{
    char text[TOPO_NAME_MAX];
    bool given;
    const struct topo *t = watch_topo(k->api->watch);
    if (!api_query_text(k, name, text, sizeof text, &given))
        return false;
    for (uint32_t i = 0; given && i < t->n_sites; i++)
        if (strcmp(t->site[i].name, text) == 0) {
            *site = (uint16_t)i;
            return true;
        }
    api_problem(k, 400, "%s: must be a site of the network; GET /v1/net lists them.", name);
    return false;
}

void api_get_net_path(struct api_call *k)
{
    uint16_t from, to;
    if (!watched(k) || !api_query_known(k, (const char *const[]){"from", "to", NULL}) ||
        !query_net_site(k, "from", &from) || !query_net_site(k, "to", &to))
        return;
    struct jw w = api_json(k);
    view_net_path(&w, k->api->watch, from, to);
    finish(k, &w);
}

void api_post_net_whatif(struct api_call *k)
{
    struct net_change *change = mem_new(WHATIF_CHANGES_MAX, sizeof *change);
    struct whatif *out = mem_new(1, sizeof *out);
    struct api_error error;
    size_t n;
    if (!watched(k)) {
    } else if (!parse_changes(k->rq->body.p, k->rq->body.n, watch_topo(k->api->watch),
                              &k->api->json, change, &n, &error)) {
        api_refuse(k, &error);
    } else {
        watch_settle(k->api->watch);
        if (whatif_try(watch_model(k->api->watch), change, n, out)) {
            struct jw w = api_json(k);
            view_net_whatif(&w, k->api->watch, out);
            finish(k, &w);
        } else {
            api_problem(k, 422,
                        "changes: one of them names what is not there: a link that does not begin "
                        "at the router, a route or a session that it has not.");
        }
    }
    mem_free(out);
    mem_free(change);
}

void api_get_net_plan(struct api_call *k)
{
    enum { US_PER_COST_MAX = 1000000 };
    uint32_t us_per_cost = 0;
    if (!watched(k) || !api_query_known(k, (const char *const[]){"us_per_cost", NULL}) ||
        !api_query_count(k, "us_per_cost", &us_per_cost, US_PER_COST_MAX))
        return;
    struct optimise_options o = {.us_per_cost = us_per_cost};
    struct optimise_plan *plan = mem_new(1, sizeof *plan);
    watch_settle(k->api->watch);
    bool proved = optimise(watch_model(k->api->watch), &o, plan);
    struct jw w = api_json(k);
    view_net_plan(&w, k->api->watch, plan, proved);
    finish(k, &w);
    mem_free(plan);
}

void api_post_net_probes(struct api_call *k)
{
    struct probe_result *r = mem_new(PROBE_RESULTS_MAX, sizeof *r);
    struct api_error error;
    size_t n, taken = 0;
    if (!watched(k)) {
    } else if (!parse_probes(k->rq->body.p, k->rq->body.n, watch_topo(k->api->watch), &k->api->json,
                             r, &n, &error)) {
        api_refuse(k, &error);
    } else {
        for (size_t i = 0; i < n; i++)
            taken += watch_probe(k->api->watch, &r[i]);
        struct jw w = api_json(k);
        jw_obj(&w);
        kv_uint(&w, "taken", taken);
        kv_uint(&w, "refused", n - taken); /* there are more paths than can be kept */
        jw_end(&w);
        finish(k, &w);
    }
    mem_free(r);
}

/* An API destination gives its key in a field of the name that its connection has: either of the
 * two usual ones. */
static bool has_key(const struct api_call *k)
{
    static const char bearer[] = "Bearer ";
    const size_t n = sizeof bearer - 1;
    struct http_span key = http_header(k->rq, "X-Api-Key");
    struct http_span given = http_header(k->rq, "Authorization");
    if (key.p)
        return watch_push_key(k->api->watch, key.p, key.n);
    return given.n > n && memcmp(given.p, bearer, n) == 0 &&
           watch_push_key(k->api->watch, given.p + n, given.n - n);
}

void api_post_net_aws_events(struct api_call *k)
{
    const char *why = "";
    if (!watched(k))
        return;
    if (!watch_push_open(k->api->watch)) {
        api_problem(k, 403, "Events are not taken here; give network.clouds.aws_events a key.");
        return;
    }
    if (!has_key(k)) {
        http_reply_header(k->rq, "WWW-Authenticate", "Bearer");
        api_problem(k, 401, "The key (X-Api-Key, or Authorization: Bearer) is missing or wrong.");
        return;
    }
    enum watch_push how = watch_push(k->api->watch, k->rq->body.p, k->rq->body.n, &why);
    if (how == WATCH_PUSH_BAD) {
        api_problem(k, 400, "%s", why);
        return;
    }
    struct jw w = api_json(k);
    jw_obj(&w);
    kv_text(&w, "event", watch_push_names[how]);
    jw_end(&w);
    finish(k, &w);
}

void api_watch(struct api *a, struct watch *w)
{
    a->watch = w;
}

void api_verdict(struct api *a, const struct verdict *v, const char *text)
{
    char line[TIMELINE_TEXT];
    snprintf(line, sizeof line, "%s%s", v->state == VERDICT_ENDED ? "over: " : "", text);
    timeline_add(&a->timeline, a->world ? world_now(a->world) : 0, "network", line, "");
}
