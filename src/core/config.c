/* config.c - loading a configuration, finding things in it, and its opening hours. */
#include "core/config_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct config *config_load(const char *text, size_t len, const char *file, struct buf *errors)
{
    return config_load_with(text, len, file, NULL, errors);
}

const struct config *config_loading(struct conf *f)
{
    return ((const struct load *)conf_file_user(f))->c;
}

struct config *config_load_with(const char *text, size_t len, const char *file,
                                const struct conf_section *sections, struct buf *errors)
{
    struct config *c = mem_new(1, sizeof *c);
    struct load load = {.c = c};
    bool good = conf_read(text, len, file, &config__table, c, &load, sections, errors);
    mem_free(load.agent_node);
    if (!good) {
        config_free(c);
        return NULL;
    }
    c->text = mem_new(len + 1, 1);
    memcpy(c->text, text, len);
    c->text_len = len;
    return c;
}

/* Reads one byte more than is allowed, so that the reader sees when a file is too large. */
static bool read_file(const char *path, struct buf *text)
{
    FILE *in = fopen(path, "rb");
    size_t got = 1;
    if (!in)
        return false;
    while (got && text->len <= CONF_SIZE_MAX) {
        buf_reserve(text, 65536);
        got = fread(text->data + text->len, 1, 65536, in);
        text->len += got;
    }
    int failed = ferror(in) ? errno : 0;
    fclose(in);
    errno = failed;
    return !failed;
}

struct config *config_load_file(const char *path, struct buf *errors)
{
    return config_load_file_with(path, NULL, errors);
}

struct config *config_load_file_with(const char *path, const struct conf_section *sections,
                                     struct buf *errors)
{
    struct buf text = {0};
    struct config *c = NULL;
    if (read_file(path, &text))
        c = config_load_with(text.data, text.len, path, sections, errors);
    else
        buf_fmt(errors, "%s:1:1: file: cannot be read (%s); check its path and permissions\n", path,
                strerror(errno));
    buf_free(&text);
    return c;
}

bool config_is(const struct config *c, const char *text, size_t len)
{
    return c->text_len == len && memcmp(c->text, text, len) == 0;
}

bool config_same_sites(const struct config *a, const struct config *b)
{
    bool same = a->n_sites == b->n_sites;
    for (uint8_t s = 0; s < a->n_sites && same; s++)
        same = a->site[s].key == b->site[s].key;
    return same;
}

struct config *config_hold(const struct config *c)
{
    struct config *mine = (struct config *)c; /* nothing of what it says changes */
    mine->holders++;
    return mine;
}

void config_free(struct config *c)
{
    if (!c || (c->holders && c->holders--))
        return;
    mem_free(c->queue);
    mem_free(c->profile);
    mem_free(c->agent);
    mem_free(c->workload.origins);
    mem_free(c->workload.demands);
    mem_free(c->trace.queue_map);
    mem_free(c->text);
    mem_free(c);
}

int config_site_by_name(const struct config *c, const char *name)
{
    for (int i = 0; i < c->n_sites; i++)
        if (strcmp(c->site[i].name, name) == 0)
            return i;
    return -1;
}

int config_queue_by_name(const struct config *c, const char *name)
{
    for (int i = 0; i < c->n_queues; i++)
        if (strcmp(c->queue[i].name, name) == 0)
            return i;
    return -1;
}

int config_policy_by_name(const struct config *c, const char *name)
{
    for (int i = 0; i < c->n_policies; i++)
        if (strcmp(c->policy[i].name, name) == 0)
            return i;
    return -1;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

bool config_hours_open(const struct config *c, uint16_t hours, td_ms at)
{
    if (hours == INDEX_NONE)
        return true;
    BUG_ON(hours >= c->n_hours);
    return cfg_hours_open(&c->hours[hours], at);
}

bool cfg_hours_open(const struct cfg_hours *h, td_ms at)
{
    int64_t minute = floor_div(at, 60 * MS_PER_S) + h->utc_offset_min;
    int64_t day = floor_div(minute, 1440), in_day = minute - day * 1440;
    int64_t weekday = (day + 3) - 7 * floor_div(day + 3, 7); /* 1970-01-01 was a Thursday */
    return h->day[weekday].open_min <= in_day && in_day < h->day[weekday].close_min;
}

void config_schema_markdown(const struct conf_section *sections, struct buf *out)
{
    conf_markdown(&config__table, sections, out);
}

void config_schema_scdoc(const struct conf_section *sections, struct buf *out)
{
    conf_scdoc(&config__table, sections, out);
}

void config_schema_json(const struct conf_section *sections, struct buf *out)
{
    conf_json(&config__table, sections, "tandem configuration", out);
}
