/* credentials_parse.h - the forms in which AWS credentials come: files, JSON, STS's XML. Pure.
 *
 * Nothing here is logged or copied further than into the struct the caller gives. */
#pragma once

#include "base/mem.h"
#include "http/http.h"

enum {
    AWS_SECRET_MAX = 16384, /* bytes of any one part; session tokens are some kilobytes */
    AWS_PROFILE_CHAIN_MAX = 5
};

struct aws_key { /* zero-initialise; aws_key_free wipes it */
    char *key_id, *secret;
    char *token;        /* NULL: long-lived credentials have none */
    int64_t expires_ms; /* since 1970; 0: never */
};
void aws_key_free(struct aws_key *k);
/* Replaces what *k had. False: a part is empty or above AWS_SECRET_MAX; *k is as it was. */
bool aws_key_set(struct aws_key *k, struct http_span key_id, struct http_span secret,
                 struct http_span token, int64_t expires_ms) MUST_USE;

/* JSON of the container endpoint, the instance metadata service and credential_process. The token
 * is "Token" or "SessionToken"; an instance's answer has "Code": "Success". False: not such a
 * document, parts missing, or an "Expiration" that is no time. */
bool aws_key_from_json(struct http_span text, struct aws_key *k) MUST_USE;
/* The Credentials of an answer of STS to AssumeRole or AssumeRoleWithWebIdentity. */
bool aws_key_from_sts(struct http_span xml, struct aws_key *k) MUST_USE;

/* ~/.aws/credentials and ~/.aws/config: sections of "name = value". In `config` a section is called
 * "[profile NAME]", but for "[default]"; in `credentials` "[NAME]". The value goes into `out`,
 * without white space around it; false: there is none. Of sections or keys that come twice the last
 * counts. */
bool aws_profile_get(struct http_span text, bool is_config, const char *profile, const char *key,
                     struct buf *out);
