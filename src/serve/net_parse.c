#include "serve/net_parse.h"

#include <stdio.h>
#include <string.h>

#include "net/path.h"
#include "serve/body.h"

/* ---- names ---- */

static const char *router_name(const void *t, uint32_t i)
{
    const struct topo *k = t;
    return i < k->n_routers ? k->router[i].name : NULL;
}

static const char *link_name(const void *t, uint32_t i)
{
    const struct topo *k = t;
    return i < k->n_links ? k->link[i].name : NULL;
}

static const char *site_name(const void *t, uint32_t i)
{
    const struct topo *k = t;
    return i < k->n_sites ? k->site[i].name : NULL;
}

static const char *change_name(const void *t, uint32_t i)
{
    (void)t;
    return i < NET_CHANGE_KINDS ? net_change_names[i] : NULL;
}

/* The index of a name, or says what names there are. */
static bool by_name(struct take *t, const struct member *m, const struct jr_node *v,
                    const char *(*name)(const void *, uint32_t), uint16_t *out)
{
    char names[200];
    for (uint32_t i = 0; name(t->extra, i); i++)
        if (strcmp(name(t->extra, i), v->text) == 0) {
            *out = (uint16_t)i;
            return true;
        }
    return body_say(t->error, 422, "%s: there is none of this name; there are: %s.", m->name,
                    body_names(names, sizeof names, name, t->extra));
}

static bool number(struct take *t, const struct member *m, const struct jr_node *v, int64_t least,
                   int64_t most, int64_t *out)
{
    *out = v->whole;
    if (v->whole >= least && v->whole <= most)
        return true;
    return body_say(t->error, 400, "%s: must be %lld to %lld.", m->name, (long long)least,
                    (long long)most);
}

/* ---- changes ---- */

static bool take_change(struct take *t, const struct member *m, const struct jr_node *v)
{
    uint16_t kind;
    if (!by_name(t, m, v, change_name, &kind))
        return false;
    ((struct net_change *)t->out)->kind = (uint8_t)kind;
    return true;
}

static bool take_router(struct take *t, const struct member *m, const struct jr_node *v)
{
    return by_name(t, m, v, router_name, &((struct net_change *)t->out)->router);
}

static bool take_link(struct take *t, const struct member *m, const struct jr_node *v)
{
    return by_name(t, m, v, link_name, &((struct net_change *)t->out)->link);
}

static bool take_prefix(struct take *t, const struct member *m, const struct jr_node *v)
{
    if (prefix_parse(v->text, &((struct net_change *)t->out)->prefix))
        return true;
    return body_say(t->error, 400,
                    "%s: must be a prefix without bits beyond its length: 10.1.0.0/16.", m->name);
}

static bool take_local_pref(struct take *t, const struct member *m, const struct jr_node *v)
{
    struct net_change *c = t->out;
    int64_t n;
    c->set_local_pref = number(t, m, v, 0, UINT32_MAX, &n);
    c->local_pref = (uint32_t)n;
    return c->set_local_pref;
}

static bool take_med(struct take *t, const struct member *m, const struct jr_node *v)
{
    struct net_change *c = t->out;
    int64_t n;
    c->set_med = number(t, m, v, 0, UINT32_MAX, &n);
    c->med = (uint32_t)n;
    return c->set_med;
}

static bool take_prepend(struct take *t, const struct member *m, const struct jr_node *v)
{
    int64_t n;
    bool ok = number(t, m, v, 0, 16, &n);
    ((struct net_change *)t->out)->prepend = (uint8_t)n;
    return ok;
}

static bool take_community(struct take *t, const struct member *m, const struct jr_node *v)
{
    static const char *const known[] = {"7224:7100", "7224:7200", "7224:7300"};
    for (uint32_t i = 0; i < COUNTOF(known); i++)
        if (strcmp(v->text, known[i]) == 0) {
            ((struct net_change *)t->out)->community = COMMUNITY(7224, 7100 + 100 * i);
            return true;
        }
    return body_say(t->error, 400, "%s: must be 7224:7100, 7224:7200 or 7224:7300.", m->name);
}

static const struct member change_members[] = {
    {"change", BODY_TEXT, true, take_change},
    {"router", BODY_TEXT, false, take_router},
    {"link", BODY_TEXT, false, take_link},
    {"prefix", BODY_TEXT, false, take_prefix},
    {"local_pref", BODY_WHOLE, false, take_local_pref},
    {"med", BODY_WHOLE, false, take_med},
    {"prepend", BODY_WHOLE, false, take_prepend},
    {"community", BODY_TEXT, false, take_community},
    {.name = NULL},
};

/* What each kind of change must name; a link may be missing where "none" means something. */
static bool complete(const struct net_change *c, uint64_t i, struct api_error *error)
{
    static const struct {
        bool router, link, prefix;
    } wants[NET_CHANGE_KINDS] = {
        [NET_ROUTE_ADD] = {true, true, true},   [NET_ROUTE_REMOVE] = {true, false, true},
        [NET_STATIC_ADD] = {true, false, true}, [NET_STATIC_REMOVE] = {true, false, true},
        [NET_LINK_DOWN] = {false, true, false}, [NET_LINK_UP] = {false, true, false},
        [NET_ALLOW_ADD] = {true, true, true},   [NET_ALLOW_REMOVE] = {true, true, true},
        [NET_PREFER] = {true, true, false},
    };
    const char *lacks = wants[c->kind].router && c->router == TOPO_NONE ? "router"
                        : wants[c->kind].link && c->link == TOPO_NONE   ? "link"
                        : wants[c->kind].prefix && !c->prefix.family    ? "prefix"
                                                                        : NULL;
    if (!lacks)
        return true;
    return body_say(error, 400, "changes[%llu].%s: is missing; %s needs it.", (unsigned long long)i,
                    lacks, net_change_names[c->kind]);
}

struct list_take {
    const struct topo *t;
    void *out;
    size_t *n;
};

static bool take_changes(struct take *t, const struct member *m, const struct jr_node *v)
{
    struct list_take *l = t->out;
    struct net_change *out = l->out;
    if (!v->count || v->count > WHATIF_CHANGES_MAX)
        return body_say(t->error, 400, "%s: must have 1 to %d changes.", m->name,
                        WHATIF_CHANGES_MAX);
    jr_each(item, v)
    {
        struct net_change *c = &out[*l->n];
        *c = (struct net_change){.router = TOPO_NONE, .link = TOPO_NONE};
        struct take inner = {.json = t->json, .out = c, .extra = l->t, .error = t->error};
        if (item->kind != JR_OBJECT)
            return body_say(t->error, 400, "%s[%zu]: must be an object.", m->name, *l->n);
        if (!body_members(item, change_members, &inner) || !complete(c, *l->n, t->error))
            return false;
        ++*l->n;
    }
    return true;
}

bool parse_changes(const void *body, size_t len, const struct topo *t, struct jr *json,
                   struct net_change *out, size_t *n, struct api_error *error)
{
    static const struct member members[] = {
        {"changes", BODY_ARRAY, true, take_changes},
        {.name = NULL},
    };
    struct list_take l = {t, out, n};
    *n = 0;
    return body_parse(body, len, members, &(struct take){.json = json, .out = &l, .error = error});
}

/* ---- what probes found ---- */

static bool take_from(struct take *t, const struct member *m, const struct jr_node *v)
{
    return by_name(t, m, v, site_name, &((struct probe_result *)t->out)->from);
}

static bool take_to(struct take *t, const struct member *m, const struct jr_node *v)
{
    return by_name(t, m, v, site_name, &((struct probe_result *)t->out)->to);
}

static const char *probe_kind_name(const void *t, uint32_t i)
{
    (void)t;
    return i <= PROBE_TRACE ? probe_kind_names[i] : NULL;
}

static const char *probe_what_name(const void *t, uint32_t i)
{
    (void)t;
    return i <= PROBE_LOOP_ENDED ? probe_what_names[i] : NULL;
}

static const char *shift_name(const void *t, uint32_t i)
{
    (void)t;
    return i <= CHANGE_CLOCK ? change_kind_names[i] : NULL;
}

static bool take_word(struct take *t, const struct member *m, const struct jr_node *v,
                      const char *(*name)(const void *, uint32_t), uint8_t *out)
{
    uint16_t at;
    if (!by_name(t, m, v, name, &at))
        return false;
    *out = (uint8_t)at;
    return true;
}

static bool take_kind(struct take *t, const struct member *m, const struct jr_node *v)
{
    return take_word(t, m, v, probe_kind_name, &((struct probe_result *)t->out)->kind);
}

static bool take_what(struct take *t, const struct member *m, const struct jr_node *v)
{
    return take_word(t, m, v, probe_what_name, &((struct probe_result *)t->out)->what);
}

static bool take_shift(struct take *t, const struct member *m, const struct jr_node *v)
{
    return take_word(t, m, v, shift_name, &((struct probe_result *)t->out)->shift);
}

static bool take_loop_at(struct take *t, const struct member *m, const struct jr_node *v)
{
    if (ip_parse(v->text, &((struct probe_result *)t->out)->loop_at))
        return true;
    return body_say(t->error, 400, "%s: must be an address.", m->name);
}

/* Whole numbers: where each goes, and its bounds. */
static const struct figure {
    const char *name;
    size_t offset;
    uint8_t size; /* bytes */
    int64_t least, most;
} figures[] = {
#define FIGURE(n, least, most)                                                                     \
    {                                                                                              \
#n, offsetof(struct probe_result, n), sizeof(((struct probe_result *)0)->n), least, most   \
    }
#define DELAY(n) FIGURE(n, INT32_MIN + 1ll, INT32_MAX)
    FIGURE(at_ms, 0, INT64_MAX / 2),
    FIGURE(since_ms, 0, INT64_MAX / 2),
    FIGURE(path, 0, UINT32_MAX),
    FIGURE(flow, 0, 4095),
    FIGURE(sent, 0, UINT32_MAX),
    FIGURE(lost, 0, UINT32_MAX),
    FIGURE(lost_there, 0, INT32_MAX),
    FIGURE(lost_back, 0, INT32_MAX),
    FIGURE(hops_there, 0, 254),
    FIGURE(hops_back, 0, 254),
    FIGURE(loop_hops, 0, 255),
    DELAY(two_way_us),
    DELAY(two_way_p99_us),
    DELAY(two_way_max_us),
    DELAY(there_us),
    DELAY(back_us),
    DELAY(shift_there_us),
    DELAY(shift_back_us),
#undef DELAY
#undef FIGURE
};

static bool take_figure(struct take *t, const struct member *m, const struct jr_node *v)
{
    const struct figure *f = figures;
    int64_t n;
    while (strcmp(f->name, m->name) != 0)
        f++;
    if (!number(t, m, v, f->least, f->most, &n))
        return false;
    void *to = (char *)t->out + f->offset;
    switch (f->size) {
    case 1: *(uint8_t *)to = (uint8_t)n; break;
    case 2: *(uint16_t *)to = (uint16_t)n; break;
    case 4: *(uint32_t *)to = (uint32_t)n; break;
    default: *(int64_t *)to = n; break;
    }
    return true;
}

#define F(n)                                                                                       \
    {                                                                                              \
        n, BODY_WHOLE, false, take_figure                                                          \
    }
static const struct member result_members[] = {
    {"from", BODY_TEXT, true, take_from},
    {"to", BODY_TEXT, true, take_to},
    {"kind", BODY_TEXT, true, take_kind},
    {"what", BODY_TEXT, true, take_what},
    {"shift", BODY_TEXT, false, take_shift},
    {"loop_at", BODY_TEXT, false, take_loop_at},
    {"at_ms", BODY_WHOLE, true, take_figure},
    F("since_ms"),
    F("path"),
    F("flow"),
    F("sent"),
    F("lost"),
    F("lost_there"),
    F("lost_back"),
    F("hops_there"),
    F("hops_back"),
    F("loop_hops"),
    F("two_way_us"),
    F("two_way_p99_us"),
    F("two_way_max_us"),
    F("there_us"),
    F("back_us"),
    F("shift_there_us"),
    F("shift_back_us"),
    {.name = NULL},
};
#undef F

static bool take_results(struct take *t, const struct member *m, const struct jr_node *v)
{
    struct list_take *l = t->out;
    struct probe_result *out = l->out;
    if (!v->count || v->count > PROBE_RESULTS_MAX)
        return body_say(t->error, 400, "%s: must have 1 to %d results.", m->name,
                        PROBE_RESULTS_MAX);
    jr_each(item, v)
    {
        struct probe_result *r = &out[*l->n];
        *r = (struct probe_result){.two_way_us = PROBE_US_UNKNOWN,
                                   .there_us = PROBE_US_UNKNOWN,
                                   .back_us = PROBE_US_UNKNOWN,
                                   .two_way_p99_us = PROBE_US_UNKNOWN,
                                   .two_way_max_us = PROBE_US_UNKNOWN,
                                   .hops_there = PATH_UNKNOWN,
                                   .hops_back = PATH_UNKNOWN,
                                   .lost_there = -1,
                                   .lost_back = -1};
        struct take inner = {.json = t->json, .out = r, .extra = l->t, .error = t->error};
        if (item->kind != JR_OBJECT)
            return body_say(t->error, 400, "%s[%zu]: must be an object.", m->name, *l->n);
        if (!body_members(item, result_members, &inner))
            return false;
        if (r->from == r->to)
            return body_say(t->error, 422, "%s[%zu].to: is the site itself.", m->name, *l->n);
        ++*l->n;
    }
    return true;
}

bool parse_probes(const void *body, size_t len, const struct topo *t, struct jr *json,
                  struct probe_result out[PROBE_RESULTS_MAX], size_t *n, struct api_error *error)
{
    static const struct member members[] = {
        {"results", BODY_ARRAY, true, take_results},
        {.name = NULL},
    };
    struct list_take l = {t, out, n};
    *n = 0;
    return body_parse(body, len, members, &(struct take){.json = json, .out = &l, .error = error});
}
