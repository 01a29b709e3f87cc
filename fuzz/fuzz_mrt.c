/* Any bytes as a file of MRT: the first says in which pieces it comes. Whole or in pieces, the same
 * events, and nothing holds an attribute afterwards. */
#include "base/hash.h"
#include "base/mem.h"
#include "net/mrt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    uint64_t events, hash;
};

static void take(void *arg, const struct route_event *e)
{
    struct seen *s = arg;
    uint32_t what[] = {e->type, e->view, e->peer, e->path_id, e->attr, (uint32_t)e->at_ms};
    s->events++;
    s->hash = hash_fast(s->hash, what, sizeof what);
    s->hash = hash_fast(s->hash, &e->prefix, sizeof e->prefix);
}

static uint64_t run(const uint8_t *data, size_t size, size_t piece)
{
    struct attr_table *attrs = attr_table_new(1, 100, 1 << 20);
    struct bgp_decoder *d = bgp_decoder_new(attrs, 1, 16);
    struct sources *sources = sources_new();
    struct seen seen = {0};
    struct mrt_options o = {d, sources, source_router(sources, "c"), VIEW_IN_POST, take, &seen};
    struct mrt_reader *m = mrt_new(&o);
    bool ok = true;
    for (size_t at = 0; at < size && ok; at += piece)
        ok = mrt_feed(m, data + at, MIN(piece, size - at));
    BUG_ON(mrt_end(m) && !ok);
    struct mrt_stats s = mrt_stats(m);
    BUG_ON(s.routes + s.records > size || seen.events > 4 * size + 2);
    mrt_free(m);
    bgp_decoder_free(d);
    BUG_ON(attr_table_stats(attrs).sets);
    attr_table_free(attrs);
    sources_free(sources);
    return seen.hash ^ (uint64_t)ok ^ s.broken << 8;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    size_t piece = 1 + data[0];
    BUG_ON(run(data + 1, size - 1, size) != run(data + 1, size - 1, piece));
    return 0;
}
