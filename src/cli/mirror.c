/* mirror.c - `tandem mirror`: what one instance of Amazon Connect has and another lacks. */
#include "cli/cli.h"

#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <uv.h>

#include "amazon/amazon_config.h"
#include "amazon/mirror.h"
#include "amazon/mirror_calls.h"

struct mirror {
    const char *config_file, *from, *to[SITES_MAX];
    uint32_t n_to;
    bool apply;
    struct config *config;
    struct amazon_config *amazon;
    uv_loop_t loop;
    struct http_client *http;
    struct aws_credentials *credentials;
    struct mirror_io io;
    bool differs, failed;
};

/* ---- what is found and done ---- */

static void say(const char *site, const struct mirror_step *s, const char *more)
{
    const struct mirror_item *i = s->from ? s->from : s->to;
    printf("%-16s %-18s %-8s %s%s%s\n", site, mirror_step_names[s->type],
           mirror_kind_names[i->kind], i->name, *more ? ": " : "", more);
}

/* Each on a line of its own, below what has it. */
static void tell_differences(const struct mirror_step *s)
{
    struct buf lines = {0};
    mirror_tell(s->from, s->to, &lines);
    for (const char *at = lines.data; at && *at;) {
        int n = (int)strcspn(at, "\n");
        printf("%-16s   %.*s\n", "", n, at);
        at += n + (at[n] == '\n');
    }
    buf_free(&lines);
}

static void tell(struct mirror *m, const char *site, const struct mirror_plan *p)
{
    for (uint32_t i = 0; i < p->n; i++) {
        const struct mirror_step *s = &p->step[i];
        char why[MIRROR_NAME_MAX + 32] = "";
        if (s->type == MIRROR_FOREIGN)
            (void)snprintf(why, sizeof why, "it refers to %s", s->from->foreign);
        say(site, s, why);
        if (s->from && s->to)
            tell_differences(s);
        m->differs = true;
    }
    if (!p->n)
        printf("%-16s has all of it\n", site);
}

/* A flow may refer to one that comes after it: what fails is tried again as long as anything
 * works. */
static void carry_out(struct mirror *m, const char *site, const struct mirror_plan *p,
                      struct mirror_inventory *to)
{
    bool *done = mem_new(p->n, sizeof *done), progress = true;
    while (progress) {
        progress = false;
        for (uint32_t i = 0; i < p->n; i++) {
            const struct mirror_step *s = &p->step[i];
            if (done[i] || s->type > MIRROR_UPDATE)
                continue;
            if (mirror_do(&m->io, s, to)) {
                done[i] = progress = true;
                say(site, s, "done");
            }
        }
    }
    for (uint32_t i = 0; i < p->n; i++) {
        if (done[i] || p->step[i].type > MIRROR_UPDATE)
            continue;
        bool late = mirror_do(&m->io, &p->step[i], to); /* else for the reason */
        say(site, &p->step[i], late ? "done" : m->io.problem);
        m->failed |= !late;
    }
    mem_free(done);
}

static const struct amazon_instance *instance_of(const struct mirror *m, const char *site)
{
    int s = config_site_by_name(m->config, site);
    for (uint32_t i = 0; s >= 0 && i < m->amazon->n_instances; i++)
        if (m->amazon->instance[i].site == s)
            return &m->amazon->instance[i];
    return NULL;
}

static bool read_site(struct mirror *m, const char *site, struct mirror_inventory *v)
{
    const struct amazon_instance *i = instance_of(m, site);
    if (!i || !str_copy(v->region, sizeof v->region, i->region) ||
        !str_copy(v->instance, sizeof v->instance, i->instance)) {
        fprintf(stderr, "tandem mirror: %s is no instance of the section amazon\n", site);
        return false;
    }
    if (mirror_read(&m->io, v))
        return true;
    fprintf(stderr, "tandem mirror: %s: %s\n", site, m->io.problem);
    return false;
}

static bool run_one(struct mirror *m, const struct mirror_inventory *from, const char *site)
{
    struct mirror_inventory to = {0};
    struct mirror_plan plan = {0};
    bool ok = read_site(m, site, &to);
    if (ok) {
        mirror_plan_make(from, &to, &plan);
        tell(m, site, &plan);
        if (m->apply)
            carry_out(m, site, &plan, &to);
    }
    mirror_plan_free(&plan);
    mirror_free(&to);
    return ok;
}

/* ---- AWS ---- */

static void open_aws(struct mirror *m)
{
    struct http_client_config h = HTTP_CLIENT_DEFAULTS;
    const struct amazon_config *g = m->amazon;
    uint64_t seed = 0;
    (void)getrandom(&seed, sizeof seed, 0);
    uv_loop_init(&m->loop);
    m->http = http_client_new(&m->loop, &h);
    m->credentials = aws_credentials_new(
        &m->loop, m->http,
        &(struct aws_credentials_config){.profile = *g->profile ? g->profile : NULL, .seed = seed},
        NULL, NULL);
    m->io = (struct mirror_io){.loop = &m->loop};
    m->io.aws =
        aws_client_new(&m->loop, m->http,
                       &(struct aws_client_config){.endpoint = *g->endpoint ? g->endpoint : NULL,
                                                   .account = g->account,
                                                   .credentials = m->credentials,
                                                   .seed = seed,
                                                   .fresh = true});
}

static void close_aws(struct mirror *m)
{
    aws_client_close(m->io.aws);
    aws_credentials_close(m->credentials);
    http_client_close(m->http, NULL, NULL);
    uv_run(&m->loop, UV_RUN_DEFAULT);
    uv_loop_close(&m->loop);
}

static int run(struct mirror *m)
{
    struct mirror_inventory from = {0};
    open_aws(m);
    bool ok = read_site(m, m->from, &from);
    for (uint32_t i = 0; i < m->n_to && ok; i++)
        ok = run_one(m, &from, m->to[i]);
    mirror_free(&from);
    close_aws(m);
    if (!ok)
        return EXIT_AWAY;
    return m->apply ? m->failed ? EXIT_NO : EXIT_DONE : m->differs ? EXIT_NO : EXIT_DONE;
}

/* ---- the command line ---- */

static int options(struct mirror *m, const struct command *me, int argc, char **argv)
{
    static const struct option longs[] = {{"config", required_argument, 0, 'c'},
                                          {"from", required_argument, 0, 'f'},
                                          {"to", required_argument, 0, 't'},
                                          {"help", no_argument, 0, 'h'},
                                          {0}};
    for (int k; (k = cli_getopt(argc, argv, me, "c:f:t:h", longs)) != -1;) {
        if (k == 'h')
            return EXIT_DONE;
        if (k == 'c')
            m->config_file = optarg;
        else if (k == 'f')
            m->from = optarg;
        else if (k == 't' && m->n_to < SITES_MAX)
            m->to[m->n_to++] = optarg;
        else
            return EXIT_USE;
    }
    const char *what = optind < argc ? argv[optind] : "";
    m->apply = strcmp(what, "apply") == 0;
    if ((!m->apply && strcmp(what, "plan") != 0) || optind + 1 != argc)
        return cli_usage(me, "say plan or apply");
    if (!m->config_file || !m->from || !m->n_to)
        return cli_usage(me, "--config, --from and --to are needed");
    return -1;
}

int cmd_mirror(int argc, char **argv)
{
    struct mirror m = {.amazon = amazon_config_new()};
    struct conf_section sections[] = {amazon_config_section(m.amazon), {0}};
    struct buf errors = {0};
    int rc = options(&m, cli_command("mirror"), argc, argv);
    if (rc < 0) {
        m.config = config_load_file_with(m.config_file, sections, &errors);
        if (m.config) {
            rc = run(&m);
        } else {
            fprintf(stderr, "%s", errors.data);
            rc = EXIT_CONF;
        }
    }
    config_free(m.config);
    amazon_config_free(m.amazon);
    buf_free(&errors);
    return rc;
}
