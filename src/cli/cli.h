/* cli.h - the commands of tandem: one row each, one file a family. The table in main.c yields the
 * dispatch, --help and the list in the man page.
 *
 * Exit codes (sysexits where they fit): 0 done; 1 the answer is "no" (check found errors, replay's
 * nodes differ); 2 wrong usage; 69 the hub is not reached; 70 a bug; 74 a file or store failed;
 * 78 the configuration or trace is refused. */
#pragma once

#include "base/base.h"

enum { EXIT_DONE = 0, EXIT_NO = 1, EXIT_USE = 2, EXIT_AWAY = 69, EXIT_BUG = 70, EXIT_IO = 74,
       EXIT_CONF = 78 };

struct option;
struct command {
    const char *name, *args, *summary;
    int (*run)(int argc, char **argv); /* argv[0] is the command's name */
    const char *help;                  /* options, one line each; printed under the usage line */
};
extern const struct command commands[];
extern const size_t n_commands;

/* getopt_long with our manners: knows --help of the command itself; returns -1 at the end and '?'
 * after a message that names the command. */
int cli_getopt(int argc, char **argv, const struct command *c, const char *brief,
               const struct option *longs);
int cli_usage(const struct command *c, const char *fmt, ...) PRINTF(2, 3); /* EXIT_USE */
const struct command *cli_command(const char *name);

/* The key of customers' pseudonyms: made once for a folder, so that a customer stays the same;
 * NULL: one for this run. False: see errno. */
bool cli_pseudonym_key(const char *folder, uint64_t key[2]) MUST_USE;

int cmd_replay(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_demo(int argc, char **argv);
int cmd_lab(int argc, char **argv);
int cmd_mirror(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_probe(int argc, char **argv);
int cmd_probe_sites(int argc, char **argv); /* probe sites */
int cmd_client(int argc, char **argv); /* all commands that speak with a running hub */
