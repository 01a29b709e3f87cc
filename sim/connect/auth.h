/* auth.h - is a request signed as AWS wants it (Signature Version 4), by whom, and just now?
 *
 * The canonical form and the signature are aws/sigv4.h; here is what a service checks around them:
 * the date against the clock (5 minutes) and against the scope, that Host is signed, the hash of
 * the body, the session token. The sentences are AWS's. Sources: AWS, "Signature Version 4 signing
 * process" and "Troubleshooting Signature Version 4 requests". */
#pragma once

#include "aws/sigv4.h"
#include "connect/api.h"

enum { AUTH_SKEW_S = 300 };

struct auth_secret {
    const char *secret, *token; /* token "": the key has none */
};

/* EX_COUNT: it is right; else the error to answer with, and a sentence in `why`. `now_s`: seconds
 * since 1970. Region and service of the scope are the caller's to check. */
enum api_error auth_check(const struct http_request *rq, const struct sigv4_authorization *a,
                          const struct auth_secret *secret, int64_t now_s, char *why, size_t cap);
