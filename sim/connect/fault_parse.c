/* fault_parse.c - a fault as it is written in JSON: one row a kind, one a member. */
#include "connect/faults_i.h"

#include <string.h>

const char *const fault_names[FAULT_KINDS] = {
    "region_down",       "api_errors",  "api_slow",    "throttle_storm", "stream_stall",
    "stream_duplicates", "events_lost", "agents_lost", "flows_broken",   "clock_skew"};
const char *const fault_mode_names[FAULT_MODES] = {"refuse", "reset", "black_hole", "slow"};

enum member {
    REGION,
    MODE,
    ERROR,
    SERVICE,
    OPERATION,
    RATE,
    DELAY,
    SKEW,
    STREAM,
    DROP,
    STAY,
    FOR,
    KIND
};
static const char *const member_names[] = {
    "region",  "mode",   "error",         "service",       "operation", "rate", "delay_ms",
    "skew_ms", "stream", "drop_contacts", "desktops_stay", "for_ms",    "fault"};
#define M(member) (1u << (member))
#define ANY       (M(REGION) | M(FOR) | M(KIND))
static const uint32_t allowed[FAULT_KINDS] = {
    [FAULT_REGION_DOWN] = ANY | M(MODE) | M(DELAY) | M(DROP) | M(STAY),
    [FAULT_API_ERRORS] = ANY | M(SERVICE) | M(OPERATION) | M(RATE) | M(ERROR),
    [FAULT_API_SLOW] = ANY | M(SERVICE) | M(OPERATION) | M(RATE) | M(DELAY),
    [FAULT_THROTTLE_STORM] = ANY | M(SERVICE) | M(OPERATION) | M(RATE),
    [FAULT_STREAM_STALL] = ANY | M(STREAM),
    [FAULT_STREAM_DUPLICATES] = ANY | M(STREAM) | M(RATE),
    [FAULT_EVENTS_LOST] = ANY | M(RATE),
    [FAULT_AGENTS_LOST] = ANY | M(RATE),
    [FAULT_FLOWS_BROKEN] = ANY,
    [FAULT_CLOCK_SKEW] = ANY | M(SKEW),
};

static int find(const char *const *names, int n, const char *name)
{
    for (int i = 0; name && i < n; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

static const char *take_text(const json_t *v, char *to, size_t cap, const char *problem)
{
    const char *s = json_string_value(v);
    return s && *s && str_copy(to, cap, s) ? NULL : problem;
}

static const char *take_ms(const json_t *v, int64_t min, int64_t max, int64_t *to,
                           const char *problem)
{
    if (!json_is_integer(v) || json_integer_value(v) < min || json_integer_value(v) > max)
        return problem;
    *to = json_integer_value(v);
    return NULL;
}

static const char *take_stream(const json_t *v, struct fault *x)
{
    static const char *const names[FEEDS] = {"agent_events", "contact_records"};
    int at = find(names, FEEDS, json_string_value(v));
    if (at < 0)
        return "stream is agent_events or contact_records.";
    for (int s = 0; s < FEEDS; s++)
        x->streams[s] = s == at;
    return NULL;
}

static const char *take_member(enum member m, const json_t *v, struct center *c, struct fault *x)
{
    int at;
    switch (m) {
    case REGION:
        x->region = json_is_string(v) ? center_region_by_name(c, json_string_value(v)) : NULL;
        return x->region ? NULL : "region is none of this connectsim.";
    case MODE:
        at = find(fault_mode_names, FAULT_MODES, json_string_value(v));
        x->mode = (enum fault_mode)MAX(at, 0);
        return at < 0 ? "mode is refuse, reset, black_hole or slow." : NULL;
    case ERROR:
        at = find(api_error_names, EX_COUNT, json_string_value(v));
        x->error = (enum api_error)MAX(at, 0);
        return at < 0 ? "error is none that connectsim knows." : NULL;
    case SERVICE: return take_text(v, x->service, sizeof x->service, "service is a name.");
    case OPERATION: return take_text(v, x->operation, sizeof x->operation, "operation is a name.");
    case RATE:
        x->rate = json_number_value(v);
        return json_is_number(v) && x->rate >= 0 && x->rate <= 1 ? NULL : "rate is from 0 to 1.";
    case DELAY:
        return take_ms(v, 0, FAULT_MS_MAX, &x->delay_ms, "delay_ms is a number, a day at most.");
    case SKEW:
        return take_ms(v, -FAULT_MS_MAX, FAULT_MS_MAX, &x->skew_ms,
                       "skew_ms is a number, a day at most.");
    case STREAM: return take_stream(v, x);
    case DROP:
        x->drop_contacts = json_is_true(v);
        return json_is_boolean(v) ? NULL : "drop_contacts is true or false.";
    case STAY:
        x->desktops_stay = json_is_true(v);
        return json_is_boolean(v) ? NULL : "desktops_stay is true or false.";
    case FOR:
        return take_ms(v, 1, FAULT_MS_MAX, &x->until_ms, "for_ms is a number, a day at most.");
    case KIND: break;
    }
    return NULL;
}

/* until_ms is how long, here; whoever begins the fault adds now. */
const char *fault_parse(const json_t *o, struct center *c, struct fault *out)
{
    const char *name, *problem = NULL;
    json_t *v;
    int kind = find(fault_names, FAULT_KINDS, json_string_value(json_object_get(o, "fault")));
    *out = (struct fault){.rate = 1,
                          .error = EX_InternalServiceException,
                          .delay_ms = 1000,
                          .until_ms = INT64_MAX,
                          .streams = {true, true}};
    if (kind < 0)
        return "fault is the name of none that connectsim has.";
    out->kind = (enum fault_kind)kind;
    json_object_foreach((json_t *)(uintptr_t)o, name, v)
    {
        int m = find(member_names, (int)COUNTOF(member_names), name);
        if (m < 0 || !(allowed[kind] & M(m)))
            return "a member does not belong to this fault.";
        problem = take_member((enum member)m, v, c, out);
        if (problem)
            return problem;
    }
    if (out->kind == FAULT_REGION_DOWN && !out->region)
        return "region_down needs a region.";
    if (out->kind == FAULT_CLOCK_SKEW && !json_object_get(o, "skew_ms"))
        return "clock_skew needs skew_ms.";
    return NULL;
}

static void put(struct jw *w, const char *key, const char *v)
{
    jw_key(w, key);
    jw_str(w, v);
}

static void put_number(struct jw *w, const char *key, double v)
{
    jw_key(w, key);
    jw_double(w, v);
}

/* Only what its kind knows. */
void fault_write(struct jw *w, const struct fault *x, int64_t now_ms)
{
    uint32_t has = allowed[x->kind];
    jw_obj(w);
    put_number(w, "id", x->id);
    put(w, "fault", fault_names[x->kind]);
    put(w, "region", x->region ? x->region->name : NULL);
    if (has & M(MODE))
        put(w, "mode", fault_mode_names[x->mode]);
    if (has & M(ERROR))
        put(w, "error", api_error_names[x->error]);
    if (has & M(SERVICE))
        put(w, "service", x->service[0] ? x->service : NULL);
    if (has & M(OPERATION))
        put(w, "operation", x->operation[0] ? x->operation : NULL);
    if (has & M(RATE))
        put_number(w, "rate", x->rate);
    if (has & M(DELAY))
        put_number(w, "delay_ms", (double)x->delay_ms);
    if (has & M(SKEW))
        put_number(w, "skew_ms", (double)x->skew_ms);
    if (has & M(DROP)) {
        jw_key(w, "drop_contacts");
        jw_bool(w, x->drop_contacts);
        jw_key(w, "desktops_stay");
        jw_bool(w, x->desktops_stay);
    }
    if (has & M(STREAM))
        put(w, "stream",
            x->streams[0] && x->streams[1]  ? NULL
            : x->streams[FEED_AGENT_EVENTS] ? "agent_events"
                                            : "contact_records");
    jw_key(w, "left_ms");
    if (x->until_ms == INT64_MAX)
        jw_null(w);
    else
        jw_int(w, MAX(0, x->until_ms - now_ms));
    jw_end(w);
}
