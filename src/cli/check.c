/* check.c - `tandem check`: is a configuration right? */
#include "cli/cli.h"

#include "base/mem.h"
#include "core/config.h"

#include <getopt.h>
#include <stdio.h>

static int print(void (*make)(const struct conf_section *sections, struct buf *out))
{
    struct buf b = {0};
    make(NULL, &b);
    fwrite(b.data, 1, b.len, stdout);
    buf_free(&b);
    return EXIT_DONE;
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
    struct buf errors = {0};
    struct config *c = config_load_file(argv[optind], &errors);
    if (!c) {
        fprintf(stderr, "%s", errors.data);
        buf_free(&errors);
        return EXIT_CONF;
    }
    printf("%s: right: %u sites, %u queues, %u profiles, %u agents, %u policies\n", argv[optind],
           c->n_sites, c->n_queues, c->n_profiles, c->n_agents, c->n_policies);
    config_free(c);
    return EXIT_DONE;
}
