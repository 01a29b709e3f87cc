/* main.c - the table of commands, and what all of them share. */
#include "cli/cli.h"

#include <ctype.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define HUB_OPTIONS                                                                                \
    "  -H, --hub URL       the hub (default TANDEM_HUB, or http://127.0.0.1:8400)\n"               \
    "  -j, --json          what the hub said, as it is\n"

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
    {"demo", "--config FILE [options]", "a whole centre in one process, with API and dashboard",
     cmd_demo,
     "  -c, --config FILE   the configuration; read again on SIGHUP\n"
     "  -t, --trace FILE    arrivals, as for replay; without it the workload is generated\n"
     "  -S, --speed N       times as fast as the clock on the wall (default 60)\n"
     "  -B, --start TIME    where it begins: 13:30, or 9h after the day's (or trace's) beginning;\n"
     "                      what was before is played first. Default 14:30 UTC, or the trace's "
     "start\n"
     "  -p, --port N        of API and dashboard; 0: any free one (default as configured, 8400)\n"
     "  -l, --listen ADDR   IPv4 or IPv6 address (default as configured, 127.0.0.1)\n"
     "  -F, --for TIME      ends after this long on the wall: 60s, 10m, 2h\n"
     "  -s, --seed N        of all that is drawn (default 1)\n"
     "  -d, --data DIR      keeps every node's store there, in SQLite; goes on where it was\n"
     "  -f, --fault SPEC    as for replay, counted from the start; may be given often\n"
     "      --no-faults     no faults over the API\n"},
    {"lab", "up|down|status|break|heal|exec ... [options]",
     "a network of real routers in namespaces, and faults in it", cmd_lab,
     "  up                  build it and wait until every router knows every subnet\n"
     "  down                end it\n"
     "  status              routers and faults\n"
     "  break FAULT         make a fault of that list\n"
     "  heal [FAULT]        undo it, or all\n"
     "  exec NAME COMMAND   run a command at NAME: a router, h-ROUTER (the host behind it) or mon\n"
     "  vty ROUTER LINE...  commands of the router's own shell\n"
     "  link A B TAG COMMAND  of delayline: cut both, heal both, delay ab 9000, loss ba 10000 ...\n"
     "  -w, --wait SECONDS  up: so long at most (default 60); 0: do not\n"
     "  -j, --json          status as JSON\n"},
    {"mirror", "plan|apply --config FILE --from SITE --to SITE",
     "queues, profiles, hours and flows of one instance in another", cmd_mirror,
     "  -c, --config FILE   the configuration; its section amazon names the instances\n"
     "  -f, --from SITE     the instance to be copied\n"
     "  -t, --to SITE       the instance to copy to; may be given often\n"
     "                      plan says what differs and how, and exits with 1 if anything does;\n"
     "                      apply creates what is missing and changes what differs. Nothing is\n"
     "                      ever deleted: a queue that is too many in a profile leaves it, no "
     "more.\n"},
    {"run", "--config FILE [options]", "hub and sites over instances of Amazon Connect", cmd_run,
     "  -c, --config FILE   the configuration; its section amazon names the instances\n"
     "  -p, --port N        of API and dashboard; 0: any free one (default as configured, 8400)\n"
     "  -l, --listen ADDR   IPv4 or IPv6 address (default as configured, 127.0.0.1)\n"
     "  -d, --data DIR      keeps every node's store there, in SQLite; goes on where it was\n"
     "  -F, --for TIME      ends after this long: 60s, 10m, 2h\n"},
    {"probe", "KIND [WHERE] [options]", "measure a path, both ways, or answer who does", cmd_probe,
     "                      KIND is one of\n"
     "                      reflect         answer STAMP's packets (RFC 8762)\n"
     "                      stamp ADDRESS   delays, losses and hops there and back\n"
     "                      tcp ADDRESS     connections to --port\n"
     "                      https URL       whole requests\n"
     "                      trace ADDRESS   the routers on the way, one flow kept; loops\n"
     "                      sites           from one site to all others, told to the hub:\n"
     "                                      --config FILE --from SITE [--hub URL] [--for TIME]\n"
     "  -p, --port N        to it, or to reflect on (default 862)\n"
     "  -P, --pace TIME     between two probes (default 20ms; tcp, https 1s)\n"
     "  -f, --for TIME      ends after this (default: on Ctrl-C)\n"
     "  -F, --flow PORT     the port to come from: probes keep their 5-tuple\n"
     "  -n, --flows N       so many flows beside each other, from consecutive ports\n"
     "  -s, --source ADDR   the address to come from\n"
     "  -k, --key-file FILE authenticated mode: a secret in hexadecimal digits\n"
     "  -l, --listen ADDR   reflect: only there (default: all addresses)\n"
     "  -a, --allow PREFIX  reflect: answer only these; may be given often\n"
     "  -j, --json          a JSON object a line\n"},
    {"status", "[options]", "the whole centre at a glance", cmd_client, HUB_OPTIONS},
    {"shares", "[options]", "shares wanted, in force and got", cmd_client, HUB_OPTIONS},
    {"queues", "[options]", "queues and their service level", cmd_client, HUB_OPTIONS},
    {"agents", "[AGENT] [options]", "agents, and what they are doing", cmd_client,
     "  -s, --site NAME     only those signed in there\n"
     "      --state STATE   available, on_contact, wrapup, break, missed, moving, offline\n"
     "  -n, --limit N       rows, at most 1000 (default 100)\n"
     "      --after AGENT   the next page\n" HUB_OPTIONS},
    {"contacts", "[CONTACT] [options]", "live contacts, or one contact, live or past", cmd_client,
     "  -s, --site NAME     only those there\n"
     "  -q, --queue NAME    only those of this queue\n"
     "      --state STATE   placed, queued, connected, on_hold, wrapup, ended\n"
     "  -n, --limit N       rows, at most 1000 (default 100)\n"
     "      --after CONTACT the next page\n" HUB_OPTIONS},
    {"explain", "CONTACT [options]", "why a contact is where it is", cmd_client, HUB_OPTIONS},
    {"nodes", "[options]", "the nodes, and which hears which", cmd_client, HUB_OPTIONS},
    {"arrivals", "[options]", "contacts sent to each site, a minute", cmd_client, HUB_OPTIONS},
    {"timeline", "[options]", "what happened to sites, shares and policies", cmd_client,
     HUB_OPTIONS},
    {"events", "[options]", "the last facts, or all that come from now on", cmd_client,
     "  -f, --follow        goes on until Ctrl-C\n"
     "      --type BEGIN    only types that begin so: tandem.contact.\n"
     "  -n, --limit N       how many of the last, at most 1000 (default 100)\n" HUB_OPTIONS},
    {"route", "--queue NAME [options]", "give a contact a place", cmd_client,
     "  -q, --queue NAME    the queue\n"
     "      --channel NAME  voice, chat, task or email (default voice)\n"
     "      --from NUMBER   the caller's number, +12125550100; or one of\n"
     "      --npa CODE, --country CC, --lat DEGREES with --lon DEGREES\n"
     "      --customer TEXT whatever tells customers apart; a pseudonym of it is kept\n"
     "      --contact UUID  the contact's id; the same one gets the same place again\n"
     "      --priority N    1 (served first) to 10\n"
     "      --attribute KEY=VALUE  for the desk that takes it; may be given often\n" HUB_OPTIONS},
    {"net", "[WHAT ...] [options]", "the network between hub and regions", cmd_client,
     "  status              routers, links and their sessions, paths, verdicts (default)\n"
     "  verdicts            what is wrong, what to do, and what was wrong\n"
     "  routes PREFIX       everybody's routes to it, and the way there from every site\n"
     "  path FROM TO        the way between two sites, there and back\n"
     "  what-if CHANGE...   which verdicts changes would raise or clear; exit code 1 when they\n"
     "                      would make a loop or a blackhole. A change is KIND:key=value,...\n"
     "                      with route_add, route_remove, static_add, static_remove, link_down,\n"
     "                      link_up, allow_add, allow_remove or prefer, and router, link, prefix,\n"
     "                      local_pref, med, prepend, community:\n"
     "                      prefer:router=gcp,link=use1-b,med=200\n"
     "  optimise [US]       preferences with which all sites have the same, best way there and\n"
     "                      back; US microseconds of latency are worth a unit of cost; exit code\n"
     "                      1 when there are none\n" HUB_OPTIONS},
    {"drain", "SITE [options]", "send a site nothing new", cmd_client,
     "  -r, --reason TEXT   for the timeline and the log\n"
     "      --force         also when no other site of its group is ready\n" HUB_OPTIONS},
    {"restore", "SITE [options]", "let a drained site take its share again", cmd_client,
     "  -r, --reason TEXT   for the timeline and the log\n" HUB_OPTIONS},
    {"set-share", "SITE=PERCENT... [options]", "set the shares of a group of sites", cmd_client,
     "      --policy NAME   of this policy (default: the one in force)\n"
     "      --group NAME    of this group; needed when there are several\n"
     "  -r, --reason TEXT   for the timeline and the log\n" HUB_OPTIONS},
    {"set-policy", "NAME [options]", "put another policy in force", cmd_client,
     "  -r, --reason TEXT   for the timeline and the log\n" HUB_OPTIONS},
    {"fault", "[SPEC] [options]", "break something simulated, list what is broken, or mend it",
     cmd_client,
     "                      SPEC as for replay, without the time: region-down:us-west-2\n"
     "      --for TIME      mended after this, in the centre's time: 10m (default: never)\n"
     "      --end ID|all    mends it\n" HUB_OPTIONS},
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

/* The commands' section of the manual page, for scdoc(5): man/meson.build puts it into its place.
 */
static void print_manual(void)
{
    for (size_t i = 0; i < n_commands; i++) {
        const struct command *c = &commands[i];
        printf("## %s %s\n\n%c%s.\n\n", c->name, c->args, toupper((unsigned char)c->summary[0]),
               c->summary + 1);
        if (c->help)
            printf("```\n%s```\n\n", c->help);
    }
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
        if (argc > 2 && strcmp(argv[2], "--man") == 0)
            print_manual();
        else
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
