/* netwatch.h - the watch of the network that a hub's process holds: begun with its configuration,
 * replaced when that is read again, ended with the process. */
#pragma once

#include "serve/api.h"
#include "watch/watch.h"

struct netwatch { /* zero-initialise, then set these three */
    struct uv_loop_s *loop;
    struct api *api;
    uint64_t seed;
    /* private */
    struct watch_config *config, *next;
    struct watch *watch;
    bool closing, stopped;
    void (*closed)(void *arg);
    void *arg;
};

/* Takes the configuration. Without a section `network` there is nothing to watch. False and a line
 * in `error`: it cannot begin. */
bool netwatch_start(struct netwatch *n, struct watch_config *config, char *error,
                    size_t cap) MUST_USE;
/* Takes a new configuration; the watch begins anew, from nothing, once the old one has ended. If it
 * cannot, that is logged and nothing is watched. */
void netwatch_replace(struct netwatch *n, struct watch_config *config);
/* Calls closed(arg), at once if there is nothing to end. */
void netwatch_stop(struct netwatch *n, void (*closed)(void *arg), void *arg);
