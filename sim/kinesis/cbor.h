/* cbor.h - CBOR (RFC 8949) as AWS's SDKs send it to Kinesis, read into jansson's values.
 *
 * The SDK for Java speaks application/x-amz-cbor-1.1: the members of the JSON protocol, in CBOR.
 * What is read becomes the JSON of the same request:
 *
 *      integers -2^63 .. 2^63-1, floats of 16, 32 and 64 bits       numbers
 *      text; byte strings                                           strings; strings of base64
 *      tag 1 on an integer: milliseconds, as that SDK writes it
 *      tag 1 on a float: seconds, as RFC 8949 says                  both: numbers, seconds
 *      arrays and maps, definite or not; keys are text              arrays and objects
 *      false, true, null, undefined
 *
 * Everything else (other tags, bignums, NaN, invalid UTF-8, a key twice or with a NUL, bytes
 * after the value) is refused. Sizes that are claimed are believed only as far as bytes follow.
 * (libcbor's values would have to be read and turned into jansson's, which is as much code.) */
#pragma once

#include <jansson.h>

#include "base/base.h"

enum {
    CBOR_DEPTH_MAX = 16,      /* requests of Kinesis have 3 */
    CBOR_ITEMS_MAX = 1 << 14, /* PutRecords with all it may have is about 3,500 */
};

/* The value, which the caller releases with json_decref; NULL with the reason in *why. */
json_t *cbor_decode(const void *data, size_t len, const char **why) MUST_USE;
