/* client_net.c - `tandem net`: what the hub knows of the network. */
#include "cli/client.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "base/json.h"

/* ---- pieces ---- */

#define HEAD(t, ...)                                                                               \
    do {                                                                                           \
        static const char *const names_[] = {__VA_ARGS__};                                         \
        *(t) = (struct table){0};                                                                  \
        table_head((t), names_, (int)COUNTOF(names_));                                             \
    } while (0)

/* "4 s", "12 min", "3 h": how long ago, by this machine's clock. */
static void table_ago(struct table *t, const json_t *row, const char *key)
{
    double ms = json_number_of(row, key);
    double s = (double)time(NULL) - ms / 1000;
    if (!isfinite(ms))
        table_cell(t, "-");
    else if (s < 120)
        table_fmt(t, "%.0f s", fmax(s, 0));
    else if (s < 7200)
        table_fmt(t, "%.0f min", s / 60);
    else
        table_fmt(t, "%.0f h", s / 3600);
}

/* "use1 -(use1-a)-> gcp" */
static void print_hops(const json_t *hops)
{
    const json_t *h;
    size_t i;
    json_array_foreach(hops, i, h)
    {
        printf("%s", json_text(h, "router"));
        if (json_is_string(json_object_get(h, "link")))
            printf(" -(%s)-> ", json_text(h, "link"));
    }
}

static void print_verdicts(const json_t *list)
{
    const json_t *v;
    size_t i;
    json_array_foreach(list, i, v)
    {
        bool over = json_is_number(json_object_get(v, "ended_ms"));
        printf("%s%-8s %s: %s\n", i ? "\n" : "", over ? "over" : json_text(v, "severity"),
               json_text(v, "kind"), json_text(v, "text"));
        if (!over)
            printf("         %s\n", json_text(v, "do"));
    }
}

/* ---- tandem net status ---- */

static void print_routers(const json_t *root)
{
    const json_t *list = json_object_get(root, "routers"), *r;
    size_t i;
    struct table t;
    HEAD(&t, "ROUTER", "KIND", "REGION", ">AS", "FEED", ">SINCE", ">SESSIONS UP", ">ROUTES",
         "TABLE", ">ROUTES");
    json_array_foreach(list, i, r)
    {
        const char *region = json_text(r, "region");
        table_text(&t, r, "name");
        table_text(&t, r, "kind");
        table_cell(&t, *region ? region : "-");
        table_number(&t, r, "as", 0);
        table_text(&t, r, "feed");
        table_ago(&t, r, "since_ms");
        table_fmt(&t, "%.0f of %.0f", json_number_of(r, "sessions_up"),
                  json_number_of(r, "sessions"));
        table_number(&t, r, "routes", 0);
        table_text(&t, r, "fib");
        table_number(&t, r, "fib_routes", 0);
    }
    table_print(&t);
}

static void print_links(const json_t *root)
{
    const json_t *list = json_object_get(root, "links"), *l;
    size_t i;
    struct table t;
    HEAD(&t, "LINK", "A", "B", "SESSION", ">SINCE", ">LOST", ">A HAS", ">B HAS", "WHY");
    json_array_foreach(list, i, l)
    {
        table_text(&t, l, "name");
        table_text(&t, l, "a");
        table_text(&t, l, "b");
        table_text(&t, l, "session");
        table_ago(&t, l, "since_ms");
        table_number(&t, l, "downs", 0);
        table_number(&t, l, "a_routes", 0);
        table_number(&t, l, "b_routes", 0);
        table_text(&t, l, "reason");
    }
    printf("\n");
    table_print(&t);
}

static void print_probed(const json_t *list)
{
    const json_t *p;
    size_t i;
    struct table t;
    if (!json_array_size(list))
        return;
    HEAD(&t, "FROM", "TO", "BY", ">FLOW", "STATE", ">TWO-WAY MS", ">THERE MS", ">BACK MS", ">LOSS",
         ">HOPS THERE", ">BACK");
    json_array_foreach(list, i, p)
    {
        table_text(&t, p, "from");
        table_text(&t, p, "to");
        table_text(&t, p, "kind");
        table_number(&t, p, "flow", 0);
        table_text(&t, p, "state");
        table_number(&t, p, "two_way_ms", 2);
        table_number(&t, p, "there_ms", 2);
        table_number(&t, p, "back_ms", 2);
        table_percent(&t, p, "loss", 1);
        table_number(&t, p, "hops_there", 0);
        table_number(&t, p, "hops_back", 0);
    }
    printf("\n");
    table_print(&t);
}

/* Does anything tell of the network? */
static bool is_heard(const json_t *root)
{
    const json_t *r, *l;
    size_t i;
    json_array_foreach(json_object_get(root, "routers"), i,
                       r) if (strcmp(json_text(r, "feed"), "none") != 0) return true;
    json_array_foreach(json_object_get(root, "links"), i,
                       l) if (strcmp(json_text(l, "session"), "up") == 0 ||
                              strcmp(json_text(l, "session"), "down") == 0) return true;
    return json_array_size(json_object_get(root, "paths")) > 0;
}

static int net_status(struct client *c)
{
    int rc = client_get(c, "/v1/net");
    if (rc >= 0 || client_printed(c))
        return MAX(rc, EXIT_DONE);
    print_routers(c->root);
    print_links(c->root);
    print_probed(json_object_get(c->root, "paths"));
    const json_t *f = json_object_get(c->root, "findings"), *v;
    size_t i;
    json_array_foreach(f, i, v)
        printf("%son paper %s: %s\n", i ? "" : "\n", json_text(v, "kind"), json_text(v, "text"));
    printf("\n");
    print_verdicts(json_object_get(c->root, "verdicts"));
    if (!json_array_size(json_object_get(c->root, "verdicts")))
        printf("%s\n", is_heard(c->root)
                           ? "Nothing is wrong."
                           : "Nothing is known: no router is heard, and no path is probed.");
    return EXIT_DONE;
}

static int net_verdicts(struct client *c)
{
    int rc = client_get(c, "/v1/net/verdicts?ended=true");
    if (rc >= 0 || client_printed(c))
        return MAX(rc, EXIT_DONE);
    const json_t *list = json_object_get(c->root, "verdicts");
    print_verdicts(list);
    if (!json_array_size(list))
        printf("Nothing is wrong, and nothing was.\n");
    return EXIT_DONE;
}

/* ---- tandem net routes PREFIX ---- */

static void print_ways(const json_t *root)
{
    const json_t *ways = json_object_get(root, "ways"), *w;
    size_t i;
    printf("\n");
    json_array_foreach(ways, i, w)
    {
        printf("from %s: ", json_text(w, "from"));
        print_hops(json_object_get(w, "hops"));
        printf(": %s\n", json_text(w, "end"));
    }
}

static int net_routes(struct client *c)
{
    struct buf path = {0};
    buf_str(&path, "/v1/net/routes?prefix=");
    client_encode(&path, c->args[1]);
    int rc = client_request(c, "GET", path.data, NULL);
    buf_free(&path);
    if (rc >= 0 || client_printed(c))
        return MAX(rc, EXIT_DONE);
    const json_t *routes = json_object_get(c->root, "routes"), *r;
    size_t i;
    struct table t;
    HEAD(&t, "ROUTER", "VIEW", "PEER", "PREFIX", "KIND", "NEXT HOP", ">MED", ">PREF", "PATH",
         ">SINCE");
    json_array_foreach(routes, i, r)
    {
        table_text(&t, r, "router");
        table_text(&t, r, "view");
        table_text(&t, r, "peer");
        table_text(&t, r, "prefix");
        table_text(&t, r, "kind");
        table_text(&t, r, "next_hop");
        table_number(&t, r, "med", 0);
        table_number(&t, r, "local_pref", 0);
        table_text(&t, r, "path");
        table_ago(&t, r, "since_ms");
    }
    if (json_array_size(routes))
        table_print(&t);
    else
        printf("Nobody has a route to it.\n");
    if (json_is_true(json_object_get(c->root, "more")))
        printf("There are more; only the first are shown.\n");
    print_ways(c->root);
    return EXIT_DONE;
}

/* ---- tandem net path A B ---- */

static void print_way(const json_t *root, const char *way, const char *from, const char *to)
{
    const json_t *w = json_object_get(root, way);
    double ms = json_number_of(w, "latency_expected_ms");
    printf("%s to %s: ", from, to);
    print_hops(json_object_get(w, "hops"));
    printf(": %s", json_text(w, "end"));
    if (isfinite(ms))
        printf(", %.2f ms expected", ms);
    printf("\n");
}

static int net_path(struct client *c)
{
    struct buf path = {0};
    buf_str(&path, "/v1/net/path?from=");
    client_encode(&path, c->args[1]);
    buf_str(&path, "&to=");
    client_encode(&path, c->args[2]);
    int rc = client_request(c, "GET", path.data, NULL);
    buf_free(&path);
    if (rc >= 0 || client_printed(c))
        return MAX(rc, EXIT_DONE);
    print_way(c->root, "there", c->args[1], c->args[2]);
    print_way(c->root, "back", c->args[2], c->args[1]);
    print_probed(json_object_get(c->root, "probes"));
    return EXIT_DONE;
}

/* ---- tandem net what-if CHANGE... ---- */

/* "link_down:link=use1-a", "prefer:router=gcp,link=use1-b,med=200": one change as JSON. */
static bool put_change(struct jw *w, const char *text)
{
    size_t n = strcspn(text, ":");
    jw_obj(w);
    jw_key(w, "change");
    jw_strn(w, text, n);
    bool ok = n > 0;
    for (text += n; ok && *text; text += n) {
        text++;
        n = strcspn(text, ",");
        size_t key = strcspn(text, "=,");
        ok = key > 0 && text[key] == '=' && key + 1 < n;
        if (!ok)
            break;
        const char *value = text + key + 1;
        size_t len = n - key - 1;
        jw_keyn(w, text, key);
        if (strspn(value, "0123456789") >= len)
            jw_raw(w, value, len);
        else
            jw_strn(w, value, len);
    }
    jw_end(w);
    return ok;
}

static void print_whatif(const json_t *root)
{
    const json_t *list = json_object_get(root, "verdicts"), *v;
    size_t i;
    json_array_foreach(list, i, v)
        printf("%-8s %s: %s\n", json_is_true(json_object_get(v, "raised")) ? "raises" : "clears",
               json_text(v, "kind"), json_text(v, "text"));
    if (!json_array_size(list))
        printf("It would raise and clear nothing.\n");
    if (json_is_true(json_object_get(root, "refused")))
        printf("Refused: it would make a loop or a blackhole that is not there now.\n");
}

static int net_whatif(struct client *c)
{
    struct buf body = {0};
    struct jw w;
    bool ok = c->n_args > 1;
    jw_begin(&w, &body);
    jw_obj(&w);
    jw_key(&w, "changes");
    jw_arr(&w);
    for (int i = 1; ok && i < c->n_args; i++)
        ok = put_change(&w, c->args[i]);
    if (!ok) {
        buf_free(&body);
        return cli_usage(c->command, "a change is KIND:key=value,...: link_down:link=use1-a");
    }
    jw_end(&w);
    jw_end(&w);
    int rc = client_request(c, "POST", "/v1/net/what-if", body.data);
    buf_free(&body);
    if (rc >= 0)
        return rc;
    bool refused = json_is_true(json_object_get(c->root, "refused"));
    if (!client_printed(c))
        print_whatif(c->root);
    return refused ? EXIT_NO : EXIT_DONE;
}

/* ---- tandem net optimise [US] ---- */

static void print_change(const json_t *x)
{
    static const char *const words[] = {"prefix", "community"};
    static const char *const numbers[] = {"local_pref", "med", "prepend"};
    printf("prefer:router=%s,link=%s", json_text(x, "router"), json_text(x, "link"));
    for (size_t i = 0; i < COUNTOF(words); i++)
        if (json_is_string(json_object_get(x, words[i])))
            printf(",%s=%s", words[i], json_text(x, words[i]));
    for (size_t i = 0; i < COUNTOF(numbers); i++)
        if (json_is_integer(json_object_get(x, numbers[i])))
            printf(",%s=%.0f", numbers[i], json_number_of(x, numbers[i]));
    printf("\n");
}

static int net_optimise(struct client *c)
{
    struct buf path = {0};
    buf_str(&path, "/v1/net/plan");
    if (c->n_args > 1) {
        buf_str(&path, "?us_per_cost=");
        client_encode(&path, c->args[1]);
    }
    int rc = client_request(c, "GET", path.data, NULL);
    buf_free(&path);
    if (rc >= 0)
        return rc;
    bool proved = json_is_true(json_object_get(c->root, "proved"));
    if (client_printed(c))
        return proved ? EXIT_DONE : EXIT_NO;
    const json_t *list = json_object_get(c->root, "changes"), *x;
    size_t i;
    if (!proved) {
        printf("There is no plan: %s.\n", json_text(c->root, "why_not"));
        return EXIT_NO;
    }
    json_array_foreach(list, i, x) print_change(x);
    printf("%sOf %.0f pairs of sites %.0f have the same way there and back, %.0f the best; with "
           "this plan %.0f and %.0f.\n",
           json_array_size(list) ? "" : "Nothing to change. ", json_number_of(c->root, "pairs"),
           json_number_of(c->root, "symmetric_before"), json_number_of(c->root, "best_before"),
           json_number_of(c->root, "symmetric_after"), json_number_of(c->root, "best_after"));
    return EXIT_DONE;
}

/* ---- which ---- */

int client_net(struct client *c)
{
    static const struct {
        const char *name;
        int (*run)(struct client *c);
        int least, most; /* words, its own name among them */
        const char *takes;
    } parts[] = {
        {"status", net_status, 1, 1, "nothing"},
        {"verdicts", net_verdicts, 1, 1, "nothing"},
        {"routes", net_routes, 2, 2, "a prefix"},
        {"path", net_path, 3, 3, "two sites"},
        {"what-if", net_whatif, 2, 1000, "one change or more"},
        {"optimise", net_optimise, 1, 2, "nothing or a number"},
    };
    const char *what = c->n_args ? c->args[0] : "status";
    for (size_t i = 0; i < COUNTOF(parts); i++)
        if (strcmp(parts[i].name, what) == 0)
            return MAX(c->n_args, 1) < parts[i].least || c->n_args > parts[i].most
                       ? cli_usage(c->command, "net %s takes %s after it", what, parts[i].takes)
                       : parts[i].run(c);
    return cli_usage(c->command,
                     "there is no \"net %s\"; there are status, verdicts, routes PREFIX, path FROM "
                     "TO, what-if CHANGE... and optimise",
                     what);
}
