/* Shared files, JSON and XML with credentials, from whoever answers in their place. */
#include "aws/credentials_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_span text = {(const char *)data, size};
    struct aws_key k = {0};
    struct buf v = {0};
    if (aws_key_from_json(text, &k) && (!k.key_id[0] || !k.secret[0] || strpbrk(k.key_id, "\r\n ")))
        __builtin_trap();
    if (aws_key_from_sts(text, &k) && (!k.secret[0] || k.expires_ms == 0))
        __builtin_trap();
    if (aws_profile_get(text, true, "default", "role_arn", &v) && v.len && v.data[0] == ' ')
        __builtin_trap();
    (void)aws_profile_get(text, false, "b", "aws_access_key_id", &v);
    (void)aws_profile_get(text, true, "b", "k", &v);
    aws_key_free(&k);
    buf_free(&v);
    return 0;
}
