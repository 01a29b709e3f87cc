/* connect_records.h - what Amazon Connect says of itself, decoded: agent events and contact records
 * (JSON in a Kinesis stream), contact events (JSON of EventBridge). Pure.
 *
 * Sources: "Agent event streams data model", "Contact records data model" and "Amazon Connect
 * contact events", Amazon Connect Administrator Guide. Types and members not known here are passed
 * over, since AWS adds some every year; what is needed to know who, what and when must be there.
 *
 * A decoded struct holds its JSON document; its texts point into that and are valid until it is
 * freed. A text that is missing or null is "". Times that are missing are 0.
 *
 * Heartbeats come every 120 s while an agent's state stays the same, and for up to an hour after he
 * has logged off: they repeat a state, and are no sign that anybody is there. */
#pragma once

#include "core/types.h"

struct json_t; /* json_t of jansson */

enum { RECORD_MAX = 1 << 20, AGENT_CONTACTS_MAX = 32 }; /* bytes: Kinesis's own limit of a record */

enum agent_event_type {
    AGENT_EVENT_LOGIN,
    AGENT_EVENT_LOGOUT,
    AGENT_EVENT_STATE_CHANGE,
    AGENT_EVENT_HEART_BEAT,
    AGENT_EVENT_OTHER
};
enum agent_status_type { AGENT_STATUS_ROUTABLE, AGENT_STATUS_CUSTOM, AGENT_STATUS_OFFLINE };
enum agent_contact_state {
    AGENT_CONTACT_INCOMING,
    AGENT_CONTACT_PENDING,
    AGENT_CONTACT_CONNECTING,
    AGENT_CONTACT_CONNECTED,
    AGENT_CONTACT_ONHOLD,
    AGENT_CONTACT_MISSED,
    AGENT_CONTACT_REJECTED,
    AGENT_CONTACT_ERROR,
    AGENT_CONTACT_ENDED, /* the talk is over, the agent still works on it */
    AGENT_CONTACT_OTHER
};

struct agent_contact {
    struct td_id id, initial; /* initial none: it is the first of its chain */
    uint8_t channel;          /* enum channel */
    enum agent_contact_state state;
    td_ms state_at, connected_at, queued_at;
    const char *queue_arn;
};

struct agent_event {
    struct json_t *doc;
    enum agent_event_type type;
    const char *event_id, *agent_arn, *instance_arn, *username, *status_arn, *status_name,
        *next_status_arn, *profile_arn;
    td_ms at, status_since;
    enum agent_status_type status;
    uint32_t n_contacts; /* those above AGENT_CONTACTS_MAX are left out */
    struct agent_contact contact[AGENT_CONTACTS_MAX];
};
/* False: no JSON, or without EventId, AgentARN, EventTimestamp or EventType; then there is nothing
 * to free. LOGOUT and an agent without a snapshot are OFFLINE. */
bool agent_event_decode(const char *text, size_t n, struct agent_event *out) MUST_USE;
void agent_event_free(struct agent_event *e);

struct contact_record {
    struct json_t *doc;
    struct td_id id, initial, previous, next, related;
    uint8_t channel;
    const char *instance_arn, *initiation, *disconnect_reason, *queue_arn, *agent_arn, *username,
        *origin_region, *active_region, *recording;
    /* Of a contact that came from another instance, by AWS's own transfer between instances. */
    const char *related_arn;
    td_ms initiated_at, disconnected_at, updated_at, queued_at, dequeued_at, connected_at;
    int64_t talk_ms, wrapup_ms;
    bool transferred; /* to a number, by its flow or its agent */
    const struct json_t *attributes; /* an object of texts, or NULL */
};
/* False: no JSON, or without a ContactId that is a UUID, InstanceARN or LastUpdateTimestamp. The
 * same contact comes again when its record changes: the greatest updated_at holds. */
bool contact_record_decode(const char *text, size_t n, struct contact_record *out) MUST_USE;
void contact_record_free(struct contact_record *r);
/* An attribute's text; "" when it is not there. */
const char *contact_record_attribute(const struct contact_record *r, const char *name);

enum contact_event_type {
    CONTACT_EVENT_INITIATED,
    CONTACT_EVENT_CONNECTED_TO_SYSTEM,
    CONTACT_EVENT_QUEUED,
    CONTACT_EVENT_CONNECTED_TO_AGENT,
    CONTACT_EVENT_DISCONNECTED,
    CONTACT_EVENT_COMPLETED,
    CONTACT_EVENT_OTHER
};

struct contact_event {
    struct json_t *doc;
    enum contact_event_type type;
    struct td_id id, initial, related;
    uint8_t channel;
    const char *region, *instance_arn, *queue_arn, *agent_arn, *initiation, *disconnect_reason,
        *origin_region, *active_region;
    td_ms at; /* of the envelope, to the second */
    td_ms queued_at, connected_at, disconnected_at;
};
/* Unordered and best effort. The names of members are compared without case, since AWS's own
 * examples mix it. False: no JSON, no contact event of Connect, or without eventType, contactId or
 * time. */
bool contact_event_decode(const char *text, size_t n, struct contact_event *out) MUST_USE;
void contact_event_free(struct contact_event *e);

/* "VOICE", "CHAT", "TASK", "EMAIL" without case; CHANNELS: none of them. */
uint8_t connect_channel(const char *text);
