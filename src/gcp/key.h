/* key.h - a service account's key of Google's, and the token it signs for itself. Pure.
 *
 * Google's APIs take a JSON Web Token that the key signs (RFC 7519, RS256 of RFC 7518) as bearer
 * token, with no call to get one: iss and sub are the account, aud the API, and it may be valid for
 * an hour ("Service account authorization without OAuth", Google Identity; AIP-4111). */
#pragma once

#include "base/mem.h"

enum { GCP_JWT_S = 3600 };

struct gcp_key;
/* The file as Google gives it out ("type": "service_account"). NULL: it is none; `error` says why,
 * without anything of what is in it. */
struct gcp_key *gcp_key_parse(const void *json, size_t n, char *error, size_t cap) MUST_USE;
void gcp_key_free(struct gcp_key *k); /* NULL is nothing */
const char *gcp_key_account(const struct gcp_key *k); /* client_email */
/* Appends a token that is valid from now_s for GCP_JWT_S. `audience`: "https://HOST/". False: the
 * library could not sign. */
bool gcp_key_jwt(const struct gcp_key *k, const char *audience, int64_t now_s,
                 struct buf *out) MUST_USE;
