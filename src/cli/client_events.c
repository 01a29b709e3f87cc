/* client_events.c - `tandem events`: the last facts, or all that come from now on. */
#include "cli/client.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

enum { RETRY_S = 2, ID_MAX_LEN = 200 };

/* The members of a fact's data that tell the most, in the order in which they read well. */
static const char *const told[] = {"state",   "end",    "rule",      "presence", "admin",
                                   "verdict", "site",   "from_site", "queue",    "agent",
                                   "policy",  "reason", "why"};

static void print_event(const json_t *e)
{
    const char *time = json_text(e, "time"), *type = json_text(e, "type");
    const char *node = strrchr(json_text(e, "source"), '/');
    const json_t *data = json_object_get(e, "data");
    if (strncmp(type, "tandem.", 7) == 0)
        type += 7;
    const char *version = strrchr(type, '.');
    int type_len = (int)(version ? (size_t)(version - type) : strlen(type));
    printf("%.12s  %-14s  %-16.*s  %s", strlen(time) > 11 ? time + 11 : time, node ? node + 1 : "-",
           type_len, type, json_text(e, "subject"));
    for (size_t i = 0; i < COUNTOF(told); i++) {
        const char *v = json_string_value(json_object_get(data, told[i]));
        if (v && *v)
            printf("  %s=%s", told[i], v);
    }
    printf("\n");
}

struct following {
    struct client *c;
    char last[ID_MAX_LEN];
};

static bool on_line(void *arg, const char *line, size_t len)
{
    struct following *f = arg;
    if (len > 4 && len - 4 < sizeof f->last && memcmp(line, "id: ", 4) == 0) {
        memcpy(f->last, line + 4, len - 4);
        f->last[len - 4] = 0;
    }
    if (len <= 6 || memcmp(line, "data: ", 6) != 0)
        return true;
    if (f->c->json) {
        fwrite(line + 6, 1, len - 6, stdout);
        putchar('\n');
    } else {
        json_t *e = json_loadb(line + 6, len - 6, 0, NULL);
        if (e)
            print_event(e);
        json_decref(e);
    }
    return fflush(stdout) == 0; /* who reads has gone: enough */
}

/* Goes on where it was when the hub comes back. */
static int follow(struct client *c, const char *path)
{
    struct following f = {.c = c};
    int rc = client_stream(c, path, "", on_line, &f);
    while (rc < 0) {
        fprintf(stderr, "tandem events: the stream has ended; trying again\n");
        do
            sleep(RETRY_S);
        while ((rc = client_stream(c, path, f.last, on_line, &f)) == EXIT_AWAY);
    }
    return rc;
}

int client_events(struct client *c)
{
    static const enum client_option options[] = {OPT_TYPE, OPT_LIMIT};
    bool follows = client_value(c, OPT_FOLLOW) != NULL;
    struct buf path = {0};
    if (follows && client_value(c, OPT_LIMIT))
        return cli_usage(c->command, "--limit is not for --follow");
    buf_str(&path, follows ? "/v1/events/stream" : "/v1/events");
    client_query(c, &path, options, COUNTOF(options));
    int rc = follows ? follow(c, path.data) : client_get(c, "%s", path.data);
    buf_free(&path);
    if (rc >= 0 || client_printed(c))
        return MAX(rc, EXIT_DONE);
    const json_t *e;
    size_t i;
    json_array_foreach(c->root, i, e) print_event(e);
    return EXIT_DONE;
}
