/* bgp_mp.c - MP_REACH and MP_UNREACH (RFC 4760): routes inside a block of attributes. */
#include "net/bgp_i.h"

/* AFI 2, SAFI 1, prefixes. */
static bool mp_unreach(struct span v, struct nlri *out)
{
    if (v.n < 3)
        return false;
    *out = (struct nlri){{v.p + 3, v.n - 3}, unicast_family(v.p)};
    return true;
}

bool mp_read(struct span block, struct mp *m)
{
    struct pa_walk w = {block.p, block.p + block.n, false};
    struct pa a;
    unsigned seen = 0;
    *m = (struct mp){.rest = block.n};
    while (pa_next(&w, &a)) {
        bool reach = a.type == PA_MP_REACH;
        if (a.type == PA_NEXT_HOP)
            m->rest -= (size_t)(w.p - a.whole);
        if (!reach && a.type != PA_MP_UNREACH)
            continue;
        unsigned bit = 1u << (a.type - PA_MP_REACH);
        if ((seen & bit) || !(reach ? mp_reach(a.value, &m->reach, &m->next_hop)
                                    : mp_unreach(a.value, &m->unreach)))
            return false;
        seen |= bit;
        m->count++;
        m->others += reach ? !m->reach.family : !m->unreach.family;
        m->rest -= (size_t)(w.p - a.whole);
    }
    return true;
}

size_t mp_remove(struct span block, bool next_hop_too, uint8_t *to)
{
    struct pa_walk w = {block.p, block.p + block.n, false};
    const uint8_t *run = block.p; /* what has not been copied yet; mostly there is one run */
    struct pa a;
    size_t n = 0;
    while (pa_next(&w, &a)) {
        bool is_mp = a.type == PA_MP_REACH || a.type == PA_MP_UNREACH;
        if (!is_mp && (a.type != PA_NEXT_HOP || !next_hop_too))
            continue;
        memcpy(to + n, run, (size_t)(a.whole - run));
        n += (size_t)(a.whole - run);
        run = w.p;
    }
    memcpy(to + n, run, (size_t)(w.end - run));
    return n + (size_t)(w.end - run);
}

/* RFC 6396 4.3.4: MP_REACH of a dump is the length of the next hop and the next hop. */
bool mp_dump_next_hop(struct span v, struct span *next_hop)
{
    if (v.n >= 5 && v.p[0] == 0) { /* some write it in full; a length of 0 would say nothing */
        if (v.n < 5u + v.p[3])
            return false;
        *next_hop = (struct span){v.p + 4, v.p[3]};
        return true;
    }
    if (!v.n || v.n < 1u + v.p[0])
        return false;
    *next_hop = (struct span){v.p + 1, v.p[0]};
    return true;
}
