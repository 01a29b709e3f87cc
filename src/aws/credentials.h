/* credentials.h - who signs: AWS credentials from wherever this machine has them, kept fresh.
 *
 * Looked for in the order of AWS's SDKs; the first source that is configured is the one:
 *
 *   environment      AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
 *   web identity     AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN (and AWS_ROLE_SESSION_NAME); on
 *                    Google's machines the token can come from their metadata server (gcp_audience)
 *   shared files     AWS_PROFILE in AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE: keys, role_arn
 *                    with source_profile (chains too), credential_process, web_identity_token_file
 *   container        AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI, with
 *                    AWS_CONTAINER_AUTHORIZATION_TOKEN[_FILE]
 *   instance         the metadata service, version 2 (AWS_EC2_METADATA_DISABLED=true: not asked)
 *
 * Single sign-on of the command line (sso_*) is not among them. Roles are assumed at the regional
 * endpoint of STS, since the global one is in one region.
 *
 * Credentials that expire are fetched again when half their life is over, give or take a tenth, so
 * that many nodes do not come at once; files with tokens are read again each time. When that fails
 * the old ones stay in use while it is tried again, at most a minute apart. No key, token or answer
 * is ever logged: what failed is named by its source. */
#pragma once

#include "aws/sigv4.h"
#include "http/client.h"

enum aws_source {
    AWS_SOURCE_NONE,
    AWS_SOURCE_ENVIRONMENT,
    AWS_SOURCE_WEB_IDENTITY,
    AWS_SOURCE_PROFILE,
    AWS_SOURCE_CONTAINER,
    AWS_SOURCE_INSTANCE,
    AWS_SOURCES
};
extern const char *const aws_source_names[AWS_SOURCES]; /* "none", "environment", ... */

struct aws_credentials_config { /* the strings are copied; NULL takes what is said */
    const char *profile;      /* AWS_PROFILE, else "default" */
    const char *region;       /* AWS_REGION, AWS_DEFAULT_REGION, else "us-east-1": for STS */
    const char *gcp_audience; /* no token from Google; else the audience to ask it for */
    const char *role_arn;     /* AWS_ROLE_ARN: with gcp_audience */
    const char *sts_url;      /* "https://sts.REGION.amazonaws.com" */
    const char *(*env)(void *arg, const char *name); /* getenv */
    void *env_arg;
    int64_t (*now_ms)(void *arg); /* the system's clock; milliseconds since 1970 */
    void *now_arg;
    uint64_t seed; /* of the jitter */
};

struct aws_credentials;

/* Begins to look at once. changed(arg) is called from the loop whenever there are new credentials;
 * it may be NULL. The client must outlive the credentials. */
struct aws_credentials *aws_credentials_new(struct uv_loop_s *loop, struct http_client *http,
                                            const struct aws_credentials_config *config,
                                            void (*changed)(void *arg), void *arg) MUST_USE;
/* Stops, wipes what it has, and frees itself as soon as the loop lets it. */
void aws_credentials_close(struct aws_credentials *c);

/* NULL: none yet. Valid until the loop runs again. */
const struct sigv4_identity *aws_credentials_get(const struct aws_credentials *c);
/* AWS has refused them as expired or unknown: fetches new ones now, unless that is under way or was
 * done less than ten seconds ago. */
void aws_credentials_refused(struct aws_credentials *c);

struct aws_credentials_state {
    enum aws_source source; /* of the last attempt */
    bool ok;                /* there are credentials */
    int64_t expires_ms;     /* of those there are; 0: never */
    uint64_t fetched, failed;
    const char *problem; /* what went wrong the last time; NULL: nothing. No secret is in it. */
};
struct aws_credentials_state aws_credentials_state(const struct aws_credentials *c);
