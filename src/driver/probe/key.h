/* key.h - the key of authenticated STAMP from a file. */
#pragma once

#include "net/stamp.h"

/* The file has the key in hexadecimal, blanks and a line's end around it allowed. False and a line
 * in `error`: it cannot be read, or is no such key. The caller wipes *key when it is no longer
 * used. */
bool stamp_key_load(const char *path, struct stamp_key *key, char *error, size_t cap) MUST_USE;
