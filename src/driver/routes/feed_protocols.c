/* feed_protocols.c - BMP and FPM as protocols of a station. */
#include "driver/routes/feed_station.h"

static void *bmp_begin(const struct feed_speaker *w)
{
    return bmp_session_new(
        &(struct bmp_options){w->decoder, w->sources, w->router, w->sink, w->arg});
}

static void bmp_end(void *session, int64_t at_ms)
{
    bmp_session_free(session, at_ms);
}

static unsigned bmp_take(void *session, const void *bytes, size_t n, int64_t at_ms)
{
    return bmp_feed(session, bytes, n, at_ms);
}

static size_t bmp_kept(const void *session)
{
    return bmp_session_kept(session);
}

static struct feed_figures bmp_figures(const void *session)
{
    struct bmp_stats st = bmp_session_stats(session);
    return (struct feed_figures){.messages = st.messages,
                                 .glitches = st.glitches,
                                 .quirks = st.quirks,
                                 .name = bmp_session_name(session)};
}

const struct feed_protocol feed_bmp = {.name = "bmp",
                                       .status_names = bmp_status_names,
                                       .quirk_names = bmp_quirk_names,
                                       .statuses = BMP_STATUSES,
                                       .quirks = BMP_QUIRKS,
                                       .goodbye = BMP_TERMINATED,
                                       .begin = bmp_begin,
                                       .end = bmp_end,
                                       .feed = bmp_take,
                                       .kept = bmp_kept,
                                       .figures = bmp_figures};

static void *fpm_begin(const struct feed_speaker *w)
{
    return fpm_session_new(&(struct fpm_options){w->attrs, w->sources, w->router, w->sink, w->arg});
}

static void fpm_end(void *session, int64_t at_ms)
{
    fpm_session_free(session, at_ms);
}

static unsigned fpm_take(void *session, const void *bytes, size_t n, int64_t at_ms)
{
    return fpm_feed(session, bytes, n, at_ms);
}

static unsigned fpm_time(void *session, int64_t at_ms)
{
    return fpm_tick(session, at_ms);
}

static size_t fpm_kept(const void *session)
{
    return fpm_session_kept(session);
}

static struct feed_figures fpm_figures(const void *session)
{
    struct fpm_stats st = fpm_session_stats(session);
    return (struct feed_figures){.messages = st.messages, .glitches = st.glitches, .name = ""};
}

const struct feed_protocol feed_fpm = {.name = "fpm",
                                       .status_names = fpm_status_names,
                                       .statuses = FPM_STATUSES,
                                       .begin = fpm_begin,
                                       .end = fpm_end,
                                       .feed = fpm_take,
                                       .tick = fpm_time,
                                       .kept = fpm_kept,
                                       .figures = fpm_figures};
