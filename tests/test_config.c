/* config: defaults, every key, the examples, and each way to be refused. */
#include "core/config.h"
#include "amazon/amazon_config.h"
#include "watch/watch_config.h"
#include "base/mem.h"
#include "tap.h"

#include <jansson.h>
#include <unistd.h>

static struct buf errors;

static struct config *load(const char *text)
{
    buf_reset(&errors);
    buf_str(&errors, "");
    return config_load(text, strlen(text), "f", &errors);
}

static const char *source_path(const char *name)
{
    static char path[1024];
    const char *root = getenv("TANDEM_SOURCE");
    snprintf(path, sizeof path, "%s/%s", root ? root : ".", name);
    return path;
}

static struct config *load_example(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "examples/%s", name);
    buf_reset(&errors);
    struct config *c = config_load_file(source_path(path), &errors);
    if (!c)
        TAP_FAIL("%s", errors.data);
    return c;
}

/* Six lines that everything else can do without; what a test adds begins on line 7. */
#define CENTRE "hub: {lat: 39, lon: -77.5}\n"
#define SITES                                                                                      \
    "sites:\n  - {name: us-east-1, lat: 38.9, lon: -77.5}\n  - {name: us-west-2, lat: 45.84, "     \
    "lon: -119.7}\n"
#define QUEUES   "queues: [{name: support}, {name: sales}]\n"
#define PROFILES "profiles: [{name: general, queues: [support, sales]}]\n"
#define BASE     CENTRE SITES QUEUES PROFILES

#define REFUSED(text, want)                                                                        \
    do {                                                                                           \
        struct config *refused_ = load(text);                                                      \
        CHECK(refused_ == NULL);                                                                   \
        config_free(refused_);                                                                     \
        CHECK_STR(errors.data, want);                                                              \
    } while (0)

/* ---- digest: the same configuration, however it is written ---- */

static uint64_t mix(uint64_t h, uint64_t v)
{
    return mix64(h ^ v) + 0x9e3779b97f4a7c15u;
}
static uint64_t mix_d(uint64_t h, double v)
{
    uint64_t u;
    memcpy(&u, &v, sizeof u);
    return mix(h, u);
}

static uint64_t digest_policies(const struct config *c, uint64_t h)
{
    for (int p = 0; p < c->n_policies; p++) {
        const struct cfg_policy *k = &c->policy[p];
        h = mix(mix(h, k->key), (uint64_t)k->share_bound_contacts);
        h = mix_d(mix(mix(h, k->binding), (uint64_t)k->move_after_ms), k->wait_price_km_per_s);
        for (int g = 0; g < k->n_groups; g++)
            for (int s = 0; s < k->group[g].n_sites; s++)
                h = mix(mix(h, k->group[g].site[s]), (uint64_t)k->group[g].share_ppm[s]);
    }
    return mix(h, c->policy_active);
}

static uint64_t digest(const struct config *c)
{
    uint64_t h = mix_d(mix_d(hash_str(c->name), c->hub_lat), c->hub_lon);
    for (int s = 0; s < c->n_sites; s++)
        h = mix_d(mix_d(mix(h, c->site[s].key), c->site[s].lat), c->site[s].lon);
    for (int i = 0; i < NODES_MAX; i++)
        for (int j = 0; j < NODES_MAX; j++)
            h = mix_d(mix(h, (uint64_t)c->link[i][j].loss_ppm), c->link[i][j].latency_ms);
    for (int q = 0; q < c->n_queues; q++)
        h = mix(mix(mix(h, c->queue[q].key), (uint64_t)c->queue[q].target_ppm),
                (uint64_t)c->queue[q].handle_ms);
    for (int p = 0; p < c->n_profiles; p++)
        for (int q = 0; q < c->profile[p].n_queues; q++)
            h = mix(mix(mix(h, c->profile[p].key), c->profile[p].queues[q].queue),
                    c->profile[p].queues[q].channel);
    for (uint32_t a = 0; a < c->n_agents; a++)
        h = mix(mix(mix(h, c->agent[a].key), c->agent[a].site), c->agent[a].profile);
    return digest_policies(c, h);
}

/* ---- what is taken ---- */

TEST(a_minimal_file_has_every_default)
{
    struct config *c = load(BASE);
    CHECK_STR(errors.data, "");
    if (!c)
        return;
    CHECK_STR(c->name, "tandem");
    CHECK_STR(c->hub_name, "hub");
    CHECK_EQ(c->n_sites, 2);
    CHECK(c->site[1].key == hash_str("us-west-2"));
    CHECK_EQ(c->site[0].contacts_max, 1000);
    CHECK_EQ(c->n_residencies, 1);
    CHECK_STR(c->residency[0], "default");
    CHECK(c->link[0][1].latency_ms == 30 && c->link[1][HUB].jitter_ms == 2);
    CHECK(c->link[0][0].latency_ms == 0 && c->link[HUB][HUB].latency_ms == 0);
    const struct cfg_queue *q = &c->queue[0];
    CHECK_EQ(q->hours, INDEX_NONE);
    CHECK_EQ(q->residency_mask, 0xffff);
    CHECK_EQ(q->target_wait_ms, 20000);
    CHECK_EQ(q->target_ppm, 800000);
    CHECK_EQ(q->handle_ms, 180000);
    CHECK_EQ(q->patience_ms, 240000);
    CHECK(q->value == 1 && !q->sticky_agent && !q->sticky_site);
    CHECK_EQ(q->sticky_ms, MS_PER_DAY);
    const struct cfg_profile *p = &c->profile[0];
    CHECK_EQ(p->n_queues, 2);
    CHECK_EQ(p->queues[1].queue, 1);
    CHECK_EQ(p->queues[1].channel, CHANNEL_VOICE);
    CHECK_EQ(p->queues[1].priority, 1);
    CHECK_EQ(p->queues[1].delay_ms, 0);
    CHECK_EQ(p->concurrency[CHANNEL_VOICE], 1);
    CHECK_EQ(p->concurrency[CHANNEL_CHAT], 0);
    CHECK_EQ(c->n_agents, 0);
    CHECK_EQ(c->n_policies, 1);
    CHECK_EQ(c->policy_active, 0);
    const struct cfg_policy *k = &c->policy[0];
    CHECK_STR(k->name, "normal");
    CHECK(k->key == hash_str("normal") && k->group[0].key == hash_str("all"));
    CHECK_EQ(k->n_groups, 1);
    CHECK_EQ(k->group[0].n_sites, 2);
    CHECK_EQ(k->group[0].share_ppm[0], 500000);
    CHECK_EQ(k->share_bound_contacts, 20);
    CHECK(k->shares_enforced && k->wait_price_km_per_s == 10);
    CHECK_EQ(k->binding, BIND_LATE);
    CHECK_EQ(k->move_after_ms, 0);
    CHECK_EQ(c->text_len, strlen(BASE));
    CHECK_STR(c->text, BASE);
    config_free(c);
}

TEST(a_minimal_file_has_every_default_of_running)
{
    struct config *c = load(BASE);
    if (!c)
        return;
    CHECK_EQ(c->routing.view, VIEW_EVENTS);
    CHECK_EQ(c->routing.report_interval_ms, 1000);
    CHECK_EQ(c->routing.ask_hub_timeout_ms, 300);
    CHECK(c->routing.cmu_power == 2);
    CHECK_EQ(c->health.beat_interval_ms, 200);
    CHECK_EQ(c->health.fall, 3);
    CHECK_EQ(c->health.rise, 10);
    CHECK_EQ(c->health.report_stale_ms, 5000);
    CHECK_EQ(c->health.return_steps, 5);
    CHECK_EQ(c->health.return_step_ms, 60000);
    const struct cfg_workload *w = &c->workload;
    CHECK(w->contacts_per_day == 0 && w->load == 0.85 && !w->flat);
    CHECK_EQ(w->duration_ms, MS_PER_DAY);
    CHECK(w->near_site_given && w->near_site_share[0] == 0.5 && w->near_site_share[1] == 0.5);
    CHECK_EQ(w->n_origins, 0);
    CHECK_EQ(w->n_demands, 2);
    CHECK_EQ(w->demands[1].queue, 1);
    CHECK_EQ(w->demands[1].transfer_queue, INDEX_NONE);
    CHECK(w->demands[1].handle_mean_s == 180 && w->demands[1].patience_mean_s == 240);
    CHECK(w->demands[1].handle_cv2 == 1.5 && w->demands[1].wrapup_mean_s == 0);
    CHECK(w->redial_chance == 0.8 && w->redial_min_s == 10 && w->redial_max_s == 60);
    CHECK(c->people.relogin_min_s == 20 && c->people.relogin_max_s == 45);
    CHECK(c->people.redirect_s == 3 && c->people.miss_chance == 0);
    CHECK_EQ(c->trace.queue_default, INDEX_NONE);
    CHECK_EQ(c->trace.separator, ',');
    CHECK_STR(c->trace.time_format, "seconds");
    CHECK(c->trace.scale == 1);
    CHECK(!c->store.durable);
    CHECK_STR(c->store.dir, "tandem-data");
    CHECK_EQ(c->store.commit_ms, 10);
    CHECK_EQ(c->store.commit_events, 256);
    CHECK_STR(c->serve.listen, "127.0.0.1");
    CHECK_EQ(c->serve.port, 8400);
    config_free(c);
}

static const char everything[] =
    "name: all-keys\n"
    "hub: {name: centre, lat: -1.5, lon: 180}\n"
    "sites:\n"
    "  - {name: a, lat: 1, lon: 2, residency: eu, contacts_max: 7}\n"
    "  - {name: b, lat: 3, lon: 4, residency: us}\n"
    "  - {name: c, lat: 5, lon: 6, residency: eu}\n"
    "links:\n"
    "  default: {latency_ms: 9, jitter_ms: 1, loss_percent: 1, duplicate_percent: 2, "
    "reorder_percent: 3}\n"
    "  between:\n"
    "    - {a: a, b: b, latency_ms: 20}\n"
    "    - {a: b, b: a, latency_ms: 21, one_way: true}\n"
    "    - {a: centre, b: c, loss_percent: 0.0001}\n"
    "hours:\n"
    "  - {name: day, utc_offset_min: 60, daily: 08:00-18:00, weekend: closed, sunday: "
    "10:00-24:00}\n"
    "queues:\n"
    "  - {name: q0, hours: day, residency: eu, target_wait_s: 0.5, target_percent: 99.99, value: "
    "2.5,\n"
    "     handle_s: 100, patience_s: 50, sticky_agent: true, sticky_site: true, sticky_min: 2}\n"
    "  - {name: q1, residency: [us, eu]}\n"
    "profiles:\n"
    "  - name: p0\n"
    "    queues: [q0, {queue: q1, channel: chat, priority: 3, delay_s: 1.5}, {queue: q1, channel: "
    "email}]\n"
    "    concurrency: {chat: 4, task: 2}\n"
    "  - {name: p1, queues: [q1]}\n"
    "agents:\n"
    "  - {name: Ann, site: a, profile: p1, shift: {start: \"09:00\", end: \"17:30\", "
    "utc_offset_min: 60}}\n"
    "  - {site: b, profile: p0, count: 2, residency: [us, eu], shift: {start: \"22:00\", end: "
    "\"24:00\"}}\n"
    "  - {site: c, profile: p0, count: 1, prefix: x}\n"
    "policies:\n"
    "  - {name: one, shares: {a: 33.3333, b: 33.3333, c: 33.3334}, binding: early, move_after_s: "
    "4,\n"
    "     share_bound_contacts: 5, shares_enforced: false, wait_price_km_per_s: 0.5}\n"
    "  - name: two\n"
    "    groups: [{name: left, shares: {c: 10, a: 90}}, {name: right, shares: {b: 100}}]\n"
    "policy: two\n"
    "routing: {view: reports, report_interval_ms: 500, ask_hub_timeout_ms: 100, cmu_power: 3}\n"
    "health: {beat_interval_ms: 100, fall: 4, rise: 5, report_stale_ms: 10, return_steps: 7, "
    "return_step_ms: 8}\n"
    "workload:\n"
    "  contacts_per_day: 1000\n"
    "  flat: true\n"
    "  duration_min: 1.5\n"
    "  origins: [{place: Here, lat: 10, lon: 20, weight: 3, npa: 212, country: US}, {lat: 1, lon: "
    "1}]\n"
    "  demands:\n"
    "    - {queue: q1, channel: chat, weight: 2, wrapup_mean_s: 10, handle_cv2: 1, "
    "patience_mean_s: 0,\n"
    "       hold_percent: 12.5, hold_mean_s: 5, transfer_percent: 50, transfer_queue: q0}\n"
    "  returning_percent: 25\n"
    "  redial_percent: 1\n"
    "  redial_min_s: 2\n"
    "  redial_max_s: 3\n"
    "people: {relogin_min_s: 1, relogin_max_s: 2, miss_percent: 3, miss_ring_s: 4, "
    "break_every_min: 5,\n"
    "         break_min: 6, redirect_s: 7}\n"
    "trace:\n"
    "  columns: {time: t, npa: n, number: m, lat: la, lon: lo, queue: q, channel: ch, customer: "
    "cu,\n"
    "            handle_s: h, patience_s: p, weight: w}\n"
    "  time_format: \"%H:%M\"\n"
    "  utc_offset_min: -240\n"
    "  separator: tab\n"
    "  queue_map: {\"two words\": q1, x: q0}\n"
    "  queue_default: q1\n"
    "  skip: [{column: state, value: \"\\\"\"}]\n"
    "  spread_s: 300\n"
    "  scale: 0.5\n"
    "store: {durable: true, dir: /var/lib/tandem, commit_ms: 0, commit_events: 1, snapshot_events: "
    "9}\n"
    "serve: {listen: \"::1\", port: 0}\n";

TEST(every_key_is_kept)
{
    struct config *c = load(everything);
    CHECK_STR(errors.data, "");
    if (!c)
        return;
    CHECK_STR(c->name, "all-keys");
    CHECK_STR(c->hub_name, "centre");
    CHECK(c->hub_lat == -1.5 && c->hub_lon == 180);
    CHECK_EQ(c->site[0].contacts_max, 7);
    CHECK_EQ(c->n_residencies, 2);
    CHECK_EQ(c->site[2].residency, 0);
    CHECK_STR(c->residency[1], "us");
    CHECK(c->link[0][1].latency_ms == 20 && c->link[1][0].latency_ms == 21);
    CHECK(c->link[0][2].latency_ms == 9 && c->link[1][0].jitter_ms == 1);
    CHECK_EQ(c->link[0][1].loss_ppm, 10000);
    CHECK_EQ(c->link[2][HUB].loss_ppm, 1);
    CHECK_EQ(c->link[HUB][2].duplicate_ppm, 20000);
    CHECK_EQ(c->link[1][2].reorder_ppm, 30000);
    CHECK_EQ(c->hours[0].utc_offset_min, 60);
    CHECK_EQ(c->hours[0].day[4].open_min, 480);
    CHECK_EQ(c->hours[0].day[5].close_min, 0);
    CHECK_EQ(c->hours[0].day[6].close_min, 1440);
    const struct cfg_queue *q = c->queue;
    CHECK_EQ(q[0].hours, 0);
    CHECK_EQ(q[0].residency_mask, 1);
    CHECK_EQ(q[0].target_wait_ms, 500);
    CHECK_EQ(q[0].target_ppm, 999900);
    CHECK(q[0].value == 2.5 && q[0].sticky_agent && q[0].sticky_site);
    CHECK_EQ(q[0].handle_ms, 100000);
    CHECK_EQ(q[0].patience_ms, 50000);
    CHECK_EQ(q[0].sticky_ms, 120000);
    CHECK_EQ(q[1].residency_mask, 3);
    const struct cfg_profile *p = c->profile;
    CHECK_EQ(p[0].n_queues, 3);
    CHECK_EQ(p[0].queues[1].channel, CHANNEL_CHAT);
    CHECK_EQ(p[0].queues[1].priority, 3);
    CHECK_EQ(p[0].queues[1].delay_ms, 1500);
    static const uint8_t slots[CHANNELS] = {1, 4, 2, 1};
    CHECK(!memcmp(p[0].concurrency, slots, CHANNELS));
    config_free(c);
}

TEST(every_key_is_kept_of_agents_and_policies)
{
    struct config *c = load(everything);
    if (!c)
        return;
    const struct cfg_agent *a = c->agent;
    CHECK_EQ(c->n_agents, 4);
    CHECK_STR(a[0].name, "Ann");
    CHECK(a[0].key == hash_str("Ann"));
    CHECK_EQ(a[0].profile, 1);
    CHECK_EQ(a[0].residency_mask, 1);
    CHECK_EQ(a[0].shift_start_min, 480);
    CHECK_EQ(a[0].shift_end_min, 990);
    CHECK_STR(a[1].name, "b-p0-001");
    CHECK_STR(a[2].name, "b-p0-002");
    CHECK_EQ(a[2].site, 1);
    CHECK_EQ(a[2].residency_mask, 3);
    CHECK_EQ(a[2].shift_start_min, 1320);
    CHECK_EQ(a[2].shift_end_min, 0);
    CHECK_STR(a[3].name, "x-001");
    CHECK_EQ(a[3].shift_start_min, a[3].shift_end_min);
    const struct cfg_policy *p = c->policy;
    CHECK_EQ(c->policy_active, 1);
    CHECK_EQ(p[0].group[0].share_ppm[2], 333334);
    CHECK_EQ(p[0].binding, BIND_EARLY);
    CHECK_EQ(p[0].move_after_ms, 4000);
    CHECK_EQ(p[0].share_bound_contacts, 5);
    CHECK(!p[0].shares_enforced && p[0].wait_price_km_per_s == 0.5);
    CHECK_EQ(p[1].n_groups, 2);
    CHECK_STR(p[1].group[0].name, "left");
    CHECK_EQ(p[1].group[0].site[0], 2);
    CHECK_EQ(p[1].group[0].share_ppm[1], 900000);
    CHECK_EQ(p[1].group[1].n_sites, 1);
    CHECK_EQ(c->routing.view, VIEW_REPORTS);
    CHECK_EQ(c->routing.report_interval_ms, 500);
    CHECK_EQ(c->routing.ask_hub_timeout_ms, 100);
    CHECK(c->routing.cmu_power == 3);
    CHECK_EQ(c->health.beat_interval_ms, 100);
    CHECK_EQ(c->health.fall, 4);
    CHECK_EQ(c->health.rise, 5);
    CHECK_EQ(c->health.report_stale_ms, 10);
    CHECK_EQ(c->health.return_steps, 7);
    CHECK_EQ(c->health.return_step_ms, 8);
    config_free(c);
}

TEST(every_key_is_kept_of_workload_and_trace)
{
    struct config *c = load(everything);
    if (!c)
        return;
    const struct cfg_workload *w = &c->workload;
    CHECK(w->contacts_per_day == 1000 && w->flat && !w->near_site_given);
    CHECK_EQ(w->duration_ms, 90000);
    CHECK_EQ(w->n_origins, 2);
    CHECK(w->origins[0].lat == 10 && w->origins[0].lon == 20 && w->origins[0].weight == 3);
    CHECK_EQ(w->origins[0].npa, 212);
    CHECK_STR(w->origins[0].country, "US");
    CHECK_STR(w->origins[1].country, "");
    CHECK(w->origins[1].weight == 1);
    const struct cfg_demand *d = w->demands;
    CHECK_EQ(w->n_demands, 1);
    CHECK_EQ(d->queue, 1);
    CHECK_EQ(d->channel, CHANNEL_CHAT);
    CHECK(d->weight == 2 && d->wrapup_mean_s == 10 && d->handle_mean_s == 170);
    CHECK(d->handle_cv2 == 1 && d->patience_mean_s == 0);
    CHECK(d->hold_chance == 0.125 && d->hold_mean_s == 5 && d->transfer_chance == 0.5);
    CHECK_EQ(d->transfer_queue, 0);
    CHECK(w->returning_chance == 0.25 && w->redial_chance == 0.01);
    CHECK(w->redial_min_s == 2 && w->redial_max_s == 3);
    const struct cfg_people *p = &c->people;
    CHECK(p->relogin_min_s == 1 && p->relogin_max_s == 2 && p->miss_chance == 0.03);
    CHECK(p->miss_ring_s == 4 && p->break_every_min == 5 && p->break_min == 6 &&
          p->redirect_s == 7);
    const struct cfg_trace *t = &c->trace;
    const char *columns[] = {t->time,       "t",  t->npa,      "n",  t->number,      "m",
                             t->lat,        "la", t->lon,      "lo", t->queue,       "q",
                             t->channel,    "ch", t->customer, "cu", t->handle_s,    "h",
                             t->patience_s, "p",  t->weight,   "w",  t->time_format, "%H:%M"};
    for (size_t i = 0; i < COUNTOF(columns); i += 2)
        CHECK_STR(columns[i], columns[i + 1]);
    CHECK_EQ(t->utc_offset_min, -240);
    CHECK_EQ(t->separator, '\t');
    CHECK_EQ(t->n_map, 2);
    CHECK_STR(t->queue_map[0].from, "two words");
    CHECK_EQ(t->queue_map[0].queue, 1);
    CHECK_EQ(t->queue_default, 1);
    CHECK_EQ(t->n_skip, 1);
    CHECK_STR(t->skip[0].column, "state");
    CHECK_STR(t->skip[0].value, "\"");
    CHECK(t->spread_s == 300 && t->scale == 0.5);
    CHECK(c->store.durable);
    CHECK_STR(c->store.dir, "/var/lib/tandem");
    CHECK_EQ(c->store.commit_ms, 0);
    CHECK_EQ(c->store.commit_events, 1);
    CHECK_EQ(c->store.snapshot_events, 9);
    CHECK_STR(c->serve.listen, "::1");
    CHECK_EQ(c->serve.port, 0);
    config_free(c);
}

TEST(how_it_is_written_does_not_matter)
{
    struct config *a = load(BASE "agents: [{site: us-east-1, count: 2, profile: general}]\n"
                                 "policies: [{name: x, shares: {us-east-1: 25, us-west-2: 75}}]\n");
    struct config *b = load("# the same, upside down and long-winded\n"
                            "policy: x\n"
                            "policies:\n"
                            "- shares:\n"
                            "    us-east-1: 25.0   # a comment\n"
                            "    us-west-2: 75.00\n"
                            "  name: \"x\"\n"
                            "agents:\n"
                            "- profile: general\n"
                            "  site: 'us-east-1'\n"
                            "  name: us-east-1-general-001\n"
                            "- {site: us-east-1, name: us-east-1-general-002, profile: general}\n"
                            "profiles:\n"
                            "- queues:\n"
                            "  - queue: support\n"
                            "  - {queue: sales, priority: 1, channel: voice}\n"
                            "  name: general\n"
                            "queues:\n"
                            "- name: support\n"
                            "  handle_s: 180\n"
                            "- name: sales\n" SITES "name: tandem\n" CENTRE);
    struct config *other =
        load(BASE "agents: [{site: us-east-1, count: 2, profile: general}]\n"
                  "policies: [{name: x, shares: {us-east-1: 25.0001, us-west-2: 74.9999}}]\n");
    CHECK_STR(errors.data, "");
    CHECK(a && b && digest(a) == digest(b));
    CHECK(a && other && digest(a) != digest(other));
    config_free(a);
    config_free(b);
    config_free(other);
}

TEST(shares_of_many_sites_add_up)
{
    for (int n = 1; n <= SITES_MAX; n++) {
        struct buf b = {0};
        buf_str(&b, CENTRE "sites:\n");
        for (int i = 0; i < n; i++)
            buf_fmt(&b, "  - {name: s%d, lat: %d, lon: 0}\n", i, i);
        buf_str(&b, QUEUES PROFILES);
        struct config *c = load(b.data);
        int64_t sum = 0;
        CHECK(c != NULL);
        for (int i = 0; c && i < n; i++) {
            sum += c->policy[0].group[0].share_ppm[i];
            CHECK(llabs(c->policy[0].group[0].share_ppm[i] - PPM / n) <= 1);
        }
        CHECK_EQ(sum, PPM);
        config_free(c);
        buf_free(&b);
    }
}

TEST(agents_by_the_hundred_thousand)
{
    struct config *c =
        load(BASE "agents:\n  - {site: us-east-1, count: 120000, profile: general}\n"
                  "  - {site: us-west-2, count: 80000, prefix: w, profile: general}\n");
    CHECK_STR(errors.data, "");
    CHECK_EQ(c ? c->n_agents : 0, AGENTS_MAX);
    CHECK_STR(c ? c->agent[0].name : NULL, "us-east-1-general-000001");
    CHECK_STR(c ? c->agent[119999].name : NULL, "us-east-1-general-120000");
    CHECK_STR(c ? c->agent[AGENTS_MAX - 1].name : NULL, "w-80000");
    config_free(c);
    REFUSED(BASE "agents:\n  - {site: us-east-1, count: 200000, profile: general}\n"
                 "  - {name: one-more, site: us-east-1, profile: general}\n",
            "f:9:5: agents[one-more]: brings the agents to 200001; at most 200000 are possible\n");
}

TEST(fifty_thousand_agents_one_by_one)
{
    struct buf b = {0};
    buf_str(&b, BASE "agents:\n");
    for (int i = 0; i < 50000; i++)
        buf_fmt(&b, "- {name: agent%d, site: us-west-2, profile: general}\n", i);
    struct config *c = load(b.data);
    CHECK_STR(errors.data, "");
    CHECK_EQ(c ? c->n_agents : 0, 50000);
    config_free(c);
    buf_str(&b, "- {name: agent777, site: us-west-2, profile: general}\n");
    REFUSED(b.data,
            "f:50008:3: agents[agent777]: agent \"agent777\" is on line 785 already; choose "
            "another name or prefix\n");
    buf_free(&b);
}

/* ---- the examples ---- */

TEST(example_four_regions)
{
    struct config *c = load_example("four-regions.yaml");
    if (!c)
        return;
    CHECK_EQ(c->n_sites, 4);
    CHECK_EQ(config_site_by_name(c, "eu-west-2"), 3);
    CHECK(c->link[0][1].latency_ms == 31 && c->link[1][0].latency_ms == 31);
    CHECK(c->link[3][2].latency_ms == 8 && c->link[HUB][0].latency_ms == 1.5);
    CHECK_EQ(c->n_queues, 14);
    CHECK_EQ(config_site_by_name(c, "eu-west-3"), -1);
    CHECK_EQ(config_queue_by_name(c, "cards"), -1);
    CHECK_EQ(config_policy_by_name(c, ""), -1);
    int cards = config_queue_by_name(c, "eu-cards");
    CHECK(cards >= 0 && c->queue[cards].hours == INDEX_NONE);
    CHECK_STR(c->residency[1], "eu");
    CHECK_EQ(c->queue[cards].residency_mask, 2);
    CHECK_EQ(c->n_policies, 3);
    CHECK_EQ(config_policy_by_name(c, "maintenance"), 2);
    CHECK_EQ(c->policy[2].group[1].share_ppm[0], 200000);
    CHECK_EQ(c->policy[1].share_bound_contacts, 100);
    int64_t staff[SITES_MAX] = {0};
    for (uint32_t i = 0; i < c->n_agents;
         i++) /* at noon in New York, six in the evening in Berlin */
        for (int minute = 17 * 60;
             c->agent[i].shift_start_min <= minute && minute < c->agent[i].shift_end_min;
             minute += 1440)
            staff[c->agent[i].site]++;
    CHECK_EQ(staff[0], 160 + 31);
    CHECK_EQ(staff[1], 114 + 22);
    config_free(c);
}

TEST(example_us_pair)
{
    struct config *c = load_example("us-pair.yaml");
    if (!c)
        return;
    CHECK_EQ(c->n_agents, 100);
    CHECK_EQ(c->trace.n_map, 15);
    CHECK_EQ(c->trace.utc_offset_min, -240);
    CHECK_STR(c->trace.queue, "subject");
    CHECK_STR(c->trace.queue_map[0].from,
              "Calls pretending to be government; businesses; or family and friends");
    CHECK_EQ(c->trace.queue_map[0].queue, config_queue_by_name(c, "impostors"));
    config_free(c);
}

TEST(examples_of_two_by_hundred)
{
    struct config *c = load_example("two-by-hundred.yaml"),
                  *loss = load_example("region-loss.yaml");
    if (!c || !loss)
        return;
    CHECK_EQ(c->n_agents, 200);
    CHECK(c->workload.load == 0.97 && c->workload.flat);
    CHECK_EQ(c->workload.duration_ms, 48 * 3600 * 1000);
    CHECK(c->workload.near_site_share[0] == 0.6 && c->workload.near_site_share[1] == 0.4);
    CHECK(c->workload.demands[0].handle_mean_s == 180);
    CHECK(c->workload.demands[0].patience_mean_s == 232);
    CHECK(loss->workload.load == 0.9 && loss->workload.redial_chance == 0.8);
    CHECK(digest(c) != digest(loss));
    config_free(c);
    config_free(loss);
}

/* ---- what is refused ---- */

TEST(missing_and_too_many)
{
    REFUSED("name: x\n", "f:1:1: file: hub is missing; add it: The hub.\n"
                         "f:1:1: file: sites is missing; add it: The sites.\n"
                         "f:1:1: file: queues is missing; add it: The queues.\n"
                         "f:1:1: file: profiles is missing; add it: The routing profiles.\n");
    REFUSED("hub: {lat: 0}\n" SITES QUEUES PROFILES,
            "f:1:6: hub: lon is missing; add it: Longitude of the hub, east is positive.\n");
    REFUSED(CENTRE "sites: []\n" QUEUES PROFILES,
            "f:2:8: sites: has 0 entries; 1 to 16 are possible\n");
    REFUSED(CENTRE SITES "queues: [{name: q}]\nprofiles: [{name: p, queues: []}]\n",
            "f:6:30: profiles[p].queues: has 0 entries; 1 to 64 are possible\n");
    struct buf b = {0};
    buf_str(&b, CENTRE "sites:\n");
    for (int i = 0; i < 17; i++)
        buf_fmt(&b, "  - {name: s%d, lat: 0, lon: 0}\n", i);
    buf_str(&b, QUEUES PROFILES);
    REFUSED(b.data, "f:3:3: sites: has 17 entries; 1 to 16 are possible\n");
    buf_free(&b);
}

TEST(places)
{
    REFUSED(
        "hub: {lat: 90.1, lon: -180.5}\n" SITES QUEUES PROFILES,
        "f:1:12: hub.lat: \"90.1\" is too large; write a number from -90 to 90 (degrees), digits "
        "only\n"
        "f:1:23: hub.lon: \"-180.5\" is too small; write a number from -180 to 180 (degrees), "
        "digits only\n");
    REFUSED("hub: {name: us-west-2, lat: 0, lon: 0}\n" SITES QUEUES PROFILES,
            "f:4:12: sites[us-west-2].name: is the name of the hub; choose another\n");
    REFUSED(
        CENTRE
        "sites:\n  - {name: a, lat: 0, lon: 0}\n  - {name: a, lat: 0, lon: 0}\n" QUEUES PROFILES,
        "f:4:12: sites[a].name: is the same as on line 3; choose another\n");
    CHECK_EQ(errors.len, strlen(errors.data));
    struct config *c = load(
        CENTRE "sites: [{name: a, lat: 0, lon: 0}, {name: A, lat: 0, lon: 0}]\n" QUEUES PROFILES);
    CHECK(c != NULL); /* case matters */
    config_free(c);
}

TEST(names_whose_keys_collide)
{
    /* Two names with the same FNV-1a hash, found by Pollard's rho in 757 million steps. */
    CHECK(hash_str("uzrdqljvsvtab") == hash_str("ocpysi3vv3bbc"));
#define TWINS  " \"ocpysi3vv3bbc\" has the same key as \"uzrdqljvsvtab\" on line "
#define LETTER " by chance; change a letter of its name\n"
    REFUSED(CENTRE SITES "queues:\n  - name: uzrdqljvsvtab\n  - name: ocpysi3vv3bbc\n"
                         "profiles: [{name: p, queues: [uzrdqljvsvtab]}]\n",
            "f:7:5: queues[ocpysi3vv3bbc]: queue" TWINS "6" LETTER);
    REFUSED(CENTRE "sites:\n  - {name: uzrdqljvsvtab, lat: 0, lon: 0}\n"
                   "  - {name: ocpysi3vv3bbc, lat: 0, lon: 0}\n" QUEUES PROFILES,
            "f:4:5: sites[ocpysi3vv3bbc]: node" TWINS "3" LETTER);
    REFUSED(CENTRE SITES QUEUES "profiles:\n  - {name: uzrdqljvsvtab, queues: [sales]}\n"
                                "  - {name: ocpysi3vv3bbc, queues: [sales]}\n",
            "f:8:5: profiles[ocpysi3vv3bbc]: profile" TWINS "7" LETTER);
    REFUSED(BASE "policies:\n  - name: uzrdqljvsvtab\n  - name: ocpysi3vv3bbc\n",
            "f:9:5: policies[ocpysi3vv3bbc]: policy" TWINS "8" LETTER);
    REFUSED(BASE "agents:\n  - {name: uzrdqljvsvtab, site: us-east-1, profile: general}\n"
                 "  - {name: ocpysi3vv3bbc, site: us-east-1, profile: general}\n",
            "f:9:5: agents[ocpysi3vv3bbc]: agent" TWINS "8" LETTER);
    REFUSED("hub: {name: uzrdqljvsvtab, lat: 0, lon: 0}\n"
            "sites: [{name: ocpysi3vv3bbc, lat: 0, lon: 0}]\n" QUEUES PROFILES,
            "f:1:6: hub: node \"uzrdqljvsvtab\" has the same key as \"ocpysi3vv3bbc\" on line "
            "2" LETTER);
    REFUSED(BASE "policies:\n  - groups:\n    - {name: uzrdqljvsvtab, shares: {us-east-1: 100}}\n"
                 "    - {name: ocpysi3vv3bbc, shares: {us-west-2: 100}}\n    name: p\n",
            "f:10:7: policies[p].groups[ocpysi3vv3bbc]: has the same key as group "
            "\"uzrdqljvsvtab\"" LETTER);
}

TEST(links)
{
    REFUSED(BASE "links: {between: [{a: us-east-1, b: us-east-1}]}\n",
            "f:7:37: links.between[1].b: is the same node as a; a link has two ends\n");
    REFUSED(
        BASE "links: {between: [{a: us-east-1, b: hub}, {a: hub, b: us-east-1}]}\n",
        "f:7:43: links.between[2]: the link between hub and us-east-1 is given twice; keep one, "
        "or make it one_way\n");
    REFUSED(
        BASE "links: {between: [{a: us-east-1, b: hub, one_way: true}, {a: us-east-1, b: hub, "
             "one_way: true}]}\n",
        "f:7:58: links.between[2]: the link between us-east-1 and hub is given twice; keep one, "
        "or make it one_way\n");
    REFUSED(BASE "links: {between: [{a: us-east-1, b: us-east-2, loss_percent: 101}]}\n",
            "f:7:37: links.between[1].b: \"us-east-2\" is not a known site or hub; did you mean "
            "\"us-east-1\"?\n"
            "f:7:62: links.between[1].loss_percent: \"101\" is too large; write a number from 0 to "
            "100, digits only\n");
    struct config *c =
        load(BASE "links:\n  between:\n  - {a: hub, b: us-east-1, one_way: true, latency_ms: 5}\n"
                  "  - {a: us-east-1, b: hub, latency_ms: 6}\n");
    CHECK(c && c->link[HUB][0].latency_ms == 5 && c->link[0][HUB].latency_ms == 6);
    config_free(c);
}

TEST(opening_hours)
{
    REFUSED(BASE "hours: [{name: h}]\n",
            "f:7:9: hours[h]: is closed on every day; open it on one, for example daily: "
            "\"08:00-20:00\"\n");
    REFUSED(BASE "hours: [{name: h, daily: 20:00-08:00, mondy: closed}]\n",
            "f:7:26: hours[h].daily: \"20:00-08:00\" is not a span of one day; write HH:MM-HH:MM, "
            "the later time last (up to 24:00), or closed\n"
            "f:7:39: hours[h].mondy: is not a known key; did you mean \"monday\"?\n");
    REFUSED(CENTRE SITES
            "queues: [{name: support, hours: nigth}]\nhours: [{name: night, daily: 00:00-06:00}]\n"
            "profiles: [{name: p, queues: support}]\n",
            "f:5:33: queues[support].hours: \"nigth\" is not a known set of hours; did you mean "
            "\"night\"?\n"
            "f:7:30: profiles[p].queues: is a single value; write a list, each entry behind a "
            "dash\n");
}

TEST(queues_and_profiles)
{
    REFUSED(CENTRE SITES
            "queues: [{name: q, residency: [default, eu]}]\nprofiles: [{name: p, queues: [q]}]\n",
            "f:5:41: queues[q].residency[2]: \"eu\" is not a known residency; there is default\n");
    REFUSED(CENTRE SITES QUEUES "profiles: [{name: p, queues: [sales, {queue: sales}]}]\n",
            "f:6:38: profiles[p].queues[2]: is the same queue and channel as entry 1; keep one\n");
    REFUSED(CENTRE SITES QUEUES "profiles: [{name: p, queues: [sales], concurrency: {voice: 0}}]\n",
            "f:6:31: profiles[p].queues[1]: is of channel voice, of which concurrency allows 0; "
            "allow 1 or take the queue out\n");
    REFUSED(
        CENTRE SITES QUEUES "profiles: [{name: p, queues: [sales], concurrency: {voice: 2}}]\n",
        "f:6:60: profiles[p].concurrency.voice: \"2\" is too large; write a whole number from 0 "
        "to 1, digits only\n");
    REFUSED(
        CENTRE SITES QUEUES "profiles: [{name: p, queues: [{queue: sales, priority: 0}, slaes]}]\n",
        "f:6:56: profiles[p].queues[1].priority: \"0\" is too small; write a whole number from 1 "
        "to 99, digits only\n"
        "f:6:60: profiles[p].queues[2]: \"slaes\" is not a known queue; did you mean \"sales\"?\n");
}

TEST(agents)
{
    REFUSED(
        BASE "agents:\n  - {name: a, count: 2, site: us-east-1, profile: general}\n"
             "  - {site: us-east-1, profile: general}\n"
             "  - {name: b, prefix: x, site: us-east-1, profile: general}\n"
             "  - {count: 0, site: us-east, profile: sales}\n",
        "f:8:5: agents[a]: has both name and count; one agent has a name, a generator has a "
        "count\n"
        "f:9:5: agents[2]: has neither name nor count; one agent has a name, a generator has a "
        "count\n"
        "f:10:23: agents[b].prefix: is of no use without count; remove it\n"
        "f:11:13: agents[4].count: \"0\" is too small; write a whole number from 1 to 200000, "
        "digits only\n"
        "f:11:22: agents[4].site: \"us-east\" is not a known site; did you mean \"us-east-1\"?\n"
        "f:11:40: agents[4].profile: \"sales\" is not a known profile; there is general\n");
    REFUSED(
        BASE "agents:\n  - {count: 5, site: us-east-1, profile: general}\n"
             "  - {count: 9, site: us-east-1, profile: general}\n"
             "  - {name: us-east-1-general-009, site: us-east-1, profile: general}\n",
        "f:9:5: agents[2]: agent \"us-east-1-general-001\" is on line 8 already; choose another "
        "name or prefix\n"
        "f:10:5: agents[us-east-1-general-009]: agent \"us-east-1-general-009\" is on line 9 "
        "already; choose another name or prefix\n");
    REFUSED(BASE "agents:\n  - {count: 1000, site: us-east-1, profile: general, prefix: "
                 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}\n",
            "f:8:5: agents[1]: makes names longer than 63 characters; give it a shorter prefix\n");
    REFUSED(
        BASE "agents:\n  - {name: a, site: us-east-1, profile: general, shift: {start: 08:00, end: "
             "08:00}}\n"
             "  - {name: b, site: us-east-1, profile: general, shift: {start: 08:00}}\n",
        "f:8:57: agents[a].shift: begins and ends at the same time; write 00:00 to 24:00, or "
        "leave it out, for agents always on shift\n"
        "f:9:57: agents[b].shift: end is missing; add it: End of the shift; before the start: on "
        "the next day.\n");
}

TEST(shares)
{
    REFUSED(BASE "policies: [{name: p, shares: {us-east-1: 50, us-west-2: 49.9999}}]\n",
            "f:7:30: policies[p].shares: add up to 99.9999 %; make them add up to 100\n");
    REFUSED(
        BASE "policies: [{name: p, shares: {us-east-1: 100}}]\n",
        "f:7:30: policies[p].shares: site us-west-2 is missing; give it a share, 0 if nothing is "
        "to go there\n");
    REFUSED(BASE "policies:\n  - name: p\n    groups:\n"
                 "      - {name: x, shares: {us-east-1: 60, us-west-2: 40}}\n"
                 "      - {name: y, shares: {us-west-2: 99}}\n",
            "f:11:27: policies[p].groups[y].shares: add up to 99 %; make them add up to 100\n"
            "f:11:28: policies[p].groups[y].shares.us-west-2: is in group x already; a site is in "
            "one group of a policy\n");
    REFUSED(
        BASE "policies:\n  - {name: p, shares: {us-east-1: 50%, us-west-3: 50}, "
             "share_bound_contacts: 0}\n",
        "f:8:35: policies[p].shares.us-east-1: \"50%\" is not a percentage; write a number from "
        "0 to 100, digits only\n"
        "f:8:40: policies[p].shares.us-west-3: \"us-west-3\" is not a known site; did you mean "
        "\"us-west-2\"?\n"
        "f:8:78: policies[p].share_bound_contacts: \"0\" is too small; write a whole number from "
        "1 to 1000000, digits only\n");
    REFUSED(BASE "policies:\n  - {name: p, shares: {us-east-1: 0, us-west-2: 100}, groups: [{name: "
                 "g, shares: {us-east-1: 100}}]}\n",
            "f:8:15: policies[p].shares: excludes groups; write one of them\n");
    REFUSED(BASE "policies: [{name: normal}, {name: event}]\npolicy: evnt\n",
            "f:8:9: policy: \"evnt\" is not a known policy; did you mean \"event\"?\n");
    REFUSED(BASE "policies: [{shares: {us-east-1: 0, us-west-2: 100}}]\n",
            "f:7:12: policies[1]: name is missing; add it: Name of the policy.\n");
}

TEST(workload_and_people)
{
    REFUSED(BASE "workload:\n  load: 0.5\n  contacts_per_day: 10\n  near_site: {us-east-1: 50}\n"
                 "  origins: [{lat: 0, lon: 0, weight: 0, country: Germany}, {lat: 0, lon: 0, "
                 "country: DEU}]\n",
            "f:11:50: workload.origins[1].country: \"Germany\" is not a country code; write two "
            "capitals, for example DE\n"
            "f:11:86: workload.origins[2].country: \"DEU\" is not a country code; write two "
            "capitals, for example DE\n");
    REFUSED(BASE "workload:\n  load: 0.5\n  contacts_per_day: 10\n  near_site: {us-east-1: 50}\n"
                 "  origins: [{lat: 0, lon: 0, weight: 0, country: DE}]\n  redial_min_s: 61\n",
            "f:8:3: workload.load: excludes contacts_per_day; write one of them\n"
            "f:8:3: workload: redial_min_s is above redial_max_s; exchange them\n"
            "f:10:3: workload.near_site: excludes origins; write one of them\n"
            "f:10:14: workload.near_site: add up to 50 %; make them add up to 100\n"
            "f:11:12: workload.origins: have no weight; give one of them a weight above 0\n");
    REFUSED(
        BASE "workload:\n  demands:\n    - {queue: sales, channel: chat}\n"
             "    - {queue: sales, wrapup_mean_s: 180}\n"
             "    - {queue: sales, transfer_percent: 1, weight: 0}\n",
        "f:9:7: workload.demands[1]: wants queue sales by chat, which no profile serves; add it "
        "to a profile\n"
        "f:10:7: workload.demands[2]: leaves no time with the customer: handle_s of the queue is "
        "180 s, the wrap-up 180 s; give handle_mean_s\n"
        "f:11:40: workload.demands[3].transfer_percent: names no queue; add transfer_queue\n");
    REFUSED(BASE "workload:\n  demands:\n    - {queue: sales, weight: 0}\n",
            "f:9:5: workload.demands: have no weight; give one a weight above 0\n");
    REFUSED(BASE "people: {relogin_min_s: 50, break_every_min: 1, break_min: 0}\n",
            "f:7:9: people: relogin_min_s is above relogin_max_s; exchange them\n"
            "f:7:9: people: break_min is 0; give breaks a length, or set break_every_min to 0\n");
}

TEST(trace_and_server)
{
    REFUSED(
        BASE "trace:\n  columns: {npa: x}\n  separator: \",\"\n  queue_map: {a: sale}\n"
             "  queue_default: x\n  skip: [{column: a}]\n",
        "f:8:12: trace.columns: time is missing; add it: Arrival time; two columns are joined as "
        "date+time.\n"
        "f:9:14: trace.separator: \",\" is not known here; there is comma, tab, semicolon\n"
        "f:10:18: trace.queue_map.a: \"sale\" is not a known queue; did you mean \"sales\"?\n"
        "f:11:18: trace.queue_default: \"x\" is not a known queue; there is support, sales\n"
        "f:12:10: trace.skip[1]: value is missing; add it: Rows with this value in it are left "
        "out.\n");
    REFUSED(
        BASE "serve: {listen: localhost, port: 65536}\nstore: {durable: no}\n",
        "f:7:17: serve.listen: \"localhost\" is not an address; write one in numbers: "
        "127.0.0.1, ::1\n"
        "f:7:34: serve.port: \"65536\" is too large; write a whole number from 0 to 65535, digits "
        "only\n"
        "f:8:18: store.durable: \"no\" is neither true nor false; write true or false\n");
}

TEST(files_that_cannot_be_read)
{
    buf_reset(&errors);
    CHECK(config_load_file("/nonexistent/x.yaml", &errors) == NULL);
    CHECK_STR(errors.data, "/nonexistent/x.yaml:1:1: file: cannot be read (No such file or "
                           "directory); check its path and permissions\n");
    buf_reset(&errors);
    CHECK(config_load_file("/", &errors) == NULL);
    CHECK_STR(errors.data, "/:1:1: file: cannot be read (Is a directory); check its path and "
                           "permissions\n");
    char path[] = "/tmp/tandem-test-XXXXXX";
    int fd = mkstemp(path);
    CHECK(ftruncate(fd, (4 << 20) + 1) == 0);
    buf_reset(&errors);
    CHECK(config_load_file(path, &errors) == NULL);
    CHECK(strstr(errors.data, ":1:1: file: is larger than 4194304 bytes"));
    close(fd);
    unlink(path);
}

/* ---- opening hours ---- */

TEST(hours_open_and_close)
{
    struct config *c = load(CENTRE SITES QUEUES PROFILES
                            "hours:\n"
                            "  - {name: utc, weekdays: 08:00-20:00, saturday: 10:00-24:00}\n"
                            "  - {name: east, utc_offset_min: 330, monday: 00:00-24:00}\n"
                            "  - {name: west, utc_offset_min: -300, friday: 22:00-24:00}\n");
    CHECK_STR(errors.data, "");
    if (!c)
        return;
    const td_ms monday = 1783900800000, h = 3600000, day = 24 * h; /* 2026-07-13 00:00 UTC */
    const struct {
        uint16_t hours;
        td_ms at;
        bool open;
    } rows[] = {
        {INDEX_NONE, 0, true},
        {0, monday + 8 * h - 1, false},
        {0, monday + 8 * h, true},
        {0, monday + 20 * h - 1, true},
        {0, monday + 20 * h, false},
        {0, monday + 4 * day + 12 * h, true},
        {0, monday + 5 * day + 9 * h, false},
        {0, monday + 5 * day + 10 * h, true},
        {0, monday + 6 * day - 1, true},
        {0, monday + 6 * day, false},
        {0, monday + 6 * day + 12 * h, false},
        {0, monday + 7 * day + 12 * h, true},
        {1, monday - 5 * h - h / 2, true},
        {1, monday - 5 * h - h / 2 - 1, false},
        {1, monday + 18 * h + h / 2 - 1, true},
        {1, monday + 18 * h + h / 2, false},
        {2, monday + 5 * day + 3 * h, true},
        {2, monday + 5 * day + 3 * h - 1, false},
        {2, monday + 5 * day + 5 * h, false},
        {0, 12 * h, true}, /* 1970-01-01 was a Thursday */
        {0, -12 * h, true},
        {0, -4 * h - 1, true},
        {0, -4 * h, false},            /* and the day before one */
        {0, -4 * day + 12 * h, false}, /* the Sunday before */
    };
    for (size_t i = 0; i < COUNTOF(rows); i++)
        if (config_hours_open(c, rows[i].hours, rows[i].at) != rows[i].open)
            TAP_FAIL("row %zu is %s", i, rows[i].open ? "closed" : "open");
    config_free(c);
}

/* ---- the reference ---- */

static char *read_whole(const char *path)
{
    struct buf b = {0};
    FILE *in = fopen(path, "rb");
    size_t got = 1;
    while (in && got) {
        buf_reserve(&b, 65536);
        got = fread(b.data + b.len, 1, 65536, in);
        b.len += got;
    }
    if (in)
        fclose(in);
    buf_str(&b, "");
    b.data[b.len] = 0;
    return b.data;
}

TEST(the_document_is_made_from_the_table)
{
    const struct conf_section sections[] = {
        watch_config_section(NULL), amazon_config_section(NULL), {0}};
    static const char mark[] = "<!-- reference -->\n";
    struct buf want = {0};
    const char *path = source_path("docs/config.md");
    char *have = read_whole(path), *at = strstr(have, mark);
    CHECK(at != NULL);
    if (at) {
        buf_add(&want, have, (size_t)(at - have) + strlen(mark));
        config_schema_markdown(sections, &want);
        if (strcmp(have, want.data) != 0 && getenv("TANDEM_UPDATE")) {
            FILE *out = fopen(path, "wb");
            CHECK(out && fwrite(want.data, 1, want.len, out) == want.len && fclose(out) == 0);
        } else {
            CHECK(strcmp(have, want.data) == 0); /* TANDEM_UPDATE=1 writes it */
        }
    }
    mem_free(have);
    buf_free(&want);
}

/* The YAML of docs/config.md that is said to be a whole configuration is one. */
TEST(the_document_s_example_loads)
{
    char *text = read_whole(source_path("docs/config.md"));
    char *from = strstr(text, "```yaml\n"), *to = from ? strstr(from + 8, "```\n") : NULL;
    CHECK(to != NULL);
    if (to) {
        buf_reset(&errors);
        struct config *c = config_load(from + 8, (size_t)(to - from) - 8, "docs", &errors);
        CHECK_EQ(c ? c->n_agents : 0, 50);
        config_free(c);
    }
    mem_free(text);
}

TEST(the_json_schema_says_what_the_table_says)
{
    struct buf b = {0};
    config_schema_json(NULL, &b);
    json_error_t e;
    json_t *j = json_loadb(b.data, b.len, JSON_REJECT_DUPLICATES, &e);
    json_t *p = json_object_get(j, "properties");
    CHECK_STR(json_string_value(json_object_get(j, "$schema")),
              "https://json-schema.org/draft/2020-12/schema");
    CHECK_EQ(json_object_size(p), 20);
    CHECK_EQ(json_array_size(json_object_get(j, "required")), 4);
    json_t *sites = json_object_get(p, "sites");
    CHECK_EQ(json_integer_value(json_object_get(sites, "maxItems")), SITES_MAX);
    json_t *lat =
        json_object_get(json_object_get(json_object_get(sites, "items"), "properties"), "lat");
    CHECK_STR(json_string_value(json_object_get(lat, "type")), "number");
    CHECK_EQ(json_integer_value(json_object_get(lat, "minimum")), -90);
    json_decref(j);
    buf_reset(&b);
    config_schema_scdoc(NULL, &b);
    CHECK(strstr(b.data, "*sites[].contacts\\_max* (whole number 1..1000000)\n\t"));
    buf_free(&b);
}

TAP_MAIN
