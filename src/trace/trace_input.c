#include "trace/trace_internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define ROOM (64u << 10)

bool source_open(struct source *s, const char *path, struct buf *errors)
{
    *s = (struct source){.line = 1};
    errno = 0;
    if (strcmp(path, "-") != 0) {
        s->gz = gzopen(path, "rbe");
    } else {
        int fd = dup(STDIN_FILENO);
        s->gz = fd < 0 ? NULL : gzdopen(fd, "rb");
        if (fd >= 0 && !s->gz)
            close(fd);
    }
    if (!s->gz) {
        buf_fmt(errors, "%s: cannot be opened: %s\n", path, errno ? strerror(errno) : "no memory");
        return false;
    }
    gzbuffer(s->gz, ROOM);
    s->room = mem_new(ROOM, 1);
    s->at = s->end = s->room;
    return true;
}

void source_open_bytes(struct source *s, const void *bytes, size_t n)
{
    *s = (struct source){.line = 1, .at = bytes};
    s->end = s->at + n;
}

void source_close(struct source *s)
{
    if (s->gz)
        gzclose(s->gz);
    mem_free(s->room);
    *s = (struct source){0};
}

bool source__fill(struct source *s)
{
    if (!s->gz || s->failure)
        return false;
    int n = gzread(s->gz, s->room, ROOM);
    if (n <= 0) {
        int error = Z_OK;
        gzerror(s->gz, &error); /* a file cut short is only told here */
        if (error == Z_ERRNO)
            s->failure = "cannot be read";
        else if (error != Z_OK && error != Z_STREAM_END)
            s->failure = "its compressed data are damaged or cut short";
        return false;
    }
    s->at = s->room;
    s->end = s->room + n;
    return true;
}
