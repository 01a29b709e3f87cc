/* api.c - the table of paths, dispatch, replies, and the hooks of the nodes. */
#include "serve/api_i.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "web/web_assets.h"

/* ---- the table: one row a path and method ---- */

#define ROUTE(m, p, fn)                                                                            \
    {                                                                                              \
        .method = HTTP_METHOD_##m, .path = (p), .handle = (fn)                                     \
    }
#define ALWAYS(m, p, fn)                                                                           \
    {                                                                                              \
        .method = HTTP_METHOD_##m, .path = (p), .handle = (fn), .without_node = true               \
    }
const struct api_route api_routes[] = {
    ROUTE(POST, "/v1/route", api_route_place),
    ALWAYS(GET, "/v1", api_get_index),
    ALWAYS(GET, "/v1/health", api_get_health),
    ROUTE(GET, "/v1/status", api_get_status),
    ROUTE(GET, "/v1/sites", api_get_sites),
    ROUTE(GET, "/v1/sites/{site}", api_get_site),
    ROUTE(POST, "/v1/sites/{site}/drain", api_drain),
    ROUTE(PUT, "/v1/sites/{site}/drain", api_drain),
    ROUTE(POST, "/v1/sites/{site}/restore", api_restore),
    ROUTE(GET, "/v1/queues", api_get_queues),
    ROUTE(GET, "/v1/agents", api_get_agents),
    ROUTE(GET, "/v1/agents/{agent}", api_get_agent),
    ROUTE(GET, "/v1/contacts", api_get_contacts),
    ROUTE(GET, "/v1/contacts/{contact}", api_get_contact),
    ROUTE(GET, "/v1/contacts/{contact}/explain", api_get_explain),
    ROUTE(GET, "/v1/customers/{customer}/contacts", api_get_customer),
    ROUTE(GET, "/v1/shares", api_get_shares),
    ROUTE(PUT, "/v1/shares", api_put_shares),
    ROUTE(GET, "/v1/policies", api_get_policies),
    ROUTE(PUT, "/v1/policy", api_put_policy),
    ROUTE(GET, "/v1/nodes", api_get_nodes),
    ROUTE(GET, "/v1/state", api_get_state),
    ROUTE(GET, "/v1/arrivals", api_get_arrivals),
    ROUTE(GET, "/v1/timeline", api_get_timeline),
    ROUTE(GET, "/v1/events", api_get_events),
    ROUTE(GET, "/v1/events/stream", api_follow_events),
    ROUTE(GET, "/v1/stream", api_get_stream),
    ALWAYS(GET, "/v1/net", api_get_net),
    ALWAYS(GET, "/v1/net/verdicts", api_get_net_verdicts),
    ALWAYS(GET, "/v1/net/routes", api_get_net_routes),
    ALWAYS(GET, "/v1/net/path", api_get_net_path),
    ALWAYS(POST, "/v1/net/what-if", api_post_net_whatif),
    ALWAYS(GET, "/v1/net/plan", api_get_net_plan),
    ALWAYS(POST, "/v1/net/probes", api_post_net_probes),
    ALWAYS(POST, "/v1/net/aws-events", api_post_net_aws_events),
    ALWAYS(GET, "/v1/sim/faults", api_get_faults),
    ALWAYS(POST, "/v1/sim/faults", api_post_fault),
    ALWAYS(DELETE, "/v1/sim/faults", api_delete_faults),
    ALWAYS(DELETE, "/v1/sim/faults/{fault}", api_delete_fault),
    ALWAYS(GET, "/metrics", api_get_metrics),
    ALWAYS(GET, "/openapi.json", api_get_openapi),
};
const size_t api_n_routes = COUNTOF(api_routes);

/* Does the path fit the row's pattern? What stands for {...} goes to param. */
static bool fits(const char *pattern, const struct http_path *path, const char *param[2])
{
    uint32_t n = 0;
    int params = 0;
    while (*pattern == '/') {
        size_t len = strcspn(++pattern, "/");
        if (n == path->n)
            return false;
        if (*pattern == '{')
            param[params++] = path->segment[n];
        else if (strlen(path->segment[n]) != len || memcmp(pattern, path->segment[n], len) != 0)
            return false;
        pattern += len;
        n++;
    }
    return n == path->n;
}

/* ---- who answers ---- */

uint8_t api_teller(const struct api *a)
{
    if (!a->world || world_node(a->world, HUB))
        return HUB;
    for (uint8_t s = 0; s < SITES_MAX; s++)
        if (world_node(a->world, s))
            return s;
    return SITE_NONE;
}

static bool tells(const struct api *a, const struct node *n)
{
    return node_self(n) == HUB || node_self(n) == api_teller(a);
}

struct scene api_scene(struct api *a, struct core *k)
{
    uint64_t wall = uv_now(a->o.loop);
    td_ms now = live_now(a->live);
    if (!a->people_wall_ms || wall - a->people_wall_ms >= 1000) {
        a->people_wall_ms = MAX(wall, 1);
        view_count_people(k, &a->people);
    }
    view_remember(&a->memory, k, now);
    return (struct scene){.k = k,
                          .stats = a->stats,
                          .timeline = &a->timeline,
                          .people = &a->people,
                          .memory = &a->memory,
                          .watch = a->watch,
                          .now = now,
                          .speed = live_speed(a->live)};
}

/* ---- replies ---- */

static const char json_type[] = "application/json";

static void name_node(const struct api_call *k, struct node *n)
{
    if (n)
        http_reply_header(k->rq, "Tandem-Node", view_node_name(node_core(n), node_self(n)));
}

struct jw api_json(struct api_call *k)
{
    struct jw w;
    buf_reset(&k->api->body);
    jw_begin(&w, &k->api->body);
    return w;
}

void api_reply(struct api_call *k, int status)
{
    name_node(k, k->node);
    http_reply_header(k->rq, "Cache-Control", "no-store");
    http_reply(k->rq, status, json_type, k->api->body.data, k->api->body.len);
}

void api_reply_tagged(struct api_call *k)
{
    char etag[20];
    snprintf(etag, sizeof etag, "\"%016llx\"",
             (unsigned long long)hash_bytes(k->api->body.data, k->api->body.len));
    name_node(k, k->node);
    http_reply_header(k->rq, "ETag", etag);
    http_reply_header(k->rq, "Cache-Control", "no-cache");
    if (http_if_none_match(k->rq, etag))
        http_reply(k->rq, 304, NULL, NULL, 0);
    else
        http_reply(k->rq, 200, json_type, k->api->body.data, k->api->body.len);
}

void api_problem(struct api_call *k, int status, const char *fmt, ...)
{
    char detail[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(detail, sizeof detail, fmt, ap);
    va_end(ap);
    name_node(k, k->node);
    if (status == 503) {
        char seconds[12];
        snprintf(seconds, sizeof seconds, "%d", RETRY_AFTER_S);
        http_reply_header(k->rq, "Retry-After", seconds);
    }
    http_problem(k->rq, status, NULL, detail);
}

void api_refuse(struct api_call *k, const struct api_error *e)
{
    api_problem(k, e->status, "%s", e->detail);
}

/* ---- replies that wait ---- */

static void later_done(struct later *l)
{
    LIST_REMOVE(l, link);
    l->next_free = l->api->later_free;
    l->api->later_free = l;
}

static void later_durable(void *arg)
{
    struct later *l = arg;
    if (l->rq) {
        struct api_call k = {.api = l->api, .rq = l->rq, .node = l->node};
        name_node(&k, l->node); /* only writes wait: their replies are not cached anyway */
        http_reply(l->rq, l->status, json_type, l->body.data, l->body.len);
    }
    later_done(l);
}

static void later_cancelled(void *arg)
{
    ((struct later *)arg)->rq = NULL; /* the node still has it */
}

void api_reply_later(struct api_call *k, int status)
{
    struct api *a = k->api;
    struct later *l = a->later_free;
    if (l)
        a->later_free = l->next_free;
    else
        l = mem_new(1, sizeof *l);
    struct buf mine = l->body; /* the body changes hands instead of being copied */
    *l = (struct later){.api = a, .rq = k->rq, .node = k->node, .status = status, .body = a->body};
    a->body = mine;
    LIST_INSERT_HEAD(&a->waiting, l, link);
    http_defer(k->rq, later_cancelled, l);
    node_when_durable(k->node, later_durable, l);
}

/* The node will not say any more whether it was durable. */
static void later_lost(struct api *a, const struct node *gone)
{
    struct later *l, *next;
    for (l = LIST_FIRST(&a->waiting); l; l = next) {
        next = LIST_NEXT(l, link);
        if (l->node != gone)
            continue;
        if (l->rq)
            api_problem(&(struct api_call){.api = a, .rq = l->rq}, 503,
                        "The node that was asked went down before the answer was durable. Ask "
                        "again; the same contact id gets the same place.");
        later_done(l);
    }
}

/* ---- parameters ---- */

bool api_query_known(struct api_call *k, const char *const *names)
{
    struct http_span q = k->rq->query;
    size_t pairs = q.n != 0, found = 0;
    for (size_t i = 0; i < q.n; i++)
        pairs += q.p[i] == '&';
    char list[200] = "", value[2];
    for (const char *const *n = names; *n; n++) {
        found += http_query_get(q, *n, value, sizeof value) != HTTP_PARAM_NONE;
        size_t at = strlen(list);
        snprintf(list + at, sizeof list - at, "%s%s", at ? ", " : "", *n);
    }
    if (found == pairs)
        return true;
    api_problem(k, 400,
                "The query has a parameter that is not known or is given twice; it may "
                "have: %s.",
                *names ? list : "none");
    return false;
}

bool api_query_text(struct api_call *k, const char *name, char *out, size_t cap, bool *given)
{
    enum http_param p = http_query_get(k->rq->query, name, out, cap);
    *given = p == HTTP_PARAM_OK;
    if (p != HTTP_PARAM_BAD)
        return true;
    api_problem(k, 400, "%s: is malformed, too long or given twice.", name);
    return false;
}

bool api_query_count(struct api_call *k, const char *name, uint32_t *value, uint32_t max)
{
    char text[12];
    bool given;
    if (!api_query_text(k, name, text, sizeof text, &given))
        return false;
    if (!given)
        return true;
    uint32_t v = 0;
    size_t n = strspn(text, "0123456789");
    for (size_t i = 0; i < n && v <= max; i++)
        v = v * 10 + (uint32_t)(text[i] - '0');
    if (!n || text[n] || !v || v > max || n > 9) {
        api_problem(k, 400, "%s: must be a whole number, 1 to %u.", name, max);
        return false;
    }
    *value = v;
    return true;
}

bool api_query_site(struct api_call *k, int *site)
{
    char text[NAME_MAX_LEN];
    bool given;
    *site = -1;
    if (!api_query_text(k, "site", text, sizeof text, &given))
        return false;
    if (!given)
        return true;
    *site = config_site_by_name(k->core->c, text);
    if (*site >= 0)
        return true;
    api_problem(k, 400, "site: there is no site of this name; GET /v1/sites lists them.");
    return false;
}

bool api_query_queue(struct api_call *k, int *queue)
{
    char text[NAME_MAX_LEN];
    bool given;
    *queue = -1;
    if (!api_query_text(k, "queue", text, sizeof text, &given))
        return false;
    if (!given)
        return true;
    *queue = config_queue_by_name(k->core->c, text);
    if (*queue >= 0)
        return true;
    api_problem(k, 400, "queue: there is no queue of this name; GET /v1/queues lists them.");
    return false;
}

bool api_query_word(struct api_call *k, const char *name, const char *const *words, int n, int *out)
{
    char text[32], list[200] = "";
    bool given;
    *out = -1;
    if (!api_query_text(k, name, text, sizeof text, &given))
        return false;
    if (!given)
        return true;
    for (int i = 0; i < n; i++) {
        size_t at = strlen(list);
        snprintf(list + at, sizeof list - at, "%s%s", i ? ", " : "", words[i]);
        if (strcmp(words[i], text) == 0)
            *out = i;
    }
    if (*out >= 0)
        return true;
    api_problem(k, 400, "%s: must be one of: %s.", name, list);
    return false;
}

bool api_query_node(struct api_call *k)
{
    char text[NAME_MAX_LEN];
    bool given;
    if (!api_query_text(k, "node", text, sizeof text, &given))
        return false;
    if (!given)
        return true;
    int site = config_site_by_name(k->core->c, text);
    if (site < 0 && strcmp(text, k->core->c->hub_name) != 0) {
        api_problem(k, 400, "node: there is no node of this name; GET /v1/nodes lists them.");
        return false;
    }
    struct node *n = world_node(k->api->world, site < 0 ? HUB : (uint8_t)site);
    if (!n) {
        api_problem(k, 503, "This node is not up.");
        return false;
    }
    k->node = n;
    k->core = node_core(n);
    return true;
}

bool api_param_site(struct api_call *k, uint8_t *site)
{
    int s = config_site_by_name(k->core->c, k->param[0]);
    *site = (uint8_t)s;
    if (s >= 0)
        return true;
    api_problem(k, 404, "There is no site of this name; GET /v1/sites lists them.");
    return false;
}

bool api_param_id(struct api_call *k, struct td_id *id)
{
    if (id_parse(k->param[0], id) && !id_none(*id))
        return true;
    api_problem(k, 400, "The id in the path must be a UUID: 8-4-4-4-12 hexadecimal digits.");
    return false;
}

struct parse_context api_context(const struct api_call *k)
{
    return (struct parse_context){
        .json = &k->api->json,
        .c = k->core->c,
        .queue_by_key = &k->core->queue_by_key,
        .pseudonym_key = {k->api->o.pseudonym_key[0], k->api->o.pseudonym_key[1]},
        .policy = k->core->policy,
    };
}

/* ---- dispatch ---- */

static void call_route(struct api_call *k, const struct api_route *r)
{
    uint8_t teller = api_teller(k->api);
    if (teller != SITE_NONE && k->api->world) {
        k->node = world_node(k->api->world, teller);
        k->core = node_core(k->node);
        live_now(k->api->live);
    } else if (!r->without_node) {
        api_problem(k, 503, "No node is up. The sites go on by themselves; ask again.");
        return;
    }
    r->handle(k);
}

static void refuse_method(struct api_call *k, const bool allowed[HTTP_METHODS])
{
    char allow[64] = "";
    for (int m = 0; m < HTTP_METHODS; m++)
        if (allowed[m]) {
            size_t at = strlen(allow);
            snprintf(allow + at, sizeof allow - at, "%s%s", at ? ", " : "", http_method_names[m]);
        }
    http_reply_header(k->rq, "Allow", allow);
    api_problem(k, 405, "This path takes %s.", allow);
}

void api_handle(void *arg, struct http_request *rq)
{
    struct api_call k = {.api = arg, .rq = rq};
    if (rq->method == HTTP_METHOD_POST && http_span_is(rq->path, api_routes[0].path)) {
        call_route(&k, &api_routes[0]);
        return;
    }
    bool allowed[HTTP_METHODS] = {0}, known = false;
    enum http_method m = rq->method == HTTP_METHOD_HEAD ? HTTP_METHOD_GET : rq->method;
    bool split = http_path_split(rq->path, &k.path);
    for (size_t i = 0; split && i < api_n_routes; i++) {
        const struct api_route *r = &api_routes[i];
        if (!fits(r->path, &k.path, k.param))
            continue;
        if (r->method == m) {
            call_route(&k, r);
            return;
        }
        known = allowed[r->method] = true;
        allowed[HTTP_METHOD_HEAD] |= r->method == HTTP_METHOD_GET;
    }
    const struct http_asset *page = web_asset_find(rq->path);
    if (known)
        refuse_method(&k, allowed);
    else if (page)
        http_reply_asset(rq, page);
    else
        api_problem(&k, 404, "There is nothing at this path; GET /v1 lists what there is.");
}

/* ---- hooks ---- */

static void on_settled(void *arg)
{
    struct api *a = arg;
    a->settling = NULL;
    facts_settle(a->facts);
}

static void on_fact(void *arg, struct node *n, const struct event *e, const void *bytes, size_t len)
{
    struct api *a = arg;
    struct core *k = node_core(n);
    if (!tells(a, n) || !stats_fact(a->stats, k, e))
        return;
    facts_push(a->facts, e, k->c, bytes, len);
    if (e->type == EV_LEDGER || e->type == EV_POLICY)
        view_remember_books(&a->memory, k);
    if (!a->settling) {
        a->settling = n;
        node_when_durable(n, on_settled, a);
    }
}

static void on_history(void *arg, struct node *n, const struct core_history *h)
{
    struct api *a = arg;
    if (tells(a, n))
        api_attributes_drop(a, h->contact);
}

/* The reason an operator gave stands in the entry that his act leads to. */
static const char *reason_for(struct api *a, uint8_t kind)
{
    return kind == NOTE_POLICY ? a->policy_reason : kind == NOTE_SHARES ? a->shares_reason : "";
}

static void on_note(void *arg, struct node *n, const struct node_note *note)
{
    struct api *a = arg;
    if (!tells(a, n))
        return;
    char text[TIMELINE_TEXT];
    const char *why = reason_for(a, note->kind);
    snprintf(text, sizeof text, "%s%s%s", note->text, *why ? ": " : "", why);
    if (note->kind == NOTE_POLICY)
        a->policy_reason[0] = 0;
    if (note->kind == NOTE_SHARES)
        a->shares_reason[0] = 0;
    if (timeline_add(&a->timeline, note->at, timeline_kind(note->kind), text,
                     view_node_name(node_core(n), node_self(n))))
        log_notice("timeline", "an entry", LF_S("kind", note_kind_names[note->kind]),
                   LF_S("text", text));
}

static void on_fatal(void *arg, struct node *n, const char *why)
{
    struct api *a = arg;
    log_error("node", "its store has failed; the process ends",
              LF_S("node", view_node_name(node_core(n), node_self(n))), LF_S("why", why));
    if (a->o.fatal)
        a->o.fatal(a->o.arg);
}

struct node_config api_hooks(struct api *a)
{
    return (struct node_config){.arg = a,
                                .on_fact = on_fact,
                                .on_history = on_history,
                                .on_note = on_note,
                                .on_fatal = on_fatal};
}

/* Nodes that went down or came back since the last turn. */
static void look_at_nodes(struct api *a)
{
    for (int n = 0; n < NODES_MAX; n++) {
        struct node *now = world_node(a->world, (uint8_t)n);
        if (now == a->seen[n])
            continue;
        if (a->seen[n]) {
            later_lost(a, a->seen[n]);
            if (a->settling == a->seen[n]) {
                a->settling = NULL;
                facts_forget(a->facts);
            }
        }
        if (now) {
            const struct core *k = node_core(now);
            stats_rewind(a->stats, (uint8_t)n, k->vector[n].epoch, k->vector[n].seq);
        }
        a->seen[n] = now;
        a->people_wall_ms = 0;
    }
}

void api_turned(void *api)
{
    struct api *a = api;
    uint64_t wall = uv_now(a->o.loop);
    uint8_t teller = api_teller(a);
    look_at_nodes(a);
    api_feed_followers(a);
    if (wall - a->remembered_wall_ms < 1000 || teller == SITE_NONE)
        return;
    a->remembered_wall_ms = wall;
    view_remember(&a->memory, node_core(world_node(a->world, teller)), world_now(a->world));
}

/* ---- life ---- */

struct api *api_new(const struct api_options *o)
{
    struct api *a = mem_new(1, sizeof *a);
    a->o = *o;
    a->rng = rng_seed(o->seed, 0xa91);
    a->stats = stats_new();
    a->facts = facts_new();
    a->attributes = mem_new(ATTRIBUTES_KEPT, sizeof *a->attributes);
    LIST_INIT(&a->waiting);
    LIST_INIT(&a->followers);
    return a;
}

void api_start(struct api *a, struct world *w, struct live *l)
{
    a->world = w;
    a->live = l;
    stats_since(a->stats, world_now(w));
    look_at_nodes(a);
    api_stream_start(a);
}

void api_serve(struct api *a, struct http_server *s)
{
    a->server = s;
}

static void on_closed(uv_handle_t *handle)
{
    struct api *a = handle->data;
    if (a->closed)
        a->closed(a->closed_arg);
}

void api_close(struct api *a, void (*closed)(void *arg), void *arg)
{
    a->closed = closed;
    a->closed_arg = arg;
    api_stream_end(a);
    api_end_followers(a);
    a->server = NULL;
    uv_close((uv_handle_t *)&a->stream.timer, on_closed);
}

void api_free(struct api *a)
{
    struct later *l;
    if (!a)
        return;
    while ((l = LIST_FIRST(&a->waiting)))
        later_done(l);
    while ((l = a->later_free)) {
        a->later_free = l->next_free;
        buf_free(&l->body);
        mem_free(l);
    }
    for (uint32_t i = 0; i < ATTRIBUTES_KEPT; i++)
        buf_free(&a->attributes[i].json);
    mem_free(a->attributes);
    map128_free(&a->attributes_by_contact);
    for (int i = 0; i < SECTIONS; i++)
        buf_free(&a->stream.section[i]);
    buf_free(&a->stream.fresh);
    buf_free(&a->stream.text);
    buf_free(&a->body);
    jr_free(&a->json);
    stats_free(a->stats);
    facts_free(a->facts);
    mem_free(a);
}
