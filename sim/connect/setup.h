/* setup.h - what connectsim is started with: a centre's configuration and its section `connectsim`.
 *
 * The file is tandem's own (core/config.h): its sites are the regions, its queues, profiles, hours,
 * agents and workload what is in each instance. Without a file there is a small centre of its own
 * in the regions asked for. */
#pragma once

#include "base/conf.h"
#include "connect/center.h"

enum { SETUP_ALLOW_MAX = 32 };

struct setup_allow {
    char text[128];
};
struct setup_key {
    char id[128], secret[128], token[255];
    char account[ACCOUNT_MAX];
    uint32_t n_allow;
    struct setup_allow allow[SETUP_ALLOW_MAX];
};
struct setup_lambda {
    char name[65], url[512];
};
enum { SETUP_LAMBDAS_MAX = 64 };
struct setup {
    char account[ACCOUNT_MAX];
    bool pairs, arrivals;
    uint32_t history_max, shards, transfer_numbers;
    char function[65]; /* "": none */
    uint32_t n_keys;
    struct setup_key *key;
    uint32_t n_lambdas;
    struct setup_lambda *lambda;
    char events_url[512]; /* "": none */
    struct config *config;
};
extern const struct conf_table setup_table;

/* Reads a file. NULL: lines were appended to *errors. Free with setup_free. */
struct setup *setup_load(const char *path, struct buf *errors) MUST_USE;
/* The centre that needs no file, in these regions ("us-east-1,us-west-2"). */
struct setup *setup_default(const char *regions, struct buf *errors) MUST_USE;
void setup_free(struct setup *s);
/* "NAME=URL" of the command line. False: it is not that, or there are too many. */
bool setup_add_lambda(struct setup *s, const char *text) MUST_USE;
void setup_add_keys(const struct setup *s, struct center *c);
