/* main.c - the table of commands, and what all of them share. */
#include "cli/cli.h"

#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct command commands[] = {
    {"replay", "--config FILE [options]", "play a day of contacts as fast as the machine goes",
     cmd_replay,
     "  -c, --config FILE   the configuration\n"
     "  -t, --trace FILE    arrivals: CSV as the configuration's trace section names its columns,\n"
     "                      or Amazon Connect contact records in JSON; gzip is read; - is stdin.\n"
     "                      Without it the configuration's workload is generated\n"
     "  -s, --seed N        of all that is drawn (default 1)\n"
     "  -f, --fault SPEC    KIND:WHERE@START[+DURATION], may be given often: region-down:SITE,\n"
     "                      node-down:SITE|hub, cut:NODE,NODE, isolate:NODE, flows:SITE,\n"
     "                      drain:SITE, links:PERCENT%; times as 90s, 30m, 2h from the start\n"
     "  -r, --report FILE   where the JSON report goes (default standard output)\n"
     "  -d, --durable       each node keeps its store in SQLite, in store.dir\n"
     "  -q, --quiet         no summary line on standard error\n"},
    {"check", "FILE", "say what is wrong with a configuration, or that nothing is", cmd_check,
     "      --schema        print the JSON Schema of the configuration and end\n"
     "      --reference     print the reference of all fields in Markdown and end\n"
     "      --man           print the fields' section of the manual page (scdoc) and end\n"},
};
const size_t n_commands = COUNTOF(commands);

const struct command *cli_command(const char *name)
{
    for (size_t i = 0; i < n_commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static void print_help(const struct command *c)
{
    printf("usage: tandem %s %s\n\n%s\n", c->name, c->args, c->summary);
    if (c->help)
        printf("\n%s", c->help);
}

int cli_getopt(int argc, char **argv, const struct command *c, const char *brief,
               const struct option *longs)
{
    int k = getopt_long(argc, argv, brief, longs, NULL);
    if (k == 'h')
        print_help(c);
    if (k == '?')
        fprintf(stderr, "see: tandem %s --help\n", c->name);
    return k;
}

int cli_usage(const struct command *c, const char *fmt, ...)
{
    fprintf(stderr, "tandem %s: ", c->name);
    va_list ap;
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\nusage: tandem %s %s\n", c->name, c->args);
    return EXIT_USE;
}

static void print_commands(FILE *to)
{
    fprintf(to, "usage: tandem COMMAND [options]\n\n"
                "Several contact-centre instances in several regions, as one.\n\n");
    for (size_t i = 0; i < n_commands; i++)
        fprintf(to, "  %-11s %s\n", commands[i].name, commands[i].summary);
    fprintf(to, "\ntandem COMMAND --help tells a command's options. tandem --version\n"
                "Exit codes: 0 done, 1 no, 2 wrong usage, 69 hub not reached, 70 bug,\n"
                "74 file or store failed, 78 configuration or trace refused.\n");
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        print_commands(stderr);
        return EXIT_USE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_commands(stdout);
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("tandem %s\n", TANDEM_VERSION);
        return EXIT_DONE;
    }
    const struct command *c = cli_command(argv[1]);
    if (!c) {
        fprintf(stderr, "tandem: there is no command \"%s\"; tandem --help lists them\n", argv[1]);
        return EXIT_USE;
    }
    return c->run(argc - 1, argv + 1);
}
