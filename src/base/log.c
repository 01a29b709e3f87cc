#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"

const char *const log_level_names[LOG_LEVELS] = {"error", "warn", "notice", "info", "debug"};
static const char priority[LOG_LEVELS] = {'3', '4', '5', '6', '7'}; /* syslog(3) */
#define PRIORITY_LEN 3                                              /* "<4>" */

struct ring_line {
    int64_t at_ms;
    enum log_level level;
    uint32_t len;
    char text[LOG_LINE_MAX];
};

static struct sink { /* see the head of log.h: the one process-wide object */
    pthread_mutex_t lock;
    _Atomic int level;
    struct log_options opt;
    bool terminal;
    struct ring_line *ring; /* NULL: not open */
    uint64_t seq, lost;
    struct buf line;
    struct log_site *limited; /* places that have suppressed lines */
} sink = {.lock = PTHREAD_MUTEX_INITIALIZER, .level = LOG_LEVEL_INFO, .opt = LOG_DEFAULTS};

static int64_t now_ms(void)
{
    if (sink.opt.now_ms)
        return sink.opt.now_ms(sink.opt.now_arg);
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool needs_quotes(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] <= ' ' || s[i] > '~' || s[i] == '"' || s[i] == '=' || s[i] == '\\')
            return true;
    return n == 0;
}

static void put_text(struct buf *b, const char *s, size_t n)
{
    if (needs_quotes(s, n))
        json_quote(b, s, n);
    else
        buf_add(b, s, n);
}

static void put_field(struct buf *b, const struct log_field *f)
{
    buf_char(b, ' ');
    buf_str(b, f->key);
    buf_char(b, '=');
    switch (f->type) {
    case LF__STR: put_text(b, f->s ? f->s : "", f->s ? strlen(f->s) : 0); break;
    case LF__STRN: put_text(b, f->s, f->n); break;
    case LF__INT: buf_fmt(b, "%lld", (long long)f->i); break;
    case LF__UINT: buf_fmt(b, "%llu", (unsigned long long)f->u); break;
    case LF__HEX: buf_fmt(b, "%016llx", (unsigned long long)f->u); break;
    case LF__DOUBLE: json_number(b, f->d); break;
    case LF__BOOL: buf_str(b, f->u ? "true" : "false"); break;
    case LF__END: break;
    }
}

static void put_head(struct buf *b, int64_t at_ms, enum log_level level, const char *sub,
                     const char *msg)
{
    int64_t s = at_ms / 1000, ms = at_ms % 1000;
    if (ms < 0) {
        ms += 1000;
        s--;
    }
    time_t t = (time_t)s;
    struct tm tm;
    if (!gmtime_r(&t, &tm))
        tm = (struct tm){.tm_year = 70, .tm_mday = 1};
    buf_fmt(b, "ts=%04d-%02d-%02dT%02d:%02d:%02d.%03dZ level=%s sub=%s msg=", tm.tm_year + 1900,
            tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)ms,
            log_level_names[level], sub);
    put_text(b, msg, strlen(msg));
}

/* A line longer than a ring entry is cut before a UTF-8 sequence, never inside one. */
static void cut(struct buf *b)
{
    size_t len = PRIORITY_LEN + LOG_LINE_MAX - 1 - 3;
    if (b->len < PRIORITY_LEN + LOG_LINE_MAX)
        return;
    while (((unsigned char)b->data[len] & 0xc0) == 0x80)
        len--;
    b->len = len;
    buf_str(b, "...");
}

static void write_out(const struct buf *b)
{
    size_t skip = sink.terminal ? PRIORITY_LEN : 0, len = b->len - skip;
    ssize_t n;
    do
        n = write(sink.opt.fd, b->data + skip, len);
    while (n < 0 && errno == EINTR);
    sink.lost += n != (ssize_t)len;
}

static void emit(int64_t at_ms, enum log_level level, const char *sub, const char *msg,
                 const struct log_field *fields, uint32_t suppressed)
{
    struct buf *b = &sink.line;
    buf_reset(b);
    buf_fmt(b, "<%c>", priority[level]);
    put_head(b, at_ms, level, sub, msg);
    if (suppressed)
        put_field(b, &LF_U("suppressed", suppressed));
    for (; fields->type != LF__END; fields++)
        put_field(b, fields);
    cut(b);
    if (sink.ring) {
        struct ring_line *r = &sink.ring[sink.seq % LOG_RING];
        r->at_ms = at_ms;
        r->level = level;
        r->len = (uint32_t)(b->len - PRIORITY_LEN);
        memcpy(r->text, b->data + PRIORITY_LEN, r->len + 1);
    }
    sink.seq++;
    buf_char(b, '\n');
    if (sink.opt.fd >= 0)
        write_out(b);
}

/* Counts the line against its place's limit; false: it is suppressed. */
static bool within_limit(struct log_site *site, int64_t at_ms)
{
    if (!sink.opt.burst)
        return true;
    if (!site->lines || at_ms < site->window_start_ms ||
        at_ms - site->window_start_ms >= sink.opt.window_ms) {
        site->window_start_ms = at_ms;
        site->lines = 0;
    }
    if (site->lines < sink.opt.burst) {
        site->lines++;
        return true;
    }
    site->suppressed++;
    if (!site->listed) {
        site->listed = true;
        site->next = sink.limited;
        sink.limited = site;
    }
    return false;
}

void log_write(struct log_site *site, enum log_level level, const char *sub, const char *msg,
               const struct log_field *fields)
{
    int saved = errno;
    pthread_mutex_lock(&sink.lock);
    site->level = level;
    site->sub = sub;
    site->msg = msg;
    int64_t at_ms = now_ms();
    if (within_limit(site, at_ms)) {
        emit(at_ms, level, sub, msg, fields, site->suppressed);
        site->suppressed = 0;
    }
    pthread_mutex_unlock(&sink.lock);
    errno = saved;
}

void log_open(const struct log_options *o)
{
    BUG_ON(o->level >= LOG_LEVELS || (o->burst && o->window_ms <= 0));
    pthread_mutex_lock(&sink.lock);
    sink.opt = *o;
    sink.level = (int)o->level;
    sink.terminal = o->fd >= 0 && isatty(o->fd);
    if (!sink.ring)
        sink.ring = mem_new(LOG_RING, sizeof *sink.ring);
    pthread_mutex_unlock(&sink.lock);
}

void log_close(void)
{
    pthread_mutex_lock(&sink.lock);
    while (sink.limited) {
        struct log_site *site = sink.limited;
        sink.limited = site->next;
        if (site->suppressed)
            emit(now_ms(), site->level, site->sub, site->msg, &LF_END, site->suppressed);
        site->suppressed = site->lines = 0;
        site->listed = false;
        site->next = NULL;
    }
    mem_free(sink.ring);
    sink.ring = NULL;
    sink.seq = sink.lost = 0;
    buf_free(&sink.line);
    sink.opt = (struct log_options)LOG_DEFAULTS;
    sink.level = LOG_LEVEL_INFO;
    sink.terminal = false;
    pthread_mutex_unlock(&sink.lock);
}

void log_set_level(enum log_level level)
{
    BUG_ON(level >= LOG_LEVELS);
    sink.level = (int)level;
}

bool log_enabled(enum log_level level)
{
    return (int)level <= sink.level;
}

void log_each(uint64_t after, bool (*fn)(void *arg, const struct log_line *line), void *arg)
{
    pthread_mutex_lock(&sink.lock);
    uint64_t first = sink.seq > LOG_RING ? sink.seq - LOG_RING : 0;
    for (uint64_t i = MAX(first, after); sink.ring && i < sink.seq; i++) {
        const struct ring_line *r = &sink.ring[i % LOG_RING];
        if (!fn(arg, &(struct log_line){i + 1, r->at_ms, r->level, r->text, r->len}))
            break;
    }
    pthread_mutex_unlock(&sink.lock);
}

uint64_t log_lost(void)
{
    pthread_mutex_lock(&sink.lock);
    uint64_t n = sink.lost;
    pthread_mutex_unlock(&sink.lock);
    return n;
}
