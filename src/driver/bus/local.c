/* local.c - the in-process bus: links under virtual time that delay, lose, repeat, reorder, part.
 */
#include "driver/bus/bus.h"

#include "base/mem.h"
#include "base/rng.h"
#include "core/config.h"
#include "node/sched.h"

#include <string.h>

enum {
    LINK_WINDOW = 1 << 16
}; /* messages under way on one link; beyond that it drops, as a full
      socket buffer would: the resends above mend it */

struct link {
    double latency_ms, jitter_ms, extra_ms;
    int32_t loss_ppm, duplicate_ppm, reorder_ppm;
    bool cut;
    uint32_t life; /* counts the cuts: what was sent in an earlier life is lost */
    uint32_t under_way;
    td_ms last; /* delivery of the message before: order holds unless reordered */
};

struct local {
    struct bus bus;
    struct sched *sched;
    struct rng rng;
    struct link link[NODES_MAX][NODES_MAX];
};

struct message *message_new(uint8_t kind, uint8_t from, const void *data, size_t len)
{
    BUG_ON(len > MESSAGE_MAX);
    struct message *m = mem_grow(NULL, 1, sizeof *m + len);
    *m = (struct message){.refs = 1, .kind = kind, .from = from, .len = (uint32_t)len};
    if (len)
        memcpy(m->data, data, len);
    return m;
}

void message_unref(struct message *m)
{
    BUG_ON(!m->refs);
    if (!--m->refs)
        mem_free(m);
}

/* route packs what the timer needs: life in the high half, then from and to. */
static void local_arrive(void *arg, void *what, uint64_t route)
{
    struct local *b = arg;
    struct message *m = what;
    uint8_t from = (uint8_t)(route >> 8), to = (uint8_t)route;
    if (!b) {
        message_unref(m);
        return;
    }
    struct link *l = &b->link[from][to];
    l->under_way--;
    if (l->cut || l->life != (uint32_t)(route >> 32)) {
        b->bus.lost++;
    } else {
        b->bus.delivered++;
        b->bus.receive(b->bus.arg, to, m);
    }
    message_unref(m);
}

static void local_schedule(struct local *b, uint8_t from, uint8_t to, struct message *m)
{
    struct link *l = &b->link[from][to];
    if (l->under_way >= LINK_WINDOW) {
        b->bus.lost++;
        return;
    }
    double delay = l->latency_ms + l->extra_ms;
    if (l->jitter_ms > 0)
        delay += rng_unit(&b->rng) * l->jitter_ms;
    td_ms at = b->sched->now + (td_ms)(delay + 0.5);
    if (l->reorder_ppm && rng_below(&b->rng, PPM) < (uint64_t)l->reorder_ppm)
        at += (td_ms)rng_below(&b->rng, (uint64_t)(2 * l->latency_ms) + 20);
    else
        l->last = at = MAX(at, l->last);
    l->under_way++;
    sched_at(b->sched, at, local_arrive, b, message_ref(m),
             (uint64_t)l->life << 32 | (uint64_t)from << 8 | to);
}

static void local_send(struct bus *bus, uint8_t from, uint8_t to, struct message *m)
{
    struct local *b = CONTAINER_OF(bus, struct local, bus);
    struct link *l = &b->link[from][to];
    bus->sent++;
    bus->bytes += m->len;
    if (l->cut || (l->loss_ppm && rng_below(&b->rng, PPM) < (uint64_t)l->loss_ppm)) {
        bus->lost++;
        return;
    }
    local_schedule(b, from, to, m);
    if (l->duplicate_ppm && rng_below(&b->rng, PPM) < (uint64_t)l->duplicate_ppm)
        local_schedule(b, from, to, m);
}

static void local_close(struct bus *bus)
{
    mem_free(CONTAINER_OF(bus, struct local, bus)); /* what is under way dies with the sched */
}

static const struct bus_ops local_ops = {"local", local_send, local_close};

struct bus *bus_local_new(const struct config *c, struct sched *s, uint64_t seed)
{
    struct local *b = mem_new(1, sizeof *b);
    b->bus.ops = &local_ops;
    b->sched = s;
    b->rng = rng_seed(seed, 0xb05);
    for (int i = 0; i < NODES_MAX; i++)
        for (int j = 0; j < NODES_MAX; j++) {
            const struct cfg_link *l = &c->link[i][j];
            b->link[i][j] = (struct link){.latency_ms = l->latency_ms,
                                          .jitter_ms = l->jitter_ms,
                                          .loss_ppm = l->loss_ppm,
                                          .duplicate_ppm = l->duplicate_ppm,
                                          .reorder_ppm = l->reorder_ppm};
        }
    return &b->bus;
}

void bus_local_cut(struct bus *bus, uint8_t from, uint8_t to, bool cut)
{
    struct link *l = &CONTAINER_OF(bus, struct local, bus)->link[from][to];
    if (cut && !l->cut)
        l->life++;
    l->cut = cut;
}

void bus_local_faults(struct bus *bus, uint8_t from, uint8_t to, int32_t loss_ppm,
                      int32_t duplicate_ppm, int32_t reorder_ppm, double extra_latency_ms)
{
    struct link *l = &CONTAINER_OF(bus, struct local, bus)->link[from][to];
    l->loss_ppm = loss_ppm;
    l->duplicate_ppm = duplicate_ppm;
    l->reorder_ppm = reorder_ppm;
    l->extra_ms = extra_latency_ms;
}
