/* config_check.c - what no single row of the schema can check or make: sums of shares, pairs of
 * keys that exclude each other, agents from generators, links both ways, defaults that depend on
 * other keys, and at the end that no two names share a key. */
#include "core/config_internal.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

static struct load *loading(struct conf *f)
{
    return conf_user(f);
}

static struct config *config_of(struct conf *f)
{
    return loading(f)->c;
}

/* ---- keys ---- */

struct keyed_name {
    td_key key;
    const char *name;
    const struct conf_node *node;
    uint32_t order;
};

static int by_key(const void *a, const void *b)
{
    const struct keyed_name *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

struct twins {
    struct keyed_name first, second;
};

static int by_order(const void *a, const void *b)
{
    const struct twins *x = a, *y = b;
    return x->second.order < y->second.order ? -1 : 1;
}

/* Tells each entry of the file once: a generator that repeats another would fill the screen. */
static void tell_twins(struct conf *f, const char *noun, const struct twins *t, uint32_t n)
{
    const struct conf_node *told = NULL;
    for (uint32_t i = 0; i < n; i++) {
        const struct keyed_name *a = &t[i].first, *b = &t[i].second;
        if (b->node == told)
            continue;
        told = b->node;
        if (strcmp(a->name, b->name) == 0)
            conf_error(f, b->node, "%s \"%s\" is on line %u already; choose another name or prefix",
                       noun, b->name, a->node->line);
        else
            conf_error(f, b->node,
                       "%s \"%s\" has the same key as \"%s\" on line %u by chance; "
                       "change a letter of its name",
                       noun, b->name, a->name, a->node->line);
    }
}

/* Nodes know things by the hash of their name, so two names of a kind must not share one. Equal
 * names among sites, queues, profiles and policies are refused earlier; agents are told here. */
static void check_keys(struct conf *f, const char *noun, struct keyed_name *all, uint32_t n)
{
    struct twins *twins = NULL;
    uint32_t found = 0;
    qsort(all, n, sizeof *all, by_key);
    for (uint32_t i = 1; i < n; i++) {
        if (all[i - 1].key != all[i].key)
            continue;
        if (!twins)
            twins = mem_new(n, sizeof *twins);
        twins[found++] = (struct twins){all[i - 1], all[i]};
    }
    if (found) {
        qsort(twins, found, sizeof *twins, by_order);
        tell_twins(f, noun, twins, found);
    }
    mem_free(twins);
}

/* ---- sites, links, hours ---- */

void config__take_residency(struct conf *f, const struct conf_node *n, const char *text, void *base)
{
    struct config *c = config_of(f);
    struct cfg_site *s = base;
    s->residency = 0;
    while (s->residency < c->n_residencies && strcmp(c->residency[s->residency], text) != 0)
        s->residency++;
    if (s->residency < c->n_residencies)
        return;
    BUG_ON(c->n_residencies == RESIDENCIES_MAX); /* there are no more sites than that */
    str_copy(c->residency[c->n_residencies++], NAME_MAX_LEN, text);
}

CONFIG_HOOK(site_done)
{
    struct cfg_site *s = base;
    s->key = hash_str(s->name);
    if (strcmp(s->name, config_of(f)->hub_name) == 0)
        conf_error(f, conf_child(n, "name"), "is the name of the hub; choose another");
}

CONFIG_HOOK(link_default_done)
{
    struct load *l = loading(f);
    struct cfg_link *given = base;
    l->link_default = *given;
    for (int i = 0; i < NODES_MAX; i++)
        for (int j = 0; j < NODES_MAX; j++)
            l->c->link[i][j] = i == j ? (struct cfg_link){0} : l->link_default;
}

CONFIG_HOOK(link_begin)
{
    ((struct raw_link *)base)->link = loading(f)->link_default;
}

CONFIG_HOOK(link_done)
{
    struct load *l = loading(f);
    const struct raw_link *r = base;
    uint8_t a = r->a == l->c->n_sites ? HUB : r->a, b = r->b == l->c->n_sites ? HUB : r->b;
    uint8_t how = r->one_way ? LINK_ONE_WAY : LINK_BOTH_WAYS;
    if (a == b) {
        conf_error(f, conf_child(n, "b"), "is the same node as a; a link has two ends");
        return;
    }
    if (l->link_given[a][b] == how || (!r->one_way && l->link_given[b][a] == how)) {
        conf_error(f, n, "the link between %s and %s is given twice; keep one, or make it one_way",
                   config__node_name(l, r->a), config__node_name(l, r->b));
        return;
    }
    if (l->link_given[a][b] < how) {
        l->c->link[a][b] = r->link;
        l->link_given[a][b] = how;
    }
    if (!r->one_way && l->link_given[b][a] < how) {
        l->c->link[b][a] = r->link;
        l->link_given[b][a] = how;
    }
}

CONFIG_HOOK(hours_done)
{
    const struct cfg_hours *h = base;
    for (int d = 0; d < 7; d++)
        if (h->day[d].open_min < h->day[d].close_min)
            return;
    conf_error(f, n, "is closed on every day; open it on one, for example daily: \"08:00-20:00\"");
}

/* ---- queues and profiles ---- */

CONFIG_HOOK(queue_begin)
{
    struct cfg_queue *q = base;
    q->hours = INDEX_NONE;
    q->residency_mask = 0xffff;
}

CONFIG_HOOK(queue_residency_done)
{
    struct cfg_queue *q = owner;
    if (q->residency_mask == 0xffff)
        q->residency_mask = 0;
    q->residency_mask |= (uint16_t)(1u << ((struct raw_index *)base)->index);
}

CONFIG_HOOK(queue_done)
{
    struct cfg_queue *q = base;
    q->key = hash_str(q->name);
}

#define CONCURRENCY_OPEN 0xff

CONFIG_HOOK(profile_begin)
{
    memset(((struct cfg_profile *)base)->concurrency, CONCURRENCY_OPEN, CHANNELS);
}

CONFIG_HOOK(profile_done)
{
    struct cfg_profile *p = base;
    const struct conf_node *queues = conf_child(n, "queues");
    bool used[CHANNELS] = {false};
    for (uint16_t i = 0; i < p->n_queues; i++) {
        const struct cfg_profile_queue *q = &p->queues[i];
        used[q->channel] = true;
        if (p->concurrency[q->channel] == 0)
            conf_error(f, conf_item(queues, i),
                       "is of channel %s, of which concurrency allows 0; "
                       "allow 1 or take the queue out",
                       channel_names[q->channel]);
        for (uint16_t j = 0; j < i; j++)
            if (p->queues[j].queue == q->queue && p->queues[j].channel == q->channel)
                conf_error(f, conf_item(queues, i),
                           "is the same queue and channel as entry %u; "
                           "keep one",
                           j + 1u);
    }
    for (int ch = 0; ch < CHANNELS; ch++)
        if (p->concurrency[ch] == CONCURRENCY_OPEN)
            p->concurrency[ch] = used[ch];
    p->key = hash_str(p->name);
}

/* ---- agents ---- */

CONFIG_HOOK(agents_residency_done)
{
    ((struct raw_agents *)owner)->residency_mask |=
        (uint16_t)(1u << ((struct raw_index *)base)->index);
}

static void add_agent(struct load *l, const struct conf_node *n, const struct raw_agents *r,
                      const char *name)
{
    struct config *c = l->c;
    if (c->n_agents == l->agent_cap) {
        l->agent_cap = l->agent_cap ? l->agent_cap * 2 : 64;
        c->agent = mem_grow(c->agent, l->agent_cap, sizeof *c->agent);
        l->agent_node = mem_grow(l->agent_node, l->agent_cap, sizeof *l->agent_node);
    }
    l->agent_node[c->n_agents] = n;
    struct cfg_agent *a = &c->agent[c->n_agents++];
    memset(a, 0, sizeof *a);
    str_copy(a->name, sizeof a->name, name);
    a->key = hash_str(name);
    a->site = r->site;
    a->profile = r->profile;
    a->residency_mask =
        (uint16_t)(r->residency_mask ? r->residency_mask : 1u << c->site[r->site].residency);
    a->shift_start_min = (r->start_min - r->utc_offset_min + 2 * 1440) % 1440;
    a->shift_end_min = (r->end_min - r->utc_offset_min + 2 * 1440) % 1440;
}

static void generate(struct conf *f, const struct conf_node *n, const struct raw_agents *r)
{
    struct load *l = loading(f);
    char prefix[2 * NAME_MAX_LEN];
    struct buf name = {0};
    uint32_t width = 3;
    for (uint32_t rest = r->count / 1000; rest; rest /= 10)
        width++;
    if (r->prefix[0])
        buf_str(&name, r->prefix);
    else
        buf_fmt(&name, "%s-%s", l->c->site[r->site].name, l->c->profile[r->profile].name);
    str_copy(prefix, sizeof prefix, name.data);
    if (strlen(prefix) + 1 + width > CONF_NAME_MAX) {
        conf_error(f, n, "makes names longer than %d characters; give it a shorter prefix",
                   CONF_NAME_MAX);
    } else {
        for (uint32_t i = 1; i <= r->count; i++) {
            buf_reset(&name);
            buf_fmt(&name, "%s-%0*u", prefix, (int)width, i);
            add_agent(l, n, r, name.data);
        }
    }
    buf_free(&name);
}

CONFIG_HOOK(agents_done)
{
    const struct raw_agents *r = base;
    struct config *c = config_of(f);
    uint32_t more = r->count ? r->count : 1;
    if (!r->name[0] == !r->count)
        conf_error(f, n, "has %s; one agent has a name, a generator has a count",
                   r->count ? "both name and count" : "neither name nor count");
    else if (r->prefix[0] && !r->count)
        conf_error(f, conf_child(n, "prefix"), "is of no use without count; remove it");
    else if (conf_child(n, "shift") && r->start_min == r->end_min)
        conf_error(f, conf_child(n, "shift"),
                   "begins and ends at the same time; write 00:00 to "
                   "24:00, or leave it out, for agents always on shift");
    else if (more > AGENTS_MAX - c->n_agents)
        conf_error(f, n, "brings the agents to %u; at most %d are possible", c->n_agents + more,
                   AGENTS_MAX);
    else if (r->count)
        generate(f, n, r);
    else
        add_agent(loading(f), n, r, r->name);
}

/* ---- policies ---- */

static void add_share(struct cfg_group *g, const struct raw_share *s)
{
    g->site[g->n_sites] = s->site;
    g->share_ppm[g->n_sites++] = s->ppm;
}

CONFIG_HOOK(group_share_done)
{
    add_share(owner, base);
}

CONFIG_HOOK(policy_share_done)
{
    add_share(&((struct cfg_policy *)owner)->group[0], base);
}

static void equal_shares(const struct config *c, struct cfg_group *g)
{
    int32_t sites = c->n_sites;
    for (uint8_t i = 0; i < c->n_sites; i++)
        add_share(g, &(struct raw_share){i, PPM / sites + (i < PPM % sites)});
}

static void check_sum(struct conf *f, const struct conf_node *shares, int64_t sum)
{
    if (sum != PPM)
        conf_error(f, shares, "add up to %.10g %%; make them add up to 100", (double)sum / 10000);
}

/* Every site in exactly one group, every group's shares 100 % together. */
static void check_groups(struct conf *f, const struct conf_node *n, struct cfg_policy *p)
{
    const struct config *c = config_of(f);
    const struct conf_node *groups = conf_child(n, "groups");
    const char *in[SITES_MAX] = {NULL};
    for (uint8_t g = 0; g < p->n_groups; g++) {
        struct cfg_group *group = &p->group[g];
        const struct conf_node *shares = conf_child(groups ? conf_item(groups, g) : n, "shares");
        int64_t sum = 0;
        group->key = hash_str(group->name);
        for (uint8_t i = 0; i < g; i++)
            if (p->group[i].key == group->key)
                conf_error(f, conf_item(groups, g),
                           "has the same key as group \"%s\" by chance; "
                           "change a letter of its name",
                           p->group[i].name);
        for (uint8_t i = 0; i < group->n_sites; i++) {
            uint8_t site = group->site[i];
            sum += group->share_ppm[i];
            if (in[site])
                conf_error_key(f, conf_item(shares, i),
                               "is in group %s already; a site is in one "
                               "group of a policy",
                               in[site]);
            in[site] = group->name;
        }
        if (shares)
            check_sum(f, shares, sum);
    }
    for (uint8_t s = 0; s < c->n_sites; s++)
        if (!in[s])
            conf_error(f, groups ? groups : conf_child(n, "shares"),
                       "site %s is missing; give it a share, 0 if nothing is to go there",
                       c->site[s].name);
}

CONFIG_HOOK(policy_done)
{
    struct cfg_policy *p = base;
    const struct conf_node *shares = conf_child(n, "shares"), *groups = conf_child(n, "groups");
    p->key = hash_str(p->name);
    if (shares && groups) {
        conf_error_key(f, shares, "excludes groups; write one of them");
        return;
    }
    if (!groups) {
        p->n_groups = 1;
        str_copy(p->group[0].name, sizeof p->group[0].name, "all");
        if (!shares)
            equal_shares(config_of(f), &p->group[0]);
    }
    check_groups(f, n, p);
}

/* ---- workload, people, trace, server ---- */

#define NOT_GIVEN (-1)

CONFIG_HOOK(demand_begin)
{
    struct cfg_demand *d = base;
    d->transfer_queue = INDEX_NONE;
    d->handle_mean_s = d->patience_mean_s = NOT_GIVEN;
}

static void fill_demand(const struct config *c, struct cfg_demand *d)
{
    const struct cfg_queue *q = &c->queue[d->queue];
    if (d->handle_mean_s < 0)
        d->handle_mean_s = (double)q->handle_ms / MS_PER_S - d->wrapup_mean_s;
    if (d->patience_mean_s < 0)
        d->patience_mean_s = (double)q->patience_ms / MS_PER_S;
}

static bool is_served(const struct config *c, uint16_t queue, uint8_t channel)
{
    for (uint16_t p = 0; p < c->n_profiles; p++)
        for (uint16_t i = 0; i < c->profile[p].n_queues; i++)
            if (c->profile[p].queues[i].queue == queue &&
                c->profile[p].queues[i].channel == channel)
                return true;
    return false;
}

CONFIG_HOOK(demand_done)
{
    const struct config *c = config_of(f);
    struct cfg_demand *d = base;
    fill_demand(c, d);
    if (d->handle_mean_s < 1)
        conf_error(f, n,
                   "leaves no time with the customer: handle_s of the queue is %.10g s, the "
                   "wrap-up %.10g s; give handle_mean_s",
                   (double)c->queue[d->queue].handle_ms / MS_PER_S, d->wrapup_mean_s);
    if (d->transfer_chance > 0 && d->transfer_queue == INDEX_NONE)
        conf_error(f, conf_child(n, "transfer_percent"), "names no queue; add transfer_queue");
    if (!is_served(c, d->queue, d->channel))
        conf_error(f, n, "wants queue %s by %s, which no profile serves; add it to a profile",
                   c->queue[d->queue].name, channel_names[d->channel]);
}

CONFIG_HOOK(near_site_done)
{
    const struct raw_share *s = base;
    struct cfg_workload *w = owner;
    w->near_site_share[s->site] = (double)s->ppm / PPM;
    w->near_site_given = true;
}

/* One demand for each queue and channel that is served, when the file tells none. */
static void derive_demands(const struct config *c, struct cfg_workload *w)
{
    w->demands = mem_new((size_t)c->n_queues * CHANNELS, sizeof *w->demands);
    for (uint16_t q = 0; q < c->n_queues; q++) {
        for (uint8_t ch = 0; ch < CHANNELS; ch++) {
            if (!is_served(c, q, ch))
                continue;
            struct cfg_demand *d = &w->demands[w->n_demands++];
            *d = (struct cfg_demand){.queue = q,
                                     .channel = ch,
                                     .weight = 1,
                                     .handle_mean_s = -1,
                                     .handle_cv2 = 1.5,
                                     .patience_mean_s = -1,
                                     .hold_mean_s = 30,
                                     .transfer_queue = INDEX_NONE};
            fill_demand(c, d);
        }
    }
}

CONFIG_HOOK(workload_done)
{
    const struct config *c = config_of(f);
    struct cfg_workload *w = base;
    const struct conf_node *near = conf_child(n, "near_site"), *origins = conf_child(n, "origins");
    double sum = 0, weight = 0;
    if (near && origins)
        conf_error_key(f, near, "excludes origins; write one of them");
    if (conf_child(n, "contacts_per_day") && conf_child(n, "load"))
        conf_error_key(f, conf_child(n, "load"), "excludes contacts_per_day; write one of them");
    if (w->redial_min_s > w->redial_max_s)
        conf_error(f, n, "redial_min_s is above redial_max_s; exchange them");
    for (uint16_t i = 0; i < w->n_origins; i++)
        weight += w->origins[i].weight;
    if (origins && weight <= 0)
        conf_error(f, origins, "have no weight; give one of them a weight above 0");
    weight = 0;
    for (uint16_t i = 0; i < w->n_demands; i++)
        weight += w->demands[i].weight;
    if (w->demands && weight <= 0)
        conf_error(f, conf_child(n, "demands"), "have no weight; give one a weight above 0");
    for (uint8_t s = 0; s < c->n_sites; s++)
        sum += w->near_site_share[s];
    if (near)
        check_sum(f, near, llround(sum * PPM));
    if (!origins && !near) {
        w->near_site_given = true;
        for (uint8_t s = 0; s < c->n_sites; s++)
            w->near_site_share[s] = 1.0 / c->n_sites;
    }
    if (!w->demands)
        derive_demands(c, w);
}

CONFIG_HOOK(people_done)
{
    const struct cfg_people *p = base;
    if (p->relogin_min_s > p->relogin_max_s)
        conf_error(f, n, "relogin_min_s is above relogin_max_s; exchange them");
    if (p->break_every_min > 0 && p->break_min <= 0)
        conf_error(f, n, "break_min is 0; give breaks a length, or set break_every_min to 0");
}

CONFIG_HOOK(trace_begin)
{
    ((struct cfg_trace *)base)->queue_default = INDEX_NONE;
}

void config__take_separator(struct conf *f, const struct conf_node *n, const char *text, void *base)
{
    ((struct cfg_trace *)base)->separator = *text == 'c' ? ',' : *text == 't' ? '\t' : ';';
}

void config__take_nothing(struct conf *f, const struct conf_node *n, const char *text, void *base)
{
}

void config__take_country(struct conf *f, const struct conf_node *n, const char *text, void *base)
{
    struct cfg_origin *o = base;
    for (int i = 0; i < 2; i++)
        if (text[i] < 'A' || text[i] > 'Z') {
            conf_error_value(f, n, "is not a country code", "write two capitals, for example DE");
            return;
        }
    if (!str_copy(o->country, sizeof o->country, text))
        conf_error_value(f, n, "is not a country code", "write two capitals, for example DE");
}

void config__take_address(struct conf *f, const struct conf_node *n, const char *text, void *base)
{
    struct cfg_serve *s = base;
    unsigned char address[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, text, address) != 1 && inet_pton(AF_INET6, text, address) != 1)
        conf_error_value(f, n, "is not an address", "write one in numbers: 127.0.0.1, ::1");
    else
        str_copy(s->listen, sizeof s->listen, text);
}

/* ---- the whole ---- */

/* The items of a list, by their names; what has a name and no item is the hub. */
static void check_list(struct conf *f, const struct conf_node *n, const char *list,
                       const char *noun, const char *(*name)(void *user, uint32_t i))
{
    struct keyed_name all[MAX(QUEUES_MAX, PROFILES_MAX)];
    const struct conf_node *item = conf_item(conf_child(n, list), 0);
    uint32_t count = 0;
    for (const char *s; count < COUNTOF(all) && (s = name(loading(f), count)); count++) {
        all[count] = (struct keyed_name){hash_str(s), s, item ? item : conf_child(n, "hub"), count};
        item = item ? item->next : NULL;
    }
    check_keys(f, noun, all, count);
}

static void check_agents(struct conf *f)
{
    const struct load *l = loading(f);
    struct keyed_name *all = mem_new(l->c->n_agents, sizeof *all);
    for (uint32_t i = 0; i < l->c->n_agents; i++)
        all[i] = (struct keyed_name){l->c->agent[i].key, l->c->agent[i].name, l->agent_node[i], i};
    check_keys(f, "agent", all, l->c->n_agents);
    mem_free(all);
}

CONFIG_HOOK(file_done)
{
    check_list(f, n, "sites", "node", config__node_name);
    check_list(f, n, "queues", "queue", config__queue_name);
    check_list(f, n, "profiles", "profile", config__profile_name);
    check_list(f, n, "policies", "policy", config__policy_name);
    check_agents(f);
}
