/* node.h - one node: the core, its store, its instance (sites) and its end of the bus.
 *
 * Durable before visible. Facts and actions of a batch of inputs wait until the store has
 * committed; then the facts go to every peer, the actions to the outside, and the replies to those
 * who asked. A crash in between loses what nobody has seen.
 *
 * Each node keeps the facts (its own and others') that some node may still lack, so that whoever
 * has a fact can give it to whoever asks. */
#pragma once

#include "base/mem.h"
#include "core/core.h"
#include "driver/bus/bus.h"
#include "driver/instance/instance.h"
#include "driver/store/store.h"
#include "node/sched.h"

struct node;

struct node_note { /* a line of the timeline */
    td_ms at;
    uint8_t kind, site;
    char text[160];
};

struct node_config {
    const struct config *config;
    uint8_t self;
    struct sched *sched;
    struct bus *bus;
    struct store *store;          /* the node's; closed by node_free */
    struct instance *instance;    /* sites; NULL: none */
    const uint8_t *replica;       /* SITES_MAX, as core_replicas; NULL: none */
    uint64_t snapshot_events;     /* a snapshot after so many facts; 0: as configured */
    /* Hooks; any may be NULL. */
    void *arg;
    /* A fact of any origin was folded; `bytes` are its binary form. */
    void (*on_fact)(void *arg, struct node *n, const struct event *e, const void *bytes,
                    size_t len);
    /* A contact ended; again when one of its decisions came only after. */
    void (*on_history)(void *arg, struct node *n, const struct core_history *h);
    void (*on_note)(void *arg, struct node *n, const struct node_note *note);
    void (*on_fatal)(void *arg, struct node *n, const char *why); /* the store failed: it stops */
};

/* Loads what the store has; NULL with *error filled when it cannot be read. */
struct node *node_new(const struct node_config *nc, char *error, size_t error_cap) MUST_USE;
void node_free(struct node *n);            /* closes the store; nothing is committed */
struct store *node_crash(struct node *n);  /* frees the node, gives back its store as a crash
                                              left it (memory driver: what was committed) */

/* An input of the outside. Outputs follow after the commit, by the schedule. */
enum folded node_input(struct node *n, const struct input *in);
/* Takes what the instance has to say, then settles. Call after the instance may have moved. */
void node_pump(struct node *n);
void node_receive(struct node *n, struct message *m);
/* Commits now and lets the outputs go. */
void node_flush(struct node *n);
/* `fn` runs after everything stated until now is durable, or never (crash). */
void node_when_durable(struct node *n, void (*fn)(void *arg), void *arg);

struct core *node_core(struct node *n);
struct store *node_store(struct node *n);
uint8_t node_self(const struct node *n);
uint64_t node_facts(const struct node *n);     /* applied since the start */
uint64_t node_commits(const struct node *n);   /* of the store, since the start */

/* Memory in use, in bytes. All of it follows what is going on now: contacts that have ended are let
 * go once every node knows, and their history is the store's. */
struct node_memory {
    size_t model, kept; /* kept: facts that some peer may still lack, and room for more */
    size_t owed;        /* of it, the facts */
    size_t waiting;     /* facts, actions and replies before their commit */
    size_t store;
};
struct node_memory node_memory(const struct node *n);

/* A contact's final record as the store keeps it, and back: its facts, one after the other. */
void node_history_encode(struct buf *b, const struct core_history *h);
