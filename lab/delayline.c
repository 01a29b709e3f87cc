/* delayline.c - a link between two network namespaces: a TAP in each, and this process, which
 * carries frames across and holds each for as long as the wire would.
 *
 *   delayline NAMESPACE_A INTERFACE_A NAMESPACE_B INTERFACE_B FIFO [COMMAND]...
 *
 * Delay, jitter, loss and cuts are set for each direction while it runs, so a link can be slow,
 * lossy or dead one way only, which is what netem on one interface of a pair does; kernels without
 * sch_netem (CONFIG_NET_SCH_NETEM) need nothing but /dev/net/tun. A command is a line written to
 * the FIFO, or an argument:
 *
 *   delay WAY US       hold frames so long          WAY is ab, ba or both
 *   jitter WAY US      and up to so much longer, order kept
 *   loss WAY PPM       drop so many of a million
 *   cut WAY            drop all; the interfaces stay up: what BFD is for
 *   heal WAY           no cut, no loss
 *   carrier on|off     the cable is in, or out, at both ends
 *   flap MS            the carrier goes off and on, so long each; 0: no longer, and on
 *   stat               a line of counters on standard output
 *
 * A way of 4 ms really takes 4.05 to 4.1 ms here: exact enough to tell 4 from 5. A wire does not
 * wait for a processor either, so it goes before other programs (SCHED_FIFO) where that is allowed;
 * else it takes longer while they run. It ends on SIGTERM. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/if_tun.h>
#include <net/if.h>

#include "base/mem.h"
#include "base/rng.h"

enum {
    SLOTS = 1024, /* frames held, each direction: 100,000 a second at 10 ms */
    FRAME = 1600, /* an MTU of 1500 and a header with a tag */
    A_TURN = 64,  /* frames read before the other direction has its turn */
};

struct way {
    uint8_t (*frame)[FRAME];
    uint16_t len[SLOTS];
    int64_t due_ns[SLOTS];
    uint32_t in, out; /* counts of frames taken and given; the difference is held */
    int64_t delay_ns, jitter_ns, last_due_ns;
    uint32_t loss_ppm;
    bool cut;
    uint64_t carried, dropped, overflowed;
};

struct line {
    struct way way[2]; /* 0: a to b */
    int tap[2], fifo;
    struct rng rng;
    bool carrier;
    int64_t flap_ns, flap_due_ns; /* 0: it does not */
    char text[256];               /* of commands, not yet a whole line */
    size_t text_len;
};

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static NORETURN void die(const char *what)
{
    fprintf(stderr, "delayline: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- frames ---- */

static bool lost(struct line *l, const struct way *w)
{
    return w->cut || !l->carrier || (w->loss_ppm && rng_below(&l->rng, 1000000) < w->loss_ppm);
}

/* A wire keeps order: no frame is due before the one ahead of it. */
static int64_t due_of(struct line *l, struct way *w)
{
    int64_t due = now_ns() + w->delay_ns;
    if (w->jitter_ns)
        due += (int64_t)rng_below(&l->rng, (uint64_t)w->jitter_ns);
    return w->last_due_ns = MAX(due, w->last_due_ns);
}

static void take(struct line *l, int i)
{
    struct way *w = &l->way[i];
    uint8_t spill[FRAME];
    for (int k = 0; k < A_TURN; k++) {
        bool full = w->in - w->out == SLOTS;
        uint32_t slot = w->in % SLOTS;
        ssize_t n = read(l->tap[i], full ? spill : w->frame[slot], FRAME);
        if (n <= 0)
            return;
        if (full || lost(l, w)) {
            w->overflowed += full;
            w->dropped += !full;
            continue;
        }
        w->len[slot] = (uint16_t)n;
        w->due_ns[slot] = due_of(l, w);
        w->in++;
    }
}

/* Gives what is due to the other end; a cut also swallows what is on the wire. */
static void give(struct line *l, int i, int64_t now)
{
    struct way *w = &l->way[i];
    for (; w->out != w->in && w->due_ns[w->out % SLOTS] <= now; w->out++) {
        uint32_t slot = w->out % SLOTS;
        bool ok = !w->cut && write(l->tap[!i], w->frame[slot], w->len[slot]) >= 0;
        w->carried += ok;
        w->dropped += !ok;
    }
}

/* ---- commands ---- */

static void set_carrier(struct line *l, bool on)
{
    int value = on;
    for (int i = 0; i < 2; i++)
        if (ioctl(l->tap[i], TUNSETCARRIER, &value) < 0)
            fprintf(stderr, "delayline: carrier: %s\n", strerror(errno));
    l->carrier = on;
}

static void print_counters(const struct line *l)
{
    for (int i = 0; i < 2; i++) {
        const struct way *w = &l->way[i];
        printf("%s carried %" PRIu64 " dropped %" PRIu64 " overflowed %" PRIu64 " delay_us %" PRId64
               "%s",
               i ? "ba" : "ab", w->carried, w->dropped, w->overflowed, w->delay_ns / 1000,
               i ? "\n" : "; ");
    }
    fflush(stdout);
}

static bool number_of(const char *text, int64_t *out)
{
    char *end;
    *out = strtoll(text, &end, 10);
    return *text && !*end && *out >= 0 && *out <= 60000000;
}

static bool way_command(struct way *w, const char *verb, const char *value)
{
    int64_t v;
    if (strcmp(verb, "cut") == 0 || strcmp(verb, "heal") == 0) {
        w->cut = *verb == 'c';
        if (!w->cut)
            w->loss_ppm = 0;
        return true;
    }
    if (!number_of(value, &v))
        return false;
    if (strcmp(verb, "delay") == 0) {
        w->delay_ns = v * 1000;
        w->last_due_ns = 0; /* a shorter delay may overtake what is under way, once */
    } else if (strcmp(verb, "jitter") == 0) {
        w->jitter_ns = v * 1000;
    } else if (strcmp(verb, "loss") == 0) {
        w->loss_ppm = (uint32_t)v;
    } else {
        return false;
    }
    return true;
}

static bool link_command(struct line *l, const char *verb, const char *value)
{
    int64_t ms;
    if (strcmp(verb, "stat") == 0) {
        print_counters(l);
    } else if (strcmp(verb, "carrier") == 0 && (!strcmp(value, "on") || !strcmp(value, "off"))) {
        set_carrier(l, value[1] == 'n');
    } else if (strcmp(verb, "flap") == 0 && number_of(value, &ms)) {
        l->flap_ns = ms * 1000000;
        l->flap_due_ns = now_ns() + l->flap_ns;
        if (!ms)
            set_carrier(l, true);
    } else {
        return false;
    }
    return true;
}

static void command(struct line *l, const char *text)
{
    char verb[16] = "", first[16] = "", second[16] = "";
    if (sscanf(text, "%15s %15s %15s", verb, first, second) < 1)
        return;
    bool ab = strcmp(first, "ab") == 0, ba = strcmp(first, "ba") == 0;
    bool both = strcmp(first, "both") == 0, done = ab || ba || both;
    if (ab || both)
        done = way_command(&l->way[0], verb, second) && done;
    if (ba || both)
        done = way_command(&l->way[1], verb, second) && done;
    if (!done && !link_command(l, verb, first))
        fprintf(stderr, "delayline: what is \"%s\"?\n", text);
}

static void read_commands(struct line *l)
{
    ssize_t n = read(l->fifo, l->text + l->text_len, sizeof l->text - 1 - l->text_len);
    if (n <= 0)
        return;
    l->text_len += (size_t)n;
    for (char *end; (end = memchr(l->text, '\n', l->text_len));) {
        *end = '\0';
        command(l, l->text);
        size_t used = (size_t)(end + 1 - l->text);
        l->text_len -= used;
        memmove(l->text, l->text + used, l->text_len);
    }
    if (l->text_len == sizeof l->text - 1)
        l->text_len = 0; /* not a command of ours */
}

/* ---- the line ---- */

static int open_tap(const char *namespace, const char *name)
{
    char path[256];
    struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    snprintf(path, sizeof path, "/run/netns/%s", namespace);
    int ns = open(path, O_RDONLY | O_CLOEXEC);
    if (ns < 0 || setns(ns, CLONE_NEWNET) < 0)
        die(path);
    close(ns);
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        die("/dev/net/tun");
    if (!str_copy(ifr.ifr_name, sizeof ifr.ifr_name, name) || ioctl(fd, TUNSETIFF, &ifr) < 0)
        die(name);
    return fd;
}

static void flap(struct line *l, int64_t now)
{
    if (!l->flap_ns || now < l->flap_due_ns)
        return;
    set_carrier(l, !l->carrier);
    l->flap_due_ns = now + l->flap_ns;
}

/* How long until something is due; NULL: nothing is. */
static struct timespec *until_due(const struct line *l, struct timespec *out)
{
    int64_t due = l->flap_ns ? l->flap_due_ns : INT64_MAX;
    for (int i = 0; i < 2; i++)
        if (l->way[i].out != l->way[i].in)
            due = MIN(due, l->way[i].due_ns[l->way[i].out % SLOTS]);
    if (due == INT64_MAX)
        return NULL;
    int64_t now = now_ns(), left = MAX(0, due - now);
    *out = (struct timespec){left / 1000000000, left % 1000000000};
    return out;
}

static NORETURN void carry(struct line *l)
{
    for (;;) {
        struct timespec t;
        struct pollfd p[] = {{.fd = l->tap[0], .events = POLLIN},
                             {.fd = l->tap[1], .events = POLLIN},
                             {.fd = l->fifo, .events = POLLIN}};
        int64_t now = now_ns();
        give(l, 0, now);
        give(l, 1, now);
        flap(l, now);
        if (ppoll(p, COUNTOF(p), until_due(l, &t), NULL) < 0 && errno != EINTR)
            die("ppoll");
        for (int i = 0; i < 2; i++)
            if (p[i].revents & POLLIN)
                take(l, i);
        if (p[2].revents & POLLIN)
            read_commands(l);
    }
}

int main(int argc, char **argv)
{
    if (argc < 6) {
        fprintf(stderr, "usage: delayline NAMESPACE_A IF_A NAMESPACE_B IF_B FIFO [COMMAND]...\n");
        return 2;
    }
    struct line *l = mem_new(1, sizeof *l);
    prctl(PR_SET_TIMERSLACK, 1ul); /* a sleep may end 50 us late otherwise */
    (void)sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1});
    l->fifo = open(argv[5], O_RDWR | O_NONBLOCK | O_CLOEXEC); /* RDWR: never at its end */
    if (l->fifo < 0)
        die(argv[5]);
    l->tap[0] = open_tap(argv[1], argv[2]);
    l->tap[1] = open_tap(argv[3], argv[4]);
    l->carrier = true;
    l->rng = rng_seed(hash_str(argv[5]), 0);
    for (int i = 0; i < 2; i++)
        l->way[i].frame = mem_new(SLOTS, FRAME);
    for (int i = 6; i < argc; i++)
        command(l, argv[i]);
    carry(l);
}
