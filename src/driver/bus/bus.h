/* bus.h - the bus port: how nodes reach each other. Drivers: in-process (local.c). Later: NATS,
 * Kinesis + Pub/Sub.
 *
 * What is promised: nothing but that a message that arrives arrives whole. Messages may be lost,
 * repeated, late and out of order; the nodes above mend that (docs/architecture.md). A message is
 * immutable bytes with a reference count, so that one fact goes to four peers without a copy. */
#pragma once

#include "core/types.h"

enum message_kind {
    MSG_FACTS,   /* facts of one origin, in order: see node/wire.h */
    MSG_BEAT,
    MSG_ASK,     /* a site asks the hub to place a contact */
    MSG_RESEND,  /* the sender lacks facts of an origin */
    MESSAGE_KINDS
};

struct message {
    uint32_t refs;
    uint8_t kind, from;
    uint32_t len;
    uint8_t data[];
};
#define MESSAGE_MAX (8u << 20) /* a configuration fact is the largest thing */

struct message *message_new(uint8_t kind, uint8_t from, const void *data, size_t len);
static inline struct message *message_ref(struct message *m) { m->refs++; return m; }
void message_unref(struct message *m);

/* Called for every message that arrives at node `to`. It is the bus's; ref it to keep it. */
typedef void bus_receive(void *arg, uint8_t to, struct message *m);

struct bus;
struct bus_ops {
    const char *name;
    /* Keeps a reference of its own. */
    void (*send)(struct bus *b, uint8_t from, uint8_t to, struct message *m);
    void (*close)(struct bus *b);
};
struct bus { /* a driver's own struct begins with this */
    const struct bus_ops *ops;
    bus_receive *receive;
    void *arg;
    uint64_t sent, lost, delivered, bytes;
};
static inline void bus_send(struct bus *b, uint8_t from, uint8_t to, struct message *m)
{
    b->ops->send(b, from, to, m);
}
static inline void bus_close(struct bus *b)
{
    if (b)
        b->ops->close(b);
}

/* ---- the in-process driver: every link with a delay and faults of its own ---- */

struct sched;
struct config;
struct bus *bus_local_new(const struct config *c, struct sched *s, uint64_t seed);
/* Cuts or joins one direction of a link. What is under way on a link that is cut is lost. */
void bus_local_cut(struct bus *b, uint8_t from, uint8_t to, bool cut);
/* Faults of one direction from now on, over what the configuration says. */
void bus_local_faults(struct bus *b, uint8_t from, uint8_t to, int32_t loss_ppm,
                      int32_t duplicate_ppm, int32_t reorder_ppm, double extra_latency_ms);
