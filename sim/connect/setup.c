#include "connect/setup.h"

#include <stdio.h>
#include <string.h>

#define ACCOUNT "123456789012"

static const struct conf_row allow_rows[] = {
    {"action", "An action that is allowed: connect:DescribeUser, connect:List*, kinesis:*, or *.",
     CONF_AT(struct setup_allow, text), .type = CONF_TEXT, .required = true},
};
static const struct conf_table allow_table = {CONF_TABLE(allow_rows), .shorthand = "action"};

static void take_account(struct conf *c, const struct conf_node *n, const char *text, void *base);
static void take_key_account(struct conf *c, const struct conf_node *n, const char *text,
                             void *base);

static const struct conf_row key_rows[] = {
    {"id", "The access key id.", CONF_AT(struct setup_key, id), .type = CONF_TEXT,
     .required = true},
    {"secret", "Its secret.", CONF_AT(struct setup_key, secret), .type = CONF_TEXT,
     .required = true},
    {"token", "The session token that requests with this key must carry.",
     CONF_AT(struct setup_key, token), .type = CONF_TEXT, .def_doc = "none"},
    {"account", "The account that it belongs to.", .type = CONF_TEXT, .take = take_key_account,
     .def_doc = "the centre's"},
    {"allow", "What it may do.", .type = CONF_LIST, CONF_ARRAY(struct setup_key, allow, n_allow),
     .min = 0, .one_or_many = true, .sub = &allow_table, .def_doc = "everything"},
};
static const struct conf_table key_table = {CONF_TABLE(key_rows), .unique = "id",
                                            .doc = "Access keys of connectsim's accounts."};

static const struct conf_row lambda_rows[] = {
    {"name", "The function's name, as in its ARN; associated with every instance.",
     CONF_AT(struct setup_lambda, name), .type = CONF_TEXT, .required = true},
    {"url", "Where its events go; {region} becomes the region of the ARN.",
     CONF_AT(struct setup_lambda, url), .type = CONF_TEXT, .required = true},
};
static const struct conf_table lambda_table = {CONF_TABLE(lambda_rows), .unique = "name",
                                               .doc = "Functions that flows may call."};

static const struct conf_row setup_rows[] = {
    {"account", "The AWS account of the instances, 12 digits.", .type = CONF_TEXT,
     .take = take_account, .def = ACCOUNT},
    {"pairs", "Sites in two regions that AWS pairs are one replicated instance.",
     CONF_AT(struct setup, pairs), .type = CONF_BOOL, .def = "true"},
    {"arrivals", "Contacts arrive by the workload, at its mean rate.",
     CONF_AT(struct setup, arrivals), .type = CONF_BOOL, .def = "true"},
    {"history", "Ended contacts that each instance remembers.", CONF_AT(struct setup, history_max),
     .type = CONF_INT, .min = 0, .max = 10000000, .def = "100000"},
    {"shards", "Shards of each stream of agent events and contact records.",
     CONF_AT(struct setup, shards), .type = CONF_INT, .min = 1, .max = 64, .def = "2"},
    {"lambdas", "Lambda functions, each an HTTP endpoint.", .type = CONF_LIST,
     CONF_ALLOC(struct setup, lambda, n_lambdas), .min = 0, .max = SETUP_LAMBDAS_MAX,
     .sub = &lambda_table, .def_doc = "none"},
    {"function",
     "The Lambda function that every flow asks: at its entry where the contact goes, and while a "
     "call waits whether it goes elsewhere. The flows are those of deploy/flows.",
     CONF_AT(struct setup, function), .type = CONF_NAME,
     .def_doc = "none: flows lead to their queues"},
    {"transfer_numbers", "Numbers of each instance for calls that other instances transfer to it.",
     CONF_AT(struct setup, transfer_numbers), .type = CONF_INT, .min = 0, .max = 64, .def = "0"},
    {"events", "The webhook that contact events are posted to, as EventBridge does.",
     CONF_AT(struct setup, events_url), .type = CONF_TEXT, .def_doc = "none"},
    {"keys", "Who may call.", .type = CONF_LIST, CONF_ALLOC(struct setup, key, n_keys), .min = 1,
     .max = 1000, .sub = &key_table, .def_doc = "one, id test and secret test"},
};
const struct conf_table setup_table = {CONF_TABLE(setup_rows),
                                       .doc = "Amazon Connect as connectsim(1) plays it."};

static bool is_account(const char *text)
{
    return strlen(text) == 12 && strspn(text, "0123456789") == 12;
}

static void take_account(struct conf *c, const struct conf_node *n, const char *text, void *base)
{
    if (!is_account(text))
        conf_error_value(c, n, "is not an account", "write its 12 digits in quotes");
    else
        str_copy(((struct setup *)base)->account, ACCOUNT_MAX, text);
}

static void take_key_account(struct conf *c, const struct conf_node *n, const char *text,
                             void *base)
{
    if (n && !is_account(text))
        conf_error_value(c, n, "is not an account", "write its 12 digits in quotes");
    else if (n)
        str_copy(((struct setup_key *)base)->account, ACCOUNT_MAX, text);
}

static struct setup *setup_new(void)
{
    struct setup *s = mem_new(1, sizeof *s);
    str_copy(s->account, sizeof s->account, ACCOUNT);
    s->pairs = s->arrivals = true;
    s->history_max = 100000;
    s->shards = 2;
    return s;
}

struct setup *setup_load(const char *path, struct buf *errors)
{
    struct setup *s = setup_new();
    const struct conf_section sections[] = {{"connectsim", &setup_table, s, NULL}, {0}};
    s->config = config_load_file_with(path, sections, errors);
    if (s->config)
        return s;
    setup_free(s);
    return NULL;
}

static void default_text(const char *regions, struct buf *b)
{
    static const char *const queues[] = {"support", "sales", "chat", "back-office"};
    buf_str(b, "name: connectsim\nhub: {name: hub, lat: 39, lon: -77.5}\nsites:\n");
    const char *p = regions;
    while (*p) {
        size_t n = strcspn(p, ",");
        buf_fmt(b, "  - {name: \"%.*s\", lat: 39, lon: -77.5, contacts_max: 10}\n", (int)n, p);
        p += n + (p[n] == ',');
    }
    buf_str(b, "queues:\n");
    for (size_t q = 0; q < COUNTOF(queues); q++)
        buf_fmt(b, "  - {name: %s, handle_s: %d, patience_s: %d}\n", queues[q], q == 2 ? 400 : 180,
                q < 2 ? 120 : 3600);
    buf_str(b, "profiles:\n"
               "  - name: voice\n"
               "    queues: [support, {queue: sales, priority: 2, delay_s: 5}]\n"
               "  - name: digital\n"
               "    concurrency: {chat: 3, task: 5}\n"
               "    queues: [{queue: chat, channel: chat},\n"
               "             {queue: back-office, channel: task, priority: 2}]\n"
               "workload: {load: 0.5, flat: true, demands: [\n"
               "  {queue: support, weight: 3, handle_mean_s: 150, wrapup_mean_s: 30},\n"
               "  {queue: sales, weight: 1, handle_mean_s: 150, wrapup_mean_s: 30},\n"
               "  {queue: chat, channel: chat, weight: 1, handle_mean_s: 400},\n"
               "  {queue: back-office, channel: task, weight: 1, handle_mean_s: 180}]}\n"
               "agents:\n");
    for (p = regions; *p;) {
        size_t n = strcspn(p, ",");
        buf_fmt(b, "  - {site: \"%.*s\", profile: voice, count: 8, prefix: \"%.*s-voice\"}\n",
                (int)n, p, (int)n, p);
        buf_fmt(b, "  - {site: \"%.*s\", profile: digital, count: 4, prefix: \"%.*s-digital\"}\n",
                (int)n, p, (int)n, p);
        p += n + (p[n] == ',');
    }
}

struct setup *setup_default(const char *regions, struct buf *errors)
{
    struct setup *s = setup_new();
    struct buf text = {0};
    if (!*regions || strspn(regions, "abcdefghijklmnopqrstuvwxyz0123456789-,") != strlen(regions)) {
        buf_str(errors, "regions: names like us-east-1 with commas between them\n");
    } else {
        default_text(regions, &text);
        s->config = config_load(text.data, text.len, "regions", errors);
    }
    buf_free(&text);
    if (s->config)
        return s;
    setup_free(s);
    return NULL;
}

void setup_free(struct setup *s)
{
    if (!s)
        return;
    config_free(s->config);
    mem_free(s->key);
    mem_free(s->lambda);
    mem_free(s);
}

bool setup_add_lambda(struct setup *s, const char *text)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || s->n_lambdas == SETUP_LAMBDAS_MAX ||
        (size_t)(equals - text) >= sizeof s->lambda->name ||
        strlen(equals + 1) >= sizeof s->lambda->url)
        return false;
    s->lambda = mem_grow(s->lambda, s->n_lambdas + 1, sizeof *s->lambda);
    struct setup_lambda *l = &s->lambda[s->n_lambdas++];
    str_copy(l->url, sizeof l->url, equals + 1);
    str_copy(l->name, (size_t)(equals - text) + 1, text);
    return true;
}

void setup_add_keys(const struct setup *s, struct center *c)
{
    static char all[] = "*";
    static char *everything[] = {all, NULL};
    if (!s->n_keys) {
        struct center_key key = {.id = "test", .secret = "test", .allow = everything};
        str_copy(key.account, sizeof key.account, s->account);
        center_add_key(c, &key);
    }
    for (uint32_t i = 0; i < s->n_keys; i++) {
        const struct setup_key *k = &s->key[i];
        char text[SETUP_ALLOW_MAX][sizeof k->allow[0].text];
        char *allow[SETUP_ALLOW_MAX + 1] = {NULL};
        struct center_key key = {.allow = k->n_allow ? allow : everything};
        for (uint32_t a = 0; a < k->n_allow; a++) {
            str_copy(text[a], sizeof text[a], k->allow[a].text);
            allow[a] = text[a];
        }
        str_copy(key.id, sizeof key.id, k->id);
        str_copy(key.secret, sizeof key.secret, k->secret);
        str_copy(key.token, sizeof key.token, k->token);
        str_copy(key.account, sizeof key.account, k->account[0] ? k->account : s->account);
        center_add_key(c, &key);
    }
}
