#include "cli/client.h"

#include <ctype.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <jansson.h>

#define HUB_DEFAULT "http://127.0.0.1:8400"
enum { REPLY_MAX = 64 << 20, CONNECT_MS = 3000, REPLY_MS = 20000 };

/* ---- one row a command: what runs it, and the options it takes ---- */

static const struct {
    const char *name;
    int (*run)(struct client *c);
    int args_min, args_max;
    int options[16]; /* besides --hub, --json and --help */
} client_commands[] = {
    {"status", client_status, 0, 0, {0}},
    {"shares", client_shares, 0, 0, {0}},
    {"queues", client_queues, 0, 0, {0}},
    {"agents", client_agents, 0, 1, {OPT_SITE, OPT_STATE, OPT_LIMIT, OPT_AFTER}},
    {"contacts", client_contacts, 0, 1, {OPT_SITE, OPT_STATE, OPT_QUEUE, OPT_LIMIT, OPT_AFTER}},
    {"explain", client_explain, 1, 1, {0}},
    {"nodes", client_nodes, 0, 0, {0}},
    {"arrivals", client_arrivals, 0, 0, {0}},
    {"timeline", client_timeline, 0, 0, {0}},
    {"events", client_events, 0, 0, {OPT_FOLLOW, OPT_TYPE, OPT_LIMIT}},
    {"route",
     client_route,
     0,
     0,
     {OPT_QUEUE, OPT_CHANNEL, OPT_FROM, OPT_NPA, OPT_COUNTRY, OPT_LAT, OPT_LON, OPT_CUSTOMER,
      OPT_PRIORITY, OPT_CONTACT, OPT_ATTRIBUTE}},
    {"drain", client_drain, 1, 1, {OPT_REASON, OPT_FORCE}},
    {"restore", client_restore, 1, 1, {OPT_REASON}},
    {"set-share", client_set_share, 1, 16, {OPT_POLICY, OPT_GROUP, OPT_REASON}},
    {"set-policy", client_set_policy, 1, 1, {OPT_REASON}},
    {"fault", client_fault, 0, 1, {OPT_FOR, OPT_END}},
    {"net", client_net, 0, 257, {0}},
};

static const struct option longs[] = {
    {"hub", required_argument, 0, OPT_HUB},
    {"json", no_argument, 0, OPT_JSON},
    {"help", no_argument, 0, OPT_HELP},
    {"reason", required_argument, 0, OPT_REASON},
    {"force", no_argument, 0, OPT_FORCE},
    {"follow", no_argument, 0, OPT_FOLLOW},
    {"site", required_argument, 0, OPT_SITE},
    {"state", required_argument, 0, OPT_STATE},
    {"queue", required_argument, 0, OPT_QUEUE},
    {"limit", required_argument, 0, OPT_LIMIT},
    {"after", required_argument, 0, OPT_AFTER},
    {"policy", required_argument, 0, OPT_POLICY},
    {"group", required_argument, 0, OPT_GROUP},
    {"channel", required_argument, 0, OPT_CHANNEL},
    {"from", required_argument, 0, OPT_FROM},
    {"npa", required_argument, 0, OPT_NPA},
    {"country", required_argument, 0, OPT_COUNTRY},
    {"lat", required_argument, 0, OPT_LAT},
    {"lon", required_argument, 0, OPT_LON},
    {"customer", required_argument, 0, OPT_CUSTOMER},
    {"priority", required_argument, 0, OPT_PRIORITY},
    {"contact", required_argument, 0, OPT_CONTACT},
    {"attribute", required_argument, 0, OPT_ATTRIBUTE},
    {"type", required_argument, 0, OPT_TYPE},
    {"for", required_argument, 0, OPT_FOR},
    {"end", required_argument, 0, OPT_END},
    {0},
};

/* ---- options ---- */

static int index_of(int option)
{
    for (int i = 0; longs[i].name; i++)
        if (longs[i].val == option)
            return i;
    return -1;
}

const char *client_value(const struct client *c, enum client_option o)
{
    return c->value[index_of((int)o)];
}

static bool takes(size_t row, int option)
{
    for (int i = 0; client_commands[row].options[i]; i++)
        if (client_commands[row].options[i] == option)
            return true;
    return option == OPT_HUB || option == OPT_JSON || option == OPT_HELP;
}

static int read_options(struct client *c, size_t row, int argc, char **argv)
{
    for (int k; (k = cli_getopt(argc, argv, c->command, "H:jhr:fs:q:n:", longs)) != -1;) {
        if (k == '?')
            return EXIT_USE;
        if (k == OPT_HELP)
            return EXIT_DONE;
        if (!takes(row, k))
            return cli_usage(c->command, "--%s is not for this command", longs[index_of(k)].name);
        if (k == OPT_ATTRIBUTE) {
            if (c->attributes == (int)COUNTOF(c->attribute))
                return cli_usage(c->command, "at most %d attributes", c->attributes);
            c->attribute[c->attributes++] = optarg;
        }
        c->value[index_of(k)] = optarg ? optarg : "";
    }
    c->args = argv + optind;
    c->n_args = argc - optind;
    if (c->n_args < client_commands[row].args_min || c->n_args > client_commands[row].args_max)
        return cli_usage(c->command, c->n_args ? "what is \"%s\"?" : "something is missing%.0s",
                         c->n_args ? c->args[c->n_args - 1] : "");
    c->json = client_value(c, OPT_JSON) != NULL;
    return -1;
}

static int find_hub(struct client *c)
{
    const char *hub = client_value(c, OPT_HUB);
    if (!hub)
        hub = getenv("TANDEM_HUB");
    if (!hub || !*hub)
        hub = HUB_DEFAULT;
    if ((strncmp(hub, "http://", 7) != 0 && strncmp(hub, "https://", 8) != 0) ||
        !str_copy(c->hub, sizeof c->hub, hub))
        return cli_usage(c->command, "the hub's address begins with http:// or https://");
    for (size_t n = strlen(c->hub); n && c->hub[n - 1] == '/'; n--)
        c->hub[n - 1] = 0;
    return -1;
}

int cmd_client(int argc, char **argv)
{
    size_t row = 0;
    while (strcmp(client_commands[row].name, argv[0]) != 0)
        BUG_ON(++row == COUNTOF(client_commands));
    struct client *c = mem_new(1, sizeof *c);
    c->command = cli_command(argv[0]);
    int rc = read_options(c, row, argc, argv);
    if (rc < 0)
        rc = find_hub(c);
    if (rc < 0)
        rc = client_commands[row].run(c);
    json_decref(c->root);
    buf_free(&c->reply);
    mem_free(c);
    return rc;
}

/* ---- requests ---- */

void client_encode(struct buf *out, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (isalnum(*p) || strchr("-._~", *p))
            buf_char(out, (char)*p);
        else
            buf_fmt(out, "%%%02X", *p);
    }
}

void client_query(struct client *c, struct buf *out, const enum client_option *options, int n)
{
    char before = '?';
    for (int i = 0; i < n; i++) {
        const char *v = client_value(c, options[i]);
        if (!v)
            continue;
        buf_fmt(out, "%c%s=", before, longs[index_of((int)options[i])].name);
        client_encode(out, v);
        before = '&';
    }
}

static size_t on_data(char *data, size_t size, size_t n, void *arg)
{
    struct client *c = arg;
    if (c->reply.len + size * n > REPLY_MAX)
        return 0;
    buf_add(&c->reply, data, size * n);
    return size * n;
}

static CURL *prepare(struct client *c, const char *path, char *error)
{
    char url[4096];
    CURL *h = curl_easy_init();
    if (!h)
        return NULL;
    snprintf(url, sizeof url, "%s%s", c->hub, path);
    error[0] = 0;
    curl_easy_setopt(h, CURLOPT_URL, url);
    curl_easy_setopt(h, CURLOPT_ERRORBUFFER, error);
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(h, CURLOPT_PROXY, ""); /* a hub is near, often on this very machine */
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_USERAGENT, "tandem/" TANDEM_VERSION);
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    return h;
}

static int away(struct client *c, CURLcode code, const char *error)
{
    fprintf(stderr, "tandem %s: the hub at %s is not reached: %s\n", c->command->name, c->hub,
            *error ? error : curl_easy_strerror(code));
    if (code == CURLE_COULDNT_CONNECT)
        fprintf(stderr, "Is it running? \"tandem run\" or \"tandem demo\" starts one; --hub or "
                        "TANDEM_HUB names another.\n");
    return EXIT_AWAY;
}

static int refused(struct client *c)
{
    const char *title = json_text(c->root, "title"), *detail = json_text(c->root, "detail");
    if (c->json && c->reply.len)
        printf("%s\n", c->reply.data);
    fprintf(stderr, "tandem %s: %s (%ld)\n", c->command->name, c->root ? detail : "refused",
            c->status);
    (void)title;
    return EXIT_NO;
}

int client_request(struct client *c, const char *method, const char *path, const char *body)
{
    char error[CURL_ERROR_SIZE];
    CURL *h = prepare(c, path, error);
    if (!h)
        return away(c, CURLE_FAILED_INIT, "");
    struct curl_slist *fields = curl_slist_append(NULL, "Content-Type: application/json");
    fields = curl_slist_append(fields, "Expect:");
    buf_reset(&c->reply);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, c);
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)REPLY_MS);
    if (strcmp(method, "GET") != 0) {
        curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, method);
        curl_easy_setopt(h, CURLOPT_HTTPHEADER, fields);
        if (body)
            curl_easy_setopt(h, CURLOPT_POSTFIELDS, body);
    }
    CURLcode code = curl_easy_perform(h);
    curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &c->status);
    curl_slist_free_all(fields);
    curl_easy_cleanup(h);
    if (code != CURLE_OK)
        return away(c, code, error);
    json_decref(c->root);
    c->root = c->reply.len ? json_loadb(c->reply.data, c->reply.len, 0, NULL) : NULL;
    if (c->status >= 400)
        return refused(c);
    if (c->root)
        return -1;
    fprintf(stderr, "tandem %s: what answers at %s is no tandem\n", c->command->name, c->hub);
    return EXIT_AWAY;
}

int client_get(struct client *c, const char *fmt, ...)
{
    char path[2048];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(path, sizeof path, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof path)
        return cli_usage(c->command, "that is too long");
    return client_request(c, "GET", path, NULL);
}

bool client_printed(struct client *c)
{
    if (c->json)
        printf("%s\n", c->reply.data);
    return c->json;
}

/* ---- streams ---- */

struct lines {
    struct client *c;
    CURL *h;
    bool (*fn)(void *arg, const char *line, size_t len);
    void *arg;
    bool enough;
};

static size_t on_lines(char *data, size_t size, size_t n, void *arg)
{
    struct lines *l = arg;
    struct buf *b = &l->c->reply;
    size_t len = size * n, start = 0;
    curl_easy_getinfo(l->h, CURLINFO_RESPONSE_CODE, &l->c->status);
    if (b->len + len > REPLY_MAX)
        return 0;
    buf_add(b, data, len);
    if (l->c->status != 200)
        return len;
    for (char *end; (end = memchr(b->data + start, '\n', b->len - start)) && !l->enough;) {
        l->enough = !l->fn(l->arg, b->data + start, (size_t)(end - b->data) - start);
        start = (size_t)(end - b->data) + 1;
    }
    memmove(b->data, b->data + start, b->len - start);
    b->len -= start;
    return l->enough ? 0 : len;
}

int client_stream(struct client *c, const char *path, const char *last_id,
                  bool (*fn)(void *arg, const char *line, size_t len), void *arg)
{
    char error[CURL_ERROR_SIZE], field[300];
    struct lines l = {.c = c, .fn = fn, .arg = arg};
    CURL *h = l.h = prepare(c, path, error);
    if (!h)
        return away(c, CURLE_FAILED_INIT, "");
    snprintf(field, sizeof field, "Last-Event-ID: %s", last_id);
    struct curl_slist *fields = *last_id ? curl_slist_append(NULL, field) : NULL;
    buf_reset(&c->reply);
    c->status = 0;
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_lines);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, &l);
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, fields);
    CURLcode code = curl_easy_perform(h);
    curl_slist_free_all(fields);
    curl_easy_cleanup(h);
    if (l.enough)
        return EXIT_DONE;
    if (code != CURLE_OK && c->status != 200)
        return away(c, code, error);
    if (c->status == 200)
        return -1;
    json_decref(c->root);
    c->root = c->reply.len ? json_loadb(c->reply.data, c->reply.len, 0, NULL) : NULL;
    return refused(c);
}
