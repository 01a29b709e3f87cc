/* Any bytes as what a router tells of its forwarding table: the first says in which pieces they
 * come. Whole or in pieces, the same events; no memory but for one frame; and when all is over
 * nothing holds an attribute. */
#include "base/hash.h"
#include "base/mem.h"
#include "net/fpm.h"
#include "net/rib.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct station {
    struct rib *rib;
    struct attr_table *attrs;
    uint64_t events, hash;
};

static void take(void *arg, const struct route_event *e)
{
    struct station *st = arg;
    uint32_t what[] = {e->type, e->view, e->peer, e->path_id, e->attr, e->prefix.len};
    st->events++;
    st->hash = hash_fast(st->hash, what, sizeof what);
    BUG_ON(e->type == ROUTE_ANNOUNCE && e->prefix.len > prefix_bits_max(&e->prefix));
    BUG_ON(e->type == ROUTE_ANNOUNCE && attr_get(st->attrs, e->attr)->kind >= ROUTE_KINDS);
    struct prefix canonical = e->prefix;
    if (e->type == ROUTE_ANNOUNCE)
        prefix_canonical(&canonical);
    BUG_ON(!prefix_equal(&canonical, &e->prefix));
    rib_apply(st->rib, e);
}

static uint64_t run(const uint8_t *data, size_t size, size_t piece)
{
    struct attr_table *attrs = attr_table_new(1, 100, 1 << 20);
    struct sources *sources = sources_new();
    struct rib_limits limits = {1000, 300, 900};
    struct station st = {.rib = rib_new(attrs, sources, &limits, NULL, NULL), .attrs = attrs};
    struct fpm_options o = {attrs, sources, source_router(sources, "r/fib"), take, &st};
    struct fpm_session *s = fpm_session_new(&o);
    enum fpm_status status = FPM_GOING_ON;
    for (size_t at = 0; at < size && status == FPM_GOING_ON; at += piece)
        status = fpm_feed(s, data + at, MIN(piece, size - at), 1000);
    BUG_ON(fpm_session_kept(s) > FPM_FRAME_MAX);
    BUG_ON(st.events > (size + 1) * FPM_PATHS_MAX);
    fpm_tick(s, 1000 + FPM_TABLE_MS);
    fpm_session_free(s, 2000);
    struct rib_stats rib = rib_stats(st.rib);
    BUG_ON(rib.routes > limits.routes_max || rib.prefixes > limits.prefixes_max);
    rib_free(st.rib);
    BUG_ON(attr_table_stats(attrs).sets);
    attr_table_free(attrs);
    sources_free(sources);
    return st.hash ^ (uint64_t)status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    size_t piece = 1 + data[0];
    BUG_ON(run(data + 1, size - 1, size) != run(data + 1, size - 1, piece));
    return 0;
}
