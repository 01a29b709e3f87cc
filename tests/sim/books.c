/* books.c - shares and history, counted a second time from the facts as they were stated, and held
 * against what the nodes made of them. */
#include "sim.h"

#include <stdio.h>
#include <string.h>

/* ---- as it happens ---- */

static struct booked *booked_add(struct booked_list *l)
{
    if (l->count == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 64;
        l->item = mem_grow(l->item, l->cap, sizeof *l->item);
    }
    struct booked *b = &l->item[l->count++];
    *b = (struct booked){0};
    return b;
}

void books_fact(struct sim *s, uint8_t self, const struct event *e)
{
    struct booked_list *l = &s->booked[self];
    /* A node that crashed states other facts under the numbers of those it lost. */
    while (l->count && l->item[l->count - 1].seq >= e->dot.seq)
        l->count--;
    if (e->type == EV_PLACED && e->placed.counted) {
        const struct ev_placed *p = &e->placed;
        struct booked *b = booked_add(l);
        b->contact = p->contact;
        b->epoch = p->epoch;
        b->group = p->group;
        b->site = p->site;
        for (int i = 0; i < p->n_candidates; i++)
            b->u[p->candidate[i].site] = p->candidate[i].share_ppm;
        b->u[p->site] -= PPM;
        b->seq = e->dot.seq;
    } else if (e->type == EV_LEDGER) {
        struct booked *b = booked_add(l);
        b->group = e->ledger.group;
        for (int i = 0; i < e->ledger.n; i++)
            b->u[e->ledger.site[i]] = e->ledger.adjust_u[i];
        b->seq = e->dot.seq;
    }
}

void books_free(struct sim *s)
{
    for (int n = 0; n < NODES_MAX; n++)
        mem_free(s->booked[n].item);
    for (uint32_t i = 0; i < s->asks; i++)
        mem_free(s->asked[i]);
    mem_free(s->asked);
}

/* ---- shares ---- */

struct totals {
    int64_t lag_u[GROUPS_MAX][SITES_MAX];
    uint64_t placed[GROUPS_MAX][SITES_MAX];
};

static void totals_add(struct totals *t, const struct booked *b)
{
    for (int i = 0; i < SITES_MAX; i++)
        t->lag_u[b->group][i] += b->u[i];
    if (!id_none(b->contact))
        t->placed[b->group][b->site]++;
}

/* Of the placements of one contact the books have that of the greatest epoch. */
static void totals_of(const struct sim *s, struct totals *t)
{
    struct map128 at = {0};
    const struct booked **best = NULL;
    uint32_t count = 0;
    for (int n = 0; n < NODES_MAX; n++)
        for (uint32_t i = 0; i < s->booked[n].count; i++) {
            const struct booked *b = &s->booked[n].item[i];
            uint32_t k;
            if (id_none(b->contact)) {
                totals_add(t, b);
            } else if (!map128_find(&at, b->contact.hi, b->contact.lo, &k)) {
                if (!(count & (count - 1)))
                    best = mem_grow(best, count ? count * 2 : 1, sizeof *best);
                map128_insert(&at, b->contact.hi, b->contact.lo, count);
                best[count++] = b;
            } else if (b->epoch > best[k]->epoch) {
                best[k] = b;
            }
        }
    for (uint32_t i = 0; i < count; i++)
        totals_add(t, best[i]);
    mem_free(best);
    map128_free(&at);
}

void books_shares(struct sim *s)
{
    const struct core *k = node_core(world_node(s->w, HUB));
    struct totals t = {0};
    totals_of(s, &t);
    for (int g = 0; g < GROUPS_MAX; g++)
        for (uint8_t i = 0; i < s->c->n_sites; i++) {
            if (t.placed[g][i] != k->group[g].placed[i])
                fail(s,
                     "%" PRIu64 " contacts of group %d were counted for %s, the hub has %" PRIu64,
                     t.placed[g][i], g, name_of(s, i), k->group[g].placed[i]);
            if (t.lag_u[g][i] != k->group[g].lag_u[i])
                fail(s, "%s lags %.6f contacts in group %d, by the hub's books %.6f", name_of(s, i),
                     (double)t.lag_u[g][i] / PPM, g, (double)k->group[g].lag_u[i] / PPM);
        }
}

/* ---- history ---- */

struct reading {
    struct sim *s;
    struct map128 *hub; /* contact -> its record, mixed */
    uint8_t node;
    uint64_t n;
};

static uint32_t record_mix(const struct store_history *h)
{
    /* A record has eight decisions at most; of a contact that had more, which eight depends on when
     * they came. The node puts their number below the version. */
    bool whole = (h->version & 15) < DECISIONS_KEPT;
    uint64_t bytes = whole ? hash_bytes(h->record, h->record_len) : 0;
    return (uint32_t)mix64(bytes ^ mix64(h->epoch ^ mix64(h->version)));
}

static bool on_record(void *arg, const struct store_history *h)
{
    struct reading *r = arg;
    uint32_t v = 0, mixed = record_mix(h);
    r->n++;
    map128_find(&r->s->called, h->contact.hi, h->contact.lo, &v);
    if (!(v & ENDED))
        fail(r->s, "the history of %s has a contact that has not ended at the hub",
             name_of(r->s, r->node));
    if (r->node == HUB)
        map128_insert(r->hub, h->contact.hi, h->contact.lo, mixed);
    else if (!map128_find(r->hub, h->contact.hi, h->contact.lo, &v) || v != mixed)
        fail(r->s, "the record of contact %016" PRIx64 " at %s is another than the hub's",
             h->contact.hi, name_of(r->s, r->node));
    return true;
}

void books_history(struct sim *s)
{
    struct map128 hub = {0};
    for (int n = NODES_MAX; n-- > 0;) {
        struct node *node = world_node(s->w, (uint8_t)n);
        if (!node)
            continue;
        struct store *store = node_store(node);
        struct reading r = {s, &hub, (uint8_t)n, 0};
        store->ops->history(store, (struct td_id){0, 0}, STORE_NEWEST, HISTORY_MAX, on_record, &r);
        if (r.n != s->calls)
            fail(s, "%" PRIu64 " contacts were made, the history of %s has %" PRIu64, s->calls,
                 name_of(s, (uint8_t)n), r.n);
    }
    map128_free(&hub);
}

/* ---- answers ---- */

void books_asked(struct sim *s)
{
    for (uint32_t i = 0; i < s->asks; i++) {
        const struct asked *a = s->asked[i];
        uint32_t site = SITE_NONE, v = 0;
        if (!a->answered)
            continue;
        map128_find(&s->place, a->contact.hi ^ mix64(a->epoch), a->contact.lo, &site);
        map128_find(&s->called, a->contact.hi, a->contact.lo, &v);
        if (site != a->site)
            fail(s, "a program was told %s for its contact, the hub knows of %s",
                 name_of(s, a->site),
                 site < s->c->n_sites ? name_of(s, (uint8_t)site) : "no such placement");
        if (!(v & ENDED))
            fail(s, "a contact that a program was told a place for has vanished");
    }
}
