/* node.c - inputs into the core; facts into the store, then onto the bus; actions out. */
#include "node/node.h"

#include "base/codec.h"
#include "base/log.h"
#include "core/model.h"
#include "node/wire.h"

#include <stdio.h>
#include <string.h>

enum {
    RESEND_MESSAGES = 64, /* given at one request; the next beat asks for more */
    FACTS_A_MESSAGE = 256,
    FACTS_AT_ONCE = 16, /* decoded ahead, so that their memory is there when they fold */
};

struct kept { /* a message of facts that some node may still lack */
    struct message *m;
    uint32_t epoch;
    uint64_t first, last;
};
struct keep { /* per origin: ring, by sequence */
    struct kept *k;
    uint32_t first, count, cap;
};

struct waiter {
    void (*fn)(void *arg);
    void *arg;
};

/* What waits for the commit. While one list is worked off, what comes of it goes to the other. */
struct waiters {
    struct waiter *item;
    uint32_t count, cap;
};
struct actions {
    struct action *item;
    uint32_t count, cap;
};

struct node {
    struct node_config nc;
    struct core *core;
    struct store *store;
    uint32_t epoch;
    struct config *given; /* held: the world may replace its own */
    struct config *first; /* what the store begins with, when that is not what was given */
    struct buf batch;     /* own facts since the last commit, encoded */
    uint64_t batch_first;
    uint32_t batch_count;
    uint32_t uncommitted; /* facts of any origin put into the store since */
    struct actions actions, actions_idle;
    struct waiters waiters, waiters_idle;
    bool held; /* the instance's last report is held back one step, so that two */
    struct instance_contact held_contact; /* of one contact at one instant become one fact */
    bool flush_set, pumping, dead;
    uint32_t timers; /* scheduled calls that still name this node */
    struct vector_entry durable[NODES_MAX];
    struct keep keep[NODES_MAX];
    size_t kept_bytes;
    uint64_t facts, commits, since_snapshot;
    struct buf scratch;
};

struct core *node_core(struct node *n)
{
    return n->core;
}
struct store *node_store(struct node *n)
{
    return n->store;
}
uint8_t node_self(const struct node *n)
{
    return n->nc.self;
}
uint64_t node_facts(const struct node *n)
{
    return n->facts;
}

uint64_t node_commits(const struct node *n)
{
    return n->commits;
}

struct node_memory node_memory(const struct node *n)
{
    struct node_memory m = {
        .model = core_bytes(n->core), .kept = n->kept_bytes, .owed = n->kept_bytes};
    for (int o = 0; o < NODES_MAX; o++)
        m.kept += n->keep[o].cap * sizeof(struct kept);
    m.waiting = n->batch.cap + n->scratch.cap +
                (n->actions.cap + n->actions_idle.cap) * sizeof(struct action) +
                (n->waiters.cap + n->waiters_idle.cap) * sizeof(struct waiter);
    m.store = n->store->ops->bytes(n->store);
    return m;
}

static bool is_peer(const struct node *n, int to)
{
    return to != n->nc.self && (to == HUB || to < n->nc.config->n_sites);
}

static void fatal(struct node *n, const char *why)
{
    n->dead = true;
    if (n->nc.on_fatal)
        n->nc.on_fatal(n->nc.arg, n, why);
}

/* ---- timers ---- */

/* False: the node is gone, or the schedule ends; a dead node's memory goes with the last timer that
 * names it. */
static bool timer_alive(struct node *n, bool runs)
{
    n->timers--;
    if (!n->dead && runs)
        return true;
    if (!n->timers && !n->core)
        mem_free(n);
    return false;
}

static void flush_due(void *arg, void *what, uint64_t unused)
{
    struct node *n = what;
    (void)unused;
    if (!timer_alive(n, arg != NULL))
        return;
    n->flush_set = false;
    node_flush(n);
}

static void flush_soon(struct node *n)
{
    if (n->flush_set)
        return;
    n->flush_set = true;
    n->timers++;
    sched_at(n->nc.sched, n->nc.sched->now + n->nc.config->store.commit_ms, flush_due, n, n, 0);
}

static void tick_due(void *arg, void *what, uint64_t unused)
{
    struct node *n = what;
    (void)unused;
    if (!timer_alive(n, arg != NULL))
        return;
    node_input(n, &(struct input){.type = IN_TICK});
    if (n->dead)
        return;
    td_ms next = MAX(core_deadline(n->core), n->nc.sched->now + 1);
    n->timers++;
    sched_at(n->nc.sched, next, tick_due, n, n, 0);
}

/* ---- facts kept for peers ---- */

static void keep_add(struct node *n, uint8_t origin, struct message *m, uint32_t epoch,
                     uint64_t first, uint64_t last)
{
    struct keep *q = &n->keep[origin];
    if (q->count == q->cap) {
        uint32_t cap = q->cap ? q->cap * 2 : 64;
        BUG_ON(cap > 1u << 26);
        struct kept *k = mem_new(cap, sizeof *k);
        for (uint32_t i = 0; i < q->count; i++)
            k[i] = q->k[(q->first + i) & (q->cap - 1)];
        mem_free(q->k);
        *q = (struct keep){k, 0, q->count, cap};
    }
    q->k[(q->first + q->count++) & (q->cap - 1)] =
        (struct kept){message_ref(m), epoch, first, last};
    n->kept_bytes += m->len;
}

static void keep_drop_first(struct node *n, struct keep *q)
{
    struct message *m = q->k[q->first].m;
    n->kept_bytes -= m->len;
    message_unref(m);
    q->first = (q->first + 1) & (q->cap - 1);
    q->count--;
}

static bool covers(const struct vector_entry *v, uint32_t epoch, uint64_t seq)
{
    return v->epoch > epoch || (v->epoch == epoch && v->seq >= seq);
}

/* Lets go of what every node is known to have. */
static void keep_trim(struct node *n)
{
    for (int o = 0; o < NODES_MAX; o++) {
        struct keep *q = &n->keep[o];
        while (q->count) {
            const struct kept *k = &q->k[q->first];
            for (int to = 0; to < NODES_MAX; to++)
                if (is_peer(n, to) && to != o &&
                    !covers(&n->core->peer[to].acked[o], k->epoch, k->last))
                    goto next_origin;
            keep_drop_first(n, q);
        }
    next_origin:;
    }
}

static void resend(struct node *n, uint8_t to, uint8_t origin, uint32_t epoch, uint64_t after)
{
    const struct keep *q = &n->keep[origin];
    int given = 0;
    for (uint32_t i = 0; i < q->count && given < RESEND_MESSAGES; i++) {
        const struct kept *k = &q->k[(q->first + i) & (q->cap - 1)];
        if (k->epoch < epoch || (k->epoch == epoch && k->last <= after))
            continue;
        bus_send(n->nc.bus, n->nc.self, to, k->m);
        given++;
    }
}

/* ---- facts out ---- */

static void facts_header(struct buf *b, uint8_t origin, uint32_t epoch, uint64_t first,
                         uint32_t count)
{
    put_u8(b, origin);
    put_varint(b, epoch);
    put_varint(b, first);
    put_varint(b, count);
}

/* The batch becomes one message, kept for whoever may lack it. NULL: it is empty; else release it.
 */
static struct message *batch_close(struct node *n, uint8_t origin, uint32_t epoch)
{
    if (!n->batch_count)
        return NULL;
    buf_reset(&n->scratch);
    facts_header(&n->scratch, origin, epoch, n->batch_first, n->batch_count);
    buf_add(&n->scratch, n->batch.data, n->batch.len);
    struct message *m = message_new(MSG_FACTS, n->nc.self, n->scratch.data, n->scratch.len);
    keep_add(n, origin, m, epoch, n->batch_first, n->batch_first + n->batch_count - 1);
    n->batch_count = 0;
    buf_reset(&n->batch);
    return m;
}

static void publish(struct node *n, struct message *m)
{
    for (int to = 0; to < NODES_MAX; to++)
        if (is_peer(n, to))
            bus_send(n->nc.bus, n->nc.self, (uint8_t)to, m);
}

static void history_out(struct node *n, const struct action *a)
{
    struct core_history h;
    if (!n->nc.on_history && n->store->forgets_history)
        return; /* nobody wants it */
    if (!core_history_of(n->core, a->history.contact, &h) || h.epoch != a->history.epoch ||
        h.version != a->history.version || h.n_decisions != a->history.n_decisions)
        return; /* it has changed since, and that has an action of its own */
    if (n->nc.on_history)
        n->nc.on_history(n->nc.arg, n, &h);
    if (n->store->forgets_history)
        return;
    buf_reset(&n->scratch);
    node_history_encode(&n->scratch, &h);
    /* A record to which a late decision was added outweighs the one without. */
    store_put_history(n->store,
                      &(struct store_history){.contact = h.contact,
                                              .customer = h.customer,
                                              .epoch = h.epoch,
                                              .version = h.version << 4 | (uint32_t)h.n_decisions,
                                              .started_at = h.started_at,
                                              .ended_at = h.ended_at,
                                              .record = n->scratch.data,
                                              .record_len = n->scratch.len});
}

void node_history_encode(struct buf *b, const struct core_history *h)
{
    struct event e = {.type = EV_PLACED, .dot = {0, 1, 1}};
    for (int i = h->n_decisions; i-- > 0;) {
        memcpy(&e.placed, h->decisions[i],
               offsetof(struct ev_placed, candidate) +
                   h->decisions[i]->n_candidates * sizeof(struct candidate));
        event_encode(b, &e);
    }
    e.type = EV_CONTACT;
    e.contact = *h->final;
    event_encode(b, &e);
}

/* The actions of the core, each straight to where it waits for the commit. */
static void hold_actions(struct node *n)
{
    for (;;) {
        struct actions *h = &n->actions;
        if (h->count == h->cap) {
            h->cap = h->cap ? h->cap * 2 : 32;
            h->item = mem_grow(h->item, h->cap, sizeof *h->item);
        }
        struct action *a = &h->item[h->count];
        if (!core_next_action(n->core, a))
            return;
        if (a->type == ACT_HISTORY)
            history_out(n, a);
        else
            h->count++;
    }
}

/* Takes what the core has put out. History goes into the commit of the facts it follows from. */
static void drain(struct node *n)
{
    UNINITIALISED struct event e;
    while (core_next_fact(n->core, &e)) {
        size_t at = n->batch.len;
        event_encode(&n->batch, &e);
        if (!n->batch_count++)
            n->batch_first = e.dot.seq;
        const char *bytes = n->batch.data + at;
        size_t len = n->batch.len - at;
        store_append(n->store, bytes, len);
        n->uncommitted++;
        n->facts++;
        if (n->nc.on_fact)
            n->nc.on_fact(n->nc.arg, n, &e, bytes, len);
    }
    hold_actions(n);
    if (n->uncommitted >= (uint32_t)n->nc.config->store.commit_events && !n->pumping)
        node_flush(n);
    else if (n->uncommitted || n->actions.count || n->waiters.count)
        flush_soon(n);
}

/* ---- actions ---- */

static void beat_out(struct node *n)
{
    struct beat b;
    core_beat(n->core, n->nc.sched->now, &b);
    for (int o = 0; o < NODES_MAX; o++) { /* only what is durable here is acknowledged */
        b.vector_epoch[o] = n->durable[o].epoch;
        b.vector_seq[o] = n->durable[o].seq;
    }
    buf_reset(&n->scratch);
    wire_put_beat(&n->scratch, &b);
    size_t common = n->scratch.len;
    for (int to = 0; to < NODES_MAX; to++) {
        if (!is_peer(n, to))
            continue;
        const struct peer *p = &n->core->peer[to];
        n->scratch.len = common;
        wire_put_echo(&n->scratch, p->sent_at_heard ? p->sent_at : 0,
                      n->nc.sched->now - p->sent_at_heard);
        struct message *m = message_new(MSG_BEAT, n->nc.self, n->scratch.data, n->scratch.len);
        bus_send(n->nc.bus, n->nc.self, (uint8_t)to, m);
        message_unref(m);
    }
}

static void send_small(struct node *n, uint8_t kind, uint8_t to)
{
    struct message *m = message_new(kind, n->nc.self, n->scratch.data, n->scratch.len);
    bus_send(n->nc.bus, n->nc.self, to, m);
    message_unref(m);
}

static void note_out(struct node *n, const struct action *a)
{
    if (!n->nc.on_note)
        return;
    struct node_note note = {.at = a->at, .kind = (uint8_t)a->note.kind, .site = a->note.site};
    str_copy(note.text, sizeof note.text, a->note.text);
    n->nc.on_note(n->nc.arg, n, &note);
}

static void act(struct node *n, const struct action *a)
{
    struct instance *i = n->nc.instance;
    buf_reset(&n->scratch);
    switch (a->type) {
    case ACT_ASK_HUB:
        wire_put_request(&n->scratch, &a->request);
        send_small(n, MSG_ASK, HUB);
        break;
    case ACT_RESEND:
        wire_put_resend(&n->scratch, a->resend.origin, a->resend.epoch, a->resend.after_seq);
        send_small(n, MSG_RESEND, a->resend.node);
        break;
    case ACT_BEAT: beat_out(n); break;
    case ACT_NOTE: note_out(n, a); break;
    case ACT_HISTORY: break;
    default:
        if (!i || !core_still_wanted(n->core, a))
            break;
        if (a->type == ACT_DELIVER)
            i->ops->deliver(i, &a->placed);
        else if (a->type == ACT_RELEASE)
            i->ops->release(i, a->contact.contact);
        else if (a->type == ACT_SEND)
            i->ops->send(i, a->contact.contact, a->contact.to_site);
        else if (a->type == ACT_DROP)
            i->ops->drop(i, a->contact.contact, a->contact.to_site == SITE_NONE);
        else if (a->type == ACT_SIGN_IN)
            i->ops->sign_in(i, a->agent.agent);
        else if (a->type == ACT_SIGN_OUT)
            i->ops->sign_out(i, a->agent.agent);
        else if (a->type == ACT_WEIGHT)
            i->ops->weight(i, a->weight.queue, a->weight.weight);
    }
}

static void put_kept(struct node *n, struct buf *b)
{
    for (int o = 0; o < NODES_MAX; o++) {
        const struct keep *q = &n->keep[o];
        put_varint(b, q->count);
        for (uint32_t i = 0; i < q->count; i++) {
            const struct message *m = q->k[(q->first + i) & (q->cap - 1)].m;
            put_str(b, (const char *)m->data, m->len);
        }
    }
}

static void snapshot(struct node *n)
{
    struct buf b = {0};
    core_snapshot(n->core, &b);
    struct buf all = {0};
    put_str(&all, b.data, b.len);
    put_kept(n, &all);
    store_put_snapshot(n->store, all.data, all.len);
    buf_free(&b);
    buf_free(&all);
    n->since_snapshot = 0;
}

/* With the facts that came of it, or with the next ones: what led to no fact may come again. */
static void keep_position(struct node *n)
{
    struct instance *i = n->nc.instance;
    if (!i || !i->ops->position || !n->uncommitted)
        return;
    struct buf b = {0};
    if (i->ops->position(i, &b))
        store_put_meta(n->store, "instance", b.data, b.len);
    buf_free(&b);
}

static void resume_instance(struct node *n)
{
    struct instance *i = n->nc.instance;
    struct buf b = {0};
    if (i->ops->resume && store_get_meta(n->store, "instance", &b) &&
        !i->ops->resume(i, b.data, b.len))
        log_warn("node", "the instance's position is not readable; it begins anew",
                 LF_S("driver", i->ops->name));
    buf_free(&b);
}

static bool commit(struct node *n)
{
    keep_position(n);
    n->since_snapshot += n->uncommitted;
    uint64_t limit = n->nc.snapshot_events ? n->nc.snapshot_events
                                           : (uint64_t)n->nc.config->store.snapshot_events;
    if (n->since_snapshot >= limit) {
        keep_trim(n);
        snapshot(n);
    }
    if (n->uncommitted && !store_commit(n->store)) {
        fatal(n, n->store->error);
        return false;
    }
    n->commits += n->uncommitted != 0;
    n->uncommitted = 0;
    memcpy(n->durable, n->core->vector, sizeof n->durable);
    if (n->nc.instance)
        n->nc.instance->ops->ack(n->nc.instance);
    return true;
}

void node_flush(struct node *n)
{
    if (n->dead)
        return;
    /* Kept before the commit: its snapshot covers these facts, and must be able to give them. */
    struct message *facts = batch_close(n, n->nc.self, n->epoch);
    bool durable = commit(n);
    if (facts && durable)
        publish(n, facts);
    if (facts)
        message_unref(facts);
    if (!durable)
        return;
    /* An action may lead to inputs, and these to actions and to others who wait: all of that is for
     * the next commit. */
    struct waiters waiters = n->waiters;
    struct actions actions = n->actions;
    n->waiters = n->waiters_idle;
    n->actions = n->actions_idle;
    n->waiters_idle = (struct waiters){0};
    n->actions_idle = (struct actions){0};
    for (uint32_t i = 0; i < actions.count; i++)
        act(n, &actions.item[i]);
    for (uint32_t i = 0; i < waiters.count; i++)
        waiters.item[i].fn(waiters.item[i].arg);
    actions.count = waiters.count = 0;
    mem_free(n->actions_idle.item); /* a commit within this one has put its own there */
    mem_free(n->waiters_idle.item);
    n->actions_idle = actions;
    n->waiters_idle = waiters;
    node_pump(n);
}

void node_when_durable(struct node *n, void (*fn)(void *arg), void *arg)
{
    struct waiters *w = &n->waiters;
    if (w->count == w->cap) {
        w->cap = w->cap ? w->cap * 2 : 16;
        w->item = mem_grow(w->item, w->cap, sizeof *w->item);
    }
    w->item[w->count++] = (struct waiter){fn, arg};
    flush_soon(n);
}

/* ---- inputs ---- */

enum folded node_input(struct node *n, const struct input *in)
{
    if (n->dead)
        return FOLD_BAD;
    enum folded f = core_apply(n->core, in, n->nc.sched->now);
    drain(n);
    return f;
}

static void held_out(struct node *n)
{
    if (!n->held)
        return;
    n->held = false;
    core_apply(n->core, &(struct input){.type = IN_CONTACT, .contact = n->held_contact},
               n->nc.sched->now);
}

static void contact_in(struct node *n, const struct instance_contact *c)
{
    bool same = n->held && id_eq(c->contact, n->held_contact.contact) &&
                c->at == n->held_contact.at && c->state != CONTACT_ENDED &&
                n->held_contact.state == CONTACT_QUEUED && !n->held_contact.transferred;
    if (!same)
        held_out(n);
    n->held = true;
    n->held_contact = *c;
}

static void instance_in(struct node *n, const struct instance_event *e)
{
    struct input in = {0};
    if (e->type == INST_CONTACT) {
        contact_in(n, &e->contact);
        return;
    }
    if (e->type != INST_AGENT)
        held_out(n);
    switch (e->type) {
    case INST_ARRIVED:
        in.type = IN_ARRIVED;
        in.request = e->request;
        break;
    case INST_AGENT:
        in.type = IN_AGENT;
        in.agent = e->agent;
        break;
    case INST_RELEASED:
    case INST_REFUSED:
        in.type = e->type == INST_RELEASED ? IN_RELEASED : IN_REFUSED;
        in.outcome.contact = e->outcome.contact;
        in.outcome.ok = e->outcome.ok;
        break;
    default:
        in.type = IN_INSTANCE;
        in.instance.ok = e->health.ok;
        in.instance.ready = e->health.ready;
        break;
    }
    core_apply(n->core, &in, n->nc.sched->now);
}

void node_pump(struct node *n)
{
    if (n->dead || !n->nc.instance || n->pumping)
        return;
    n->pumping = true;
    UNINITIALISED struct instance_event e;
    bool any = false;
    while (n->nc.instance->ops->next(n->nc.instance, &e)) {
        instance_in(n, &e);
        any = true;
    }
    held_out(n);
    if (any || n->core->settle_moves)
        core_apply(n->core, &(struct input){.type = IN_SETTLE}, n->nc.sched->now);
    n->pumping = false;
    drain(n);
}

/* ---- the bus ---- */

/* One fact of a message; false: the rest of the message is of no use now. */
static bool fact_in(struct node *n, const struct event *e, const void *bytes, size_t len,
                    uint32_t *fresh)
{
    enum folded f =
        core_apply(n->core, &(struct input){.type = IN_FACT, .fact = e}, n->nc.sched->now);
    if (f == FOLD_GAP || f == FOLD_BAD)
        return false;
    if (f == FOLD_KNOWN)
        return true;
    store_append(n->store, bytes, len);
    n->uncommitted++;
    n->facts++;
    ++*fresh;
    if (n->nc.on_fact)
        n->nc.on_fact(n->nc.arg, n, e, bytes, len);
    return true;
}

static void facts_in(struct node *n, struct message *m)
{
    struct reader r = reader_of(m->data, m->len);
    uint8_t origin = reader_u8(&r);
    uint32_t epoch = (uint32_t)reader_varint(&r);
    uint64_t first = reader_varint(&r), count = reader_varint(&r);
    if (r.bad || origin == n->nc.self || origin >= NODES_MAX)
        return;
    uint32_t fresh = 0;
    bool go_on = true;
    for (uint64_t done = 0; done < count && go_on;) {
        UNINITIALISED struct event e[FACTS_AT_ONCE];
        const uint8_t *at[FACTS_AT_ONCE + 1];
        int got = 0;
        for (; got < FACTS_AT_ONCE && done < count; got++, done++) {
            at[got] = r.p;
            if (!event_decode(&r, &e[got]) || e[got].dot.origin != origin ||
                e[got].dot.epoch != epoch) {
                go_on = false;
                break;
            }
            core_prefetch(n->core, &e[got], 0);
        }
        at[got] = go_on ? r.p : at[got];
        for (int i = 0; i < got; i++)
            core_prefetch(n->core, &e[i], 1);
        for (int i = 0; i < got; i++)
            if (!fact_in(n, &e[i], at[i], (size_t)(at[i + 1] - at[i]), &fresh)) {
                go_on = false;
                break;
            }
    }
    if (fresh) {
        keep_add(n, origin, m, epoch, first, first + count - 1);
        core_apply(n->core, &(struct input){.type = IN_SETTLE}, n->nc.sched->now);
    }
}

void node_receive(struct node *n, struct message *m)
{
    if (n->dead || m->from >= NODES_MAX || !is_peer(n, m->from))
        return;
    struct reader r = reader_of(m->data, m->len);
    switch ((enum message_kind)m->kind) {
    case MSG_FACTS: facts_in(n, m); break;
    case MSG_BEAT: {
        UNINITIALISED struct beat b;
        if (wire_get_beat(&r, &b) && b.from == m->from)
            core_apply(n->core, &(struct input){.type = IN_BEAT, .beat = &b}, n->nc.sched->now);
        keep_trim(n); /* the peer may have told what it has */
        break;
    }
    case MSG_ASK: {
        struct input in = {.type = IN_ASKED};
        if (wire_get_request(&r, &in.request))
            core_apply(n->core, &in, n->nc.sched->now);
        break;
    }
    case MSG_RESEND: {
        uint8_t origin = reader_u8(&r);
        uint32_t epoch = (uint32_t)reader_varint(&r);
        uint64_t after = reader_varint(&r);
        if (reader_end_ok(&r) && origin < NODES_MAX)
            resend(n, m->from, origin, epoch, after);
        break;
    }
    case MESSAGE_KINDS: break;
    }
    drain(n);
}

/* ---- life ---- */

static bool on_snapshot(void *arg, const void *data, size_t len)
{
    struct node *n = arg;
    struct reader r = reader_of(data, len);
    size_t model_len;
    const char *model = reader_str(&r, &model_len);
    if (r.bad || !core_restore(n->core, model, model_len))
        return false;
    for (int o = 0; o < NODES_MAX; o++) {
        uint64_t count = reader_varint(&r);
        for (uint64_t i = 0; i < count && !r.bad; i++) {
            size_t size;
            const char *bytes = reader_str(&r, &size);
            if (r.bad || size > MESSAGE_MAX)
                return false;
            struct message *m = message_new(MSG_FACTS, n->nc.self, bytes, size);
            struct reader h = reader_of(bytes, size);
            reader_u8(&h);
            uint32_t epoch = (uint32_t)reader_varint(&h);
            uint64_t first = reader_varint(&h), facts = reader_varint(&h);
            keep_add(n, (uint8_t)o, m, epoch, first, first + facts - 1);
            message_unref(m);
        }
    }
    return reader_end_ok(&r);
}

static void batch_keep(struct node *n, uint8_t origin, uint32_t epoch)
{
    struct message *m = batch_close(n, origin, epoch);
    if (m)
        message_unref(m);
}

struct loading { /* facts of the log, put back into messages a run of one origin at a time */
    struct node *n;
    uint8_t origin;
    uint32_t epoch;
};

static bool on_event(void *arg, const void *data, size_t len)
{
    struct loading *l = arg;
    struct node *n = l->n;
    struct reader r = reader_of(data, len);
    struct event e;
    if (!event_decode(&r, &e) || !reader_end_ok(&r))
        return false;
    if (core_recover(n->core, &e) != FOLD_NEW)
        return false;
    n->since_snapshot++;
    if (n->batch_count &&
        (l->origin != e.dot.origin || l->epoch != e.dot.epoch || n->batch_count >= FACTS_A_MESSAGE))
        batch_keep(n, l->origin, l->epoch);
    if (!n->batch_count++)
        n->batch_first = e.dot.seq;
    buf_add(&n->batch, data, len);
    l->origin = e.dot.origin;
    l->epoch = e.dot.epoch;
    return true;
}

/* This node's epoch: kept in its store; a store that is new starts a new life. */
static void epoch_load(struct node *n)
{
    struct buf b = {0};
    if (store_get_meta(n->store, "epoch", &b) && b.len == sizeof n->epoch) {
        memcpy(&n->epoch, b.data, sizeof n->epoch);
    } else {
        n->epoch = (uint32_t)(n->nc.sched->now / MS_PER_S);
        store_put_meta(n->store, "epoch", &n->epoch, sizeof n->epoch);
        n->uncommitted++; /* so that the first flush commits it */
    }
    buf_free(&b);
}

/* Facts are folded again under the configuration they were folded under: that which the store
 * begins with (its snapshot has its own), and the changes are facts themselves. NULL: *error says
 * why. */
static const struct config *first_config(struct node *n, char *error, size_t error_cap)
{
    const struct config *now = n->nc.config;
    struct buf b = {0}, errors = {0};
    const struct config *first = now;
    if (!store_get_meta(n->store, "config", &b)) {
        store_put_meta(n->store, "config", now->text, now->text_len);
        n->uncommitted++;
    } else if (!config_is(now, b.data, b.len)) {
        first = n->first = config_load(b.data, b.len, "the store's configuration", &errors);
    }
    if (!first)
        snprintf(error, error_cap, "%s", errors.data);
    buf_free(&b);
    buf_free(&errors);
    return first;
}

/* The hub tells all when it was given another configuration than it had; sites hear of it. */
static bool settle_config(struct node *n, char *error, size_t error_cap)
{
    const struct config *now = n->nc.config;
    if (!config_same_sites(now, n->core->c)) {
        snprintf(error, error_cap,
                 "its store is of a centre with other sites: name another folder (store.dir), or "
                 "the sites that it had, in their order");
        return false;
    }
    if (n->nc.self == HUB && !config_is(n->core->c, now->text, now->text_len))
        core_apply(n->core,
                   &(struct input){.type = IN_SET_CONFIG, .config = {now->text, now->text_len}},
                   n->nc.sched->now);
    return true;
}

static bool on_snapshot_entry(void *arg, const void *data, size_t len)
{
    return on_snapshot(((struct loading *)arg)->n, data, len);
}

struct node *node_new(const struct node_config *nc, char *error, size_t error_cap)
{
    struct node *n = mem_new(1, sizeof *n);
    n->nc = *nc;
    n->given = config_hold(nc->config);
    n->store = nc->store;
    epoch_load(n);
    const struct config *first = first_config(n, error, error_cap);
    struct loading l = {.n = n};
    bool ok = first != NULL;
    if (ok) {
        n->core = core_new(first, nc->self, n->epoch);
        if (nc->replica)
            core_replicas(n->core, nc->replica);
        ok = n->store->ops->load(n->store, on_snapshot_entry, on_event, &l);
        if (!ok)
            snprintf(error, error_cap, "the store cannot be read: %s",
                     n->store->error[0] ? n->store->error : "a record in it is damaged");
    }
    if (!ok || !settle_config(n, error, error_cap)) {
        n->store = NULL; /* stays the caller's */
        node_free(n);
        return NULL;
    }
    batch_keep(n, l.origin, l.epoch);
    memcpy(n->durable, n->core->vector, sizeof n->durable);
    if (nc->instance) {
        resume_instance(n);
        nc->instance->ops->rewind(nc->instance);
        node_pump(n);
        struct reality real = nc->instance->ops->reality(nc->instance);
        core_reconcile(n->core, &real, nc->sched->now);
    }
    drain(n);
    flush_soon(n);
    n->timers++;
    sched_at(nc->sched, nc->sched->now, tick_due, n, n, 0);
    return n;
}

static struct store *node__end(struct node *n)
{
    struct store *s = n->store;
    for (int o = 0; o < NODES_MAX; o++) {
        while (n->keep[o].count)
            keep_drop_first(n, &n->keep[o]);
        mem_free(n->keep[o].k);
    }
    core_free(n->core);
    config_free(n->first);
    config_free(n->given);
    n->core = NULL;
    n->store = NULL;
    buf_free(&n->batch);
    buf_free(&n->scratch);
    mem_free(n->actions.item);
    mem_free(n->actions_idle.item);
    mem_free(n->waiters.item);
    mem_free(n->waiters_idle.item);
    n->actions = n->actions_idle = (struct actions){0};
    n->waiters = n->waiters_idle = (struct waiters){0};
    n->dead = true;
    if (!n->timers)
        mem_free(n);
    return s;
}

void node_free(struct node *n)
{
    if (n)
        store_close(node__end(n));
}

struct store *node_crash(struct node *n)
{
    struct store *s = node__end(n);
    if (s->ops->crash)
        s->ops->crash(s);
    return s;
}
