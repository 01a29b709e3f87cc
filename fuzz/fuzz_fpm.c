/* Any bytes as what a router tells of its forwarding table: the first says in which pieces they
 * come. Whole or in pieces, the same events, or, where next hops have numbers, the same table once
 * all is told; no memory but for one frame and for numbers; and when all is over nothing holds an
 * attribute. */
#include "base/hash.h"
#include "base/mem.h"
#include "net/fpm.h"
#include "net/rib.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct station {
    struct rib *rib;
    struct attr_table *attrs;
    struct sources *sources;
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

struct outcome {
    enum fpm_status status;
    uint64_t events, table; /* hashes of them */
    uint64_t next_hops;
    bool full; /* the tables were: what is in them depends on the order */
};

static bool add_route(void *arg, const struct rib_route *r)
{
    struct station *st = ((void **)arg)[0];
    const struct attr *a = attr_get(st->attrs, r->attr);
    uint64_t h = hash_fast(r->path_id, rib_prefix(st->rib, r->prefix_id), sizeof(struct prefix));
    const char *via = a->via ? source_name_text(st->sources, a->via) : "";
    uint32_t what[] = {a->kind, a->has};
    h = hash_fast(hash_fast(h, what, sizeof what), &a->next_hop, sizeof a->next_hop);
    *(uint64_t *)((void **)arg)[1] +=
        hash_fast(h, via, strlen(via)); /* in whatever order they come */
    return true;
}

static struct outcome run(const uint8_t *data, size_t size, size_t piece)
{
    struct attr_table *attrs = attr_table_new(1, 100, 1 << 20);
    struct sources *sources = sources_new();
    struct rib_limits limits = {1000, 300, 900};
    struct station st = {
        .rib = rib_new(attrs, sources, &limits, NULL, NULL), .attrs = attrs, .sources = sources};
    struct fpm_options o = {attrs, sources, source_router(sources, "r/fib"), take, &st};
    struct fpm_session *s = fpm_session_new(&o);
    struct outcome out = {0};
    for (size_t at = 0; at < size && out.status == FPM_GOING_ON; at += piece)
        out.status = fpm_feed(s, data + at, MIN(piece, size - at), 1000);
    struct fpm_hops_counts kept = fpm_session_numbers(s);
    BUG_ON(fpm_session_kept(s) > FPM_FRAME_MAX);
    BUG_ON(kept.routes > size || kept.numbers > FPM_NUMBERS_MAX);
    out.status = fpm_tick(s, 1000 + FPM_TABLE_MS);
    struct fpm_stats stats = fpm_session_stats(s);
    BUG_ON(stats.told_anew > kept.routes + size * size);
    BUG_ON(st.events > (size + stats.told_anew + 1) * FPM_PATHS_MAX);
    rib_each_route(st.rib, 1, VIEW_LOC_RIB, add_route, (void *[]){&st, &out.table});
    out.events = st.hash;
    out.next_hops = stats.next_hops;
    fpm_session_free(s, 2000);
    struct rib_stats rib = rib_stats(st.rib);
    out.full = rib.refused || attr_table_stats(attrs).refused;
    BUG_ON(rib.routes > limits.routes_max || rib.prefixes > limits.prefixes_max);
    rib_free(st.rib);
    BUG_ON(attr_table_stats(attrs).sets);
    attr_table_free(attrs);
    sources_free(sources);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    size_t piece = 1 + data[0];
    struct outcome whole = run(data + 1, size - 1, size), cut = run(data + 1, size - 1, piece);
    if (whole.full || cut.full)
        return 0;
    BUG_ON(whole.status != cut.status);
    BUG_ON(whole.status == FPM_GOING_ON && whole.table != cut.table);
    BUG_ON(!whole.next_hops && whole.events != cut.events);
    return 0;
}
