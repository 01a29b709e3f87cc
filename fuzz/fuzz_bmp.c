/* Any bytes as what a router sends: the first says in which pieces they come. What comes of them
 * goes into a RIB. Whole or in pieces, the same events; no memory but for one message; and when all
 * is over nothing holds an attribute. */
#include "base/hash.h"
#include "base/mem.h"
#include "net/bmp.h"
#include "net/rib.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct station {
    struct rib *rib;
    uint64_t events, hash;
};

static void take(void *arg, const struct route_event *e)
{
    struct station *st = arg;
    uint32_t what[] = {e->type, e->view, e->peer, e->path_id, e->attr, e->prefix.len};
    st->events++;
    st->hash = hash_fast(st->hash, what, sizeof what);
    rib_apply(st->rib, e);
}

static uint64_t run(const uint8_t *data, size_t size, size_t piece)
{
    struct attr_table *attrs = attr_table_new(1, 100, 1 << 20);
    struct bgp_decoder *d = bgp_decoder_new(attrs, 1, 16);
    struct sources *sources = sources_new();
    struct rib_limits limits = {1000, 300, 900};
    struct station st = {.rib = rib_new(attrs, sources, &limits, NULL, NULL)};
    struct bmp_options o = {d, sources, source_router(sources, "r"), take, &st};
    struct bmp_session *s = bmp_session_new(&o);
    enum bmp_status status = BMP_GOING_ON;
    for (size_t at = 0; at < size && status == BMP_GOING_ON; at += piece)
        status = bmp_feed(s, data + at, MIN(piece, size - at), 1000);
    struct bmp_stats stats = bmp_session_stats(s);
    BUG_ON(bmp_session_kept(s) > BMP_MESSAGE_MAX || stats.peers > BMP_PEERS_MAX);
    BUG_ON(st.events > size + 1 || stats.peers_up > stats.peers);
    bmp_session_free(s, 2000);
    rib_sweep(st.rib, 3000, 3000);
    struct rib_stats rib = rib_stats(st.rib);
    BUG_ON(rib.routes > limits.routes_max || rib.prefixes > limits.prefixes_max);
    rib_free(st.rib);
    bgp_decoder_free(d);
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
