/* check.c - `tandem check`: is a configuration right, and the network that it describes? */
#include "cli/cli.h"

#include "amazon/amazon_config.h"
#include "base/mem.h"
#include "core/config.h"
#include "watch/watch_config.h"

#include <getopt.h>
#include <stdio.h>

static int print(void (*make)(const struct conf_section *sections, struct buf *out))
{
    struct buf b = {0};
    struct conf_section sections[] = {watch_config_section(NULL), amazon_config_section(NULL), {0}};
    make(sections, &b);
    fwrite(b.data, 1, b.len, stdout);
    buf_free(&b);
    return EXIT_DONE;
}

static void print_finding(void *arg, const struct topo_finding *f)
{
    const struct topo_wrong_row *row = &topo_wrongs[f->wrong];
    fprintf(stderr, "%s: network: %s: %s\n  %s\n", (const char *)arg, row->name, f->text,
            row->do_this);
}

static int check(const char *file)
{
    struct buf errors = {0};
    struct watch_config *w = watch_config_new();
    struct amazon_config *a = amazon_config_new();
    struct conf_section sections[] = {watch_config_section(w), amazon_config_section(a), {0}};
    struct config *c = config_load_file_with(file, sections, &errors);
    int rc = c ? EXIT_DONE : EXIT_CONF;
    if (!c)
        fprintf(stderr, "%s", errors.data);
    else if (topo_check(&w->topo, print_finding, (void *)(uintptr_t)file))
        rc = EXIT_CONF;
    if (c && rc == EXIT_DONE)
        printf("%s: right: %u sites, %u queues, %u profiles, %u agents, %u policies\n", file,
               c->n_sites, c->n_queues, c->n_profiles, c->n_agents, c->n_policies);
    if (rc == EXIT_DONE && w->given)
        printf("%s: network: %u routers, %u links, %u sites, %u expected routes\n", file,
               w->topo.n_routers, w->topo.n_links, w->topo.n_sites, w->topo.n_expects);
    if (rc == EXIT_DONE && a->given)
        printf("%s: amazon: %u instances, %u pairs\n", file, a->n_instances, a->n_pairs);
    config_free(c);
    watch_config_free(w);
    amazon_config_free(a);
    buf_free(&errors);
    return rc;
}

int cmd_check(int argc, char **argv)
{
    static const struct option longs[] = {{"schema", no_argument, 0, 'S'},
                                          {"reference", no_argument, 0, 'R'},
                                          {"man", no_argument, 0, 'M'},
                                          {"help", no_argument, 0, 'h'},
                                          {0}};
    const struct command *me = cli_command("check");
    for (int k; (k = cli_getopt(argc, argv, me, "h", longs)) != -1;) {
        switch (k) {
        case 'S': return print(config_schema_json);
        case 'R': return print(config_schema_markdown);
        case 'M': return print(config_schema_scdoc);
        case 'h': return EXIT_DONE;
        default: return EXIT_USE;
        }
    }
    if (optind + 1 != argc)
        return cli_usage(me, "one FILE is needed");
    return check(argv[optind]);
}
