/* client_show.c - the commands that read: status, shares, queues, agents, contacts, explain,
 * timeline. */
#include "cli/client.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/when.h"

static const char *moment(const json_t *row, const char *key, char out[WHEN_TEXT])
{
    double ms = json_number_of(row, key);
    if (!isfinite(ms))
        return "-";
    when_print((int64_t)ms, out);
    out[10] = ' ';
    out[19] = 0; /* to the second */
    return out;
}

static void head(struct table *t, int n, const char *const *names)
{
    *t = (struct table){0};
    table_head(t, names, n);
}
#define HEAD(t, ...)                                                                               \
    head((t), (int)COUNTOF(((const char *const[]){__VA_ARGS__})),                                  \
         (const char *const[]){__VA_ARGS__})

static void more(const struct client *c)
{
    const char *next = json_string_value(json_object_get(c->root, "next"));
    if (next)
        printf("There are more: --after %s\n", next);
}

/* ---- status ---- */

static void print_totals(const json_t *root)
{
    const json_t *t = json_object_get(root, "totals");
    double level = json_number_of(t, "service_level"), wait = json_number_of(t, "wait_mean_s");
    printf("%.0f contacts, %.0f answered, %.0f abandoned, %.0f moved", json_number_of(t, "offered"),
           json_number_of(t, "answered"), json_number_of(t, "abandoned"),
           json_number_of(t, "moved"));
    if (isfinite(level))
        printf("; in the last 30 min %.1f %% in target", level * 100);
    if (isfinite(wait))
        printf(", mean wait %.1f s", wait);
    printf("\n");
}

static void print_alerts(const json_t *root)
{
    const json_t *alerts = json_object_get(root, "alerts"), *a;
    size_t i;
    json_array_foreach(alerts, i, a)
        printf("%s%-4s  %s\n", i ? "" : "\n", json_text(a, "severity"), json_text(a, "text"));
}

static const char *state_of(const json_t *site)
{
    const char *state = json_text(site, "state");
    bool ready = json_is_true(json_object_get(site, "ready"));
    return !ready && strcmp(state, "in-service") == 0 ? "not ready" : state;
}

static void print_sites(const json_t *root)
{
    const json_t *sites = json_object_get(root, "sites"), *s;
    size_t i;
    struct table t;
    HEAD(&t, "SITE", "STATE", "GROUP", ">SHARE", ">GOT", ">OFF", ">A MINUTE", ">WAITING",
         ">CONNECTED", ">AGENTS", ">FREE", ">LEVEL", ">WAIT S");
    json_array_foreach(sites, i, s)
    {
        table_text(&t, s, "name");
        table_cell(&t, state_of(s));
        table_text(&t, s, "group");
        table_percent(&t, s, "share_wanted", 1);
        table_percent(&t, s, "share_got", 2);
        table_number(&t, s, "share_off_contacts", 1);
        table_number(&t, s, "arrivals_per_min", 1);
        table_number(&t, s, "waiting", 0);
        table_number(&t, s, "connected", 0);
        table_number(&t, s, "agents_staffed", 0);
        table_number(&t, s, "agents_available", 0);
        table_percent(&t, s, "service_level", 1);
        table_number(&t, s, "ewt_s", 1);
    }
    printf("\n");
    table_print(&t);
}

static void print_nodes(const json_t *root)
{
    const json_t *nodes = json_object_get(root, "nodes"), *n;
    size_t i;
    struct table t;
    HEAD(&t, "NODE", "ROLE", "STATE", ">BEHIND MS", ">HEARD MS AGO");
    json_array_foreach(nodes, i, n)
    {
        table_text(&t, n, "name");
        table_text(&t, n, "role");
        table_text(&t, n, "state");
        table_number(&t, n, "lag_ms", 1);
        table_number(&t, n, "age_ms", 0);
    }
    table_print(&t);
}

int client_status(struct client *c)
{
    char at[WHEN_TEXT];
    int rc = client_get(c, "/v1/status");
    if (rc >= 0 || client_printed(c))
        return MAX(rc, EXIT_DONE);
    printf("%s, policy %s, %s UTC", json_text(c->root, "name"), json_text(c->root, "policy"),
           moment(c->root, "now_ms", at));
    double speed = json_number_of(c->root, "speed");
    if (isfinite(speed) && fabs(speed - 1) > 1e-9)
        printf(" (simulated, %g times as fast)", speed);
    printf("; %s answers\n", json_text(c->root, "answered_by"));
    print_totals(c->root);
    print_alerts(c->root);
    print_sites(c->root);
    printf("\n");
    print_nodes(c->root);
    return EXIT_DONE;
}

/* ---- shares, queues ---- */

int client_shares(struct client *c)
{
    int rc = c->root ? -1 : client_get(c, "/v1/shares");
    if (rc >= 0 || client_printed(c))
        return MAX(rc, EXIT_DONE);
    const json_t *g, *s;
    size_t i, j;
    struct table t;
    printf("policy %s: ", json_text(c->root, "policy"));
    if (json_is_true(json_object_get(c->root, "shares_enforced")))
        printf("never more than %.0f contacts off\n\n",
               json_number_of(c->root, "share_bound_contacts"));
    else
        printf("shares are reported, not enforced\n\n");
    HEAD(&t, "GROUP", "SITE", "STATE", ">WANTED", ">IN FORCE", ">GOT", ">OFF", ">PLACED");
    json_array_foreach(json_object_get(c->root, "groups"), i, g)
        json_array_foreach(json_object_get(g, "sites"), j, s)
    {
        table_text(&t, g, "group");
        table_text(&t, s, "site");
        table_text(&t, s, "state");
        table_fmt(&t, "%.4g %%", json_number_of(s, "wanted_percent"));
        table_fmt(&t, "%.4g %%", json_number_of(s, "in_force_percent"));
        table_number(&t, s, "got_percent", 2);
        table_number(&t, s, "off_contacts", 2);
        table_number(&t, s, "placed", 0);
    }
    table_print(&t);
    return EXIT_DONE;
}

int client_queues(struct client *c)
{
    int rc = client_get(c, "/v1/queues");
    if (rc >= 0 || client_printed(c))
        return MAX(rc, EXIT_DONE);
    const json_t *q;
    size_t i;
    struct table t;
    HEAD(&t, "QUEUE", "CHANNEL", "OPEN", ">WAITING", ">OLDEST S", ">LEVEL", ">TARGET", ">OFFERED",
         ">ANSWERED", ">ABANDONED", ">ASA S", ">AHT S");
    json_array_foreach(json_object_get(c->root, "queues"), i, q)
    {
        table_text(&t, q, "name");
        table_text(&t, q, "channel");
        table_cell(&t, json_is_true(json_object_get(q, "open")) ? "yes" : "no");
        table_number(&t, q, "waiting", 0);
        table_number(&t, q, "oldest_wait_s", 0);
        table_percent(&t, q, "service_level", 1);
        table_fmt(&t, "%.0f %% in %g s", 100 * json_number_of(q, "target"),
                  json_number_of(q, "service_level_within_s"));
        table_number(&t, q, "offered", 0);
        table_number(&t, q, "answered", 0);
        table_number(&t, q, "abandoned", 0);
        table_number(&t, q, "asa_s", 1);
        table_number(&t, q, "aht_s", 0);
    }
    table_print(&t);
    return EXIT_DONE;
}

/* ---- agents, contacts ---- */

/* A page of a list, or the one whose name is given. */
static int print_list(struct client *c, const char *what, const enum client_option *options,
                      int n_options, struct table *t, void (*row)(struct table *t, const json_t *o))
{
    struct buf path = {0};
    buf_fmt(&path, "/v1/%s", what);
    if (c->n_args) {
        buf_char(&path, '/');
        client_encode(&path, c->args[0]);
    } else {
        client_query(c, &path, options, n_options);
    }
    int rc = client_get(c, "%s", path.data);
    buf_free(&path);
    if (rc >= 0 || client_printed(c))
        return MAX(rc, EXIT_DONE);
    const json_t *list = json_object_get(c->root, what), *o;
    size_t i;
    if (!list)
        row(t, c->root);
    json_array_foreach(list, i, o) row(t, o);
    table_print(t);
    more(c);
    return EXIT_DONE;
}

static void agent_row(struct table *t, const json_t *a)
{
    char since[WHEN_TEXT];
    table_text(t, a, "name");
    table_text(t, a, "site");
    table_text(t, a, "home_site");
    table_text(t, a, "profile");
    table_text(t, a, "state");
    table_text(t, a, "reason");
    table_number(t, a, "contacts", 0);
    table_cell(t, moment(a, "since_ms", since));
}

int client_agents(struct client *c)
{
    static const enum client_option options[] = {OPT_SITE, OPT_STATE, OPT_LIMIT, OPT_AFTER};
    struct table t;
    HEAD(&t, "AGENT", "SITE", "HOME", "PROFILE", "STATE", "REASON", ">CONTACTS", "SINCE (UTC)");
    return print_list(c, "agents", options, COUNTOF(options), &t, agent_row);
}

static void contact_row(struct table *t, const json_t *k)
{
    char at[WHEN_TEXT];
    table_text(t, k, "contact");
    table_text(t, k, "state");
    table_text(t, k, "site");
    table_text(t, k, "queue");
    table_text(t, k, "channel");
    table_text(t, k, "agent");
    table_text(t, k, "rule");
    table_cell(t, moment(k, "arrived_ms", at));
}

int client_contacts(struct client *c)
{
    static const enum client_option options[] = {OPT_STATE, OPT_SITE, OPT_QUEUE, OPT_LIMIT,
                                                 OPT_AFTER};
    struct table t;
    HEAD(&t, "CONTACT", "STATE", "SITE", "QUEUE", "CHANNEL", "AGENT", "RULE", "ARRIVED (UTC)");
    return print_list(c, "contacts", options, COUNTOF(options), &t, contact_row);
}

/* ---- explain ---- */

static void print_decision(const json_t *d, size_t n)
{
    const json_t *k;
    size_t i;
    struct table t;
    printf("\n%zu. %s\n\n", n, json_text(d, "sentence"));
    HEAD(&t, "   SITE", "", ">DISTANCE KM", ">EXPECTED WAIT S", ">SHARE PRICE KM", ">OWED CONTACTS",
         ">SHARE");
    json_array_foreach(json_object_get(d, "candidates"), i, k)
    {
        bool chosen = strcmp(json_text(k, "site"), json_text(d, "site")) == 0;
        const char *excluded = json_string_value(json_object_get(k, "excluded"));
        table_fmt(&t, "%s%s", chosen ? "-> " : "   ", json_text(k, "site"));
        table_cell(&t, excluded ? excluded : "");
        table_number(&t, k, "distance_km", 0);
        table_number(&t, k, "expected_wait_s", 1);
        table_number(&t, k, "share_price_km", 1);
        table_number(&t, k, "lag_contacts", 2);
        table_percent(&t, k, "share", 1);
    }
    table_print(&t);
}

int client_explain(struct client *c)
{
    struct buf id = {0};
    char at[WHEN_TEXT];
    client_encode(&id, c->args[0]);
    int rc = client_get(c, "/v1/contacts/%s/explain", id.data);
    buf_free(&id);
    if (rc >= 0 || client_printed(c))
        return MAX(rc, EXIT_DONE);
    const json_t *k = json_object_get(c->root, "contact"), *d;
    size_t i;
    const char *end = json_string_value(json_object_get(k, "end"));
    printf("%s: %s%s%s at %s, queue %s, arrived %s UTC, waited %.1f s\n", json_text(k, "contact"),
           json_text(k, "state"), end ? " " : "", end ? end : "", json_text(k, "site"),
           json_text(k, "queue"), moment(k, "arrived_ms", at), json_number_of(k, "wait_ms") / 1000);
    json_array_foreach(json_object_get(c->root, "decisions"), i, d) print_decision(d, i + 1);
    return EXIT_DONE;
}

int client_timeline(struct client *c)
{
    int rc = client_get(c, "/v1/timeline");
    if (rc >= 0 || client_printed(c))
        return MAX(rc, EXIT_DONE);
    const json_t *e;
    size_t i;
    char at[WHEN_TEXT];
    struct table t;
    HEAD(&t, "AT (UTC)", "KIND", "WHO", "WHAT");
    json_array_foreach(json_object_get(c->root, "timeline"), i, e)
    {
        double times = json_number_of(e, "times");
        table_cell(&t, moment(e, "at_ms", at));
        table_text(&t, e, "kind");
        table_text(&t, e, "who");
        if (times > 1)
            table_fmt(&t, "%s (%.0f times)", json_text(e, "text"), times);
        else
            table_text(&t, e, "text");
    }
    table_print(&t);
    return EXIT_DONE;
}

/* ---- nodes ---- */

int client_nodes(struct client *c)
{
    int rc = client_get(c, "/v1/nodes");
    if (rc >= 0 || client_printed(c))
        return MAX(rc, EXIT_DONE);
    const json_t *h;
    size_t i;
    struct table t;
    print_nodes(c->root);
    HEAD(&t, "WHO", "HEARS", "STATE", ">ROUND TRIP MS", ">AGE MS");
    json_array_foreach(json_object_get(c->root, "health"), i, h)
    {
        table_text(&t, h, "from");
        table_text(&t, h, "to");
        table_cell(&t, json_is_true(json_object_get(h, "up")) ? "up" : "down");
        table_number(&t, h, "rtt_ms", 1);
        table_number(&t, h, "age_ms", 0);
    }
    printf("\n");
    table_print(&t);
    return EXIT_DONE;
}

/* ---- arrivals ---- */

enum { MINUTES_SHOWN = 30 };

int client_arrivals(struct client *c)
{
    int rc = client_get(c, "/v1/arrivals");
    if (rc >= 0 || client_printed(c))
        return MAX(rc, EXIT_DONE);
    json_t *series = json_object_get(c->root, "series");
    json_t *sites = json_object_get(series, "arrivals"), *row;
    const char *names[TABLE_COLUMNS] = {"MINUTE (UTC)"}, *name;
    char heads[TABLE_COLUMNS][66], at[WHEN_TEXT];
    int n = 1;
    size_t minutes = 0;
    json_object_foreach(sites, name, row)
    {
        if (n == TABLE_COLUMNS)
            break;
        snprintf(heads[n], sizeof heads[n], ">%s", name);
        names[n] = heads[n];
        minutes = json_array_size(row);
        n++;
    }
    struct table t = {0};
    table_head(&t, names, n);
    for (size_t m = minutes > MINUTES_SHOWN ? minutes - MINUTES_SHOWN : 0; m < minutes; m++) {
        double ms =
            json_number_of(series, "from_ms") + (double)m * json_number_of(series, "step_ms");
        when_print((int64_t)ms, at);
        table_fmt(&t, "%.10s %.5s", at, at + 11);
        for (int i = 1; i < n; i++)
            table_fmt(&t, "%lld",
                      (long long)json_integer_value(
                          json_array_get(json_object_get(sites, heads[i] + 1), m)));
    }
    table_print(&t);
    return EXIT_DONE;
}
