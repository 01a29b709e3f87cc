/* Any bytes as CBOR: what is taken is a value of bounded depth that JSON can say. */
#include "kinesis/cbor.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const json_t *v, int depth)
{
    const char *key;
    json_t *item;
    size_t i;
    BUG_ON(!v || depth > CBOR_DEPTH_MAX);
    json_object_foreach((json_t *)(uintptr_t)v, key, item) walk(item, depth + 1);
    json_array_foreach(v, i, item) walk(item, depth + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *why = NULL;
    json_t *v = cbor_decode(data, size, &why);
    BUG_ON((v == NULL) != (why != NULL));
    if (!v)
        return 0;
    walk(v, 1);
    char *text = json_dumps(v, JSON_ENCODE_ANY);
    BUG_ON(!text);
    json_t *again = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    BUG_ON(!again);
    json_decref(again);
    json_decref(v);
    free(text);
    return 0;
}
