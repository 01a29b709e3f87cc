/* fpm_hops.c - numbers in a pool, found by a map; routes in another, found by a hash of their
 * prefix, and in the list of their number. Indices of routes are one more than their place, 0 is
 * none; the number at place 0 is never used, for the same reason. */
#include "net/fpm_hops.h"

#include "base/hash.h"
#include "base/map.h"

struct number {
    struct fpm_hop hop;
    uint32_t id;
    uint32_t groups;      /* that have it as a member, each as often as it has */
    uint32_t head, tail;  /* routes that name it */
    uint32_t change;      /* which state of it a route has to be of */
    uint16_t next_queued; /* also of those that are free */
    uint16_t member[FPM_PATHS_MAX];
    uint8_t n_members; /* 0: not a group */
    bool told, queued;
    bool changed; /* its groups do not know yet */
};

struct route {
    struct fpm_numbered what;
    uint32_t number; /* its place; 0: free */
    uint32_t before, next;
    uint32_t change;     /* of its number, when told last */
    uint32_t next_alike; /* in its chain of the hash; also of those that are free */
};
_Static_assert(sizeof(struct route) == 40, "what fpm_hops.h says of memory");
_Static_assert(FPM_NUMBERS_MAX < UINT16_MAX, "places of numbers are of 16 bits");

struct fpm_hops {
    struct map64 place; /* of a number */
    struct number *number;
    struct route *route;
    uint32_t *chain;                                       /* as many as there is room for routes */
    uint32_t n_numbers, cap_numbers, n_routes, cap_routes; /* with free ones */
    uint32_t routes;
    uint32_t free_route;
    uint16_t free_number, queue, queue_end;
    bool changed; /* some number is */
};

struct fpm_hops *fpm_hops_new(void)
{
    struct fpm_hops *h = mem_new(1, sizeof *h);
    h->n_numbers = 1;
    return h;
}

void fpm_hops_free(struct fpm_hops *h)
{
    if (!h)
        return;
    map64_free(&h->place);
    mem_free(h->number);
    mem_free(h->route);
    mem_free(h->chain);
    mem_free(h);
}

/* ---- numbers ---- */

static struct number *find_number(const struct fpm_hops *h, uint32_t id)
{
    uint32_t place;
    return map64_find(&h->place, id, &place) ? &h->number[place] : NULL;
}

static uint16_t place_of(const struct fpm_hops *h, const struct number *n)
{
    return (uint16_t)(n - h->number);
}

/* The number, made if need be; NULL: there are too many. Others may move. */
static struct number *get_number(struct fpm_hops *h, uint32_t id)
{
    struct number *n = find_number(h, id);
    uint32_t place = h->free_number;
    if (n)
        return n;
    if (h->place.count >= FPM_NUMBERS_MAX)
        return NULL;
    if (place) {
        h->free_number = h->number[place].next_queued;
    } else {
        if (h->n_numbers >= h->cap_numbers) {
            h->cap_numbers = MAX(64u, 2 * h->cap_numbers);
            h->number = mem_grow(h->number, h->cap_numbers, sizeof *h->number);
        }
        place = h->n_numbers++;
    }
    h->number[place] = (struct number){.id = id};
    map64_insert(&h->place, id, place);
    return &h->number[place];
}

/* Frees it if nothing speaks of it any more. */
static void put_number(struct fpm_hops *h, struct number *n)
{
    if (n->told || n->groups || n->head || n->queued)
        return;
    map64_erase(&h->place, n->id);
    *n = (struct number){.next_queued = h->free_number};
    h->free_number = place_of(h, n);
}

/* Routes of it have to be told anew. */
static void outdate(struct fpm_hops *h, struct number *n)
{
    n->change++;
    if (!n->head || n->queued)
        return;
    n->queued = true;
    n->next_queued = 0;
    if (h->queue)
        h->number[h->queue_end].next_queued = place_of(h, n);
    else
        h->queue = place_of(h, n);
    h->queue_end = place_of(h, n);
}

static void changed(struct fpm_hops *h, struct number *n)
{
    n->changed = h->changed = true;
    outdate(h, n);
}

static void drop_members(struct fpm_hops *h, struct number *n)
{
    uint8_t n_members = n->n_members;
    n->n_members = 0;
    for (uint8_t i = 0; i < n_members; i++) {
        struct number *m = &h->number[n->member[i]];
        m->groups--;
        put_number(h, m);
    }
}

static bool same_hop(const struct fpm_hop *a, const struct fpm_hop *b)
{
    return ip_equal(&a->gateway, &b->gateway) && a->interface == b->interface &&
           a->drops == b->drops;
}

enum fpm_hops_status fpm_hops_single(struct fpm_hops *h, uint32_t number, const struct fpm_hop *hop)
{
    struct number *n = get_number(h, number);
    if (!n)
        return FPM_HOPS_FULL;
    if (n->told && !n->n_members && same_hop(&n->hop, hop))
        return FPM_HOPS_KEPT;
    n->told = true;
    drop_members(h, n);
    n->hop = *hop;
    changed(h, n);
    return FPM_HOPS_KEPT;
}

static bool same_members(const struct fpm_hops *h, const struct number *n, const uint32_t *member,
                         uint32_t n_members)
{
    if (n->n_members != n_members)
        return false;
    for (uint32_t i = 0; i < n_members; i++)
        if (h->number[n->member[i]].id != member[i])
            return false;
    return true;
}

enum fpm_hops_status fpm_hops_group(struct fpm_hops *h, uint32_t number, const uint32_t *member,
                                    uint32_t n)
{
    struct number *g = get_number(h, number);
    uint16_t place;
    BUG_ON(!n || n > FPM_PATHS_MAX);
    if (!g)
        return FPM_HOPS_FULL;
    if (g->told && same_members(h, g, member, n))
        return FPM_HOPS_KEPT;
    if (g->groups)
        return FPM_HOPS_NESTED;
    g->told = true;
    place = place_of(h, g);
    drop_members(h, g);
    outdate(h, g);
    for (uint32_t i = 0; i < n; i++) {
        struct number *m = get_number(h, member[i]);
        g = &h->number[place];
        if (!m)
            return FPM_HOPS_FULL;
        if (m == g || m->n_members)
            return FPM_HOPS_NESTED;
        m->groups++;
        g->member[g->n_members++] = place_of(h, m);
    }
    return FPM_HOPS_KEPT;
}

void fpm_hops_forget(struct fpm_hops *h, uint32_t number)
{
    struct number *n = find_number(h, number);
    if (!n || !n->told)
        return;
    n->told = false;
    drop_members(h, n);
    changed(h, n);
    put_number(h, n);
}

uint32_t fpm_hops_of(const struct fpm_hops *h, uint32_t number, struct fpm_hop out[FPM_PATHS_MAX])
{
    const struct number *n = find_number(h, number);
    uint32_t found = 0;
    if (!n || !n->told)
        return 0;
    if (!n->n_members)
        out[found++] = n->hop;
    for (uint32_t i = 0; i < n->n_members; i++)
        if (h->number[n->member[i]].told)
            out[found++] = h->number[n->member[i]].hop;
    return found;
}

/* ---- routes ---- */

static uint32_t *chain_of(const struct fpm_hops *h, const struct prefix *p)
{
    return &h->chain[hash_fast(0, p, sizeof *p) & (h->cap_routes - 1)];
}

/* Where the route's index stands, or would; there must be room for one. */
static uint32_t *find_route(const struct fpm_hops *h, const struct prefix *p)
{
    uint32_t *at = chain_of(h, p);
    while (*at && !prefix_equal(&h->route[*at - 1].what.prefix, p))
        at = &h->route[*at - 1].next_alike;
    return at;
}

static void more_routes(struct fpm_hops *h)
{
    h->cap_routes = MAX(64u, 2 * h->cap_routes);
    h->route = mem_grow(h->route, h->cap_routes, sizeof *h->route);
    mem_free(h->chain);
    h->chain = mem_new(h->cap_routes, sizeof *h->chain);
    for (uint32_t i = 1; i <= h->n_routes; i++) { /* all are in use */
        uint32_t *first = chain_of(h, &h->route[i - 1].what.prefix);
        h->route[i - 1].next_alike = *first;
        *first = i;
    }
}

static void unlink_route(struct fpm_hops *h, uint32_t i)
{
    struct route *r = &h->route[i - 1];
    struct number *n = &h->number[r->number];
    *(r->before ? &h->route[r->before - 1].next : &n->head) = r->next;
    *(r->next ? &h->route[r->next - 1].before : &n->tail) = r->before;
}

/* At the end of the list: told. */
static void link_route(struct fpm_hops *h, uint32_t i, uint16_t place)
{
    struct route *r = &h->route[i - 1];
    struct number *n = &h->number[place];
    r->number = place;
    r->change = n->change;
    r->before = n->tail;
    r->next = 0;
    *(n->tail ? &h->route[n->tail - 1].next : &n->head) = i;
    n->tail = i;
}

static uint32_t new_route(struct fpm_hops *h, const struct prefix *p)
{
    uint32_t i = h->free_route;
    if (!i && h->n_routes >= h->cap_routes)
        more_routes(h);
    if (i)
        h->free_route = h->route[i - 1].next_alike;
    else
        i = ++h->n_routes;
    h->route[i - 1] = (struct route){0};
    *find_route(h, p) = i;
    h->routes++;
    return i;
}

enum fpm_hops_status fpm_hops_use(struct fpm_hops *h, const struct fpm_numbered *route,
                                  uint32_t number)
{
    uint32_t i = h->cap_routes ? *find_route(h, &route->prefix) : 0;
    struct number *n = !i && h->routes >= FPM_NUMBERED_MAX ? NULL : get_number(h, number);
    if (!n)
        return FPM_HOPS_FULL;
    uint16_t place = place_of(h, n), old = i ? (uint16_t)h->route[i - 1].number : place;
    if (i)
        unlink_route(h, i);
    else
        i = new_route(h, &route->prefix);
    h->route[i - 1].what = *route;
    link_route(h, i, place);
    put_number(h, &h->number[old]);
    return FPM_HOPS_KEPT;
}

void fpm_hops_disuse(struct fpm_hops *h, const struct prefix *prefix)
{
    if (!h->routes)
        return;
    uint32_t *at = find_route(h, prefix), i = *at;
    if (!i)
        return;
    struct route *r = &h->route[i - 1];
    struct number *n = &h->number[r->number];
    *at = r->next_alike;
    unlink_route(h, i);
    put_number(h, n);
    *r = (struct route){.next_alike = h->free_route};
    h->free_route = i;
    h->routes--;
}

/* ---- what has to be told anew ---- */

/* Groups of changed numbers are changed. All groups are looked at, once for many changes. */
static void spread(struct fpm_hops *h)
{
    for (uint32_t i = 1; i < h->n_numbers; i++) {
        struct number *g = &h->number[i];
        bool stale = false;
        for (uint32_t k = 0; k < g->n_members; k++)
            stale |= h->number[g->member[k]].changed;
        if (stale)
            outdate(h, g);
    }
    for (uint32_t i = 1; i < h->n_numbers; i++)
        h->number[i].changed = false;
    h->changed = false;
}

bool fpm_hops_stale(struct fpm_hops *h, struct fpm_numbered *route, uint32_t *number)
{
    if (h->changed)
        spread(h);
    while (h->queue) {
        struct number *n = &h->number[h->queue];
        uint32_t i = n->head;
        if (i && h->route[i - 1].change != n->change) {
            *route = h->route[i - 1].what;
            *number = n->id;
            unlink_route(h, i);
            link_route(h, i, h->queue);
            return true;
        }
        h->queue = n->next_queued;
        n->queued = false;
        put_number(h, n);
    }
    return false;
}

struct fpm_hops_counts fpm_hops_counts(const struct fpm_hops *h)
{
    struct fpm_hops_counts c = {.numbers = (uint32_t)h->place.count, .routes = h->routes};
    struct fpm_hop hop[FPM_PATHS_MAX];
    for (uint32_t i = 1; i < h->n_numbers; i++)
        c.nowhere += h->number[i].head && !fpm_hops_of(h, h->number[i].id, hop);
    return c;
}
