/* events.h - what Amazon Connect tells of agents and contacts, in its JSON: agent events (version
 * 2017-10-01), contact records (format 2017-03-10) and contact events (EventBridge).
 *
 * Formats: "Agent event streams data model", "Contact records data model" and "Contact events" of
 * the Amazon Connect Administrator Guide. Writers append one object to a buffer. Nothing here keeps
 * a state or a clock. */
#pragma once

#include "base/json.h"
#include "connect/center.h"

/* The agent as he is now: AgentStatus, NextAgentStatus, Configuration, Contacts. `skew_ms` is added
 * to every time (a fault: the region's clock is wrong). */
void event_snapshot(struct buf *out, const struct instance *i, const struct user *u,
                    int64_t skew_ms);

struct event_agent {
    const char *type; /* "LOGIN", "LOGOUT", "STATE_CHANGE", "HEART_BEAT" */
    struct td_id id;
    td_ms at;
    const struct buf *now, *before; /* snapshots; before NULL: none */
};
void event_agent(struct buf *out, const struct instance *i, const struct user *u,
                 const struct event_agent *e);

/* What a function that a flow calls is sent: ContactFlowEvent. `parameters` is an object. */
void event_lambda(struct buf *out, const struct contact *k, const json_t *parameters);

/* The record of a contact that has ended, as the instance of its origin has it. */
void event_record(struct buf *out, const struct contact *k, int64_t skew_ms);

/* The event of EventBridge for a thing that happened to a contact: NULL if there is none for it. */
const char *event_contact_type(enum center_event event);
void event_contact(struct buf *out, const struct contact *k, const char *type, struct td_id id,
                   td_ms at, const struct instance *seen_in);
