/* Amazon Connect contact records: JSON objects, one a line or one directly after another.
 * https://docs.aws.amazon.com/connect/latest/adminguide/ctr-data-model.html
 *
 * A contact is played when a customer began it (INBOUND and WEBRTC_API; API for the other channels
 * than voice) and it was meant for a queue; transfers, callbacks, outbound contacts and those that
 * ended in a flow are skipped and counted. Taken from the record:
 *
 *   at        InitiationTimestamp
 *   contact   ContactId; hashed, should it be no UUID
 *   place     CustomerEndpoint.Address when it is a telephone number
 *   customer  a pseudonym of that address
 *   queue     Queue.Name, else Queue.ARN, by queue_map or the queue's own name
 *   handle    Agent.AgentInteractionDuration + Agent.CustomerHoldDuration
 *   wrapup    Agent.AfterContactWorkDuration
 *   patience  the wait of a customer who hung up before an agent answered
 *
 * Records come at least once, again whenever one is completed later. The first of a ContactId is
 * played; later ones are left out if they follow within 65,536 contacts. */
#include "trace/trace_internal.h"
#include "base/rng.h"

#include <jansson.h>
#include <string.h>

struct recent { /* the last TRACE_RECENT_IDS ids */
    struct td_id *ring;
    uint64_t n; /* ever remembered */
    struct map128 known;
};

/* Remembers the id; true: it was already there. */
static bool seen(struct recent *r, struct td_id id)
{
    uint32_t unused;
    if (map128_find(&r->known, id.hi, id.lo, &unused))
        return true;
    struct td_id *slot = &r->ring[r->n % TRACE_RECENT_IDS];
    if (r->n++ >= TRACE_RECENT_IDS)
        map128_erase(&r->known, slot->hi, slot->lo);
    *slot = id;
    map128_insert(&r->known, id.hi, id.lo, 0);
    return false;
}

/* ---- framing: from '{' to its '}' ---- */

enum frame { FRAME_OBJECT, FRAME_END, FRAME_BAD };

static void skip_line(struct source *in)
{
    for (int c; (c = source_get(in)) >= 0 && c != '\n';)
        ;
}

/* Reads one object into text. A record that is cut short would swallow the next ones; so a line
 * that begins with '{' always begins a record, and no string contains a line's end. */
static enum frame frame(struct source *in, char *text, size_t *len, uint64_t *line,
                        const char **why)
{
    int c, depth = 0;
    bool in_string = false;
    while ((c = source_peek(in)) > 0 && strchr(" \t\r\n[],", c))
        source_get(in); /* an array of records is as good */
    *line = in->line;
    *len = 0;
    if (c < 0)
        return FRAME_END;
    *why = "is not a JSON object";
    if (c != '{') {
        skip_line(in);
        return FRAME_BAD;
    }
    *why = "the record is cut short";
    while ((c = source_get(in)) >= 0) {
        if (*len == TRACE_JSON_MAX) {
            *why = "the record is longer than 262,144 bytes";
            skip_line(in);
            return FRAME_BAD;
        }
        text[(*len)++] = (char)c;
        bool escaped = in_string && c == '\\';
        if (c == '"')
            in_string = !in_string;
        else if (!in_string)
            depth += (c == '{') - (c == '}');
        if (depth == 0)
            return FRAME_OBJECT;
        if (c == '\n' && (in_string || source_peek(in) == '{'))
            return FRAME_BAD;
        if (escaped && source_peek(in) >= ' ' && *len < TRACE_JSON_MAX)
            text[(*len)++] = (char)source_get(in);
    }
    return FRAME_BAD;
}

/* ---- a record ---- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    return s ? s : "";
}

static const struct time_format record_time = {.kind = TIME_ISO8601};

static bool began_by_customer(const json_t *r, uint8_t channel)
{
    const char *method = text_of(r, "InitiationMethod");
    return strcmp(method, "INBOUND") == 0 || strcmp(method, "WEBRTC_API") == 0 ||
           (channel != CHANNEL_VOICE && strcmp(method, "API") == 0);
}

/* Adds a duration in seconds to *ms, which is -1 until there is one. False: not a duration. */
static bool add_duration(const json_t *object, const char *key, int64_t *ms)
{
    const json_t *v = json_object_get(object, key);
    int64_t d;
    if (!v || json_is_null(v))
        return true;
    if (!json_is_number(v) || !trace__duration(json_number_value(v), &d))
        return false;
    *ms = MAX(*ms, 0) + d;
    return true;
}

/* The wait of who was never answered: how long he was in the queue. */
static bool waited(const json_t *r, const json_t *queue, struct arrival *a)
{
    const char *why = text_of(r, "DisconnectReason");
    if (why[0] && strcmp(why, "CUSTOMER_DISCONNECT") != 0)
        return true; /* the line broke, or the flow gave up; nothing is known of his patience */
    if (!add_duration(queue, "Duration", &a->patience_ms))
        return false;
    td_ms from, to;
    if (a->patience_ms < 0 && time_parse(&record_time, text_of(queue, "EnqueueTimestamp"), &from) &&
        time_parse(&record_time, text_of(r, "DisconnectTimestamp"), &to) && to >= from)
        a->patience_ms = to - from;
    return true;
}

static bool record_queue(const struct trace *t, const json_t *queue, struct arrival *a)
{
    const char *name = text_of(queue, "Name"), *arn = text_of(queue, "ARN");
    uint16_t by_default = t->config->trace.queue_default;
    if (name[0] && trace__queue(t, name, &a->queue) && a->queue != by_default)
        return true;
    return trace__queue(t, arn[0] ? arn : NULL, &a->queue);
}

static void record_customer(const struct trace *t, const json_t *r, struct arrival *a)
{
    const char *address = text_of(json_object_get(r, "CustomerEndpoint"), "Address");
    a->place = (struct place){.index = -1};
    if (a->channel == CHANNEL_VOICE && !strpbrk(address, "@0123456789"))
        return; /* withheld: not the same customer as others that are withheld */
    a->customer = trace__pseudonym(t, address);
    if (!place_from_number(address, &a->place))
        a->place = (struct place){.index = -1}; /* an address of SIP or e-mail */
}

/* 1: played, 0: skipped, -1: bad in *field because of *why. */
static int judge(const struct trace *t, const json_t *r, struct arrival *a, const char **field,
                 const char **why)
{
    const json_t *queue = json_object_get(r, "Queue"), *agent = json_object_get(r, "Agent");
    *field = "ContactId";
    *why = "is missing";
    const char *id = text_of(r, *field);
    if (!id[0])
        return -1;
    if (!id_parse(id, &a->contact))
        a->contact = (struct td_id){hash_str(id), mix64(hash_str(id))};
    *field = "Channel";
    *why = "is not VOICE, CHAT, TASK or EMAIL";
    if (!trace__channel(text_of(r, *field), &a->channel))
        return -1;
    if (!began_by_customer(r, a->channel) || !json_is_object(queue))
        return 0;
    *field = "InitiationTimestamp";
    *why = "is not a time as in 2026-11-22T09:59:30Z";
    if (!time_parse(&record_time, text_of(r, *field), &a->at))
        return -1;
    *field = "Queue";
    *why = "is not in queue_map, is no queue's name, and there is no default queue";
    if (!record_queue(t, queue, a))
        return -1;
    record_customer(t, r, a);
    *field = json_is_object(agent) ? "Agent" : "Queue";
    *why = "holds a duration that is not 0 to 30 days in seconds";
    if (!json_is_object(agent))
        return waited(r, queue, a) ? 1 : -1;
    return add_duration(agent, "AgentInteractionDuration", &a->handle_ms) &&
                   add_duration(agent, "CustomerHoldDuration", &a->handle_ms) &&
                   add_duration(agent, "AfterContactWorkDuration", &a->wrapup_ms)
               ? 1
               : -1;
}

/* False: t->failure. */
static bool take_record(struct trace *t, const char *text, size_t len, uint64_t line,
                        struct recent *recent)
{
    json_t *r = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    if (!r) {
        trace__bad(t, line, NULL, "is not valid JSON, or names something twice");
        return true;
    }
    struct trace_row row = {.weight = 1};
    row.a =
        (struct arrival){.row = t->stats.rows, .handle_ms = -1, .wrapup_ms = -1, .patience_ms = -1};
    const char *field, *why;
    int verdict = judge(t, r, &row.a, &field, &why);
    json_decref(r);
    if (verdict < 0)
        trace__bad(t, line, field, why);
    else if (verdict == 0)
        t->stats.skipped++;
    else if (seen(recent, row.a.contact))
        t->stats.duplicates++;
    else
        return sorter_add(t->sorter, &row, &t->failure);
    return true;
}

bool trace__read_records(struct trace *t)
{
    struct recent recent = {.ring = mem_new(TRACE_RECENT_IDS, sizeof(struct td_id))};
    char *text = mem_new(TRACE_JSON_MAX, 1);
    bool fine = true;
    uint64_t line;
    size_t len;
    const char *why;
    enum frame f;
    while (fine && (f = frame(&t->in, text, &len, &line, &why)) != FRAME_END) {
        t->stats.rows++;
        if (f == FRAME_BAD)
            trace__bad(t, line, NULL, why);
        else
            fine = take_record(t, text, len, line, &recent);
    }
    mem_free(text);
    mem_free(recent.ring);
    map128_free(&recent.known);
    return fine;
}
