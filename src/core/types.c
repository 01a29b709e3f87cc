#include "core/types.h"

const char *const channel_names[CHANNELS] = {"voice", "chat", "task", "email"};

void id_print(struct td_id id, char out[ID_TEXT])
{
    static const char hex[] = "0123456789abcdef";
    int k = 0;
    for (int i = 0; i < 32; i++) {
        uint64_t w = i < 16 ? id.hi : id.lo;
        out[k++] = hex[w >> (60 - 4 * (i % 16)) & 15];
        if (i == 7 || i == 11 || i == 15 || i == 19)
            out[k++] = '-';
    }
    out[k] = 0;
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
