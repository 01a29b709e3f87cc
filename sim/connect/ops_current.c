/* ops_current.c - what is going on now: agents with their contacts, and real-time metrics.
 *
 * Both regions of a pair are one centre (global routing), so the figures are of both, unless
 * cross-region routing is isolated. */
#include "connect/ops.h"

#include <string.h>

/* ---- GetCurrentUserData ---- */

/* The states of an agent's contacts, in AWS's words; NULL: it is not with an agent. */
static const char *agent_contact_state(const struct contact *k)
{
    static const char *const names[CONTACT_STATES] = {[CONTACT_RINGING] = "INCOMING",
                                                      [CONTACT_CONNECTED] = "CONNECTED",
                                                      [CONTACT_HELD] = "CONNECTED_ONHOLD",
                                                      [CONTACT_WRAPUP] = "ENDED"};
    return k->with_user ? names[k->state] : NULL;
}

static void put_slots(struct call *c, const struct user *u)
{
    static const char *const keys[] = {"AvailableSlotsByChannel", "MaxSlotsByChannel",
                                       "ActiveSlotsByChannel"};
    for (int what = 0; what < 3; what++) {
        jw_key(&c->w, keys[what]);
        jw_obj(&c->w);
        for (int ch = 0; ch < CHANNELS; ch++) {
            int most = u->profile->cfg.concurrency[ch], active = 0;
            const struct contact *k;
            if (!most)
                continue;
            LIST_FOREACH(k, &u->contacts, of_user)
            active += k->channel == ch;
            jw_key(&c->w, channel_api_names[ch]);
            jw_int(&c->w, what == 0 ? u->free_slots[ch] : what == 1 ? most : active);
        }
        jw_end(&c->w);
    }
}

static void put_contacts(struct call *c, const struct user *u)
{
    const struct contact *k;
    jw_key(&c->w, "Contacts");
    jw_arr(&c->w);
    LIST_FOREACH(k, &u->contacts, of_user)
    {
        jw_obj(&c->w);
        put_id(c, "ContactId", k->id);
        put_str(c, "Channel", channel_api_names[k->channel]);
        put_str(c, "InitiationMethod", contact_method_names[k->method]);
        put_str(c, "AgentContactState", agent_contact_state(k));
        put_time(c, "StateStartTimestamp", k->state_at);
        put_time(c, "ConnectedToAgentTimestamp", k->connected_at);
        if (k->queue)
            put_ref(c, "Queue", &k->queue->r);
        jw_end(&c->w);
    }
    jw_end(&c->w);
}

static void put_user_data(struct call *c, const struct user *u)
{
    jw_obj(&c->w);
    put_ref(c, "User", &u->r);
    put_ref(c, "RoutingProfile", &u->profile->r);
    jw_key(&c->w, "Status");
    jw_obj(&c->w);
    put_time(c, "StatusStartTimestamp", u->status_at);
    put_arn(c, "StatusArn", &u->status->r);
    put_str(c, "StatusName", u->status->r.name);
    jw_end(&c->w);
    put_slots(c, u);
    put_contacts(c, u);
    put_str(c, "NextStatus", u->next_status ? u->next_status->r.name : NULL);
    jw_end(&c->w);
}

static bool names_res(const json_t *list, const struct res *r)
{
    char id[ID_TEXT];
    json_t *v;
    size_t n;
    id_print(r->id, id);
    json_array_foreach(list, n, v)
    {
        const char *text = json_string_value(v), *slash = strrchr(text, '/');
        if (strcmp(slash ? slash + 1 : text, id) == 0)
            return true;
    }
    return false;
}

static bool serves(const struct profile *p, const json_t *queues)
{
    for (uint16_t n = 0; n < p->cfg.n_queues; n++)
        if (names_res(queues, p->r.mirror->list[RES_QUEUE].item[p->cfg.queues[n].queue]))
            return true;
    return false;
}

/* Of queues: agents with a contact of one of them. Logged-in agents only. */
static bool wants_user(struct call *c, const struct user *u)
{
    const json_t *f = arg(c, "Filters"), *queues = json_object_get(f, "Queues");
    const json_t *states = json_object_get(json_object_get(f, "ContactFilter"), "ContactStates");
    const struct contact *k;
    bool in_state = !json_array_size(states), in_queue = !queues;
    if (!u->logged_in)
        return false;
    if (json_object_get(f, "Agents") && !names_res(json_object_get(f, "Agents"), &u->r))
        return false;
    if (json_object_get(f, "RoutingProfiles") &&
        !names_res(json_object_get(f, "RoutingProfiles"), &u->profile->r))
        return false;
    if (json_object_get(f, "UserHierarchyGroups"))
        return false; /* there are no hierarchies here */
    LIST_FOREACH(k, &u->contacts, of_user)
    {
        const char *state = agent_contact_state(k);
        in_state = in_state || (state && listed(states, state));
        in_queue = in_queue || (k->queue && names_res(queues, &k->queue->r));
    }
    return in_state && (in_queue || serves(u->profile, queues));
}

void op_get_current_user_data(struct call *c)
{
    static const char *const filters[] = {"Queues", "RoutingProfiles", "Agents",
                                          "UserHierarchyGroups"};
    const struct res_list *l = &c->instance->mirror->list[RES_USER];
    uint64_t total = 0;
    struct page p;
    int given = 0;
    for (size_t i = 0; i < COUNTOF(filters); i++)
        given += json_array_size(json_object_get(arg(c, "Filters"), filters[i])) > 0;
    if (given != 1) {
        call_invalid(c, "Filters: exactly one of Queues, RoutingProfiles, Agents and "
                        "UserHierarchyGroups is required.");
        return;
    }
    if (!page_begin(c, &p, RES_USER, "UserDataList"))
        return;
    for (uint32_t n = 0; n < l->n; n++) {
        struct user *u = (struct user *)l->item[n];
        if (!wants_user(c, u))
            continue;
        total++;
        if (n < p.at)
            continue;
        if (p.left) {
            put_user_data(c, u);
            p.left--;
            p.last = u->r.seq;
        } else {
            p.more = true;
        }
    }
    page_end(c, &p);
    jw_key(&c->w, "ApproximateTotalCount");
    jw_uint(&c->w, total);
}

/* ---- GetCurrentMetricData ---- */

/* What every agent of a profile adds up to. */
struct profile_sum {
    uint32_t online, available, on_contact, wrapup, non_productive, error;
    uint32_t active[CHANNELS], free[CHANNELS];
};
struct line_sum { /* of a queue and channel */
    uint32_t waiting, scheduled;
    td_ms oldest;
};
struct now {
    struct profile_sum *profile;       /* by index */
    struct line_sum (*line)[CHANNELS]; /* by queue index */
};

static void count_user(struct profile_sum *s, const struct user *u)
{
    const struct contact *k;
    bool talking = false, wrapping = false;
    LIST_FOREACH(k, &u->contacts, of_user)
    {
        s->active[k->channel]++;
        wrapping = wrapping || k->state == CONTACT_WRAPUP;
        talking = talking || k->state != CONTACT_WRAPUP;
    }
    s->on_contact += talking;
    s->wrapup += wrapping;
    if (u->status->type == STATUS_OFFLINE)
        return;
    s->online++;
    s->non_productive += u->status->type == STATUS_CUSTOM;
    s->error += u->engine_state == AGENT_MISSED;
    for (int ch = 0; ch < CHANNELS; ch++)
        s->free[ch] += u->status->type == STATUS_ROUTABLE ? u->free_slots[ch] : 0;
    s->available += u->engine_state == AGENT_AVAILABLE && u->status->type == STATUS_ROUTABLE;
}

static bool counts(const struct call *c, uint8_t side)
{
    return !c->instance->isolated || side == c->instance->side;
}

static void take_now(const struct call *c, struct now *now)
{
    const struct mirror *m = c->instance->mirror;
    now->profile = mem_new(m->list[RES_PROFILE].n, sizeof *now->profile);
    now->line = mem_new(m->list[RES_QUEUE].n, sizeof *now->line);
    for (uint32_t n = 0; n < m->list[RES_USER].n; n++) {
        const struct user *u = (struct user *)m->list[RES_USER].item[n];
        if (u->logged_in && counts(c, u->side))
            count_user(&now->profile[u->profile->index], u);
    }
    for (uint8_t s = 0; s < m->n_sides; s++) {
        const struct contact *k;
        if (!counts(c, s))
            continue;
        TAILQ_FOREACH(k, &m->side[s]->live, of_instance)
        {
            if (!k->queue || (k->state != CONTACT_QUEUED && k->state != CONTACT_RINGING))
                continue;
            struct line_sum *l = &now->line[k->queue->index][k->channel];
            td_ms at = k->enqueued_at;
            l->waiting++;
            l->oldest = l->oldest ? MIN(l->oldest, at) : at;
        }
    }
}

/* One row of the answer: NULL or -1 stands for all that the filters let through. */
struct cell {
    const struct queue *queue;
    int channel;
    const struct profile *profile;
};
struct question {
    struct call *c;
    struct now now;
    struct res_list queues, profiles; /* of the filters; empty: not filtered by it */
    bool channel[CHANNELS];
    bool grouped, by_queue, by_channel, by_profile;
};

static bool names_in(const struct res_list *l, const struct res *r)
{
    for (uint32_t n = 0; n < l->n; n++)
        if (l->item[n] == r)
            return true;
    return false;
}

/* Do agents of this profile count in the cell? */
static bool takes_part(const struct question *q, const struct cell *k, const struct profile *p)
{
    if (k->profile ? k->profile != p : q->profiles.n && !names_in(&q->profiles, &p->r))
        return false;
    if (!k->queue && !q->queues.n)
        return true;
    for (uint16_t n = 0; n < p->cfg.n_queues; n++) {
        const struct res *r = p->r.mirror->list[RES_QUEUE].item[p->cfg.queues[n].queue];
        if (k->channel >= 0 && p->cfg.queues[n].channel != k->channel)
            continue;
        if (k->queue ? r == &k->queue->r : names_in(&q->queues, r))
            return true;
    }
    return false;
}

static void sum_agents(const struct question *q, const struct cell *k, struct profile_sum *sum)
{
    const struct res_list *l = &q->c->instance->mirror->list[RES_PROFILE];
    *sum = (struct profile_sum){0};
    for (uint32_t n = 0; n < l->n; n++) {
        const struct profile_sum *s = &q->now.profile[n];
        if (!takes_part(q, k, (struct profile *)l->item[n]))
            continue;
        sum->online += s->online;
        sum->available += s->available;
        sum->on_contact += s->on_contact;
        sum->wrapup += s->wrapup;
        sum->non_productive += s->non_productive;
        sum->error += s->error;
        for (int ch = 0; ch < CHANNELS; ch++) {
            if (k->channel >= 0 ? ch != k->channel : !q->channel[ch])
                continue;
            sum->active[0] += s->active[ch];
            sum->free[0] += s->free[ch];
        }
    }
}

static void sum_lines(const struct question *q, const struct cell *k, struct line_sum *sum)
{
    const struct res_list *l = &q->c->instance->mirror->list[RES_QUEUE];
    *sum = (struct line_sum){0};
    for (uint32_t n = 0; n < l->n; n++) {
        if (k->queue ? l->item[n] != &k->queue->r
                     : q->queues.n && !names_in(&q->queues, l->item[n]))
            continue;
        for (int ch = 0; ch < CHANNELS; ch++) {
            const struct line_sum *s = &q->now.line[n][ch];
            if ((k->channel >= 0 ? ch != k->channel : !q->channel[ch]) || !s->waiting)
                continue;
            sum->waiting += s->waiting;
            sum->oldest = sum->oldest ? MIN(sum->oldest, s->oldest) : s->oldest;
        }
    }
}

/* Mean handling time of a queue's contacts, from its configuration: what an estimate goes by. */
static double expected_wait_s(const struct question *q, const struct cell *k, uint32_t waiting,
                              uint32_t staffed)
{
    const struct res_list *l = &q->c->instance->mirror->list[RES_QUEUE];
    const struct queue *one =
        k->queue ? k->queue : (const struct queue *)(q->queues.n ? q->queues.item[0] : l->item[0]);
    double handle_s = (double)one->cfg.handle_ms / MS_PER_S;
    return staffed ? (double)waiting * handle_s / staffed : 0;
}

static double metric_value(const struct question *q, const struct cell *k, const char *name)
{
    struct profile_sum a;
    struct line_sum w;
    sum_agents(q, k, &a);
    sum_lines(q, k, &w);
    uint32_t staffed = a.online - a.non_productive;
    double age_ms = w.oldest ? (double)(center_now(q->c->center) - w.oldest) : 0;
    const struct {
        const char *name;
        double value;
    } all[] = {{"AGENTS_ONLINE", a.online},
               {"AGENTS_AVAILABLE", a.available},
               {"AGENTS_STAFFED", staffed},
               {"AGENTS_ON_CONTACT", a.on_contact},
               {"AGENTS_ON_CALL", a.on_contact},
               {"AGENTS_AFTER_CONTACT_WORK", a.wrapup},
               {"AGENTS_NON_PRODUCTIVE", a.non_productive},
               {"AGENTS_ERROR", a.error},
               {"CONTACTS_IN_QUEUE", w.waiting},
               {"CONTACTS_SCHEDULED", w.scheduled},
               /* "When you do not use groupings, Unit says SECONDS but the Value is returned in
                * MILLISECONDS." (API reference, GetCurrentMetricData) */
               {"OLDEST_CONTACT_AGE", q->grouped ? (double)(int64_t)(age_ms / 1000) : age_ms},
               {"SLOTS_ACTIVE", a.active[0]},
               {"SLOTS_AVAILABLE", a.free[0]},
               {"ESTIMATED_WAIT_TIME", expected_wait_s(q, k, w.waiting, staffed)}};
    for (size_t i = 0; i < COUNTOF(all); i++)
        if (strcmp(all[i].name, name) == 0)
            return all[i].value;
    return 0;
}

static void put_cell(const struct question *q, const struct cell *k)
{
    struct call *c = q->c;
    json_t *metric;
    size_t n;
    jw_obj(&c->w);
    if (q->grouped) {
        jw_key(&c->w, "Dimensions");
        jw_obj(&c->w);
        if (k->queue)
            put_ref(c, "Queue", &k->queue->r);
        if (k->channel >= 0)
            put_str(c, "Channel", channel_api_names[k->channel]);
        if (k->profile)
            put_ref(c, "RoutingProfile", &k->profile->r);
        jw_end(&c->w);
    }
    jw_key(&c->w, "Collections");
    jw_arr(&c->w);
    json_array_foreach(arg(c, "CurrentMetrics"), n, metric)
    {
        const char *name = json_string_value(json_object_get(metric, "Name"));
        jw_obj(&c->w);
        jw_key(&c->w, "Metric");
        put_json_item(c, metric);
        jw_key(&c->w, "Value");
        jw_double(&c->w, metric_value(q, k, name));
        jw_end(&c->w);
    }
    jw_end(&c->w);
    jw_end(&c->w);
}

/* All resources that a filter names; false: one is not there, the call has failed. */
static bool take_filter(struct question *q, const char *name, enum res_kind kind,
                        struct res_list *out)
{
    json_t *id;
    size_t n;
    json_array_foreach(json_object_get(arg(q->c, "Filters"), name), n, id)
    {
        struct res *r = need_res(q->c, kind, json_string_value(id));
        if (!r)
            return false;
        res_list_add(out, r);
    }
    return true;
}

static bool take_question(struct question *q)
{
    static const char *const absent[] = {"RoutingStepExpressions", "AgentStatuses", "Subtypes",
                                         "ValidationTestTypes"};
    const json_t *filters = arg(q->c, "Filters");
    const json_t *channels = json_object_get(filters, "Channels");
    json_t *v;
    size_t n;
    for (size_t i = 0; i < COUNTOF(absent); i++)
        if (json_array_size(json_object_get(filters, absent[i])))
            call_fail(q->c, EX_NotImplementedException,
                      "The filter %s is not implemented by connectsim.", absent[i]);
    json_array_foreach(arg(q->c, "Groupings"), n, v)
    {
        const char *g = json_string_value(v);
        q->by_queue = q->by_queue || strcmp(g, "QUEUE") == 0;
        q->by_channel = q->by_channel || strcmp(g, "CHANNEL") == 0;
        q->by_profile = q->by_profile || strcmp(g, "ROUTING_PROFILE") == 0;
        if (strcmp(g, "QUEUE") != 0 && strcmp(g, "CHANNEL") != 0 &&
            strcmp(g, "ROUTING_PROFILE") != 0)
            call_fail(q->c, EX_NotImplementedException,
                      "Grouping by %s is not implemented by connectsim.", g);
    }
    json_array_foreach(arg(q->c, "CurrentMetrics"), n, v) if (!json_object_get(v, "Name"))
        call_invalid(q->c, "CurrentMetrics[%zu]: Name is required.", n);
    for (int ch = 0; ch < CHANNELS; ch++)
        q->channel[ch] = listed(channels, channel_api_names[ch]);
    q->grouped = json_array_size(arg(q->c, "Groupings")) > 0;
    if (q->c->taken || !take_filter(q, "Queues", RES_QUEUE, &q->queues) ||
        !take_filter(q, "RoutingProfiles", RES_PROFILE, &q->profiles))
        return false;
    if (!q->queues.n && !q->profiles.n)
        call_invalid(q->c, "Filters: Queues or RoutingProfiles is required.");
    else if (q->by_queue && !q->queues.n)
        call_invalid(q->c, "Grouping by QUEUE needs a filter of queues.");
    return !q->c->taken;
}

/* The i-th cell in the order of the dimensions; false: there are no more. */
static bool nth_cell(const struct question *q, uint64_t i, struct cell *k)
{
    const struct res_list *profiles =
        q->profiles.n ? &q->profiles : &q->c->instance->mirror->list[RES_PROFILE];
    uint64_t n_queues = q->by_queue ? q->queues.n : 1, n_channels = 0;
    uint64_t n_profiles = q->by_profile ? profiles->n : 1;
    int channel[CHANNELS];
    for (int ch = 0; ch < CHANNELS; ch++)
        if (q->channel[ch])
            channel[n_channels++] = ch;
    n_channels = q->by_channel ? n_channels : 1;
    if (i >= n_queues * n_channels * n_profiles)
        return false;
    *k = (struct cell){.channel = q->by_channel ? channel[i % n_channels] : -1};
    i /= n_channels;
    if (q->by_profile)
        k->profile = (const struct profile *)profiles->item[i % n_profiles];
    i /= n_profiles;
    if (q->by_queue)
        k->queue = (const struct queue *)q->queues.item[i];
    return true;
}

void op_get_current_metric_data(struct call *c)
{
    struct question q = {.c = c};
    struct cell k;
    uint64_t at, total = 0;
    int64_t left = arg_int(c, "MaxResults", 100);
    if (take_question(&q) && token_take(c, &at)) {
        take_now(c, &q.now);
        jw_key(&c->w, "MetricResults");
        jw_arr(&c->w);
        for (; left && nth_cell(&q, at, &k); at++, left--)
            put_cell(&q, &k);
        jw_end(&c->w);
        if (nth_cell(&q, at, &k))
            token_put(c, "NextToken", at);
        while (nth_cell(&q, total, &k))
            total++;
        put_time(c, "DataSnapshotTime", center_now(c->center));
        jw_key(&c->w, "ApproximateTotalCount");
        jw_uint(&c->w, total);
        mem_free(q.now.profile);
        mem_free(q.now.line);
    }
    mem_free(q.queues.item);
    mem_free(q.profiles.item);
}
