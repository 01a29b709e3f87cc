/* client_act.c - the commands that change something: route, drain, restore, set-share, set-policy,
 * fault. */
#include "cli/client.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/json_kv.h"
#include "base/when.h"

/* Sends the body and frees it. */
static int send(struct client *c, const char *method, const char *path, struct buf *body)
{
    int rc = client_request(c, method, path, body->len ? body->data : NULL);
    buf_free(body);
    return rc;
}

static void kv_option(struct client *c, struct jw *w, enum client_option o, const char *key)
{
    if (client_value(c, o))
        kv_text(w, key, client_value(c, o));
}

/* A number as the user wrote it; the hub judges it. False: after a message. */
static bool kv_option_number(struct client *c, struct jw *w, enum client_option o, const char *key)
{
    const char *v = client_value(c, o);
    char *end;
    if (!v)
        return true;
    double d = strtod(v, &end);
    if (!*v || *end || !isfinite(d)) {
        cli_usage(c->command, "--%s takes a number, not \"%s\"", key, v);
        return false;
    }
    jw_key(w, key);
    jw_double(w, d);
    return true;
}

/* ---- route ---- */

static bool put_attributes(struct client *c, struct jw *w)
{
    if (!c->attributes)
        return true;
    kv_obj(w, "attributes");
    for (int i = 0; i < c->attributes; i++) {
        const char *is = strchr(c->attribute[i], '=');
        char key[128];
        if (!is || (size_t)(is - c->attribute[i]) >= sizeof key) {
            cli_usage(c->command, "--attribute takes KEY=VALUE");
            return false;
        }
        memcpy(key, c->attribute[i], (size_t)(is - c->attribute[i]));
        key[is - c->attribute[i]] = 0;
        kv_text(w, key, is + 1);
    }
    jw_end(w);
    return true;
}

static void print_candidates(const json_t *root)
{
    static const char *const names[] = {
        "SITE",           "",      ">DISTANCE KM", ">EXPECTED WAIT S", ">SHARE PRICE KM",
        ">OWED CONTACTS", ">SHARE"};
    struct table t = {0};
    const json_t *k;
    size_t i;
    table_head(&t, names, COUNTOF(names));
    json_array_foreach(json_object_get(root, "candidates"), i, k)
    {
        const char *excluded = json_string_value(json_object_get(k, "excluded"));
        table_text(&t, k, "site");
        table_cell(&t, excluded ? excluded : "");
        table_number(&t, k, "distance_km", 0);
        table_number(&t, k, "expected_wait_s", 1);
        table_number(&t, k, "share_price_km", 1);
        table_number(&t, k, "lag_contacts", 2);
        table_percent(&t, k, "share", 1);
    }
    table_print(&t);
}

int client_route(struct client *c)
{
    struct buf body = {0};
    struct jw w;
    if (!client_value(c, OPT_QUEUE))
        return cli_usage(c->command, "--queue is needed");
    jw_begin(&w, &body);
    jw_obj(&w);
    kv_option(c, &w, OPT_CONTACT, "contact");
    kv_option(c, &w, OPT_QUEUE, "queue");
    kv_option(c, &w, OPT_CHANNEL, "channel");
    kv_option(c, &w, OPT_FROM, "from");
    kv_option(c, &w, OPT_COUNTRY, "country");
    kv_option(c, &w, OPT_CUSTOMER, "customer");
    bool ok = kv_option_number(c, &w, OPT_NPA, "npa") && kv_option_number(c, &w, OPT_LAT, "lat") &&
              kv_option_number(c, &w, OPT_LON, "lon") &&
              kv_option_number(c, &w, OPT_PRIORITY, "priority") && put_attributes(c, &w);
    if (!ok) {
        buf_free(&body);
        return EXIT_USE;
    }
    jw_end(&w);
    int rc = send(c, "POST", "/v1/route", &body);
    if (rc >= 0 || client_printed(c))
        return MAX(rc, EXIT_DONE);
    printf("%s goes to %s (%s: %s), says %s\n\n", json_text(c->root, "contact"),
           json_text(c->root, "site"), json_text(c->root, "rule"), json_text(c->root, "reason"),
           json_text(c->root, "decided_by"));
    print_candidates(c->root);
    return EXIT_DONE;
}

/* ---- sites ---- */

static int change_site(struct client *c, const char *verb)
{
    struct buf body = {0}, path = {0};
    struct jw w;
    jw_begin(&w, &body);
    jw_obj(&w);
    kv_option(c, &w, OPT_REASON, "reason");
    if (client_value(c, OPT_FORCE))
        kv_bool(&w, "force", true);
    jw_end(&w);
    buf_str(&path, "/v1/sites/");
    client_encode(&path, c->args[0]);
    buf_fmt(&path, "/%s", verb);
    int rc = send(c, "POST", path.data, &body);
    buf_free(&path);
    if (rc >= 0 || client_printed(c))
        return MAX(rc, EXIT_DONE);
    printf("%s is %s: %.0f waiting, %.0f connected\n", json_text(c->root, "name"),
           json_text(c->root, "state"), json_number_of(c->root, "waiting"),
           json_number_of(c->root, "connected"));
    return EXIT_DONE;
}

int client_drain(struct client *c)
{
    return change_site(c, "drain");
}

int client_restore(struct client *c)
{
    return change_site(c, "restore");
}

/* ---- shares and policy ---- */

static bool put_share(struct client *c, struct jw *w, const char *arg)
{
    const char *is = strchr(arg, '=');
    char site[128], *end;
    double percent = is ? strtod(is + 1, &end) : 0;
    if (!is || is == arg || !is[1] || *end || (size_t)(is - arg) >= sizeof site) {
        cli_usage(c->command, "a share is SITE=PERCENT, not \"%s\"", arg);
        return false;
    }
    memcpy(site, arg, (size_t)(is - arg));
    site[is - arg] = 0;
    jw_key(w, site);
    jw_double(w, percent);
    return true;
}

int client_set_share(struct client *c)
{
    struct buf body = {0};
    struct jw w;
    jw_begin(&w, &body);
    jw_obj(&w);
    kv_option(c, &w, OPT_POLICY, "policy");
    kv_option(c, &w, OPT_GROUP, "group");
    kv_option(c, &w, OPT_REASON, "reason");
    kv_obj(&w, "shares");
    for (int i = 0; i < c->n_args; i++)
        if (!put_share(c, &w, c->args[i])) {
            buf_free(&body);
            return EXIT_USE;
        }
    jw_end(&w);
    jw_end(&w);
    int rc = send(c, "PUT", "/v1/shares", &body);
    return rc >= 0 ? rc : client_shares(c);
}

int client_set_policy(struct client *c)
{
    struct buf body = {0};
    struct jw w;
    jw_begin(&w, &body);
    jw_obj(&w);
    kv_text(&w, "policy", c->args[0]);
    kv_option(c, &w, OPT_REASON, "reason");
    jw_end(&w);
    int rc = send(c, "PUT", "/v1/policy", &body);
    return rc >= 0 ? rc : client_shares(c);
}

/* ---- faults of the simulation ---- */

static void fault_row(struct table *t, const json_t *f)
{
    char at[WHEN_TEXT];
    double until = json_number_of(f, "until_ms");
    table_number(t, f, "id", 0);
    table_text(t, f, "fault");
    table_text(t, f, "state");
    if (isfinite(until)) {
        when_print((int64_t)until, at);
        at[10] = ' ';
        at[19] = 0;
    }
    table_cell(t, isfinite(until) ? at : "ended by hand");
}

static int print_faults(struct client *c)
{
    static const char *const names[] = {">ID", "FAULT", "STATE", "UNTIL (UTC)"};
    const json_t *list = json_object_get(c->root, "faults"), *f;
    struct table t = {0};
    size_t i;
    if (client_printed(c))
        return EXIT_DONE;
    table_head(&t, names, COUNTOF(names));
    if (!list)
        fault_row(&t, c->root);
    json_array_foreach(list, i, f) fault_row(&t, f);
    table_print(&t);
    return EXIT_DONE;
}

int client_fault(struct client *c)
{
    const char *end = client_value(c, OPT_END), *lasts = client_value(c, OPT_FOR);
    int64_t for_ms = 0;
    int rc;
    if (end && (c->n_args || lasts))
        return cli_usage(c->command, "--end stands alone");
    if (end && strcmp(end, "all") == 0) {
        rc = client_request(c, "DELETE", "/v1/sim/faults", NULL);
    } else if (end) {
        struct buf path = {0};
        buf_str(&path, "/v1/sim/faults/");
        client_encode(&path, end);
        rc = client_request(c, "DELETE", path.data, NULL);
        buf_free(&path);
    } else if (!c->n_args) {
        rc = client_get(c, "/v1/sim/faults");
    } else {
        struct buf body = {0};
        struct jw w;
        if (lasts && !when_parse_span(lasts, &for_ms))
            return cli_usage(c->command, "--for takes a time such as 90s, 10m or 2h");
        jw_begin(&w, &body);
        jw_obj(&w);
        kv_text(&w, "fault", c->args[0]);
        if (lasts)
            kv_decimal(&w, "for_s", (double)for_ms / 1000, 3);
        jw_end(&w);
        rc = send(c, "POST", "/v1/sim/faults", &body);
    }
    return rc >= 0 ? rc : print_faults(c);
}
