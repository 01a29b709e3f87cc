/* pseudonym.c - the key of customers' pseudonyms. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

static bool draw(uint64_t key[2])
{
    return getrandom(key, 16, 0) == 16;
}

bool cli_pseudonym_key(const char *folder, uint64_t key[2])
{
    char path[4200];
    if (!folder)
        return draw(key);
    (void)snprintf(path, sizeof path, "%s/pseudonym.key", folder);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t n = read(fd, key, 16);
        close(fd);
        errno = EIO; /* of a file cut short */
        return n == 16;
    }
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && draw(key) && write(fd, key, 16) == 16 && fsync(fd) == 0;
    if (fd >= 0 && close(fd) != 0)
        ok = false;
    return ok;
}
