#include "core/types.h"

const char *const channel_names[CHANNELS] = {"voice", "chat", "task", "email"};

void id_print(struct td_id id, char out[ID_TEXT])
{
    static const char hex[] = "0123456789abcdef";
    for (int i = 0; i < 16; i++) {
        unsigned byte = (unsigned)((i < 8 ? id.hi : id.lo) >> (56 - 8 * (i & 7))) & 0xff;
        *out++ = hex[byte >> 4];
        *out++ = hex[byte & 15];
        if (i == 3 || i == 5 || i == 7 || i == 9)
            *out++ = '-';
    }
    *out = 0;
}

bool id_parse(const char *text, struct td_id *out)
{
    uint64_t w[2] = {0, 0};
    int digits = 0;
    for (int i = 0; i < 36; i++) {
        char c = text[i];
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (c != '-')
                return false;
            continue;
        }
        int v = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (v < 0)
            return false; /* also catches the early end of the string */
        w[digits / 16] = w[digits / 16] << 4 | (uint64_t)v;
        digits++;
    }
    if (text[36])
        return false;
    *out = (struct td_id){w[0], w[1]};
    return true;
}
