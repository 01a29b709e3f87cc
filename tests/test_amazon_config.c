/* amazon_config: the section `amazon` as it is read, and its mistakes. */
#include "amazon/amazon_config.h"
#include "core/config.h"
#include "tap.h"

#define CENTRE                                                                                     \
    "hub: {name: hub, lat: 39, lon: -77}\n"                                                        \
    "sites:\n"                                                                                     \
    "  - {name: us-east-1, lat: 38.9, lon: -77.5}\n"                                               \
    "  - {name: west, lat: 45.8, lon: -119.7}\n"                                                   \
    "queues: [{name: support}]\n"                                                                  \
    "profiles: [{name: general, queues: [support]}]\n"                                             \
    "agents: [{site: west, count: 1, profile: general}]\n"

static struct config *load(const char *text, struct amazon_config *a, struct buf *errors)
{
    struct conf_section sections[] = {amazon_config_section(a), {0}};
    return config_load_with(text, strlen(text), "f", sections, errors);
}

TEST(what_is_given_and_what_is_not)
{
    static const char text[] =
        CENTRE "amazon:\n"
               "  endpoint: http://127.0.0.1:8410\n"
               "  account: \"123456789012\"\n"
               "  flow: Enter\n"
               "  port: 0\n"
               "  instances:\n"
               "    - {site: us-east-1, instance: 11111111-2222-3333-4444-555555555555,\n"
               "       numbers: [\"+12125550100\", \"+12125550101\"]}\n"
               "    - {site: west, region: us-west-2, instance: i2, agent_stream: s,\n"
               "       numbers: \"+12125550102\"}\n"
               "  pairs: [{first: us-east-1, second: west, group: \"arn:g\", sign_in: true}]\n";
    struct amazon_config *a = amazon_config_new();
    struct buf errors = {0};
    struct config *c = load(text, a, &errors);
    CHECK_STR(errors.data ? errors.data : "", "");
    CHECK(c && a->given);
    CHECK_EQ(a->n_instances, 2);
    CHECK_STR(a->endpoint, "http://127.0.0.1:8410");
    CHECK_STR(a->account, "123456789012");
    CHECK_STR(a->flow, "Enter");
    CHECK_STR(a->available, "Available");
    CHECK_STR(a->listen, "127.0.0.1");
    CHECK_STR(a->instance[0].region, "us-east-1");
    CHECK_STR(a->instance[0].instance, "11111111-2222-3333-4444-555555555555");
    CHECK_EQ(a->instance[0].numbers.n, 2);
    CHECK_STR(a->instance[0].numbers.number[1], "+12125550101");
    CHECK_EQ(a->instance[1].site, 1);
    CHECK_STR(a->instance[1].region, "us-west-2");
    CHECK_STR(a->instance[1].agent_stream, "s");
    CHECK_STR(a->instance[1].record_stream, "");
    CHECK_EQ(a->n_pairs, 1);
    CHECK(a->pair[0].agents && a->pair[0].sign_in);
    CHECK_EQ(a->pair[0].site[1], 1);
    CHECK_EQ(a->pair[0].dwell_ms, 60000);
    config_free(c);
    amazon_config_free(a);
    buf_free(&errors);
}

/* Each change of one member is seen; only what is not a member (comments, order of keys) is not. */
TEST(what_is_the_same)
{
    static const char text[] = CENTRE
        "amazon:\n"
        "  endpoint: http://127.0.0.1:8410\n"
        "  account: \"123456789012\"\n"
        "  profile: mine\n"
        "  flow: Enter\n"
        "  available: Here\n"
        "  offline: Gone\n"
        "  listen: 127.0.0.2\n"
        "  port: 1234\n"
        "  key_file: keyfile\n"
        "  instances:\n"
        "    - {site: us-east-1, instance: one, numbers: [\"+12125550100\", \"+12125550101\"]}\n"
        "    - {site: west, region: us-west-2, instance: two, agent_stream: sa,\n"
        "       record_stream: sr, numbers: \"+12125550102\"}\n"
        "  pairs: [{first: us-east-1, second: west, group: \"arn:g\", agents: true,\n"
        "           sign_in: true, dwell: 70}]\n";
    static const struct {
        const char *was, *is;
        bool same;
    } rows[] = {
        {"port: 1234", "port:  1234 # a comment", true},
        {"127.0.0.1:8410", "127.0.0.1:8411", false},
        {"123456789012", "123456789013", false},
        {"profile: mine", "profile: min", false},
        {"flow: Enter", "flow: Entry", false},
        {"available: Here", "available: There", false},
        {"offline: Gone", "offline: Away", false},
        {"127.0.0.2", "127.0.0.3", false},
        {"port: 1234", "port: 1235", false},
        {"keyfile", "otherfile", false},
        {"instance: one", "instance: first", false},
        {"region: us-west-2", "region: us-west-1", false},
        {"agent_stream: sa", "agent_stream: sb", false},
        {"record_stream: sr", "record_stream: sb", false},
        {"+12125550101", "+12125550103", false},
        {", \"+12125550101\"", "", false},
        {"first: us-east-1, second: west", "first: west, second: us-east-1", false},
        {"arn:g", "arn:h", false},
        {"agents: true,\n", "agents: false,\n", false},
        {"sign_in: true", "sign_in: false", false},
        {"dwell: 70", "dwell: 71", false},
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct amazon_config *a = amazon_config_new(), *b = amazon_config_new();
        struct buf other = {0}, errors = {0};
        const char *at = strstr(text, rows[i].was);
        CHECK(at);
        buf_fmt(&other, "%.*s%s%s", (int)(at - text), text, rows[i].is, at + strlen(rows[i].was));
        struct config *c = load(text, a, &errors), *d = load(other.data, b, &errors);
        CHECK_STR(errors.data ? errors.data : "", "");
        if (amazon_config_same(a, b) != rows[i].same || amazon_config_same(b, a) != rows[i].same)
            TAP_FAIL("%s and %s", rows[i].was, rows[i].is);
        config_free(c);
        config_free(d);
        amazon_config_free(a);
        amazon_config_free(b);
        buf_free(&other);
        buf_free(&errors);
    }
}

TEST(without_the_section)
{
    struct amazon_config *a = amazon_config_new();
    struct buf errors = {0};
    struct config *c = load(CENTRE, a, &errors);
    CHECK(c && !a->given && !a->n_instances);
    config_free(c);
    amazon_config_free(a);
}

TEST(mistakes)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"amazon: {}\n", "f:8:9: amazon: instances is missing"},
        {"amazon: {instances: []}\n", "f:8:21: amazon.instances: "},
        {"amazon: {instances: [{site: east, instance: i}]}\n",
         "amazon.instances[1].site: \"east\" is not a site; name one of the section sites"},
        {"amazon: {instances: [{site: west, instance: i}, {site: west, instance: j}]}\n",
         "amazon.instances[2].site: is the same as on line 8"},
        {"amazon: {account: 1234, instances: [{site: west, instance: i}]}\n",
         "amazon.account: \"1234\" is not an account; write its 12 digits in quotes"},
        {"amazon: {instances: [{site: west, instance: i, numbers: [12125550100]}]}\n",
         "is no telephone number; write it in quotes as \"+12125550100\""},
        {"amazon: {instances: [{site: west, instance: i}],\n"
         "         pairs: [{first: west, second: west, group: g}]}\n",
         "amazon.pairs[1]: both sites are the same; a pair has two"},
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct amazon_config *a = amazon_config_new();
        struct buf text = {0}, errors = {0};
        buf_fmt(&text, CENTRE "%s", rows[i].text);
        struct config *c = load(text.data, a, &errors);
        if (c || !errors.data || !strstr(errors.data, rows[i].says))
            TAP_FAIL("%s: %s", rows[i].text, errors.data ? errors.data : "taken");
        config_free(c);
        amazon_config_free(a);
        buf_free(&text);
        buf_free(&errors);
    }
}

TAP_MAIN
