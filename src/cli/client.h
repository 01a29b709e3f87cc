/* client.h - the commands that speak with a running hub: one request or a few over the HTTP API
 * (docs/openapi.yaml), and what came as a table for people or as JSON for programs.
 *
 * client.c has the commands' table, the options and the requests; client_show.c what reads the
 * model, client_act.c what changes it, client_events.c the stream, client_net.c the network,
 * table.c the tables. */
#pragma once

#include "base/mem.h"
#include "cli/cli.h"

struct json_t;

enum client_option { /* what getopt_long gives; letters where there is a short form */
                     OPT_HUB = 'H',
                     OPT_JSON = 'j',
                     OPT_HELP = 'h',
                     OPT_REASON = 'r',
                     OPT_FOLLOW = 'f',
                     OPT_SITE = 's',
                     OPT_QUEUE = 'q',
                     OPT_LIMIT = 'n',
                     OPT_FORCE = 256,
                     OPT_STATE,
                     OPT_AFTER,
                     OPT_POLICY,
                     OPT_GROUP,
                     OPT_CHANNEL,
                     OPT_FROM,
                     OPT_NPA,
                     OPT_COUNTRY,
                     OPT_LAT,
                     OPT_LON,
                     OPT_CUSTOMER,
                     OPT_PRIORITY,
                     OPT_CONTACT,
                     OPT_ATTRIBUTE,
                     OPT_TYPE,
                     OPT_FOR,
                     OPT_END,
                     OPT_LIST
};

struct client {
    const struct command *command;
    char hub[512]; /* without a slash at its end */
    bool json;
    const char *value[64]; /* of options, by client_value's index; NULL: not given */
    const char *attribute[64];
    int attributes;
    char **args; /* what is no option */
    int n_args;
    struct buf reply;
    long status;
    struct json_t *root; /* the reply read; NULL: none yet */
};

/* The value of an option; "" for one without a value that was given, NULL when it was not. */
const char *client_value(const struct client *c, enum client_option o);

/* Makes a request. `body` NULL: none. Returns -1 with c->root set, or the exit code after a
 * message: EXIT_AWAY when the hub is not reached, EXIT_NO when it refused. */
int client_request(struct client *c, const char *method, const char *path, const char *body);
int client_get(struct client *c, const char *fmt, ...) PRINTF(2, 3);
/* Lines of a stream as they come. fn false: enough. Returns an exit code, or -1 when the stream
 * has ended. */
int client_stream(struct client *c, const char *path, const char *last_id,
                  bool (*fn)(void *arg, const char *line, size_t len), void *arg);
/* With --json: prints the reply as it came; true: nothing else is to be printed. */
bool client_printed(struct client *c);
/* "?a=b&c=d" of the options that are given, percent-encoded. */
void client_query(struct client *c, struct buf *out, const enum client_option *options, int n);
/* A part of a path, percent-encoded. */
void client_encode(struct buf *out, const char *text);

int client_status(struct client *c);
int client_shares(struct client *c);
int client_queues(struct client *c);
int client_agents(struct client *c);
int client_contacts(struct client *c);
int client_explain(struct client *c);
int client_nodes(struct client *c);
int client_arrivals(struct client *c);
int client_timeline(struct client *c);
int client_route(struct client *c);
int client_drain(struct client *c);
int client_restore(struct client *c);
int client_set_share(struct client *c);
int client_set_policy(struct client *c);
int client_fault(struct client *c);
int client_events(struct client *c);
int client_net(struct client *c);

/* ---- tables ---- */

enum { TABLE_COLUMNS = 17 }; /* the time, and sixteen sites */
struct table { /* zero-initialise; cells are kept until table_print frees them */
    int columns;
    const char *head[TABLE_COLUMNS];
    bool right[TABLE_COLUMNS];
    struct buf cells; /* each ended by NUL */
    uint32_t n;
};
/* "SITE|STATE|>SHARE": a column each, > aligns it to the right. `head` must outlive the table. */
void table_head(struct table *t, const char *const *head, int columns);
void table_cell(struct table *t, const char *text);
void table_fmt(struct table *t, const char *fmt, ...) PRINTF(2, 3);
void table_text(struct table *t, const struct json_t *row, const char *key);
void table_number(struct table *t, const struct json_t *row, const char *key, int places);
void table_percent(struct table *t, const struct json_t *row, const char *key, int places);
void table_print(struct table *t); /* states in colour on a terminal, unless NO_COLOR is set */

const char *json_text(const struct json_t *row, const char *key); /* "-" when there is none */
double json_number_of(const struct json_t *row, const char *key); /* NaN when there is none */
