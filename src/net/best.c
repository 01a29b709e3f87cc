/* best.c - elimination in the steps of a table: one row of steps an order. */
#include "net/best.h"

const char *const best_order_names[BEST_ORDERS] = {
    "bgp", "cloud-router-legacy", "cloud-router-standard", "transit-gateway", "direct-connect",
};

const char *const best_step_names[BEST_STEPS] = {
    "only route",     "others inactive", "kind of route", "local preference",
    "distance",       "AS path length",  "origin",        "MED",
    "external first", "IGP cost",        "priority",      "inter-region cost",
    "equal",
};

/* Which routes a step compares with each other. */
enum group { OF_ALL, OF_NEIGHBOUR, OF_ROUTER };

typedef uint64_t rank_fn(const struct best_policy *p,
                         const struct best_path *x); /* least is best */
struct step {
    enum best_step name;
    enum group group;
    rank_fn *rank;
};

/* ---- ranks ---- */

static uint64_t rank_usable(const struct best_policy *p, const struct best_path *x)
{
    return x->attr->has & ATTR_INACTIVE ? 1 : 0;
}

static uint64_t rank_local_pref(const struct best_policy *p, const struct best_path *x)
{
    return UINT32_MAX - (x->attr->has & ATTR_LOCAL_PREF ? x->attr->local_pref : 100);
}

static uint64_t rank_own(const struct best_policy *p, const struct best_path *x)
{
    return x->attr->kind == ROUTE_LOCAL || x->attr->kind == ROUTE_STATIC ? 0 : 1;
}

static uint64_t rank_path_length(const struct best_policy *p, const struct best_path *x)
{
    return x->attr->path_length;
}

static uint64_t rank_origin(const struct best_policy *p, const struct best_path *x)
{
    return x->attr->origin;
}

static uint64_t rank_med(const struct best_policy *p, const struct best_path *x)
{
    uint64_t cost =
        p->order == BEST_CLOUD_ROUTER_STANDARD && p->add_cost_to_med ? x->attr->region_cost : 0;
    return (x->attr->has & ATTR_MED ? x->attr->med : 0) + cost;
}

static uint64_t rank_external(const struct best_policy *p, const struct best_path *x)
{
    return x->internal;
}

static uint64_t rank_igp_cost(const struct best_policy *p, const struct best_path *x)
{
    return x->igp_cost;
}

static uint64_t rank_priority(const struct best_policy *p, const struct best_path *x)
{
    return (uint64_t)x->attr->priority + x->attr->region_cost;
}

static uint64_t rank_region_cost(const struct best_policy *p, const struct best_path *x)
{
    return x->attr->region_cost;
}

static uint64_t rank_distance(const struct best_policy *p, const struct best_path *x)
{
    return x->distance;
}

static uint64_t rank_subnet(const struct best_policy *p, const struct best_path *x)
{
    return x->attr->kind == ROUTE_SUBNET || x->attr->kind == ROUTE_LOCAL ? 0 : 1;
}

static uint64_t rank_static(const struct best_policy *p, const struct best_path *x)
{
    return x->attr->kind == ROUTE_STATIC ? 0 : 1;
}

/* enum route_kind is AWS's order from ROUTE_STATIC to ROUTE_PEERING. A BGP session whose kind is
 * not told ranks with Direct Connect. */
static uint64_t rank_kind(const struct best_policy *p, const struct best_path *x)
{
    return x->attr->kind == ROUTE_BGP ? ROUTE_DXGW : x->attr->kind;
}

static uint64_t rank_community(const struct best_policy *p, const struct best_path *x)
{
    return attr_has_community(x->attr, COMMUNITY(7224, 7300))   ? 0
           : attr_has_community(x->attr, COMMUNITY(7224, 7200)) ? 1
           : attr_has_community(x->attr, COMMUNITY(7224, 7100)) ? 2
                                                                : 1;
}

/* ---- orders ---- */

static const struct step bgp[] = {
    {BEST_LOCAL_PREF, OF_ALL, rank_local_pref},   {BEST_KIND, OF_ALL, rank_own},
    {BEST_PATH_LENGTH, OF_ALL, rank_path_length}, {BEST_ORIGIN, OF_ALL, rank_origin},
    {BEST_MED, OF_NEIGHBOUR, rank_med},           {BEST_EXTERNAL, OF_ALL, rank_external},
    {BEST_IGP_COST, OF_ALL, rank_igp_cost},       {0}};
static const struct step legacy[] = {{BEST_KIND, OF_ALL, rank_subnet},
                                     {BEST_PATH_LENGTH, OF_ROUTER, rank_path_length},
                                     {BEST_ORIGIN, OF_ROUTER, rank_origin},
                                     {BEST_MED, OF_ROUTER, rank_med},
                                     {BEST_PRIORITY, OF_ALL, rank_priority},
                                     {BEST_KIND, OF_ALL, rank_static},
                                     {0}};
static const struct step standard[] = {{BEST_KIND, OF_ALL, rank_subnet},
                                       {BEST_KIND, OF_ALL, rank_static},
                                       {BEST_PATH_LENGTH, OF_ALL, rank_path_length},
                                       {BEST_ORIGIN, OF_ALL, rank_origin},
                                       {BEST_MED, OF_NEIGHBOUR, rank_med},
                                       {BEST_EXTERNAL, OF_ALL, rank_external},
                                       {BEST_REGION_COST, OF_ALL, rank_region_cost},
                                       {0}};
static const struct step transit_gateway[] = {{BEST_KIND, OF_ALL, rank_kind},
                                              {BEST_PATH_LENGTH, OF_ALL, rank_path_length},
                                              {BEST_MED, OF_ALL, rank_med},
                                              {0}};
static const struct step direct_connect[] = {{BEST_LOCAL_PREF, OF_ALL, rank_community},
                                             {BEST_DISTANCE, OF_ALL, rank_distance},
                                             {BEST_PATH_LENGTH, OF_ALL, rank_path_length},
                                             {BEST_MED, OF_ALL, rank_med},
                                             {0}};
static const struct step *const orders[BEST_ORDERS] = {bgp, legacy, standard, transit_gateway,
                                                       direct_connect};

/* ---- elimination ---- */

static bool same_group(enum group g, const struct best_path *a, const struct best_path *b)
{
    return g == OF_NEIGHBOUR ? a->attr->neighbour_as == b->attr->neighbour_as
                             : a->router == b->router;
}

/* Throws out of in[0..n) what is worse than another; returns how many stay. */
static uint32_t eliminate_of_all(const struct best_policy *p, const struct step *s,
                                 const struct best_path *path, uint32_t *in, uint32_t n)
{
    uint64_t least = UINT64_MAX;
    uint32_t stay = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t rank = s->rank(p, &path[in[i]]);
        if (rank < least) {
            least = rank;
            stay = 0;
        }
        if (rank == least)
            in[stay++] = in[i];
    }
    return stay;
}

/* What is worse than another of its group. */
static uint32_t eliminate(const struct best_policy *p, const struct step *s,
                          const struct best_path *path, uint32_t *in, uint32_t n)
{
    enum group g = s->group == OF_NEIGHBOUR && p->always_compare_med ? OF_ALL : s->group;
    if (g == OF_ALL)
        return eliminate_of_all(p, s, path, in, n);
    bool out[BEST_PATHS_MAX];
    uint32_t stay = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t rank = s->rank(p, &path[in[i]]);
        out[i] = false;
        for (uint32_t j = 0; j < n && !out[i]; j++)
            out[i] = same_group(g, &path[in[i]], &path[in[j]]) && s->rank(p, &path[in[j]]) < rank;
    }
    for (uint32_t i = 0; i < n; i++)
        if (!out[i])
            in[stay++] = in[i];
    return stay;
}

/* RFC 4271 9.1.2.2 f and g with RFC 4456 9: originator or router id, clusters passed, address. */
static bool wins_tie(const struct best_path *a, const struct best_path *b)
{
    uint32_t x = a->attr->has & ATTR_ORIGINATOR ? a->attr->originator : a->router_id;
    uint32_t y = b->attr->has & ATTR_ORIGINATOR ? b->attr->originator : b->router_id;
    if (x != y)
        return x < y;
    if (a->attr->n_clusters != b->attr->n_clusters)
        return a->attr->n_clusters < b->attr->n_clusters;
    int c = memcmp(&a->address, &b->address, sizeof a->address);
    if (c)
        return c < 0;
    return a->peer != b->peer ? a->peer < b->peer : a->path_id < b->path_id;
}

bool best_select(const struct best_policy *policy, const struct best_path *path, uint32_t n,
                 struct best_result *out)
{
    static const struct step usable = {BEST_USABLE, OF_ALL, rank_usable};
    BUG_ON(n > BEST_PATHS_MAX);
    out->n_used = 0;
    out->by = BEST_ONLY;
    out->best = 0;
    for (uint32_t i = 0; i < n; i++)
        out->used[out->n_used++] = i;
    for (const struct step *s = &usable; s->rank && n > 1;
         s = s == &usable ? orders[policy->order] : s + 1) {
        uint32_t stay = eliminate(policy, s, path, out->used, out->n_used);
        if (stay < out->n_used)
            out->by = s->name;
        out->n_used = stay;
        if (stay == 1)
            break;
    }
    if (n == 0 || rank_usable(policy, &path[out->used[0]])) {
        out->n_used = 0;
        return false;
    }
    if (out->n_used > 1)
        out->by = BEST_EQUAL;
    out->best = out->used[0];
    for (uint32_t i = 1; i < out->n_used; i++)
        if (wins_tie(&path[out->used[i]], &path[out->best]))
            out->best = out->used[i];
    return true;
}

/* ---- candidates ---- */

struct collect {
    const struct attr_table *attrs;
    const struct sources *sources;
    uint32_t local_as;
    struct best_path *path;
    uint32_t *n;
};

static bool collect(void *arg, const struct rib_route *route)
{
    struct collect *c = arg;
    if (*c->n == BEST_PATHS_MAX)
        return false;
    const struct source_peer *p = source_peer_get(c->sources, route->peer);
    c->path[(*c->n)++] = (struct best_path){.attr = attr_get(c->attrs, route->attr),
                                            .attr_id = route->attr,
                                            .router = route->router,
                                            .peer = route->peer,
                                            .path_id = route->path_id,
                                            .router_id = p->router_id,
                                            .address = p->key.address,
                                            .internal = c->local_as && p->as == c->local_as,
                                            .since_ms = route->since_ms};
    return true;
}

void best_collect(const struct rib *r, const struct attr_table *attrs, const struct sources *s,
                  uint32_t router, enum route_view view, uint32_t prefix_id, uint32_t local_as,
                  struct best_path path[BEST_PATHS_MAX], uint32_t *n)
{
    struct collect c = {attrs, s, local_as, path, n};
    rib_each_path(r, router, view, prefix_id, collect, &c);
}
