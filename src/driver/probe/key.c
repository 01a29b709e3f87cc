#include "driver/probe/key.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_hex(const char *text, size_t n)
{
    return n && n % 2 == 0 && n <= 2 * STAMP_KEY_MAX && strspn(text, "0123456789abcdefABCDEF") == n;
}

bool stamp_key_load(const char *path, struct stamp_key *key, char *error, size_t cap)
{
    char text[2 * STAMP_KEY_MAX + 64] = "", *from = text;
    FILE *in = fopen(path, "re");
    *key = (struct stamp_key){0};
    if (!in) {
        snprintf(error, cap, "%s: cannot be read: %s", path, strerror(errno));
        return false;
    }
    size_t n = fread(text, 1, sizeof text - 1, in);
    fclose(in);
    while (n && isspace((unsigned char)text[n - 1]))
        text[--n] = '\0';
    while (isspace((unsigned char)*from))
        from++;
    n -= (size_t)(from - text);
    bool ok = is_hex(from, n);
    for (size_t i = 0; ok && i < n; i += 2) {
        char byte[3] = {from[i], from[i + 1], '\0'};
        key->byte[key->len++] = (uint8_t)strtoul(byte, NULL, 16);
    }
    explicit_bzero(text, sizeof text);
    if (!ok)
        snprintf(error, cap, "%s: is no key; write 2 to %d hexadecimal digits, an even number",
                 path, 2 * STAMP_KEY_MAX);
    return ok;
}
