#include "connect/flow.h"

#include <stdlib.h>
#include <string.h>

/* ---- the program ---- */

enum type {
    PASS, /* goes to the next action at once */
    UNKNOWN,
    CHECK_HOURS,
    COMPARE,
    DISTRIBUTE,
    LOOP,
    SET_ATTRIBUTES,
    SET_FLOW_ATTRIBUTES,
    SET_QUEUE,
    TO_QUEUE,
    MOVE_QUEUE,
    ROUTING,
    HOOKS,
    LAMBDA,
    DIAL,
    TO_FLOW,
    WAIT,
    MESSAGES,
    DISCONNECT,
    END
};
static const struct {
    const char *name;
    enum type type;
} types[] = {
    {"CheckHoursOfOperation", CHECK_HOURS},
    {"Compare", COMPARE},
    {"DistributeByPercentage", DISTRIBUTE},
    {"Loop", LOOP},
    {"UpdateContactAttributes", SET_ATTRIBUTES},
    {"UpdateFlowAttributes", SET_FLOW_ATTRIBUTES},
    {"UpdateContactTargetQueue", SET_QUEUE},
    {"TransferContactToQueue", TO_QUEUE},
    {"DequeueContactAndTransferToQueue", MOVE_QUEUE},
    {"UpdateContactRoutingBehavior", ROUTING},
    {"UpdateContactEventHooks", HOOKS},
    {"InvokeLambdaFunction", LAMBDA},
    {"TransferParticipantToThirdParty", DIAL},
    {"TransferToFlow", TO_FLOW},
    {"Wait", WAIT},
    {"MessageParticipantIteratively", MESSAGES},
    {"DisconnectParticipant", DISCONNECT},
    {"EndFlowExecution", END},
    {"MessageParticipant", PASS},
    {"UpdateFlowLoggingBehavior", PASS},
    {"UpdateContactRecordingBehavior", PASS},
    {"UpdateContactRecordingAndAnalyticsBehavior", PASS},
    {"UpdateContactTextToSpeechVoice", PASS},
    {"UpdateContactMediaStreamingBehavior", PASS},
    {"UpdateContactData", PASS},
    {"TagContact", PASS},
};

struct action {
    enum type type;
    const json_t *parameters, *transitions; /* of the root */
    const char *id;
    uint32_t next; /* UINT32_MAX: none */
};
struct flow_program {
    uint32_t keepers, n, start;
    json_t *root, *index; /* identifier -> index */
    struct action *action;
};

static const char *text_of(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

/* The index of an action; UINT32_MAX: there is none of that name. */
static uint32_t find(const struct flow_program *p, const char *id)
{
    const json_t *at = id ? json_object_get(p->index, id) : NULL;
    return at ? (uint32_t)json_integer_value(at) : UINT32_MAX;
}

static enum type type_of(const char *name)
{
    for (size_t i = 0; i < COUNTOF(types); i++)
        if (strcmp(types[i].name, name) == 0)
            return types[i].type;
    return UNKNOWN;
}

static bool leads_somewhere(const struct flow_program *p, const json_t *list)
{
    size_t i;
    json_t *way;
    json_array_foreach(list, i,
                       way) if (find(p, text_of(way, "NextAction")) == UINT32_MAX) return false;
    return true;
}

static const char *take_actions(struct flow_program *p, const json_t *actions)
{
    size_t i;
    json_t *a;
    json_array_foreach(actions, i, a)
    {
        const char *id = text_of(a, "Identifier"), *type = text_of(a, "Type");
        if (!id || !type || !json_is_object(json_object_get(a, "Parameters")) ||
            !json_is_object(json_object_get(a, "Transitions")))
            return "An action lacks Identifier, Type, Parameters or Transitions.";
        if (find(p, id) != UINT32_MAX)
            return "Two actions have the same Identifier.";
        p->action[i] = (struct action){.type = type_of(type),
                                       .id = id,
                                       .parameters = json_object_get(a, "Parameters"),
                                       .transitions = json_object_get(a, "Transitions")};
        json_object_set_new(p->index, id, json_integer((json_int_t)i));
    }
    for (i = 0; i < p->n; i++) {
        const json_t *t = p->action[i].transitions;
        const char *next = text_of(t, "NextAction");
        p->action[i].next = find(p, next);
        if ((next && p->action[i].next == UINT32_MAX) ||
            !leads_somewhere(p, json_object_get(t, "Errors")) ||
            !leads_somewhere(p, json_object_get(t, "Conditions")))
            return "A transition leads to an action that does not exist.";
    }
    return NULL;
}

struct flow_program *flow_parse(const char *content, size_t n, const char **problem)
{
    json_t *root = json_loadb(content, n, JSON_REJECT_DUPLICATES, NULL);
    const json_t *actions = json_object_get(root, "Actions");
    size_t count = json_array_size(actions);
    *problem = NULL;
    if (!json_is_object(root))
        *problem = "The content is not a JSON object.";
    else if (!text_of(root, "Version") || strcmp(text_of(root, "Version"), "2019-10-30") != 0)
        *problem = "Version must be 2019-10-30.";
    else if (count == 0 || count > FLOW_ACTIONS_MAX)
        *problem = "Actions must be a list of 1 to 1000 actions.";
    if (*problem) {
        json_decref(root);
        return NULL;
    }
    struct flow_program *p = mem_new(1, sizeof *p);
    *p = (struct flow_program){.keepers = 1,
                               .n = (uint32_t)count,
                               .root = root,
                               .index = json_object(),
                               .action = mem_new(count, sizeof *p->action)};
    *problem = take_actions(p, actions);
    p->start = find(p, text_of(root, "StartAction"));
    if (!*problem && p->start == UINT32_MAX)
        *problem = "StartAction is not the Identifier of an action.";
    if (!*problem)
        return p;
    flow_release(p);
    return NULL;
}

struct flow_program *flow_keep(struct flow_program *p)
{
    p->keepers++;
    return p;
}

void flow_release(struct flow_program *p)
{
    if (!p || --p->keepers)
        return;
    json_decref(p->root);
    json_decref(p->index);
    mem_free(p->action);
    mem_free(p);
}

/* ---- values ---- */

struct running {
    struct flow_state *s;
    const struct flow_world *w;
    const struct action *a;
};

/* Members one below the other: "External.address.city". */
static void look_up(const json_t *root, const char *path, struct buf *out)
{
    char name[200];
    const json_t *v = root;
    while (*path && v) {
        size_t n = strcspn(path, ".");
        if (n >= sizeof name)
            return;
        memcpy(name, path, n);
        name[n] = 0;
        v = json_object_get(v, name);
        path += n + (path[n] == '.');
    }
    if (json_is_string(v)) {
        buf_add(out, json_string_value(v), strlen(json_string_value(v)));
    } else if (v && !json_is_null(v)) {
        char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
        buf_str(out, text ? text : "");
        mem_free(text);
    }
}

static void resolve(const struct running *r, const char *path, struct buf *out)
{
    if (strncmp(path, "$.External.", 11) == 0)
        look_up(r->s->external, path + 11, out);
    else if (strncmp(path, "$.FlowAttributes.", 17) == 0)
        look_up(r->s->attributes, path + 17, out);
    else if (strcmp(path, "$.AwsRegion") == 0)
        buf_str(out, r->w->region);
    else
        r->w->value(r->w->arg, path, out);
}

/* `v` as text: itself, or what its path leads to. */
static void value(const struct running *r, const char *v, struct buf *out)
{
    buf_reset(out);
    buf_str(out, "");
    if (!v)
        return;
    if (strncmp(v, "$.", 2) == 0) {
        resolve(r, v, out);
        return;
    }
    for (const char *at; (at = strstr(v, "$.AwsRegion")); v = at + 11) {
        buf_add(out, v, (size_t)(at - v));
        buf_str(out, r->w->region);
    }
    buf_str(out, v);
}

static int64_t number(const struct running *r, const char *key, int64_t max)
{
    struct buf b = {0};
    value(r, text_of(r->a->parameters, key), &b);
    char *end;
    long long n = strtoll(b.data, &end, 10);
    bool good = end != b.data && !*end && n >= 0;
    buf_free(&b);
    return good ? MIN(n, max) : 0;
}

/* ---- ways on ---- */

static uint32_t error_way(const struct action *a, const struct flow_program *p, const char *error)
{
    size_t i;
    json_t *way;
    uint32_t any = UINT32_MAX;
    json_array_foreach(json_object_get(a->transitions, "Errors"), i, way)
    {
        const char *type = text_of(way, "ErrorType");
        if (type && strcmp(type, error) == 0)
            return find(p, text_of(way, "NextAction"));
        if (type && strcmp(type, "NoMatchingError") == 0)
            any = find(p, text_of(way, "NextAction"));
    }
    return any;
}

static bool holds(const char *op, const char *left, const char *right)
{
    size_t nl = strlen(left), nr = strlen(right);
    if (strcmp(op, "Equals") == 0)
        return strcmp(left, right) == 0;
    if (strcmp(op, "TextStartsWith") == 0)
        return strncmp(left, right, nr) == 0;
    if (strcmp(op, "TextEndsWith") == 0)
        return nl >= nr && strcmp(left + nl - nr, right) == 0;
    if (strcmp(op, "TextContains") == 0)
        return strstr(left, right) != NULL;
    char *end_l, *end_r;
    double l = strtod(left, &end_l), g = strtod(right, &end_r);
    if (end_l == left || *end_l || end_r == right || *end_r)
        return false;
    if (strcmp(op, "NumberGreaterThan") == 0)
        return l > g;
    if (strcmp(op, "NumberGreaterOrEqualTo") == 0)
        return l >= g;
    if (strcmp(op, "NumberLessThan") == 0)
        return l < g;
    return strcmp(op, "NumberLessOrEqualTo") == 0 && l <= g;
}

/* The way of the first condition that holds for the text; UINT32_MAX: none does. */
static uint32_t condition_way(const struct running *r, const char *left)
{
    size_t i;
    json_t *way;
    struct buf right = {0};
    uint32_t to = UINT32_MAX;
    json_array_foreach(json_object_get(r->a->transitions, "Conditions"), i, way)
    {
        const json_t *c = json_object_get(way, "Condition");
        const char *op = text_of(c, "Operator");
        value(r, json_string_value(json_array_get(json_object_get(c, "Operands"), 0)), &right);
        if (op && to == UINT32_MAX && holds(op, left, right.data))
            to = find(r->s->program, text_of(way, "NextAction"));
    }
    buf_free(&right);
    return to;
}

/* By a condition, else the error for when there is none, else straight on. */
static uint32_t choose(const struct running *r, const char *left)
{
    uint32_t to = condition_way(r, left);
    if (to == UINT32_MAX)
        to = error_way(r->a, r->s->program, "NoMatchingCondition");
    return to == UINT32_MAX ? r->a->next : to;
}

/* ---- actions that need nobody ---- */

static uint32_t compare(const struct running *r)
{
    struct buf left = {0};
    value(r, text_of(r->a->parameters, "ComparisonValue"), &left);
    uint32_t to = choose(r, left.data);
    buf_free(&left);
    return to;
}

static uint32_t distribute(const struct running *r)
{
    struct buf left = {0};
    buf_fmt(&left, "%d", 1 + (int)(r->w->chance(r->w->arg) * 100));
    uint32_t to = choose(r, left.data);
    buf_free(&left);
    return to;
}

static uint32_t loop(const struct running *r)
{
    int64_t turn = json_integer_value(json_object_get(r->s->loops, r->a->id));
    bool more = turn < number(r, "LoopCount", 100);
    json_object_set_new(r->s->loops, r->a->id, json_integer(more ? turn + 1 : 0));
    return choose(r, more ? "ContinueLooping" : "DoneLooping");
}

static uint32_t check_hours(const struct running *r)
{
    struct buf hours = {0};
    const char *given = text_of(r->a->parameters, "HoursOfOperationId");
    value(r, given, &hours);
    bool open =
        r->w->open(r->w->arg, given ? hours.data : NULL, r->s->queue.len ? r->s->queue.data : NULL);
    buf_free(&hours);
    return choose(r, open ? "True" : "False");
}

static uint32_t set_attributes(const struct running *r, const char *key, bool of_flow)
{
    const char *name;
    json_t *v;
    struct buf text = {0};
    json_object_foreach((json_t *)(uintptr_t)json_object_get(r->a->parameters, key), name, v)
    {
        /* Attributes of a flow are written {"name": {"Value": "..."}}. */
        value(r, json_is_object(v) ? text_of(v, "Value") : json_string_value(v), &text);
        if (text.len > FLOW_VALUE_MAX)
            continue;
        if (of_flow)
            json_object_set_new(r->s->attributes, name, json_string(text.data));
        else
            r->w->set_attribute(r->w->arg, name, text.data);
    }
    buf_free(&text);
    return r->a->next;
}

/* True: the action is done, *to is where it goes on; UINT32_MAX: nowhere. */
static bool do_alone(const struct running *r, uint32_t *to)
{
    switch (r->a->type) {
    case PASS: *to = r->a->next; return true;
    case COMPARE: *to = compare(r); return true;
    case DISTRIBUTE: *to = distribute(r); return true;
    case LOOP: *to = loop(r); return true;
    case CHECK_HOURS: *to = check_hours(r); return true;
    case SET_ATTRIBUTES: *to = set_attributes(r, "Attributes", false); return true;
    case SET_FLOW_ATTRIBUTES: *to = set_attributes(r, "FlowAttributes", true); return true;
    case SET_QUEUE:
        value(r, text_of(r->a->parameters, "QueueId"), &r->s->queue);
        *to = r->s->queue.len ? r->a->next : error_way(r->a, r->s->program, "NoMatchingError");
        return true;
    default: return false;
    }
}

/* ---- effects ---- */

static enum flow_effect lambda(const struct running *r)
{
    struct flow_state *s = r->s;
    const json_t *p = r->a->parameters;
    const char *name, *form;
    json_t *v;
    struct buf text = {0};
    value(r, text_of(p, "LambdaFunctionARN"), &s->target);
    json_decref(s->parameters);
    s->parameters = json_object();
    json_object_foreach((json_t *)(uintptr_t)json_object_get(p, "LambdaInvocationAttributes"), name,
                        v)
    {
        value(r, json_string_value(v), &text);
        json_object_set_new(s->parameters, name, json_string(text.data));
    }
    buf_free(&text);
    s->limit_ms = number(r, "InvocationTimeLimitSeconds", FLOW_LAMBDA_MS_MAX / 1000) * 1000;
    s->limit_ms = s->limit_ms ? s->limit_ms : 3000; /* what the editor of flows begins with */
    form = text_of(json_object_get(p, "ResponseValidation"), "ResponseType");
    s->string_map = !form || strcmp(form, "JSON") != 0;
    return FLOW_LAMBDA;
}

static enum flow_effect effect(const struct running *r)
{
    struct flow_state *s = r->s;
    const json_t *p = r->a->parameters;
    const char *continues;
    switch (r->a->type) {
    case TO_QUEUE:
        buf_reset(&s->target);
        buf_add(&s->target, s->queue.data, s->queue.len);
        return FLOW_QUEUE;
    case MOVE_QUEUE: value(r, text_of(p, "QueueId"), &s->target); return FLOW_QUEUE;
    case ROUTING:
        s->priority = (uint8_t)number(r, "QueuePriority", 10);
        s->adjust_ms = number(r, "QueueTimeAdjustmentSeconds", 86400) * 1000;
        return FLOW_ROUTING;
    case HOOKS:
        value(r, text_of(json_object_get(p, "EventHooks"), "CustomerQueue"), &s->target);
        return FLOW_HOOK;
    case LAMBDA: return lambda(r);
    case DIAL:
        value(r, text_of(p, "ThirdPartyPhoneNumber"), &s->target);
        continues = text_of(p, "ContinueFlowExecution");
        s->goes_on = !continues || strcmp(continues, "False") != 0;
        return FLOW_DIAL;
    case TO_FLOW: value(r, text_of(p, "ContactFlowId"), &s->target); return FLOW_JUMP;
    case WAIT: s->limit_ms = number(r, "TimeLimitSeconds", 604800) * 1000; return FLOW_WAIT;
    case MESSAGES:
        s->limit_ms = MAX(1, number(r, "InterruptFrequencySeconds", 3600)) * 1000;
        return FLOW_WAIT;
    case DISCONNECT: return FLOW_DISCONNECT;
    case END: return FLOW_END;
    default: return FLOW_BROKEN;
    }
}

static enum flow_effect run_from(struct flow_state *s, const struct flow_world *w, uint32_t at)
{
    for (int steps = 0; steps < FLOW_STEPS_MAX; steps++) {
        if (at == UINT32_MAX)
            return FLOW_BROKEN;
        s->at = at;
        struct running r = {s, w, &s->program->action[at]};
        if (r.a->type == UNKNOWN)
            at = error_way(r.a, s->program, "NoMatchingError");
        else if (!do_alone(&r, &at))
            return effect(&r);
    }
    return FLOW_BROKEN;
}

/* ---- life ---- */

void flow_begin(struct flow_state *s, struct flow_program *p)
{
    *s = (struct flow_state){.program = flow_keep(p),
                             .external = json_object(),
                             .attributes = json_object(),
                             .loops = json_object()};
}

void flow_state_free(struct flow_state *s)
{
    flow_release(s->program);
    json_decref(s->external);
    json_decref(s->attributes);
    json_decref(s->loops);
    json_decref(s->parameters);
    buf_free(&s->queue);
    buf_free(&s->target);
    *s = (struct flow_state){0};
}

enum flow_effect flow_start(struct flow_state *s, const struct flow_world *w)
{
    return run_from(s, w, s->program->start);
}

enum flow_effect flow_go_on(struct flow_state *s, const struct flow_world *w, const char *error)
{
    struct running r = {s, w, &s->program->action[s->at]};
    uint32_t to;
    if (error)
        to = error_way(r.a, s->program, error);
    else if (r.a->type == WAIT)
        to = choose(&r, "WaitCompleted");
    else if (r.a->type == MESSAGES)
        to = choose(&r, "MessagesInterrupted");
    else if (r.a->type == TO_QUEUE || r.a->type == MOVE_QUEUE)
        return FLOW_END; /* another flow has the contact now */
    else
        to = r.a->next;
    return run_from(s, w, to);
}

static bool is_string_map(const json_t *result)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)result, key, v) if (!json_is_string(v)) return false;
    return true;
}

bool flow_returned(struct flow_state *s, const json_t *result)
{
    if (!json_is_object(result) || (s->string_map && !is_string_map(result)))
        return false;
    json_decref(s->external);
    s->external = json_deep_copy(result);
    return true;
}
