/* centre.h - the process in which a centre lives: what `tandem demo` and `tandem run` share, from
 * the options to the end.
 *
 *   struct centre c = CENTRE(cli_command("run"));
 *   centre_option(&c, k, optarg)         of the options that both have; then what the command needs
 *   centre_load(&c, NULL)                the configuration
 *   centre_begin(&c)                     folder of data, keys, log, loop, API
 *   centre_world(&c, &options, speed, 0) nodes and their clock
 *   centre_serve(&c)                     signals, watch of the network, HTTP server
 *   centre_loop(&c)                      until a signal, the end of --for, or a store that fails
 *   centre_free(&c)
 *
 * What fails says so on stderr, and leaves the exit code in `rc`. After centre_begin the way out is
 * centre_stop, centre_loop and centre_free, whatever has failed on the way in.
 *
 * It ends in this order: HTTP server, API, watch of the network, the clock, and then what the
 * command has of its own (`leave`); so nobody looks at what is gone. What nodes have stated is made
 * durable once the clock stands.
 *
 * SIGINT and SIGTERM end it, a second one at once. SIGHUP reads the configuration again: a file
 * with a mistake changes nothing, and the log names the lines. */
#pragma once

#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <uv.h>

#include "base/conf.h"
#include "cli/cli.h"
#include "cli/netwatch.h"
#include "node/world.h"
#include "serve/api.h"
#include "serve/live.h"

enum { CENTRE_HISTORY_MAX = 200000 /* contacts that a store in memory remembers: some 100 MB */ };

struct centre {
    const struct command *command;
    const char *config_file, *listen, *data; /* listen, data NULL: the configuration's, none */
    int port;                                /* -1: the configuration's */
    int64_t for_ms;                          /* of wall time; 0: until it is told */

    /* What a command adds; all may be NULL, and get `arg`. */
    td_ms (*now)(void *arg); /* the clock that the world is to follow; NULL: it has its own */
    bool simulated; /* faults may be had */
    const struct fault_port *faults; /* of instances that another program plays; see api.h */
    /* May this text, whose common sections are right, replace the configuration? */
    bool (*may_change)(void *arg, const char *text, size_t len, struct buf *errors);
    void (*leave)(void *arg, void (*left)(void *arg), void *left_arg); /* calls left(left_arg) */
    void *arg;

    struct config *config;
    struct watch_config *network; /* until the watch takes it */
    struct netwatch watch;
    uint64_t key[2], seed; /* of pseudonyms; of what is drawn in this process */
    uv_loop_t loop;
    uv_signal_t interrupt, terminate, hangup;
    uv_timer_t end;
    struct world *world;
    struct live *live;
    struct api *api;
    struct http_server *http;
    bool begun, signals, stopping;
    int rc;
};
#define CENTRE(command_)                                                                           \
    {                                                                                              \
        .command = (command_), .port = -1                                                          \
    }

/* -c, -l, -d, -p, -F: -1 when it was one of them; else the exit code. */
int centre_option(struct centre *c, int k, const char *arg) MUST_USE;
/* Reads the configuration, with the command's own section (NULL: none). -1, or the exit code. */
int centre_load(struct centre *c, const struct conf_section *own) MUST_USE;
bool centre_begin(struct centre *c) MUST_USE;
/* Nodes and their clock, which runs `speed` times as fast as the wall's; the first `rush_ms` of the
 * world's time as fast as the machine goes. Config, durability, history and hooks are filled in. */
bool centre_world(struct centre *c, struct world_options *o, double speed,
                  int64_t rush_ms) MUST_USE;
/* The port, or -1. */
int centre_serve(struct centre *c) MUST_USE;
/* Tells where the dashboard is and what may be tried. `how`: behind the number of agents, "" for
 * nothing; `more`: whole lines below the dashboard's. */
void centre_announce(const struct centre *c, int port, const char *how, const char *more);
void centre_stop(struct centre *c);
void centre_loop(struct centre *c);
/* Prints how it went if all was well. The configuration too is freed; also of one not begun. */
void centre_free(struct centre *c);
