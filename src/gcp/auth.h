/* auth.h - who asks Google: bearer tokens from wherever this machine has them, kept fresh.
 *
 * Looked for in the order of Google's libraries (Application Default Credentials):
 *
 *   key        the file that GOOGLE_APPLICATION_CREDENTIALS names, a service account's key: signs
 *              its own tokens (key.h); the file is read again for each
 *   metadata   the metadata server of the machine or pod, for the account it runs as
 *
 * User credentials (gcloud auth application-default login) are not among them. A token is replaced
 * when half its life is over, give or take a tenth, so that many nodes do not ask at once; while
 * the metadata server does not answer the old one is used as long as it is valid. No key or token
 * is ever logged. */
#pragma once

#include "http/client.h"

enum gcp_source { GCP_SOURCE_KEY, GCP_SOURCE_METADATA };

struct gcp_auth_config { /* the strings are copied; NULL takes what is said */
    const char *key_file;      /* GOOGLE_APPLICATION_CREDENTIALS; "": none */
    const char *metadata_host; /* GCE_METADATA_HOST, else "metadata.google.internal" */
    const char *(*env)(void *arg, const char *name); /* getenv */
    void *env_arg;
    int64_t (*now_ms)(void *arg); /* the system's clock; milliseconds since 1970 */
    void *now_arg;
    uint64_t seed; /* of the jitter */
};

struct gcp_auth;
/* The HTTP client must outlive it. */
struct gcp_auth *gcp_auth_new(struct uv_loop_s *loop, struct http_client *http,
                              const struct gcp_auth_config *config) MUST_USE;
/* Stops, wipes what it has, and frees itself as soon as the loop lets it. */
void gcp_auth_close(struct gcp_auth *a);

/* A token for the API at "https://HOST/"; NULL: none yet, ask again in a moment. Valid until the
 * next call, or until the loop runs again. */
const char *gcp_auth_token(struct gcp_auth *a, const char *audience);
/* The API refused the token: forgets it. */
void gcp_auth_refused(struct gcp_auth *a);
enum gcp_source gcp_auth_source(const struct gcp_auth *a);
