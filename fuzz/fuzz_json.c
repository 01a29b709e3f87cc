/* Any bytes as JSON: base/json_read.h and jansson must say the same of them. */
#include "json_twin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct jr r; /* used again, as the API does */
    BUG_ON(*twin_differs(&r, data, size));
    return 0;
}
