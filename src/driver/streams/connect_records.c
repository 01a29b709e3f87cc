#include "driver/streams/connect_records.h"

#include <jansson.h>
#include <string.h>
#include <strings.h>

#include "base/when.h"

/* ---- members ---- */

static const json_t *get(const json_t *o, const char *name)
{
    const json_t *v = json_object_get(o, name);
    return json_is_null(v) ? NULL : v;
}

static const char *text(const json_t *o, const char *name)
{
    const char *s = json_string_value(get(o, name));
    return s ? s : "";
}

static td_ms moment(const char *s)
{
    td_ms ms;
    return when_parse(s, strlen(s), &ms) ? ms : 0;
}

static struct td_id id_of(const char *s)
{
    struct td_id id;
    return id_parse(s, &id) ? id : (struct td_id){0, 0};
}

static int64_t seconds_ms(const json_t *o, const char *name)
{
    const json_t *v = get(o, name);
    double s = json_is_number(v) ? json_number_value(v) : 0;
    return s > 0 && s < 1e9 ? (int64_t)(s * 1000) : 0;
}

uint8_t connect_channel(const char *s)
{
    for (uint8_t c = 0; c < CHANNELS; c++)
        if (strcasecmp(s, channel_names[c]) == 0)
            return c;
    return CHANNELS;
}

/* The place of `s` in a table of names; `n`: none of them. */
static int place_in(const char *const *names, int n, const char *s)
{
    for (int i = 0; i < n; i++)
        if (strcasecmp(names[i], s) == 0)
            return i;
    return n;
}

static json_t *load(const char *s, size_t n)
{
    json_t *doc = n && n <= RECORD_MAX ? json_loadb(s, n, JSON_ALLOW_NUL, NULL) : NULL;
    if (json_is_object(doc))
        return doc;
    json_decref(doc);
    return NULL;
}

/* ---- agent events ---- */

static void take_contact(const json_t *o, struct agent_event *e)
{
    static const char *const states[] = {
        "INCOMING", "PENDING",  "CONNECTING", "CONNECTED", "CONNECTED_ONHOLD",
        "MISSED",   "REJECTED", "ERROR",      "ENDED"};
    struct agent_contact c = {
        .id = id_of(text(o, "ContactId")),
        .initial = id_of(text(o, "InitialContactId")),
        .channel = connect_channel(text(o, "Channel")),
        .state = (enum agent_contact_state)place_in(states, COUNTOF(states), text(o, "State")),
        .state_at = moment(text(o, "StateStartTimestamp")),
        .connected_at = moment(text(o, "ConnectedToAgentTimestamp")),
        .queued_at = moment(text(o, "QueueTimestamp")),
        .queue_arn = text(get(o, "Queue"), "ARN"),
    };
    if (!id_none(c.id) && e->n_contacts < AGENT_CONTACTS_MAX)
        e->contact[e->n_contacts++] = c;
}

static void take_snapshot(const json_t *o, struct agent_event *e)
{
    static const char *const types[] = {"ROUTABLE", "CUSTOM", "OFFLINE"};
    const json_t *status = get(o, "AgentStatus"), *config = get(o, "Configuration");
    const json_t *contacts = get(o, "Contacts");
    int type = place_in(types, COUNTOF(types), text(status, "Type"));
    e->status_arn = text(status, "ARN");
    e->status_name = text(status, "Name");
    e->status_since = moment(text(status, "StartTimestamp"));
    /* a type that AWS will have thought of by then: not routable, and not away */
    e->status = type == COUNTOF(types) ? AGENT_STATUS_CUSTOM : (enum agent_status_type)type;
    e->next_status_arn = text(get(o, "NextAgentStatus"), "ARN");
    e->username = text(config, "Username");
    e->profile_arn = text(get(config, "RoutingProfile"), "ARN");
    for (size_t i = 0; i < json_array_size(contacts); i++)
        take_contact(json_array_get(contacts, i), e);
}

bool agent_event_decode(const char *s, size_t n, struct agent_event *e)
{
    static const char *const types[] = {"LOGIN", "LOGOUT", "STATE_CHANGE", "HEART_BEAT"};
    json_t *doc = load(s, n);
    *e = (struct agent_event){.doc = doc,
                              .event_id = text(doc, "EventId"),
                              .agent_arn = text(doc, "AgentARN"),
                              .instance_arn = text(doc, "InstanceARN"),
                              .at = moment(text(doc, "EventTimestamp")),
                              .status = AGENT_STATUS_OFFLINE};
    const char *type = text(doc, "EventType");
    const json_t *now = get(doc, "CurrentAgentSnapshot");
    e->type = (enum agent_event_type)place_in(types, COUNTOF(types), type);
    if (!*e->event_id || !*e->agent_arn || !e->at || !*type) {
        json_decref(doc);
        e->doc = NULL;
        return false;
    }
    e->username = e->status_arn = e->status_name = e->next_status_arn = e->profile_arn = "";
    if (now)
        take_snapshot(now, e);
    if (e->type == AGENT_EVENT_LOGOUT)
        e->status = AGENT_STATUS_OFFLINE;
    return true;
}

void agent_event_free(struct agent_event *e)
{
    json_decref(e->doc);
    e->doc = NULL;
}

/* ---- contact records ---- */

static const char *cross_instance(const json_t *doc)
{
    const json_t *info = get(get(doc, "SegmentAttributes"), "connect:CrossInstanceInfo");
    return text(get(get(info, "ValueMap"), "RelatedContactARN"), "ValueArn");
}

static const char *recording_of(const json_t *doc)
{
    const char *one = text(get(doc, "Recording"), "Location");
    return *one ? one : text(json_array_get(get(doc, "Recordings"), 0), "Location");
}

bool contact_record_decode(const char *s, size_t n, struct contact_record *r)
{
    json_t *doc = load(s, n);
    const json_t *queue = get(doc, "Queue"), *agent = get(doc, "Agent");
    const json_t *global = get(doc, "GlobalResiliencyMetadata"), *a = get(doc, "Attributes");
    *r = (struct contact_record){
        .doc = doc,
        .id = id_of(text(doc, "ContactId")),
        .initial = id_of(text(doc, "InitialContactId")),
        .previous = id_of(text(doc, "PreviousContactId")),
        .next = id_of(text(doc, "NextContactId")),
        .related = id_of(text(doc, "RelatedContactId")),
        .channel = connect_channel(text(doc, "Channel")),
        .instance_arn = text(doc, "InstanceARN"),
        .initiation = text(doc, "InitiationMethod"),
        .disconnect_reason = text(doc, "DisconnectReason"),
        .queue_arn = text(queue, "ARN"),
        .agent_arn = text(agent, "ARN"),
        .username = text(agent, "Username"),
        .origin_region = text(global, "OriginRegion"),
        .active_region = text(global, "ActiveRegion"),
        .recording = recording_of(doc),
        .related_arn = cross_instance(doc),
        .initiated_at = moment(text(doc, "InitiationTimestamp")),
        .disconnected_at = moment(text(doc, "DisconnectTimestamp")),
        .updated_at = moment(text(doc, "LastUpdateTimestamp")),
        .queued_at = moment(text(queue, "EnqueueTimestamp")),
        .dequeued_at = moment(text(queue, "DequeueTimestamp")),
        .connected_at = moment(text(agent, "ConnectedToAgentTimestamp")),
        .talk_ms = seconds_ms(agent, "AgentInteractionDuration"),
        .wrapup_ms = seconds_ms(agent, "AfterContactWorkDuration"),
        .transferred = json_is_object(json_object_get(doc, "TransferredToEndpoint")),
        .attributes = json_is_object(a) ? a : NULL,
    };
    if (!id_none(r->id) && r->updated_at && *r->instance_arn)
        return true;
    contact_record_free(r);
    return false;
}

void contact_record_free(struct contact_record *r)
{
    json_decref(r->doc);
    r->doc = NULL;
}

const char *contact_record_attribute(const struct contact_record *r, const char *name)
{
    return text(r->attributes, name);
}

/* ---- contact events ---- */

static const json_t *get_nocase(const json_t *o, const char *name)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)o, key, v)
    {
        if (strcasecmp(key, name) == 0)
            return json_is_null(v) ? NULL : v;
    }
    return NULL;
}

static const char *text_nocase(const json_t *o, const char *name)
{
    const char *s = json_string_value(get_nocase(o, name));
    return s ? s : "";
}

bool contact_event_decode(const char *s, size_t n, struct contact_event *e)
{
    static const char *const types[] = {"INITIATED",          "CONNECTED_TO_SYSTEM", "QUEUED",
                                        "CONNECTED_TO_AGENT", "DISCONNECTED",        "COMPLETED"};
    json_t *doc = load(s, n);
    const json_t *detail = get_nocase(doc, "detail");
    const json_t *queue = get_nocase(detail, "queueInfo"), *agent = get_nocase(detail, "agentInfo");
    const json_t *global = get_nocase(detail, "globalResiliencyMetadata");
    const char *type = text_nocase(detail, "eventType");
    *e = (struct contact_event){
        .doc = doc,
        .type = (enum contact_event_type)place_in(types, COUNTOF(types), type),
        .id = id_of(text_nocase(detail, "contactId")),
        .initial = id_of(text_nocase(detail, "initialContactId")),
        .related = id_of(text_nocase(detail, "relatedContactId")),
        .channel = connect_channel(text_nocase(detail, "channel")),
        .region = text_nocase(doc, "region"),
        .instance_arn = text_nocase(detail, "instanceArn"),
        .queue_arn = text_nocase(queue, "queueArn"),
        .agent_arn = text_nocase(agent, "agentArn"),
        .initiation = text_nocase(detail, "initiationMethod"),
        .disconnect_reason = text_nocase(detail, "disconnectReason"),
        .origin_region = text_nocase(global, "originRegion"),
        .active_region = text_nocase(global, "activeRegion"),
        .at = moment(text_nocase(doc, "time")),
        .queued_at = moment(text_nocase(queue, "enqueueTimestamp")),
        .connected_at = moment(text_nocase(agent, "connectedToAgentTimestamp")),
        .disconnected_at = moment(text_nocase(detail, "disconnectTimestamp")),
    };
    if (strcmp(text_nocase(doc, "source"), "aws.connect") == 0 && *type && !id_none(e->id) && e->at)
        return true;
    contact_event_free(e);
    return false;
}

void contact_event_free(struct contact_event *e)
{
    json_decref(e->doc);
    e->doc = NULL;
}
