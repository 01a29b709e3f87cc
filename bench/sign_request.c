/* sign_request - the fields that make a GET an Amazon Connect call, one a line, for wrk -H:
 *   sign_request PATH HOST:PORT REGION
 * Signed with key test, secret test; good for five minutes. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "aws/sigv4.h"

int main(int argc, char **argv)
{
    char hash[SIGV4_HEX];
    struct sigv4_signed s = {0};
    if (argc != 4) {
        fprintf(stderr, "usage: sign_request PATH HOST:PORT REGION\n");
        return 2;
    }
    sigv4_hash("", 0, hash);
    const struct sigv4_field host = {HTTP_SPAN("host"), HTTP_SPAN(argv[2])};
    const struct sigv4_identity who = {.key_id = "test", .secret = "test"};
    const struct sigv4_request rq = {.method = HTTP_SPAN("GET"),
                                     .path = HTTP_SPAN(argv[1]),
                                     .fields = &host,
                                     .n_fields = 1,
                                     .body_hash = hash};
    if (!sigv4_sign(&who, argv[3], "connect", (int64_t)time(NULL), &rq, &s))
        return 1;
    printf("X-Amz-Date: %s\nAuthorization: %s\n", s.time, s.authorization.data);
    sigv4_signed_free(&s);
    return 0;
}
