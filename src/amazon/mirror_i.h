/* mirror_i.h - what the files of the mirror share; nobody else includes it. */
#pragma once

#include <stdbool.h>

#include <jansson.h>

/* Equal, or both not there. */
bool mirror_same(const json_t *a, const json_t *b);
/* Copies a member, if it is there and not null. */
void mirror_copy(json_t *to, const json_t *from, const char *name);
/* Frees text that jansson has made; NULL: nothing. */
void mirror_release(char *s);
/* The row of a profile's queues with the queue and channel of `like`; NULL: none. */
json_t *mirror_row(const json_t *queues, const json_t *like);
