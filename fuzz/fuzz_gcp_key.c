/* Any bytes as a service account's key: refused with a sentence, or able to sign. */
#include <string.h>

#include "gcp/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[128] = "";
    struct buf token = {0};
    struct gcp_key *k = gcp_key_parse(data, size, error, sizeof error);
    BUG_ON(!k && (!error[0] || strlen(error) == sizeof error - 1));
    if (k)
        BUG_ON(!gcp_key_jwt(k, "https://example.com/", 1, &token) || !*gcp_key_account(k));
    buf_free(&token);
    gcp_key_free(k);
    return 0;
}
