/* sigv4_tool.c - signs requests for tests/py/test_sigv4.py: a JSON object a line in, the field
 * Authorization a line out. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/sigv4.h"

static struct http_span text(const json_t *o, const char *name)
{
    const json_t *v = json_object_get(o, name);
    return json_is_string(v) ? (struct http_span){json_string_value(v), json_string_length(v)}
                             : (struct http_span){NULL, 0};
}

static void sign(const json_t *o)
{
    struct sigv4_field fields[SIGV4_FIELDS_MAX];
    const json_t *list = json_object_get(o, "fields");
    struct http_span body = text(o, "body");
    char hash[SIGV4_HEX];
    struct sigv4_signed s;
    struct sigv4_identity who = {text(o, "key").p, text(o, "secret").p, text(o, "token").p};
    struct sigv4_request rq = {.method = text(o, "method"),
                               .path = text(o, "path"),
                               .query = text(o, "query"),
                               .fields = fields,
                               .body_hash = hash};
    sigv4_hash(body.p, body.n, hash);
    for (size_t i = 0; i < json_array_size(list) && rq.n_fields < SIGV4_FIELDS_MAX - 2; i++) {
        const json_t *f = json_array_get(list, i);
        const char *name = json_string_value(json_array_get(f, 0));
        const char *value = json_string_value(json_array_get(f, 1));
        fields[rq.n_fields++] = (struct sigv4_field){HTTP_SPAN(name), HTTP_SPAN(value)};
    }
    bool ok = sigv4_sign(&who, text(o, "region").p, text(o, "service").p,
                         json_integer_value(json_object_get(o, "at_s")), &rq, &s);
    printf("%s\n", ok ? s.authorization.data : "refused");
    sigv4_signed_free(&s);
}

int main(void)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    while ((n = getline(&line, &cap, stdin)) > 0) {
        json_t *o = json_loadb(line, (size_t)n, 0, NULL);
        if (!o)
            return 1;
        sign(o);
        json_decref(o);
    }
    free(line);
    return 0;
}
