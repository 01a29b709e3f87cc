/* A request's first line and fields, as a stranger sends them to a verifier: the field
 * Authorization parsed, the rest canonicalised and verified. */
#include <string.h>

#include "aws/arn.h"
#include "aws/sigv4.h"
#include "base/when.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct http_span line(struct http_span *text)
{
    const char *nl = text->n ? memchr(text->p, '\n', text->n) : NULL;
    struct http_span out = {text->p, nl ? (size_t)(nl - text->p) : text->n};
    text->p += out.n + (nl != NULL);
    text->n -= out.n + (nl != NULL);
    return out;
}

/* A canonical query is its own canonical form. */
static void check_fixpoint(struct sigv4_request rq, const struct buf *once)
{
    struct http_span text = {once->data, once->len};
    struct buf again = {0};
    (void)line(&text);
    (void)line(&text);
    rq.query = line(&text);
    if (!sigv4_canonical(&rq, &again) || once->len != again.len ||
        memcmp(once->data, again.data, once->len) != 0)
        __builtin_trap();
    buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_span text = {(const char *)data, size}, name;
    struct sigv4_field fields[SIGV4_FIELDS_MAX + 1];
    struct sigv4_request rq = {.fields = fields, .body_hash = "UNSIGNED-PAYLOAD"};
    struct sigv4_authorization a;
    struct arn_connect arn;
    struct buf once = {0};
    int64_t at;
    bool parsed = sigv4_parse(line(&text), &a), read = false;
    rq.method = line(&text);
    rq.path = line(&text);
    rq.query = line(&text);
    while (text.n && rq.n_fields < SIGV4_FIELDS_MAX + 1) {
        fields[rq.n_fields].name = line(&text);
        fields[rq.n_fields++].value = line(&text);
    }
    if (sigv4_canonical(&rq, &once))
        check_fixpoint(rq, &once);
    if (parsed) {
        if (sigv4_verify(&a, "secret", "20150830T123600Z", &rq))
            __builtin_trap(); /* nobody guesses 256 bits */
        while (sigv4_next_name(&a.names, &name))
            read |= sigv4_time_read(name, &at);
    }
    read |= arn_connect_parse(rq.path, &arn);
    read |= when_parse(rq.method.n ? rq.method.p : "", rq.method.n, &at);
    read |= when_parse_http(rq.query.n ? rq.query.p : "", rq.query.n, &at);
    buf_free(&once);
    return read && size == SIZE_MAX; /* always 0 */
}
