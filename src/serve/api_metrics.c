/* api_metrics.c - /metrics: the Prometheus text format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/).
 *
 * One row a metric in the table below; the row's function writes its samples. Counters are of this
 * process and begin at zero with it. Labels are names of the configuration and words of our own:
 * how many samples there are is bounded by sites times queues. */
#include "serve/api_i.h"

#include <stdarg.h>

#include "watch/watch.h"

struct sheet {
    struct api *a;
    struct core *k; /* NULL: no node is up */
    struct buf *out;
    const char *metric;
    struct scene scene;
};

/* A sample: `labels` as they stand between the braces, or "" for none. */
static void sample(struct sheet *s, double v, const char *labels, ...) PRINTF(3, 4);

static void sample(struct sheet *s, double v, const char *labels, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, labels);
    vsnprintf(text, sizeof text, labels, ap);
    va_end(ap);
    buf_str(s->out, s->metric);
    if (*text)
        buf_fmt(s->out, "{%s}", text);
    buf_char(s->out, ' ');
    if (isfinite(v))
        json_number(s->out, v);
    else
        buf_str(s->out, "NaN");
    buf_char(s->out, '\n');
}

static void contacts_placed(struct sheet *s)
{
    sample(s, (double)stats_all(s->a->stats)->placed, "%s", "");
}

static void contacts_ended(struct sheet *s)
{
    for (int e = 1; e < CONTACT_ENDS; e++)
        sample(s, (double)stats_all(s->a->stats)->end[e], "end=\"%s\"", contact_end_names[e]);
}

static void contacts_answered(struct sheet *s)
{
    const struct stats_sum *t = &stats_all(s->a->stats)->sum;
    sample(s, (double)t->in_target, "in_target=\"true\"");
    sample(s, (double)(t->answered - t->in_target), "in_target=\"false\"");
}

static void decisions(struct sheet *s)
{
    for (int r = 0; r < RULES; r++)
        sample(s, (double)stats_all(s->a->stats)->rule[r], "rule=\"%s\"", rule_names[r]);
}

static void facts(struct sheet *s)
{
    sample(s, s->k ? (double)stats_all(s->a->stats)->facts : 0, "%s", "");
}

#define EACH_SITE(s, i) for (uint8_t i = 0; (s)->k && i < (s)->k->c->n_sites; i++)

static void share_lag(struct sheet *s)
{
    EACH_SITE(s, i)
    {
        uint8_t g = shares_group_of(s->k, i);
        sample(s, (double)s->k->group[g].lag_u[i] / PPM, "group=\"%s\",site=\"%s\"",
               core_policy(s->k)->group[g].name, s->k->c->site[i].name);
    }
}

static void share_in_force(struct sheet *s)
{
    EACH_SITE(s, i)
    sample(s, view_share_ppm(s->k, i) / 1e6, "site=\"%s\"", s->k->c->site[i].name);
}

static void share_bound(struct sheet *s)
{
    if (s->k)
        sample(s, core_policy(s->k)->share_bound_contacts, "%s", "");
}

static void waiting(struct sheet *s)
{
    for (uint16_t q = 0; s->k && q < s->k->c->n_queues; q++)
        EACH_SITE(s, i)
        {
            uint32_t n = 0;
            for (uint32_t ch = 0; ch < CHANNELS; ch++)
                n += s->k->site[i].waiting[LINE(q, ch)].count;
            sample(s, n, "queue=\"%s\",site=\"%s\"", s->k->c->queue[q].name, s->k->c->site[i].name);
        }
}

static void live_contacts(struct sheet *s)
{
    EACH_SITE(s, i) sample(s, s->k->site[i].live, "site=\"%s\"", s->k->c->site[i].name);
}

static void agents(struct sheet *s)
{
    EACH_SITE(s, i)
    for (int v = 0; v < AGENT_VIEWS; v++)
        sample(s, s->scene.people->by[i][v], "site=\"%s\",state=\"%s\"", s->k->c->site[i].name,
               agent_view_names[v]);
}

static void site_open(struct sheet *s)
{
    EACH_SITE(s, i)
    {
        uint8_t why;
        sample(s, health_site_open(s->k, i, &why), "site=\"%s\"", s->k->c->site[i].name);
    }
}

static void peer_up(struct sheet *s)
{
    EACH_SITE(s, i)
    if (i != s->k->self)
        sample(s, health_peer_up(s->k, i), "peer=\"%s\"", s->k->c->site[i].name);
}

static void peer_rtt(struct sheet *s)
{
    EACH_SITE(s, i)
    if (i != s->k->self)
        sample(s, s->k->peer[i].rtt_ms / 1000, "peer=\"%s\"", s->k->c->site[i].name);
}

static void alerts(struct sheet *s)
{
    static const char *const words[ALERTS] = {"site-down", "site-unreachable", "site-not-ready",
                                              "hub-lost",  "group-closed",     "share-infeasible"};
    for (int a = 0; s->k && a < ALERTS; a++) {
        int n = 0;
        for (int i = 0; i < NODES_MAX; i++)
            n += s->a->memory.since[a][i] != 0;
        sample(s, n, "alert=\"%s\"", words[a]);
    }
}

static void bus_messages(struct sheet *s)
{
    const struct bus *b = world_bus(s->a->world);
    sample(s, (double)b->sent, "what=\"sent\"");
    sample(s, (double)b->delivered, "what=\"delivered\"");
    sample(s, (double)b->lost, "what=\"lost\"");
}

static void commits(struct sheet *s)
{
    struct node *n = s->k ? world_node(s->a->world, s->k->self) : NULL;
    if (n)
        sample(s, (double)node_commits(n), "%s", "");
}

static void store_events(struct sheet *s)
{
    struct node *n = s->k ? world_node(s->a->world, s->k->self) : NULL;
    if (n)
        sample(s, (double)node_store(n)->ops->events(node_store(n)), "%s", "");
}

static void store_history(struct sheet *s)
{
    struct node *n = s->k ? world_node(s->a->world, s->k->self) : NULL;
    if (n)
        sample(s, (double)node_store(n)->ops->history_count(node_store(n)), "%s", "");
}

static void memory(struct sheet *s)
{
    struct node *n = s->k ? world_node(s->a->world, s->k->self) : NULL;
    if (!n)
        return;
    struct node_memory m = node_memory(n);
    sample(s, (double)m.model, "part=\"model\"");
    sample(s, (double)m.kept, "part=\"kept\"");
    sample(s, (double)m.waiting, "part=\"waiting\"");
    sample(s, (double)m.store, "part=\"store\"");
}

static void route_requests(struct sheet *s)
{
    sample(s, (double)s->a->routed, "outcome=\"placed\"");
    sample(s, (double)s->a->routed_again, "outcome=\"placed_before\"");
    sample(s, (double)s->a->route_refused, "outcome=\"refused\"");
}

static void http_requests(struct sheet *s)
{
    sample(s, s->a->server ? (double)http_server_stats(s->a->server)->requests : 0, "%s", "");
}

static void http_replies(struct sheet *s)
{
    for (int c = 2; s->a->server && c < 6; c++)
        sample(s, (double)http_server_stats(s->a->server)->replies[c], "class=\"%dxx\"", c);
}

static void http_refused(struct sheet *s)
{
    sample(s, s->a->server ? (double)http_server_stats(s->a->server)->refused : 0, "%s", "");
}

static void http_connections(struct sheet *s)
{
    sample(s, s->a->server ? http_server_stats(s->a->server)->conns : 0, "%s", "");
}

static void streams(struct sheet *s)
{
    sample(s, s->a->stream.n_boards, "kind=\"board\"");
    sample(s, s->a->n_followers, "kind=\"events\"");
}

static void net_verdicts(struct sheet *s)
{
    struct watch *w = s->a->watch;
    sample(s, w ? verdicts_raised(netmodel_verdicts(watch_model(w)), VERDICT_KINDS) : 0, "%s", "");
}

static void net_aws_events(struct sheet *s)
{
    for (int e = 0; e < WATCH_PUSHES; e++)
        sample(s, s->a->watch ? (double)watch_pushed(s->a->watch, (enum watch_push)e) : 0,
               "event=\"%s\"", watch_push_names[e]);
}

static void clock_seconds(struct sheet *s)
{
    sample(s, (double)world_now(s->a->world) / 1000, "%s", "");
}

static void late_seconds(struct sheet *s)
{
    sample(s, (double)live_late_ms(s->a->live) / 1000, "%s", "");
}

static void build_info(struct sheet *s)
{
    sample(s, 1, "version=\"%s\"", TANDEM_VERSION);
}

#define METRICS(X)                                                                                 \
    X(contacts_placed, counter, "_total", "Contacts that were given a place.")                     \
    X(contacts_ended, counter, "_total", "Contacts that ended, by how.")                           \
    X(contacts_answered, counter, "_total", "Contacts that were answered, in target or not.")      \
    X(decisions, counter, "_total", "Decisions, by the rule that decided.")                        \
    X(facts, counter, "_total", "Facts of all nodes applied where this answer comes from.")        \
    X(share_lag, gauge, "_contacts", "Contacts a site is owed by its share; below 0: has more.")   \
    X(share_in_force, gauge, "_ratio", "Share of its group's contacts a site is to get now.")      \
    X(share_bound, gauge, "_contacts", "What the lag of a site is kept within.")                   \
    X(waiting, gauge, "_contacts", "Contacts that wait, by queue and site.")                       \
    X(live_contacts, gauge, "", "Contacts at a site: on their way, waiting, connected.")           \
    X(agents, gauge, "", "Agents, by site and what they are doing.")                               \
    X(site_open, gauge, "", "1: the site could be given a contact now.")                           \
    X(peer_up, gauge, "", "1: the node that answers hears this one.")                              \
    X(peer_rtt, gauge, "_seconds", "Round trip to another node, smoothed.")                        \
    X(alerts, gauge, "", "Alerts that hold now.")                                                  \
    X(bus_messages, counter, "_total", "Messages between nodes.")                                  \
    X(commits, counter, "_total", "Commits of the store of the node that answers.")                \
    X(store_events, gauge, "", "Facts in the store that its snapshot does not cover.")             \
    X(store_history, gauge, "_contacts", "Contacts in the store's history.")                       \
    X(memory, gauge, "_bytes", "Memory of the node that answers, by what it holds.")               \
    X(route_requests, counter, "_total", "Requests for a place, by what came of them.")            \
    X(http_requests, counter, "_total", "Requests that reached a handler.")                        \
    X(http_replies, counter, "_total", "Replies, by class of status.")                             \
    X(http_refused, counter, "_total", "Requests refused before a handler.")                       \
    X(http_connections, gauge, "", "Connections open now.")                                        \
    X(streams, gauge, "", "Streams open now.")                                                     \
    X(net_verdicts, gauge, "", "Verdicts about the network that hold now.")                        \
    X(net_aws_events, counter, "_total", "Events that AWS pushed, by what came of them.")          \
    X(clock_seconds, gauge, "", "Virtual time, seconds since the epoch.")                          \
    X(late_seconds, gauge, "", "How late the simulation runs, in wall time.")                      \
    X(build_info, gauge, "", "The version that runs.")

void api_get_metrics(struct api_call *k)
{
    static const struct {
        const char *name, *type, *help;
        void (*write)(struct sheet *s);
    } metrics[] = {
#define X(name, type, unit, help) {"tandem_" #name unit, #type, help, name},
        METRICS(X)
#undef X
    };
    struct sheet s = {.a = k->api, .k = k->core, .out = &k->api->body};
    buf_reset(s.out);
    if (s.k)
        s.scene = api_scene(k->api, k->core);
    for (size_t i = 0; i < COUNTOF(metrics); i++) {
        s.metric = metrics[i].name;
        buf_fmt(s.out, "# HELP %s %s\n# TYPE %s %s\n", s.metric, metrics[i].help, s.metric,
                metrics[i].type);
        metrics[i].write(&s);
    }
    http_reply_header(k->rq, "Cache-Control", "no-store");
    http_reply(k->rq, 200, "text/plain; version=0.0.4; charset=utf-8", s.out->data, s.out->len);
}
