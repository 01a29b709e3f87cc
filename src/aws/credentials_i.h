/* credentials_i.h - what the files of the credentials share; nobody else includes it.
 *
 *   look (credentials.c) -> a source's fetch (credentials_fetch.c) -> credentials__got
 *                                                                     or credentials__failed
 *
 * A profile with role_arn leaves its roles in `role`, innermost first; each is assumed with what
 * the one before gave. */
#pragma once

#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <uv.h>

#include "aws/credentials.h"
#include "aws/credentials_parse.h"
#include "base/rng.h"

enum { CREDENTIALS_FILE_MAX = 1 << 20, CREDENTIALS_REPLY_MAX = 65536 };

struct credentials_role {
    char *arn, *external_id, *session;
};

struct aws_credentials {
    uv_loop_t *loop;
    struct http_client *http;
    struct aws_credentials_config config;
    void (*changed)(void *arg);
    void *changed_arg;
    struct aws_key key; /* in use */
    struct sigv4_identity identity;
    struct aws_key next; /* being fetched */
    struct credentials_role role[AWS_PROFILE_CHAIN_MAX];
    uint32_t n_roles, roles_done;
    struct aws_credentials_state state;
    struct rng rng;
    int64_t tried_ms;
    uint32_t failures; /* in a row */
    bool fetching, closing;
    struct http_call *call;
    void (*then)(struct aws_credentials *c, const struct http_result *r);
    char *web_role, *web_session, *metadata_token; /* between two calls */
    uv_timer_t timer;
    struct credentials_process *process;
    uint32_t handles;
};

const char *credentials__env(const struct aws_credentials *c, const char *name); /* "": not set */
int64_t credentials__now_ms(const struct aws_credentials *c);
bool credentials__read_file(const char *path, struct buf *out);

/* One of these ends every attempt; `c->next` holds what was got. `problem` is a constant. */
void credentials__got(struct aws_credentials *c);
void credentials__failed(struct aws_credentials *c, const char *problem);
void credentials__handle_gone(struct aws_credentials *c);

void credentials__fetch_web_file(struct aws_credentials *c, const char *role, const char *session,
                                 const char *file);
void credentials__fetch_gcp(struct aws_credentials *c);
void credentials__fetch_process(struct aws_credentials *c, const char *command);
void credentials__stop_process(struct aws_credentials *c);
void credentials__fetch_container(struct aws_credentials *c);
void credentials__fetch_instance(struct aws_credentials *c);
void credentials__assume(struct aws_credentials *c, const struct credentials_role *role);
