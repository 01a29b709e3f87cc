/* instance.h - the instance port: a contact-centre instance as a site node sees it. Drivers: the
 * simulated one (node/floor.c over sim/engine), Amazon Connect's API (connect.h).
 *
 * Commands are asked for, never awaited; what came of them, and all that happens by itself, comes
 * out of `next`, a stream with a cursor. `ack` says that all taken so far is durable at the node;
 * after a crash `rewind` gives again what was not. Telling the same twice does no harm. */
#pragma once

#include "core/core.h"

enum instance_event_type {
    INST_ARRIVED, /* a contact came in here and needs a place */
    INST_CONTACT,
    INST_AGENT,
    INST_RELEASED,
    INST_REFUSED,
    INST_HEALTH
};

struct instance_event {
    enum instance_event_type type;
    union {
        struct route_request request;
        struct instance_contact contact;
        struct instance_agent agent;
        struct { struct td_id contact; bool ok; } outcome; /* RELEASED, REFUSED */
        struct { bool ok, ready; } health;
    };
};

struct instance;
struct instance_ops {
    const char *name;
    void (*deliver)(struct instance *i, const struct ev_placed *p);
    void (*release)(struct instance *i, struct td_id contact);
    /* Its place is at another site: the customer, who came in here or was released here, is to be
     * transferred there. A simulated one is fetched by that site. */
    void (*send)(struct instance *i, struct td_id contact, uint8_t to_site);
    void (*drop)(struct instance *i, struct td_id contact, bool over); /* over: nobody has it now */
    void (*sign_in)(struct instance *i, uint32_t agent);
    void (*sign_out)(struct instance *i, uint32_t agent);
    void (*weight)(struct instance *i, uint16_t queue, double weight);
    bool (*next)(struct instance *i, struct instance_event *out);
    void (*ack)(struct instance *i);
    void (*rewind)(struct instance *i);
    struct reality (*reality)(struct instance *i); /* for core_reconcile */
    /* Where the driver stands in streams that outlive this process, all that `next` gave included:
     * the node commits it together with what came of it, so that nothing has its effect twice.
     * False: nothing to keep. Both may be NULL: what the driver says does not outlive it. */
    bool (*position)(struct instance *i, struct buf *out);
    /* Before anything else: the position of the last commit. False: it is none of this driver's. */
    bool (*resume)(struct instance *i, const void *data, size_t len);
};
struct instance { /* a driver's own struct begins with this */
    const struct instance_ops *ops;
};
