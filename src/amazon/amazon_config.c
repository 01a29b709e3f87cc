#include "amazon/amazon_config.h"

#include <string.h>

#include "core/config.h"

static void put_site(struct conf *f, const struct conf_node *n, const char *text, uint8_t *to)
{
    int site = config_site_by_name(config_loading(f), text);
    if (site < 0)
        conf_error_value(f, n, "is not a site", "name one of the section sites");
    else
        *to = (uint8_t)site;
}

static void take_site(struct conf *f, const struct conf_node *n, const char *text, void *base)
{
    put_site(f, n, text, &((struct amazon_instance *)base)->site);
}

static void take_first(struct conf *f, const struct conf_node *n, const char *text, void *base)
{
    put_site(f, n, text, &((struct amazon_pair *)base)->site[0]);
}

static void take_second(struct conf *f, const struct conf_node *n, const char *text, void *base)
{
    put_site(f, n, text, &((struct amazon_pair *)base)->site[1]);
}

struct raw_number {
    char text[CONNECT_NUMBER_MAX];
};

static bool is_number(const char *s)
{
    size_t n = strlen(s);
    return *s == '+' && n >= 8 && n < CONNECT_NUMBER_MAX && strspn(s + 1, "0123456789") == n - 1;
}

static void take_number(struct conf *f, const struct conf_node *n, const char *text, void *base)
{
    if (is_number(text))
        (void)str_copy(((struct raw_number *)base)->text, CONNECT_NUMBER_MAX, text);
    else
        conf_error_value(f, n, "is no telephone number", "write it in quotes as \"+12125550100\"");
}

static void number_done(struct conf *f, const struct conf_node *n, void *base, void *owner)
{
    struct amazon_instance *i = owner;
    (void)f, (void)n;
    if (i->numbers.n < CONNECT_NUMBERS_MAX)
        memcpy(i->numbers.number[i->numbers.n++], ((struct raw_number *)base)->text,
               CONNECT_NUMBER_MAX);
}

static const struct conf_row number_rows[] = {
    {"number", "A telephone number in E.164.", .type = CONF_TEXT, .take = take_number,
     .required = true},
};
static const struct conf_table number_table = {CONF_TABLE(number_rows), .shorthand = "number",
                                               .done = number_done};

static void instance_done(struct conf *f, const struct conf_node *n, void *base, void *owner)
{
    struct amazon_instance *i = base;
    const struct config *c = config_loading(f);
    (void)n, (void)owner;
    if (!i->region[0]) /* sites are named after their region by custom */
        (void)str_copy(i->region, sizeof i->region, c->site[i->site].name);
}

static const struct conf_row instance_rows[] = {
    {"site", "The site that this instance is.", .type = CONF_NAME, .take = take_site,
     .required = true},
    {"region", "The AWS region that it is in.", CONF_AT(struct amazon_instance, region),
     .type = CONF_NAME, .def_doc = "the site's name"},
    {"instance", "The id of the instance. The two of a replicated pair have the same.",
     CONF_AT(struct amazon_instance, instance), .type = CONF_NAME, .required = true},
    {"agent_stream", "Name or ARN of the Kinesis stream with its agent events.",
     CONF_AT(struct amazon_instance, agent_stream), .type = CONF_TEXT,
     .def_doc = "what its storage configuration says"},
    {"record_stream", "Name or ARN of the Kinesis stream with its contact records.",
     CONF_AT(struct amazon_instance, record_stream), .type = CONF_TEXT,
     .def_doc = "what its storage configuration says"},
    {"numbers",
     "Numbers of the instance that are used for transfers from other sites and for "
     "nothing else. Without any, no call is transferred there.",
     .type = CONF_LIST, CONF_EACH(struct raw_number), .max = CONNECT_NUMBERS_MAX,
     .one_or_many = true, .sub = &number_table, .def_doc = "none"},
};
static const struct conf_table instance_table = {CONF_TABLE(instance_rows), .unique = "site",
                                                 .done = instance_done,
                                                 .doc = "Instances of Amazon Connect."};

static void pair_done(struct conf *f, const struct conf_node *n, void *base, void *owner)
{
    struct amazon_pair *p = base;
    (void)owner;
    if (p->site[0] == p->site[1])
        conf_error(f, n, "both sites are the same; a pair has two");
}

static const struct conf_row pair_rows[] = {
    {"first", "The site whose percentage is reckoned.", .type = CONF_NAME, .take = take_first,
     .required = true},
    {"second", "The other one.", .type = CONF_NAME, .take = take_second, .required = true},
    {"group", "The ARN of the Traffic Distribution Group that splits their calls.",
     CONF_AT(struct amazon_pair, group), .type = CONF_TEXT, .required = true},
    {"agents", "The group's agents are divided as its calls are.",
     CONF_AT(struct amazon_pair, agents), .type = CONF_BOOL, .def = "true"},
    {"sign_in", "Sign-in follows too; of the default group only.",
     CONF_AT(struct amazon_pair, sign_in), .type = CONF_BOOL, .def = "false"},
    {"dwell", "The least time between two changes that only follow a share between two tens.",
     CONF_AT(struct amazon_pair, dwell_ms), .unit = "s", .type = CONF_INT, .min = 10, .max = 86400,
     .scale = 1000, .def = "60"},
};
static const struct conf_table pair_table = {CONF_TABLE(pair_rows), .done = pair_done,
                                             .doc = "Sites that AWS pairs (Amazon Connect Global "
                                                    "Resiliency)."};

static void begin(struct conf *f, const struct conf_node *n, void *base, void *owner)
{
    (void)f, (void)owner;
    ((struct amazon_config *)base)->given = n != NULL;
}

static void take_account(struct conf *f, const struct conf_node *n, const char *text, void *base)
{
    struct amazon_config *a = base;
    if (strlen(text) != 12 || strspn(text, "0123456789") != 12)
        conf_error_value(f, n, "is not an account", "write its 12 digits in quotes");
    else
        (void)str_copy(a->account, sizeof a->account, text);
}

#define AT(m) CONF_AT(struct amazon_config, m)

static const struct conf_row rows[] = {
    {"endpoint", "Where AWS's API is, if not at AWS: connectsim's URL.", AT(endpoint),
     .type = CONF_TEXT, .def_doc = "AWS's own endpoint of each region"},
    {"account", "The AWS account, 12 digits: whose budgets of API calls these are.",
     .type = CONF_TEXT, .take = take_account, .def_doc = "none"},
    {"profile", "The profile of AWS's shared files.", AT(profile), .type = CONF_TEXT,
     .def_doc = "AWS_PROFILE, or default"},
    {"flow", "The name of the flow in which chats and tasks are started.", AT(flow),
     .type = CONF_TEXT, .def_doc = "none: chats and tasks stay where they came in"},
    {"available", "The agent status of those who take contacts.", AT(available), .type = CONF_TEXT,
     .def = "Available"},
    {"offline", "The agent status of those who are signed out.", AT(offline), .type = CONF_TEXT,
     .def = "Offline"},
    {"listen", "The address at which flows ask where a contact is to go.", AT(listen),
     .type = CONF_TEXT, .def = "127.0.0.1"},
    {"port", "Its port.", AT(port), .type = CONF_INT, .min = 0, .max = 65535, .def = "8401"},
    {"key_file",
     "A file with the key that those who ask must give (Authorization: Bearer KEY). "
     "Without it only this machine may ask.",
     AT(key_file), .type = CONF_TEXT, .def_doc = "none"},
    {"instances", "Which instance each site is.", .type = CONF_LIST,
     CONF_ALLOC(struct amazon_config, instance, n_instances), .min = 1, .max = SITES_MAX,
     .sub = &instance_table, .required = true},
    {"pairs", "Pairs of sites that a Traffic Distribution Group joins.", .type = CONF_LIST,
     CONF_ARRAY(struct amazon_config, pair, n_pairs), .sub = &pair_table, .def_doc = "none"},
};
static const struct conf_table table = {CONF_TABLE(rows), .begin = begin,
                                        .doc = "Sites that are instances of Amazon Connect, for "
                                               "`tandem run`."};

struct amazon_config *amazon_config_new(void)
{
    return mem_new(1, sizeof(struct amazon_config));
}

void amazon_config_free(struct amazon_config *a)
{
    if (!a)
        return;
    mem_free(a->instance);
    mem_free(a);
}

struct conf_section amazon_config_section(struct amazon_config *a)
{
    return (struct conf_section){"amazon", &table, a, NULL};
}

#define SAME(m) (strcmp(a->m, b->m) == 0)

static bool same_instance(const struct amazon_instance *a, const struct amazon_instance *b)
{
    bool same = a->site == b->site && SAME(region) && SAME(instance) && SAME(agent_stream) &&
                SAME(record_stream) && a->numbers.n == b->numbers.n;
    for (uint32_t i = 0; same && i < a->numbers.n; i++)
        same = SAME(numbers.number[i]);
    return same;
}

static bool same_pair(const struct amazon_pair *a, const struct amazon_pair *b)
{
    return a->site[0] == b->site[0] && a->site[1] == b->site[1] && SAME(group) &&
           a->agents == b->agents && a->sign_in == b->sign_in && a->dwell_ms == b->dwell_ms;
}

bool amazon_config_same(const struct amazon_config *a, const struct amazon_config *b)
{
    bool same = a->given == b->given && SAME(endpoint) && SAME(account) && SAME(profile) &&
                SAME(flow) && SAME(available) && SAME(offline) && SAME(listen) && SAME(key_file) &&
                a->port == b->port && a->n_instances == b->n_instances && a->n_pairs == b->n_pairs;
    for (uint32_t i = 0; same && i < a->n_instances; i++)
        same = same_instance(&a->instance[i], &b->instance[i]);
    for (uint32_t i = 0; same && i < a->n_pairs; i++)
        same = same_pair(&a->pair[i], &b->pair[i]);
    return same;
}
