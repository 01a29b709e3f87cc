/* populate.c - the resources of the centre's configuration, as an instance has them. */
#include "connect/ask_flows.h"
#include "connect/center_i.h"

#include <stdio.h>
#include <string.h>

static const char *const days[7] = {"MONDAY", "TUESDAY",  "WEDNESDAY", "THURSDAY",
                                    "FRIDAY", "SATURDAY", "SUNDAY"};

static json_t *hours_config(const struct cfg_hours *h)
{
    json_t *list = json_array();
    for (int d = 0; d < 7; d++) {
        int open = h->day[d].open_min, close = h->day[d].close_min;
        if (open == close)
            continue;
        json_array_append_new(list, json_pack("{s:s, s:{s:i, s:i}, s:{s:i, s:i}}", "Day", days[d],
                                              "StartTime", "Hours", open / 60, "Minutes", open % 60,
                                              "EndTime", "Hours", close / 60 % 24, "Minutes",
                                              close % 60));
    }
    return list;
}

static void add_hours(struct instance *i, const struct cfg_hours *cfg)
{
    struct hours *h = res_new(i, RES_HOURS, cfg->name, NULL);
    char zone[24];
    int hour = cfg->utc_offset_min / 60; /* the names of Etc/ count westwards */
    if (hour)
        snprintf(zone, sizeof zone, "Etc/GMT%+d", -hour);
    else
        str_copy(zone, sizeof zone, "UTC");
    h->cfg = *cfg;
    h->time_zone = mem_strdup(zone);
    h->config = hours_config(cfg);
}

static void add_all_hours(struct instance *i)
{
    const struct config *c = i->mirror->center->options.config;
    struct cfg_hours always = {.name = "Always open"};
    for (int d = 0; d < 7; d++)
        always.day[d].close_min = 1440;
    for (uint16_t h = 0; h < c->n_hours; h++)
        add_hours(i, &c->hours[h]);
    if (c->n_hours < HOURS_MAX)
        add_hours(i, &always);
}

static void add_queue(struct instance *i, const struct cfg_queue *cfg)
{
    const struct res_list *hours = &i->mirror->list[RES_HOURS];
    struct queue *q = res_new(i, RES_QUEUE, cfg->name, NULL);
    q->cfg = *cfg;
    q->index = (uint16_t)(i->mirror->list[RES_QUEUE].n - 1);
    q->enabled = true;
    q->hours = (struct hours *)hours->item[cfg->hours == INDEX_NONE ? hours->n - 1 : cfg->hours];
}

/* A flow that leads into the queue, in Amazon Connect's flow language. */
static void put_leading(struct buf *text, const char *queue_arn)
{
    buf_fmt(text,
            "{\"Version\":\"2019-10-30\",\"StartAction\":\"queue\",\"Metadata\":{},\"Actions\":["
            "{\"Identifier\":\"queue\",\"Type\":\"UpdateContactTargetQueue\","
            "\"Parameters\":{\"QueueId\":\"%s\"},\"Transitions\":{\"NextAction\":\"wait\","
            "\"Errors\":[{\"NextAction\":\"end\",\"ErrorType\":\"NoMatchingError\"}]}},"
            "{\"Identifier\":\"wait\",\"Type\":\"TransferContactToQueue\",\"Parameters\":{},"
            "\"Transitions\":{\"NextAction\":\"end\",\"Errors\":["
            "{\"NextAction\":\"end\",\"ErrorType\":\"QueueAtCapacity\"},"
            "{\"NextAction\":\"end\",\"ErrorType\":\"NoMatchingError\"}]}},"
            "{\"Identifier\":\"end\",\"Type\":\"DisconnectParticipant\",\"Parameters\":{},"
            "\"Transitions\":{}}]}",
            queue_arn);
}

struct place { /* of a flow's text, to be filled in */
    const char *name, *value;
};

/* The text with each {{NAME}} replaced. None may be left open: the flows are our own. */
static void put_filled(struct buf *out, const struct http_asset *flow, const struct place *places)
{
    const char *p = flow->identity.p, *end = p + flow->identity.n;
    for (const char *open; (open = memmem(p, (size_t)(end - p), "{{", 2));) {
        const char *close = memmem(open, (size_t)(end - open), "}}", 2);
        BUG_ON(!close);
        const struct place *at = places;
        size_t n = (size_t)(close - open) - 2;
        while (strlen(at->name) != n || memcmp(at->name, open + 2, n) != 0)
            BUG_ON(!(++at)->name);
        buf_add(out, p, (size_t)(open - p));
        buf_str(out, at->value);
        p = close + 2;
    }
    buf_add(out, p, (size_t)(end - p));
}

static struct flow *add_wait_flow(struct instance *i)
{
    const struct center_options *o = &i->mirror->center->options;
    struct buf text = {0};
    const struct place places[] = {{"ACCOUNT", i->mirror->account},
                                   {"FUNCTION", o->function},
                                   {"MESSAGE", "Please hold."},
                                   {0}};
    put_filled(&text, &ask_wait_flow, places);
    struct flow *f = flow_new(i, "Wait and ask", "CUSTOMER_QUEUE", text.data);
    buf_free(&text);
    return f;
}

static void add_flow(struct instance *i, struct queue *q, struct flow *wait)
{
    const struct center_options *o = &i->mirror->center->options;
    char arn[ARN_MAX], wait_arn[ARN_MAX] = "", name[NAME_MAX_LEN + 8];
    struct buf text = {0};
    res_arn(i, &q->r, arn);
    if (wait)
        res_arn(i, &wait->r, wait_arn);
    const struct place places[] = {{"ACCOUNT", i->mirror->account},
                                   {"FUNCTION", o->function},
                                   {"QUEUE", q->r.name},
                                   {"QUEUE_ARN", arn},
                                   {"WAIT_FLOW_ARN", wait_arn},
                                   {0}};
    if (wait)
        put_filled(&text, &ask_entry_flow, places);
    else
        put_leading(&text, arn);
    snprintf(name, sizeof name, "Enter %s", q->r.name);
    q->entry = flow_new(i, name, "CONTACT_FLOW", text.data);
    buf_free(&text);
}

/* Numbers of the range that is kept for fiction (NANPA: 555-0100 to 0199), then of 555 as a whole.
 */
static struct number *add_number(struct instance *i, struct flow *flow)
{
    char e164[16];
    uint32_t n = i->mirror->list[RES_NUMBER].n, at = i->region->site;
    snprintf(e164, sizeof e164, "+1%03u555%04u", 201 + at, 100 + n % 9900);
    struct number *number = res_new(i, RES_NUMBER, e164, NULL);
    str_copy(number->country, sizeof number->country, "US");
    str_copy(number->type, sizeof number->type, "DID");
    number->flow = flow;
    number->side = i->side;
    return number;
}

/* A pair's calls come in by its traffic distribution group. */
static void add_queue_number(struct instance *i, struct queue *q)
{
    q->number = add_number(i, q->entry);
    q->number->tdg = i->mirror->tdg_default;
    if (q->number->tdg)
        q->number->tdg->n_numbers++;
}

/* Numbers that belong to one region alone, for calls that are meant to arrive there. */
static void add_transfer_numbers(struct mirror *m)
{
    struct queue *first = (struct queue *)m->list[RES_QUEUE].item[0];
    for (uint8_t s = 0; s < m->n_sides; s++)
        for (uint32_t n = 0; n < m->center->options.transfer_numbers; n++)
            add_number(m->side[s], first->entry);
}

static void add_profile(struct instance *i, const struct cfg_profile *cfg)
{
    struct profile *p = res_new(i, RES_PROFILE, cfg->name, "of the centre's configuration");
    p->cfg = *cfg;
    p->index = (uint16_t)(i->mirror->list[RES_PROFILE].n - 1);
    p->outbound =
        (struct queue *)i->mirror->list[RES_QUEUE].item[cfg->n_queues ? cfg->queues[0].queue : 0];
}

static void add_fixed(struct instance *i)
{
    static const struct {
        const char *name;
        enum status_type type;
    } statuses[] = {{"Available", STATUS_ROUTABLE},
                    {"Offline", STATUS_OFFLINE},
                    {"Break", STATUS_CUSTOM},
                    {"Lunch", STATUS_CUSTOM}};
    static const char *const security[] = {"Admin", "Agent", "CallCenterManager", "QualityAnalyst"};
    for (uint32_t n = 0; n < COUNTOF(statuses); n++) {
        struct status *s = res_new(i, RES_STATUS, statuses[n].name, NULL);
        s->type = statuses[n].type;
        s->enabled = true;
        s->order = n + 1;
    }
    for (size_t n = 0; n < COUNTOF(security); n++)
        res_new(i, RES_SECURITY_PROFILE, security[n], NULL);
}

/* The side of the mirror that an agent's home site is on; -1: neither. */
static int home_side(const struct mirror *m, uint8_t site)
{
    for (uint8_t s = 0; s < m->n_sides; s++)
        if (m->side[s]->region->site == site)
            return s;
    return -1;
}

static void add_users(struct mirror *m)
{
    const struct config *c = m->center->options.config;
    struct status *offline = (struct status *)res_named(m->side[0], RES_STATUS, "Offline");
    for (uint32_t n = 0; n < c->n_agents; n++) {
        struct user *u = res_new(m->side[0], RES_USER, c->agent[n].name, NULL);
        int side = home_side(m, c->agent[n].site);
        u->cfg = c->agent[n];
        u->profile = (struct profile *)m->list[RES_PROFILE].item[u->cfg.profile];
        u->security = (struct security_profile *)m->list[RES_SECURITY_PROFILE].item[1];
        u->first_name = mem_strdup("Agent");
        u->last_name = mem_strdup(c->agent[n].name);
        u->side = u->to_side = side == 1;
        u->status = offline;
        u->status_at = m->center->now;
        if (m->tdg_default && side >= 0) { /* whose home is elsewhere is not divided here */
            u->tdg[u->n_tdgs++] = m->tdg_default;
            m->tdg_default->n_users++;
        }
    }
}

/* A pair that comes up serves in both regions, half and half: as many agents as live there. */
static void add_default_tdg(struct mirror *m)
{
    struct tdg *g = res_new(m->side[0], RES_TDG, "Default traffic distribution group",
                            "Made when the instance was replicated");
    g->is_default = true;
    g->status = TDG_ACTIVE;
    g->plan = g->wanted =
        (struct tdg_plan){.telephony = {50, 50}, .agent = {50, 50}, .sign_in = {true, true}};
    m->tdg_default = g;
}

void mirror_populate(struct mirror *m)
{
    struct instance *i = m->side[0];
    const struct config *c = m->center->options.config;
    if (m->n_sides == 2)
        add_default_tdg(m);
    add_fixed(i);
    add_all_hours(i);
    for (uint16_t q = 0; q < c->n_queues; q++)
        add_queue(i, &c->queue[q]);
    struct flow *wait = m->center->options.function ? add_wait_flow(i) : NULL;
    for (uint32_t q = 0; q < m->list[RES_QUEUE].n; q++) {
        struct queue *queue = (struct queue *)m->list[RES_QUEUE].item[q];
        add_flow(i, queue, wait);
        add_queue_number(i, queue);
    }
    add_transfer_numbers(m);
    for (uint16_t p = 0; p < c->n_profiles; p++)
        add_profile(i, &c->profile[p]);
    add_users(m);
    for (uint32_t n = 0; n < m->n_res; n++) /* all was there before the clock began */
        m->res[n]->visible_at = m->center->now;
    mirror_changed(m);
    mirror_settle(m);
    for (uint32_t n = 0; n < m->list[RES_USER].n; n++) {
        struct user *u = (struct user *)m->list[RES_USER].item[n];
        if (home_side(m, u->cfg.site) >= 0)
            user_log_in(u);
    }
}
