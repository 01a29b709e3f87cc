/* Any bytes as a trace: the first chooses the columns and the time format, the rest is the file.
 * Whatever it is, arrivals come in the order of time, in range, and no more than rows allow. */
#include "base/mem.h"
#include "trace/trace.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const formats[] = {
    "seconds",         "epoch_s",           "epoch_ms",          "iso8601",
    "%y%m%d %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M %z", "%H:%M"};

static void configure(struct config *c, uint8_t choice)
{
    static struct cfg_queue queue = {.name = "q"};
    static struct cfg_trace_queue map[] = {{"PS", 0}, {"", 0}};
    c->n_queues = 1;
    c->queue = &queue;
    c->trace = (struct cfg_trace){.time = "a+b",
                                  .npa = "c",
                                  .number = "d",
                                  .lat = "e",
                                  .lon = "f",
                                  .queue = "g",
                                  .channel = "h",
                                  .customer = "i",
                                  .handle_s = "j",
                                  .patience_s = "k",
                                  .spread_s = 10,
                                  .utc_offset_min = -90,
                                  .separator = choice & 8 ? '\t' : ',',
                                  .n_map = 2,
                                  .queue_map = map,
                                  .queue_default = INDEX_NONE,
                                  .n_skip = 1,
                                  .skip = {{"g", "skip"}},
                                  .scale = 0.5};
    str_copy(c->trace.time_format, sizeof c->trace.time_format, formats[choice & 7]);
    if (choice & 16)
        str_copy(c->trace.weight, sizeof c->trace.weight, "l");
    if (choice & 32)
        c->trace = (struct cfg_trace){.time = "t", .time_format = "seconds", .separator = ','};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    static struct config c; /* large, and the same for the same first byte */
    configure(&c, data[0]);
    struct trace_options o = {.seed = 1, .run_rows = 4};
    struct buf errors = {0};
    struct trace *t = trace_open_bytes(data + 1, size - 1, "fuzz", &c, &o, &errors);
    BUG_ON(!t && !errors.len);
    struct arrival a;
    td_ms before = 0;
    for (int n = 0; t && n < 10000 && trace_next(t, &a) == TRACE_ROW; n++) {
        struct trace_stats s = trace_stats(t);
        BUG_ON(a.at < before || a.queue >= 1 || a.channel >= CHANNELS || id_none(a.contact));
        BUG_ON(a.row < 1 || a.row > s.rows || s.bad + s.skipped + s.duplicates >= s.rows);
        BUG_ON(a.handle_ms < -1 || a.patience_ms < -1 || a.wrapup_ms < -1);
        before = a.at;
    }
    trace_close(t);
    buf_free(&errors);
    return 0;
}
