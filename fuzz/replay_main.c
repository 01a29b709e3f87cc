/* replay_main.c - runs a fuzz target over files and folders without a fuzzer, so that what was
 * once found stays found in the ordinary tests of any compiler:  replay_config fuzz/corpus/config
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    FILE *in = fopen(path, "rb");
    if (!in) {
        fprintf(stderr, "%s: cannot be opened\n", path);
        return -1;
    }
    struct buf b = {0};
    size_t got;
    do {
        buf_reserve(&b, 65536);
        got = fread(b.data + b.len, 1, 65536, in);
        b.len += got;
    } while (got);
    fclose(in);
    /* An exact copy, so that an address sanitizer sees a read past the end. */
    uint8_t *exact = mem_grow(NULL, b.len, 1);
    for (size_t i = 0; i < b.len; i++)
        exact[i] = (uint8_t)b.data[i];
    fprintf(stderr, "%s\n", path); /* the last one named is the one that failed */
    LLVMFuzzerTestOneInput(exact, b.len);
    mem_free(exact);
    buf_free(&b);
    return 1;
}

/* Files of a folder in the order of their names; returns how many, negative when one failed. */
static int replay(const char *path)
{
    struct dirent **entries;
    int n = scandir(path, &entries, NULL, alphasort), done = 0;
    if (n < 0)
        return replay_file(path);
    for (int i = 0; i < n; i++) {
        struct buf sub = {0};
        buf_fmt(&sub, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && done >= 0)
            done = replay_file(sub.data) < 0 ? -1 : done + 1;
        buf_free(&sub);
        free(entries[i]);
    }
    free(entries);
    return done;
}

int main(int argc, char **argv)
{
    int files = 0;
    for (int i = 1; i < argc; i++) {
        int n = replay(argv[i]);
        if (n < 0)
            return 1;
        files += n;
    }
    printf("%d inputs replayed\n", files);
    return files == 0; /* a corpus that is not there is a mistake */
}
