/* ops_history.c - GetMetricDataV2: figures of contacts that are over, by queue, channel, agent or
 * routing profile and by interval. A contact counts in the interval in which it was disconnected
 * (in which it began, for CONTACTS_CREATED), as AWS counts. */
#include "connect/ops.h"

#include <string.h>

enum { ROWS_MAX = 20000, DIMENSIONS = 4 };
#define WINDOW_MS  (35ll * MS_PER_DAY)
#define HISTORY_MS (93ll * MS_PER_DAY)

enum dimension { BY_QUEUE, BY_CHANNEL, BY_AGENT, BY_PROFILE };
static const char *const dimension_names[DIMENSIONS] = {"QUEUE", "CHANNEL", "AGENT",
                                                        "ROUTING_PROFILE"};

struct sums {
    uint64_t created, queued, handled, abandoned, transferred, held;
    double handle_ms, answer_ms, abandon_ms, wrapup_ms, hold_ms, talk_ms, max_queued_ms;
};
struct row {
    const void *dimension[DIMENSIONS];
    td_ms start;
    struct sums s;
    uint64_t within[8]; /* contacts answered within each metric's threshold */
    uint64_t gone[8];   /* and abandoned */
};
struct report {
    struct call *c;
    bool by[DIMENSIONS];
    td_ms start, end, step; /* step 0: one interval */
    struct row *row;
    uint32_t n_rows;
    struct map64 at;
    double threshold_ms[8];
    bool below_equal[8];
    bool full;
};

static const char *const metric_names[] = {"ABANDONMENT_RATE",
                                           "AVG_ABANDON_TIME",
                                           "AVG_AFTER_CONTACT_WORK_TIME",
                                           "AVG_HANDLE_TIME",
                                           "AVG_HOLD_TIME",
                                           "AVG_INTERACTION_TIME",
                                           "AVG_QUEUE_ANSWER_TIME",
                                           "CONTACTS_ABANDONED",
                                           "CONTACTS_CREATED",
                                           "CONTACTS_HANDLED",
                                           "CONTACTS_QUEUED",
                                           "CONTACTS_TRANSFERRED_OUT",
                                           "MAX_QUEUED_TIME",
                                           "SERVICE_LEVEL",
                                           "SUM_CONTACTS_ABANDONED_IN_X",
                                           "SUM_CONTACTS_ANSWERED_IN_X",
                                           "SUM_HANDLE_TIME",
                                           NULL};

static bool needs_threshold(const char *name)
{
    return strcmp(name, "SERVICE_LEVEL") == 0 || strncmp(name, "SUM_CONTACTS_", 13) == 0;
}

/* ---- what a contact adds ---- */

static const void *dimension_of(const struct contact *k, enum dimension d)
{
    switch (d) {
    case BY_QUEUE: return k->queue;
    case BY_CHANNEL: return channel_api_names[k->channel];
    case BY_AGENT: return k->user;
    case BY_PROFILE: return k->user ? k->user->profile : NULL;
    }
    return NULL;
}

static bool filter_lets(const struct report *r, const struct contact *k)
{
    json_t *filter, *v;
    size_t n, m;
    json_array_foreach(arg(r->c, "Filters"), n, filter)
    {
        const char *key = json_string_value(json_object_get(filter, "FilterKey"));
        bool found = false;
        json_array_foreach(json_object_get(filter, "FilterValues"), m, v)
        {
            const char *want = json_string_value(v), *slash = strrchr(want, '/');
            char id[ID_TEXT] = "";
            if (strcmp(key, "QUEUE") == 0 && k->queue)
                id_print(k->queue->r.id, id);
            else if (strcmp(key, "AGENT") == 0 && k->user)
                id_print(k->user->r.id, id);
            else if (strcmp(key, "ROUTING_PROFILE") == 0 && k->user)
                id_print(k->user->profile->r.id, id);
            else if (strcmp(key, "CHANNEL") == 0)
                str_copy(id, sizeof id, channel_api_names[k->channel]);
            found = found || strcmp(slash ? slash + 1 : want, id) == 0;
        }
        if (!found)
            return false;
    }
    return true;
}

static struct row *row_of(struct report *r, const struct contact *k, td_ms at)
{
    struct row want = {.start =
                           r->step ? r->start + (at - r->start) / r->step * r->step : r->start};
    uint64_t key = mix64((uint64_t)want.start);
    uint32_t found;
    for (int d = 0; d < DIMENSIONS; d++) {
        want.dimension[d] = r->by[d] ? dimension_of(k, (enum dimension)d) : NULL;
        if (r->by[d] && !want.dimension[d])
            return NULL; /* never had an agent, for example */
        key = mix64(key ^ (uint64_t)(uintptr_t)want.dimension[d]);
    }
    if (map64_find(&r->at, key, &found))
        return &r->row[found];
    if (r->n_rows == ROWS_MAX) {
        r->full = true;
        return NULL;
    }
    if ((r->n_rows & (r->n_rows - 1)) == 0)
        r->row = mem_grow(r->row, r->n_rows ? r->n_rows * 2u : 1, sizeof *r->row);
    map64_insert(&r->at, key, r->n_rows);
    r->row[r->n_rows] = want;
    return &r->row[r->n_rows++];
}

static void add_ended(struct report *r, struct row *row, const struct contact *k)
{
    struct sums *s = &row->s;
    double waited = k->enqueued_at ? (double)(k->dequeued_at - k->enqueued_at) : 0;
    bool answered = k->connected_at != 0;
    s->queued += k->enqueued_at != 0;
    s->max_queued_ms = MAX(s->max_queued_ms, waited);
    s->transferred += k->reason && strcmp(k->reason, "TRANSFERRED") == 0;
    for (int m = 0; m < 8; m++) {
        bool in = r->below_equal[m] ? waited <= r->threshold_ms[m] : waited < r->threshold_ms[m];
        row->within[m] += k->enqueued_at && answered && in;
        row->gone[m] += k->enqueued_at && !answered && in;
    }
    if (!answered) {
        s->abandoned += k->enqueued_at != 0;
        s->abandon_ms += waited;
        return;
    }
    double wrapup = k->completed_at ? (double)(k->completed_at - k->disconnected_at) : 0;
    double talk = (double)(k->disconnected_at - k->connected_at);
    s->handled++;
    s->answer_ms += waited;
    s->talk_ms += talk - (double)k->hold_ms;
    s->hold_ms += (double)k->hold_ms;
    s->held += k->holds > 0;
    s->wrapup_ms += wrapup;
    s->handle_ms += talk + wrapup;
}

static void add_contact(struct report *r, const struct contact *k)
{
    struct row *row;
    if (!filter_lets(r, k))
        return;
    if (k->initiated_at >= r->start && k->initiated_at < r->end &&
        (row = row_of(r, k, k->initiated_at)))
        row->s.created++;
    if (k->disconnected_at >= r->start && k->disconnected_at < r->end &&
        (row = row_of(r, k, k->disconnected_at)))
        add_ended(r, row, k);
}

/* ---- the answer ---- */

/* False: there is nothing to divide by, and the metric has no value. */
static bool value_of(const struct row *row, const char *name, size_t metric, double *v)
{
    const struct sums *s = &row->s;
    const struct {
        const char *name;
        double value, by;
    } all[] = {{"ABANDONMENT_RATE", 100.0 * (double)s->abandoned, (double)s->queued},
               {"AVG_ABANDON_TIME", s->abandon_ms / 1000, (double)s->abandoned},
               {"AVG_AFTER_CONTACT_WORK_TIME", s->wrapup_ms / 1000, (double)s->handled},
               {"AVG_HANDLE_TIME", s->handle_ms / 1000, (double)s->handled},
               {"AVG_HOLD_TIME", s->hold_ms / 1000, (double)s->held},
               {"AVG_INTERACTION_TIME", s->talk_ms / 1000, (double)s->handled},
               {"AVG_QUEUE_ANSWER_TIME", s->answer_ms / 1000, (double)s->handled},
               {"CONTACTS_ABANDONED", (double)s->abandoned, 1},
               {"CONTACTS_CREATED", (double)s->created, 1},
               {"CONTACTS_HANDLED", (double)s->handled, 1},
               {"CONTACTS_QUEUED", (double)s->queued, 1},
               {"CONTACTS_TRANSFERRED_OUT", (double)s->transferred, 1},
               {"MAX_QUEUED_TIME", s->max_queued_ms / 1000, 1},
               {"SERVICE_LEVEL", 100.0 * (double)row->within[metric & 7], (double)s->queued},
               {"SUM_CONTACTS_ABANDONED_IN_X", (double)row->gone[metric & 7], 1},
               {"SUM_CONTACTS_ANSWERED_IN_X", (double)row->within[metric & 7], 1},
               {"SUM_HANDLE_TIME", s->handle_ms / 1000, 1}};
    for (size_t i = 0; i < COUNTOF(all); i++)
        if (strcmp(all[i].name, name) == 0 && all[i].by > 0) {
            *v = all[i].value / all[i].by;
            return true;
        }
    return false;
}

static void put_dimensions(const struct report *r, const struct row *row)
{
    struct call *c = r->c;
    char id[ID_TEXT];
    jw_key(&c->w, "Dimensions");
    jw_obj(&c->w);
    for (int d = 0; d < DIMENSIONS; d++) {
        if (!r->by[d])
            continue;
        jw_key(&c->w, dimension_names[d]);
        if (d == BY_CHANNEL) {
            jw_str(&c->w, row->dimension[d]);
            continue;
        }
        id_print(((const struct res *)row->dimension[d])->id, id);
        jw_str(&c->w, id);
    }
    jw_end(&c->w);
}

static void put_row(const struct report *r, const struct row *row)
{
    struct call *c = r->c;
    json_t *metric;
    size_t n;
    jw_obj(&c->w);
    put_dimensions(r, row);
    const char *period = json_string_value(json_object_get(arg(c, "Interval"), "IntervalPeriod"));
    jw_key(&c->w, "MetricInterval");
    jw_obj(&c->w);
    put_str(c, "Interval", period ? period : "TOTAL");
    put_time(c, "StartTime", row->start);
    put_time(c, "EndTime", r->step ? MIN(row->start + r->step, r->end) : r->end);
    jw_end(&c->w);
    jw_key(&c->w, "Collections");
    jw_arr(&c->w);
    json_array_foreach(arg(c, "Metrics"), n, metric)
    {
        double v;
        jw_obj(&c->w);
        jw_key(&c->w, "Metric");
        put_json_item(c, metric);
        if (value_of(row, json_string_value(json_object_get(metric, "Name")), n, &v)) {
            jw_key(&c->w, "Value");
            jw_double(&c->w, v);
        }
        jw_end(&c->w);
    }
    jw_end(&c->w);
    jw_end(&c->w);
}

/* ---- the question ---- */

static bool known(const char *const *names, const char *name)
{
    for (size_t i = 0; names[i]; i++)
        if (name && strcmp(names[i], name) == 0)
            return true;
    return false;
}

static bool take_metrics(struct report *r)
{
    json_t *m;
    size_t n;
    if (json_array_size(arg(r->c, "Metrics")) > 8) {
        call_fail(r->c, EX_NotImplementedException,
                  "More than 8 metrics a call are not implemented by connectsim.");
        return false;
    }
    json_array_foreach(arg(r->c, "Metrics"), n, m)
    {
        const char *name = json_string_value(json_object_get(m, "Name"));
        const json_t *t = json_array_get(json_object_get(m, "Threshold"), 0);
        const char *how = json_string_value(json_object_get(t, "Comparison"));
        if (!name)
            call_invalid(r->c, "Metrics[%zu]: Name is required.", n);
        else if (!known(metric_names, name))
            call_fail(r->c, EX_NotImplementedException,
                      "The metric %.60s is not implemented by connectsim.", name);
        else if (json_array_size(json_object_get(m, "MetricFilters")))
            call_fail(r->c, EX_NotImplementedException,
                      "MetricFilters are not implemented by connectsim.");
        else if (needs_threshold(name) && (!t || !how))
            call_invalid(r->c, "Metrics[%zu]: %s needs a Threshold.", n, name);
        else if (how && strcmp(how, "LT") != 0 && strcmp(how, "LTE") != 0)
            call_invalid(r->c, "Metrics[%zu]: Comparison must be LT or LTE.", n);
        if (r->c->taken)
            return false;
        r->threshold_ms[n] = json_number_value(json_object_get(t, "ThresholdValue")) * MS_PER_S;
        r->below_equal[n] = how && strcmp(how, "LTE") == 0;
    }
    return true;
}

static bool take_keys(struct report *r)
{
    json_t *v;
    size_t n;
    bool resource = false;
    json_array_foreach(arg(r->c, "Groupings"), n, v)
    {
        int d = 0;
        while (d < DIMENSIONS && strcmp(dimension_names[d], json_string_value(v)) != 0)
            d++;
        if (d == DIMENSIONS) {
            call_fail(r->c, EX_NotImplementedException,
                      "Grouping by %.60s is not implemented by connectsim.", json_string_value(v));
            return false;
        }
        r->by[d] = true;
    }
    json_array_foreach(arg(r->c, "Filters"), n, v)
    {
        const char *key = json_string_value(json_object_get(v, "FilterKey"));
        bool ours = false;
        for (int d = 0; d < DIMENSIONS; d++)
            ours = ours || (key && strcmp(dimension_names[d], key) == 0);
        if (!ours) {
            call_fail(r->c, EX_NotImplementedException,
                      "Filtering by %.60s is not implemented by connectsim.",
                      key ? key : "nothing");
            return false;
        }
        resource = resource || strcmp(key, "CHANNEL") != 0;
    }
    if (!resource)
        call_invalid(r->c, "Filters: one of QUEUE, ROUTING_PROFILE and AGENT is required.");
    return resource;
}

static td_ms seconds(const struct call *c, const char *member)
{
    return (td_ms)(json_number_value(arg(c, member)) * MS_PER_S);
}

static bool take_time(struct report *r)
{
    static const struct {
        const char *name;
        td_ms ms;
    } periods[] = {{"FIFTEEN_MIN", 900000}, {"THIRTY_MIN", 1800000},  {"HOUR", 3600000},
                   {"DAY", MS_PER_DAY},     {"WEEK", 7 * MS_PER_DAY}, {"TOTAL", 0}};
    const char *period =
        json_string_value(json_object_get(arg(r->c, "Interval"), "IntervalPeriod"));
    r->start = seconds(r->c, "StartTime");
    r->end = seconds(r->c, "EndTime");
    for (size_t i = 0; i < COUNTOF(periods); i++)
        if (period && strcmp(periods[i].name, period) == 0)
            r->step = periods[i].ms;
    if (r->start >= r->end)
        call_invalid(r->c, "StartTime: must be before EndTime.");
    else if (r->end - r->start > WINDOW_MS)
        call_invalid(r->c, "The interval must not be longer than 35 days.");
    else if (r->start < center_now(r->c->center) - HISTORY_MS)
        call_invalid(r->c, "StartTime: must not be more than three months ago.");
    return !r->c->taken;
}

/* ResourceArn names the instance. */
static bool take_instance(struct call *c)
{
    c->instance = instance_find(c->region, c->account, arg_str(c, "ResourceArn"));
    if (!c->instance)
        call_fail(c, EX_ResourceNotFoundException, "Instance not found.");
    return c->instance != NULL;
}

void op_get_metric_data_v2(struct call *c)
{
    struct report r = {.c = c};
    uint64_t at;
    int64_t left = arg_int(c, "MaxResults", 100);
    if (!take_instance(c) || !take_time(&r) || !take_keys(&r) || !take_metrics(&r) ||
        !token_take(c, &at))
        return;
    const struct mirror *m = c->instance->mirror;
    for (uint8_t s = 0; s < m->n_sides; s++) {
        const struct contact *k;
        TAILQ_FOREACH(k, &m->side[s]->ended, of_instance)
        add_contact(&r, k);
        TAILQ_FOREACH(k, &m->side[s]->live, of_instance)
        add_contact(&r, k);
    }
    if (r.full)
        call_invalid(c, "The answer would have more than %d rows.", ROWS_MAX);
    jw_key(&c->w, "MetricResults");
    jw_arr(&c->w);
    for (; at < r.n_rows && left; at++, left--)
        put_row(&r, &r.row[at]);
    jw_end(&c->w);
    if (at < r.n_rows)
        token_put(c, "NextToken", at);
    mem_free(r.row);
    map64_free(&r.at);
}
