/* Any bytes as the body of a request about the network: refused with a status and a sentence that
 * is plain text, or what was read keeps the promises of net_parse.h. The first byte says which. */
#include "serve/net_parse.h"

#include <string.h>

#include "base/json_read.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct topo_router routers[] = {{.name = "hub"}, {.name = "east"}, {.name = "west"}};
static struct topo_link links[] = {{.name = "a", .router = {0, 1}},
                                   {.name = "b", .router = {0, 2}}};
static struct topo_site sites[] = {{.name = "hub"}, {.name = "east"}, {.name = "west"}};
static const struct topo topo = {
    .router = routers, .n_routers = 3, .link = links, .n_links = 2, .site = sites, .n_sites = 3};

static void check_error(const struct api_error *e)
{
    BUG_ON(e->status != 400 && e->status != 422);
    BUG_ON(!e->detail[0] || strlen(e->detail) >= sizeof e->detail);
    for (const char *p = e->detail; *p; p++)
        BUG_ON((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e);
}

static void check_change(const struct net_change *c)
{
    BUG_ON(c->kind >= NET_CHANGE_KINDS);
    BUG_ON(c->router != TOPO_NONE && c->router >= topo.n_routers);
    BUG_ON(c->link != TOPO_NONE && c->link >= topo.n_links);
    BUG_ON(c->prepend > 16);
    struct prefix p = c->prefix;
    if (!p.family)
        return;
    BUG_ON(p.len > prefix_bits_max(&p));
    prefix_canonical(&p);
    BUG_ON(!prefix_equal(&p, &c->prefix));
}

static void check_result(const struct probe_result *r)
{
    BUG_ON(r->from >= topo.n_sites || r->to >= topo.n_sites || r->from == r->to);
    BUG_ON(r->kind > PROBE_TRACE || r->what > PROBE_LOOP_ENDED || r->shift > CHANGE_CLOCK);
    BUG_ON(r->at_ms < 0 || r->since_ms < 0 || r->flow > 4095);
    BUG_ON(r->lost_there < -1 || r->lost_back < -1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct jr json;
    static struct net_change change[WHATIF_CHANGES_MAX];
    static struct probe_result result[PROBE_RESULTS_MAX];
    struct api_error e = {.status = 0};
    size_t n = 0;
    if (size == 0)
        return 0;
    bool changes = data[0] % 2 == 0;
    bool ok = changes ? parse_changes(data + 1, size - 1, &topo, &json, change, &n, &e)
                      : parse_probes(data + 1, size - 1, &topo, &json, result, &n, &e);
    if (!ok) {
        check_error(&e);
        return 0;
    }
    BUG_ON(!n || n > (changes ? (size_t)WHATIF_CHANGES_MAX : (size_t)PROBE_RESULTS_MAX));
    for (size_t i = 0; i < n; i++)
        changes ? check_change(&change[i]) : check_result(&result[i]);
    return 0;
}
