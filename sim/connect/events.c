#include "connect/events.h"

#include "base/when.h"

#include <stdio.h>
#include <string.h>

/* ---- values ---- */

static void put_text(struct jw *w, const char *key, const char *v) /* NULL: null */
{
    jw_key(w, key);
    jw_str(w, v);
}

/* Contact records have times to the second, the other two to the millisecond. 0: null. */
static void put_when(struct jw *w, const char *key, td_ms at, bool with_ms)
{
    char text[WHEN_TEXT];
    jw_key(w, key);
    if (!at) {
        jw_null(w);
        return;
    }
    when_print(at, text);
    if (!with_ms)
        str_copy(strchr(text, '.'), 2, "Z");
    jw_str(w, text);
}

static void put_some_when(struct jw *w, const char *key, td_ms at)
{
    if (at)
        put_when(w, key, at, true);
}

static void put_contact_id(struct jw *w, const char *key, struct td_id id)
{
    char text[ID_TEXT];
    id_print(id, text);
    put_text(w, key, id_none(id) ? NULL : text);
}

static void put_resource(struct jw *w, const struct instance *i, const struct res *r)
{
    char arn[ARN_MAX];
    res_arn(i, r, arn);
    put_text(w, "ARN", arn);
    put_text(w, "Name", r->name);
}

static void put_json_or(struct jw *w, const char *key, const json_t *v, const char *otherwise)
{
    jw_key(w, key);
    char *text = v ? json_dumps(v, JSON_COMPACT) : NULL;
    if (text)
        jw_raw(w, text, strlen(text));
    else
        jw_raw(w, otherwise, strlen(otherwise));
    mem_free(text);
}

/* ---- agent events ---- */

static void put_channels(struct jw *w, const struct profile *p, uint16_t queue)
{
    jw_key(w, "Channels");
    jw_arr(w);
    for (uint8_t ch = 0; ch < CHANNELS; ch++) {
        bool takes = queue == INDEX_NONE && p->cfg.concurrency[ch];
        for (uint16_t r = 0; r < p->cfg.n_queues && queue != INDEX_NONE; r++)
            takes |= p->cfg.queues[r].queue == queue && p->cfg.queues[r].channel == ch;
        if (takes)
            jw_str(w, channel_api_names[ch]);
    }
    jw_end(w);
}

static void put_queue(struct jw *w, const struct instance *i, const struct profile *p,
                      const struct queue *q)
{
    jw_obj(w);
    put_resource(w, i, &q->r);
    put_channels(w, p, q->index);
    jw_end(w);
}

static void put_own_queue(struct jw *w, const struct instance *i, const struct user *u)
{
    char arn[ARN_MAX], id[ID_TEXT];
    struct buf own = {0};
    instance_arn(i, arn);
    id_print(u->r.id, id);
    buf_fmt(&own, "%s/queue/agent/%s", arn, id);
    jw_obj(w);
    put_text(w, "ARN", own.data);
    put_text(w, "Name", NULL);
    put_channels(w, u->profile, INDEX_NONE);
    jw_end(w);
    buf_free(&own);
}

/* Slots that could take a contact now: none unless he is Available; voice and the other channels
 * shut each other out (cross-channel concurrency off, Amazon Connect's default). */
static void count_slots(const struct user *u, uint32_t used[CHANNELS], uint32_t left[CHANNELS])
{
    const struct contact *k;
    uint32_t others = 0;
    memset(used, 0, CHANNELS * sizeof used[0]);
    LIST_FOREACH(k, &u->contacts, of_user)
    used[k->channel] += k->state != CONTACT_COMPLETED && k->state != CONTACT_QUEUED;
    for (int ch = CHANNEL_VOICE + 1; ch < CHANNELS; ch++)
        others += used[ch];
    for (int ch = 0; ch < CHANNELS; ch++) {
        uint32_t max = u->profile->cfg.concurrency[ch];
        bool shut = ch == CHANNEL_VOICE ? others > 0 : used[CHANNEL_VOICE] > 0;
        bool ready = u->logged_in && u->status->type == STATUS_ROUTABLE && !u->next_status;
        left[ch] = shut || !ready || used[ch] >= max ? 0 : max - used[ch];
    }
}

static void put_profile(struct jw *w, const struct instance *i, const struct user *u)
{
    const struct profile *p = u->profile;
    uint32_t used[CHANNELS], left[CHANNELS];
    count_slots(u, used, left);
    jw_key(w, "RoutingProfile");
    jw_obj(w);
    put_resource(w, i, &p->r);
    jw_key(w, "DefaultOutboundQueue");
    put_queue(w, i, p, p->outbound);
    jw_key(w, "InboundQueues");
    jw_arr(w);
    for (uint16_t r = 0; r < p->cfg.n_queues; r++) {
        bool told = false;
        uint16_t queue = p->cfg.queues[r].queue;
        for (uint16_t s = 0; s < r; s++)
            told |= p->cfg.queues[s].queue == queue;
        if (!told && queue < i->mirror->n_queue_at && i->mirror->queue_at[queue])
            put_queue(w, i, p, i->mirror->queue_at[queue]);
    }
    put_own_queue(w, i, u);
    jw_end(w);
    jw_key(w, "Concurrency");
    jw_arr(w);
    for (int ch = 0; ch < CHANNELS; ch++) {
        if (!p->cfg.concurrency[ch])
            continue;
        jw_obj(w);
        put_text(w, "Channel", channel_api_names[ch]);
        jw_key(w, "AvailableSlots");
        jw_uint(w, left[ch]);
        jw_key(w, "MaximumSlots");
        jw_uint(w, p->cfg.concurrency[ch]);
        jw_end(w);
    }
    jw_end(w);
    jw_end(w);
}

static void put_status(struct jw *w, const struct instance *i, const struct user *u, int64_t skew)
{
    static const char *const types[] = {
        [STATUS_ROUTABLE] = "ROUTABLE", [STATUS_CUSTOM] = "CUSTOM", [STATUS_OFFLINE] = "OFFLINE"};
    jw_key(w, "AgentStatus");
    jw_obj(w);
    put_resource(w, i, &u->status->r);
    put_text(w, "Type", types[u->status->type]);
    put_when(w, "StartTimestamp", u->status_at + skew, true);
    jw_end(w);
    jw_key(w, "NextAgentStatus");
    if (!u->next_status) {
        jw_null(w);
        return;
    }
    jw_obj(w);
    put_resource(w, i, &u->next_status->r);
    put_when(w, "EnqueuedTimestamp", u->next_status_at + skew, true);
    jw_end(w);
}

static const char *agent_contact_state(const struct contact *k)
{
    switch ((enum contact_state)k->state) {
    case CONTACT_RINGING: return "CONNECTING";
    case CONTACT_CONNECTED: return "CONNECTED";
    case CONTACT_HELD: return "CONNECTED_ONHOLD";
    case CONTACT_WRAPUP: return "ENDED";
    case CONTACT_QUEUED: return "MISSED"; /* it rang here and waits again */
    case CONTACT_IN_FLOW:
    case CONTACT_COMPLETED:
    case CONTACT_STATES: break;
    }
    return NULL;
}

static void put_agent_contact(struct jw *w, const struct instance *i, const struct contact *k,
                              int64_t skew)
{
    jw_obj(w);
    put_contact_id(w, "ContactId", k->id);
    put_contact_id(w, "InitialContactId", k->initial);
    put_text(w, "Channel", channel_api_names[k->channel]);
    put_text(w, "InitiationMethod", contact_method_names[k->method]);
    put_text(w, "State", agent_contact_state(k));
    put_when(w, "StateStartTimestamp", k->state_at + skew, true);
    put_when(w, "ConnectedToAgentTimestamp", k->connected_at ? k->connected_at + skew : 0, true);
    put_when(w, "QueueTimestamp", k->enqueued_at ? k->enqueued_at + skew : 0, true);
    jw_key(w, "Queue");
    if (k->queue)
        put_queue(w, i, k->user->profile, k->queue);
    else
        jw_null(w);
    jw_end(w);
}

void event_snapshot(struct buf *out, const struct instance *i, const struct user *u,
                    int64_t skew_ms)
{
    struct jw w;
    const struct contact *k;
    jw_begin(&w, out);
    jw_obj(&w);
    put_status(&w, i, u, skew_ms);
    jw_key(&w, "Configuration");
    jw_obj(&w);
    put_text(&w, "Username", u->r.name);
    put_text(&w, "FirstName", u->first_name);
    put_text(&w, "LastName", u->last_name);
    put_text(&w, "AgentHierarchyGroups", NULL);
    put_profile(&w, i, u);
    jw_end(&w);
    jw_key(&w, "Contacts");
    jw_arr(&w);
    LIST_FOREACH(k, &u->contacts, of_user)
    if (agent_contact_state(k))
        put_agent_contact(&w, i, k, skew_ms);
    jw_end(&w);
    jw_end(&w);
    jw_done(&w);
}

void event_agent(struct buf *out, const struct instance *i, const struct user *u,
                 const struct event_agent *e)
{
    struct jw w;
    char arn[ARN_MAX];
    jw_begin(&w, out);
    jw_obj(&w);
    put_text(&w, "AWSAccountId", i->mirror->account);
    res_arn(i, &u->r, arn);
    put_text(&w, "AgentARN", arn);
    jw_key(&w, "CurrentAgentSnapshot");
    jw_raw(&w, e->now->data, e->now->len);
    put_contact_id(&w, "EventId", e->id);
    put_when(&w, "EventTimestamp", e->at, true);
    put_text(&w, "EventType", e->type);
    instance_arn(i, arn);
    put_text(&w, "InstanceARN", arn);
    jw_key(&w, "PreviousAgentSnapshot");
    if (e->before)
        jw_raw(&w, e->before->data, e->before->len);
    else
        jw_null(&w);
    put_text(&w, "Version", "2017-10-01");
    jw_end(&w);
    jw_done(&w);
}

/* ---- contact records ---- */

static void put_seconds(struct jw *w, const char *key, int64_t ms)
{
    jw_key(w, key);
    jw_int(w, MAX(0, ms) / MS_PER_S);
}

static void put_endpoint(struct jw *w, const char *key, const char *address)
{
    jw_key(w, key);
    if (!address || !*address) {
        jw_null(w);
        return;
    }
    jw_obj(w);
    put_text(w, "Address", address);
    put_text(w, "Type", "TELEPHONE_NUMBER");
    jw_end(w);
}

static void put_record_agent(struct jw *w, const struct contact *k, int64_t skew)
{
    const struct user *u = k->user;
    jw_key(w, "Agent");
    if (!u || !k->connected_at) {
        jw_null(w);
        return;
    }
    jw_obj(w);
    char arn[ARN_MAX];
    res_arn(k->at, &u->r, arn);
    put_text(w, "ARN", arn);
    put_text(w, "ActiveRegion", k->at->region->name);
    put_seconds(w, "AfterContactWorkDuration", k->wrapup_at ? k->completed_at - k->wrapup_at : 0);
    put_when(w, "AfterContactWorkEndTimestamp", k->wrapup_at ? k->completed_at + skew : 0, false);
    put_when(w, "AfterContactWorkStartTimestamp", k->wrapup_at ? k->wrapup_at + skew : 0, false);
    put_seconds(w, "AgentInteractionDuration", k->disconnected_at - k->connected_at - k->hold_ms);
    put_when(w, "ConnectedToAgentTimestamp", k->connected_at + skew, false);
    put_seconds(w, "CustomerHoldDuration", k->hold_ms);
    put_text(w, "HierarchyGroups", NULL);
    put_seconds(w, "LongestHoldDuration", k->hold_longest_ms);
    jw_key(w, "NumberOfHolds");
    jw_uint(w, k->holds);
    jw_key(w, "RoutingProfile");
    jw_obj(w);
    put_resource(w, k->at, &u->profile->r);
    jw_end(w);
    put_text(w, "Username", u->r.name);
    jw_end(w);
}

static void put_record_queue(struct jw *w, const struct contact *k, int64_t skew)
{
    jw_key(w, "Queue");
    if (!k->queue || !k->enqueued_at) {
        jw_null(w);
        return;
    }
    td_ms until = k->dequeued_at ? k->dequeued_at : k->disconnected_at;
    jw_obj(w);
    put_resource(w, k->at, &k->queue->r);
    put_when(w, "DequeueTimestamp", until + skew, false);
    put_seconds(w, "Duration", until - k->enqueued_at);
    put_when(w, "EnqueueTimestamp", k->enqueued_at + skew, false);
    jw_end(w);
}

/* Which region a contact began in and is in, and what sent it there. */
static void put_resiliency(struct jw *w, const char *names[3], const struct contact *k)
{
    const struct mirror *m = k->at->mirror;
    if (m->n_sides < 2)
        return;
    jw_obj(w);
    put_text(w, names[0], k->at->region->name);
    put_text(w, names[1], m->side[k->origin_side]->region->name);
    if (k->tdg)
        put_contact_id(w, names[2], k->tdg->r.id);
    jw_end(w);
}

/* {name: {Value, Type}} becomes a list. */
static void put_references(struct jw *w, const json_t *references)
{
    const char *name;
    json_t *r;
    jw_key(w, "References");
    jw_arr(w);
    json_object_foreach((json_t *)(uintptr_t)references, name, r)
    {
        jw_obj(w);
        put_text(w, "Name", name);
        put_text(w, "Type", json_string_value(json_object_get(r, "Type")));
        put_text(w, "Value", json_string_value(json_object_get(r, "Value")));
        jw_end(w);
    }
    jw_end(w);
}

static void put_record_times(struct jw *w, const struct contact *k, int64_t skew)
{
    put_when(w, "ConnectedToSystemTimestamp", k->initiated_at + skew, false);
    put_when(w, "DisconnectTimestamp", k->disconnected_at + skew, false);
    put_when(w, "InitiationTimestamp", k->initiated_at + skew, false);
    put_when(w, "LastUpdateTimestamp", k->updated_at + skew, false);
    put_when(w, "ScheduledTimestamp", k->scheduled_at ? k->scheduled_at + skew : 0, false);
    put_when(w, "TransferCompletedTimestamp", k->transferred_at ? k->transferred_at + skew : 0,
             false);
}

/* Where a call is recorded to, if its instance has somewhere (CALL_RECORDINGS):
 * BUCKET/PREFIX/2026/11/22/CONTACT_20261122T10:00_UTC.wav. Nothing is written there. */
static bool recording_at(const struct contact *k, int64_t skew, struct buf *out)
{
    const struct instance *i = k->at->mirror->side[k->origin_side];
    char when[WHEN_TEXT], id[ID_TEXT];
    for (uint32_t n = 0; n < i->n_storage && k->channel == CHANNEL_VOICE && k->connected_at; n++) {
        const json_t *s3 = json_object_get(i->storage[n].config, "S3Config");
        const char *bucket = json_string_value(json_object_get(s3, "BucketName"));
        const char *prefix = json_string_value(json_object_get(s3, "BucketPrefix"));
        if (strcmp(i->storage[n].resource_type, "CALL_RECORDINGS") != 0 || !bucket)
            continue;
        when_print(k->connected_at + skew, when); /* 2026-11-22T10:00:03.120Z */
        id_print(k->id, id);
        buf_fmt(out, "%s/%s/%.4s/%.2s/%.2s/%s_%.4s%.2s%.2sT%.5s_UTC.wav", bucket,
                prefix ? prefix : "", when, when + 5, when + 8, id, when, when + 5, when + 8,
                when + 11);
        return true;
    }
    return false;
}

static void put_recordings(struct jw *w, const struct contact *k, int64_t skew)
{
    struct buf at = {0};
    if (!recording_at(k, skew, &at)) {
        put_text(w, "Recording", NULL);
        put_text(w, "Recordings", NULL);
        return;
    }
    jw_key(w, "Recording");
    jw_obj(w);
    put_text(w, "DeletionReason", NULL);
    put_text(w, "Location", at.data);
    put_text(w, "Status", "AVAILABLE");
    put_text(w, "Type", "AUDIO");
    jw_end(w);
    jw_key(w, "Recordings");
    jw_arr(w);
    jw_obj(w);
    put_text(w, "DeletionReason", NULL);
    put_text(w, "Location", at.data);
    put_text(w, "MediaStreamType", "AUDIO");
    put_text(w, "ParticipantType", "AGENT");
    put_when(w, "StartTimestamp", k->connected_at + skew, false);
    put_text(w, "Status", "AVAILABLE");
    put_when(w, "StopTimestamp", k->disconnected_at + skew, false);
    put_text(w, "StorageType", "AMAZON_S3");
    jw_end(w);
    jw_end(w);
    buf_free(&at);
}

static void put_record_ids(struct jw *w, const struct contact *k)
{
    char arn[ARN_MAX];
    put_text(w, "AWSAccountId", k->at->mirror->account);
    put_text(w, "AWSContactTraceRecordFormatVersion", "2017-03-10");
    instance_arn(k->at->mirror->side[k->origin_side], arn);
    put_text(w, "InstanceARN", arn);
    put_contact_id(w, "ContactId", k->id);
    put_contact_id(w, "InitialContactId", k->initial);
    put_contact_id(w, "PreviousContactId", k->previous);
    put_contact_id(w, "NextContactId", k->next);
    put_contact_id(w, "RelatedContactId", k->related);
    put_text(w, "Channel", channel_api_names[k->channel]);
    put_text(w, "InitiationMethod", contact_method_names[k->method]);
    put_text(w, "DisconnectReason", k->reason);
}

void event_record(struct buf *out, const struct contact *k, int64_t skew_ms)
{
    static const char *names[] = {"ActiveRegion", "OriginRegion", "TrafficDistributionGroupId"};
    struct jw w;
    jw_begin(&w, out);
    jw_obj(&w);
    put_record_ids(&w, k);
    put_record_times(&w, k, skew_ms);
    put_record_agent(&w, k, skew_ms);
    jw_key(&w, "AgentConnectionAttempts");
    jw_uint(&w, k->attempts);
    put_record_queue(&w, k, skew_ms);
    put_json_or(&w, "Attributes", k->attributes, "{}");
    put_json_or(&w, "Tags", k->tags, "{}");
    put_references(&w, k->references);
    put_json_or(&w, "SegmentAttributes", k->segments, "{}");
    put_endpoint(&w, "CustomerEndpoint", k->customer_address);
    put_endpoint(&w, "SystemEndpoint", k->number ? k->number->r.name : NULL);
    put_endpoint(&w, "TransferredToEndpoint", k->transferred_to);
    if (k->name) {
        jw_key(&w, "ContactDetails");
        jw_obj(&w);
        put_text(&w, "Name", k->name);
        put_text(&w, "Description", k->description);
        jw_end(&w);
    }
    if (k->at->mirror->n_sides > 1) {
        jw_key(&w, "GlobalResiliencyMetadata");
        put_resiliency(&w, names, k);
    }
    put_recordings(&w, k, skew_ms);
    jw_end(&w);
    jw_done(&w);
}

/* ---- functions ---- */

static void put_lambda_contact(struct jw *w, const struct contact *k)
{
    char arn[ARN_MAX];
    put_json_or(w, "Attributes", k->attributes, "{}");
    put_text(w, "AwsRegion", k->at->region->name);
    put_text(w, "Channel", channel_api_names[k->channel]);
    put_contact_id(w, "ContactId", k->id);
    put_endpoint(w, "CustomerEndpoint", k->customer_address);
    put_text(w, "CustomerId", NULL);
    put_text(w, "Description", k->description);
    put_contact_id(w, "InitialContactId", id_none(k->initial) ? k->id : k->initial);
    put_text(w, "InitiationMethod", contact_method_names[k->method]);
    instance_arn(k->at, arn);
    put_text(w, "InstanceARN", arn);
    put_text(w, "LanguageCode", "en-US");
    jw_key(w, "MediaStreams");
    jw_raw(w, "{\"Customer\":{\"Audio\":null}}", 27);
    put_text(w, "Name", k->name);
    put_contact_id(w, "PreviousContactId", id_none(k->previous) ? k->id : k->previous);
    jw_key(w, "Queue");
    if (k->queue) {
        jw_obj(w);
        put_resource(w, k->at, &k->queue->r);
        jw_end(w);
    } else {
        jw_null(w);
    }
    put_json_or(w, "References", k->references, "{}");
    put_contact_id(w, "RelatedContactId", k->related);
    put_json_or(w, "SegmentAttributes", k->segments, "{}");
    put_endpoint(w, "SystemEndpoint", k->number ? k->number->r.name : NULL);
}

void event_lambda(struct buf *out, const struct contact *k, const json_t *parameters)
{
    struct jw w;
    jw_begin(&w, out);
    jw_obj(&w);
    jw_key(&w, "Details");
    jw_obj(&w);
    jw_key(&w, "ContactData");
    jw_obj(&w);
    put_lambda_contact(&w, k);
    jw_end(&w);
    put_json_or(&w, "Parameters", parameters, "{}");
    jw_end(&w);
    put_text(&w, "Name", "ContactFlowEvent");
    jw_end(&w);
    jw_done(&w);
}

/* ---- contact events ---- */

const char *event_contact_type(enum center_event event)
{
    switch (event) {
    case CE_CONTACT_INITIATED: return "INITIATED";
    case CE_CONTACT_QUEUED: return "QUEUED";
    case CE_CONTACT_CONNECTED: return "CONNECTED_TO_AGENT";
    case CE_CONTACT_DISCONNECTED: return "DISCONNECTED";
    case CE_CONTACT_COMPLETED: return "COMPLETED";
    case CE_CONTACT_UPDATED: return "CONTACT_DATA_UPDATED";
    case CE_CONTACT_RINGING:
    case CE_CONTACT_MISSED:
    case CE_CONTACT_HELD:
    case CE_CONTACT_RESUMED:
    case CE_AGENT_LOGIN:
    case CE_AGENT_LOGOUT:
    case CE_AGENT_CHANGED:
    case CENTER_EVENTS: break;
    }
    return NULL;
}

static void put_event_parts(struct jw *w, const struct contact *k)
{
    char arn[ARN_MAX];
    if (k->queue && k->enqueued_at) {
        jw_key(w, "queueInfo");
        jw_obj(w);
        res_arn(k->at, &k->queue->r, arn);
        put_text(w, "queueArn", arn);
        put_text(w, "queueType", "STANDARD");
        put_when(w, "enqueueTimestamp", k->enqueued_at, true);
        jw_end(w);
    }
    if (k->user && k->connected_at) {
        jw_key(w, "agentInfo");
        jw_obj(w);
        res_arn(k->at, &k->user->r, arn);
        put_text(w, "agentArn", arn);
        put_when(w, "connectedToAgentTimestamp", k->connected_at, true);
        if (k->at->mirror->n_sides > 1)
            put_text(w, "activeRegion", k->at->region->name);
        jw_end(w);
    }
}

static void put_event_ids(struct jw *w, const struct contact *k, const char *type,
                          const struct instance *seen_in)
{
    char arn[ARN_MAX];
    instance_arn(seen_in, arn);
    put_text(w, "eventType", type);
    put_contact_id(w, "contactId", k->id);
    if (!id_none(k->initial))
        put_contact_id(w, "initialContactId", k->initial);
    if (!id_none(k->previous))
        put_contact_id(w, "previousContactId", k->previous);
    if (!id_none(k->related))
        put_contact_id(w, "relatedContactId", k->related);
    put_text(w, "channel", channel_api_names[k->channel]);
    put_text(w, "instanceArn", arn);
    put_text(w, "initiationMethod", contact_method_names[k->method]);
    put_some_when(w, "initiationTimestamp", k->initiated_at);
    put_some_when(w, "connectedToSystemTimestamp", k->initiated_at);
    put_some_when(w, "disconnectTimestamp", k->disconnected_at);
    if (k->reason)
        put_text(w, "disconnectReason", k->reason);
}

void event_contact(struct buf *out, const struct contact *k, const char *type, struct td_id id,
                   td_ms at, const struct instance *seen_in)
{
    static const char *names[] = {"activeRegion", "originRegion", "trafficDistributionGroupId"};
    struct jw w;
    struct buf arn = {0};
    char instance[ARN_MAX], contact[ID_TEXT];
    instance_arn(seen_in, instance);
    id_print(k->id, contact);
    buf_fmt(&arn, "%s/contact/%s", instance, contact);
    jw_begin(&w, out);
    jw_obj(&w);
    put_text(&w, "version", "0");
    put_contact_id(&w, "id", id);
    put_text(&w, "detail-type", "Amazon Connect Contact Event");
    put_text(&w, "source", "aws.connect");
    put_text(&w, "account", k->at->mirror->account);
    put_when(&w, "time", at, false);
    put_text(&w, "region", seen_in->region->name);
    jw_key(&w, "resources");
    jw_arr(&w);
    jw_str(&w, arn.data);
    jw_str(&w, instance);
    jw_end(&w);
    jw_key(&w, "detail");
    jw_obj(&w);
    put_event_ids(&w, k, type, seen_in);
    put_event_parts(&w, k);
    if (k->at->mirror->n_sides > 1) {
        jw_key(&w, "globalResiliencyMetadata");
        put_resiliency(&w, names, k);
    }
    jw_end(&w);
    jw_end(&w);
    jw_done(&w);
    buf_free(&arn);
}
