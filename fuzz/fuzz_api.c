/* Any bytes as the body of a request: refused with a status and a sentence that is plain text, or
 * what was read keeps the promises of api_parse.h. The first byte says which request. */
#include "serve/api_parse.h"

#include <string.h>

#include "base/json_read.h"
#include "base/map.h"
#include "base/mem.h"
#include "core/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char centre[] =
    "hub: {lat: 0, lon: 0}\n"
    "sites: [{name: east, lat: 1, lon: 2}, {name: west, lat: 3, lon: 4}, {name: mid, lat: 5, lon: "
    "6}]\n"
    "queues: [{name: support}, {name: mail}]\n"
    "profiles: [{name: all, queues: [support, {queue: mail, channel: email}]}]\n"
    "policies:\n"
    "  - name: normal\n"
    "    groups: [{name: us, shares: {east: 50, west: 50}}, {name: eu, shares: {mid: 100}}]\n"
    "  - {name: one, shares: {east: 40, west: 40, mid: 20}}\n";

static struct parse_context context(void)
{
    struct buf errors = {0};
    struct parse_context c = {.pseudonym_key = {1, 2}, .json = mem_new(1, sizeof(struct jr))};
    struct map64 *queues = mem_new(1, sizeof *queues);
    c.c = config_load(centre, sizeof centre - 1, "centre", &errors);
    BUG_ON(!c.c);
    for (uint16_t q = 0; q < c.c->n_queues; q++)
        map64_insert(queues, c.c->queue[q].key, q);
    c.queue_by_key = queues;
    return c;
}

static void check_error(const struct api_error *e)
{
    BUG_ON(e->status != 400 && e->status != 422);
    BUG_ON(!e->detail[0] || strlen(e->detail) >= sizeof e->detail);
    for (const char *p = e->detail; *p; p++)
        BUG_ON((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e);
}

static void check_text(const char *s, size_t max)
{
    BUG_ON(strlen(s) > max);
    for (; *s; s++)
        BUG_ON((unsigned char)*s < 0x20);
}

static void check_route(struct route_body *b, const struct config *c)
{
    const struct route_request *r = &b->request;
    BUG_ON(r->queue >= c->n_queues || r->channel >= CHANNELS || r->entry_site != SITE_NONE);
    BUG_ON(r->priority > 10 || r->how >= PLACE_HOWS);
    BUG_ON(!(r->lat >= -90 && r->lat <= 90 && r->lon >= -180 && r->lon <= 180));
    if (!b->attributes)
        return;
    BUG_ON(b->attributes->kind != JR_OBJECT || !b->attributes->count);
    jr_each(v, b->attributes)
        BUG_ON(v->kind != JR_TEXT || v->text[v->len] || strlen(v->text) != v->len);
}

static void check_shares(const struct shares_body *b, const struct config *c)
{
    BUG_ON(b->policy >= c->n_policies || b->group >= c->policy[b->policy].n_groups);
    const struct cfg_group *g = &c->policy[b->policy].group[b->group];
    int64_t sum = 0, all = 0;
    for (int i = 0; i < SITES_MAX; i++) {
        BUG_ON(b->share_ppm[i] < 0);
        all += b->share_ppm[i];
    }
    for (int i = 0; i < g->n_sites; i++)
        sum += b->share_ppm[g->site[i]];
    BUG_ON(sum != PPM || all != PPM);
    check_text(b->reason, REASON_MAX);
}

static bool parse_one(uint8_t which, const uint8_t *data, size_t size,
                      const struct parse_context *c, struct api_error *e)
{
    struct route_body route;
    struct shares_body shares;
    struct policy_body policy;
    struct admin_body admin;
    struct fault_body fault;
    bool ok;
    switch (which % 6) {
    case 0:
        if ((ok = parse_route(data, size, c, &route, e)))
            check_route(&route, c->c);
        return ok;
    case 1:
        if ((ok = parse_shares(data, size, c, &shares, e)))
            check_shares(&shares, c->c);
        return ok;
    case 2:
        if ((ok = parse_policy(data, size, c, &policy, e)))
            BUG_ON(policy.policy >= c->c->n_policies);
        return ok;
    case 3:
    case 4:
        if ((ok = parse_admin(data, size, which % 6 == 3, c->json, &admin, e)))
            check_text(admin.reason, REASON_MAX);
        BUG_ON(ok && admin.force && which % 6 == 4);
        return ok;
    default:
        if ((ok = parse_fault(data, size, c->json, &fault, e)))
            BUG_ON(!fault.fault[0] || strchr(fault.fault, '@') || fault.for_ms < 0);
        return ok;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct parse_context c; /* the same for all inputs */
    if (!c.c)
        c = context();
    struct api_error e = {.status = 0};
    if (size == 0)
        return 0;
    if (!parse_one(data[0], data + 1, size - 1, &c, &e))
        check_error(&e);
    return 0;
}
