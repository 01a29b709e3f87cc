#include "driver/instance/tdg.h"

#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <jansson.h>
#include <uv.h>

#include "base/log.h"

struct tdg {
    struct tdg_config config;
    uv_loop_t *loop;
    uv_timer_t timer;
    struct tdg_plan plan;
    struct tdg_state state;
    uint64_t call;
    int ask;          /* the region that is asked */
    int64_t look_due; /* in loop time */
    int32_t setting;  /* what the update under way says */
};

static td_ms now_ms(const struct tdg *t)
{
    return (td_ms)uv_now(t->loop);
}

static const char *text(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));
    return s ? s : "";
}

static uint64_t call(struct tdg *t, enum aws_op op, int region, const struct buf *body,
                     aws_told *told)
{
    struct aws_call_spec spec = {.op = op,
                                 .region = t->config.region[region],
                                 .label = {t->config.group},
                                 .priority = AWS_FAILOVER,
                                 .within_ms = 8000};
    if (body)
        spec.body = (struct http_span){body->data, body->len};
    return aws_call(t->config.aws, &spec, told, t);
}

/* ---- what it is ---- */

static void look_again(struct tdg *t, int64_t ms)
{
    t->look_due = now_ms(t) + ms;
}

static void failed(struct tdg *t)
{
    t->state.failed++;
    t->state.active = false; /* as far as we know: looked at before anything is set */
    t->ask = 1 - t->ask;
    look_again(t, TDG_SOON_MS);
}

static void on_distribution(void *arg, const struct aws_reply *r)
{
    struct tdg *t = arg;
    const json_t *parts =
        json_object_get(json_object_get(r->body, "TelephonyConfig"), "Distributions");
    t->call = 0;
    if (r->class != AWS_OK) {
        failed(t);
        return;
    }
    for (size_t i = 0; i < json_array_size(parts); i++) {
        const json_t *p = json_array_get(parts, i);
        const json_t *percent = json_object_get(p, "Percentage");
        if (strcmp(text(p, "Region"), t->config.region[0]) == 0 && json_is_integer(percent)) {
            t->state.percent = (int32_t)json_integer_value(percent);
            t->state.known = true;
            tdg_plan_is(&t->plan, t->state.percent, now_ms(t));
        }
    }
    t->state.looks++;
    look_again(t, t->state.active ? (t->config.look_ms ? t->config.look_ms : TDG_LOOK_MS)
                                  : TDG_SOON_MS);
}

static void on_described(void *arg, const struct aws_reply *r)
{
    struct tdg *t = arg;
    const json_t *g = json_object_get(r->body, "TrafficDistributionGroup");
    t->call = 0;
    if (r->class != AWS_OK) {
        failed(t);
        return;
    }
    t->state.active = strcmp(text(g, "Status"), "ACTIVE") == 0;
    t->call = call(t, AWS_OP_GetTrafficDistribution, t->ask, NULL, on_distribution);
}

static void look(struct tdg *t)
{
    t->call = call(t, AWS_OP_DescribeTrafficDistributionGroup, t->ask, NULL, on_described);
}

/* ---- what it is to be ---- */

static void on_updated(void *arg, const struct aws_reply *r)
{
    struct tdg *t = arg;
    t->call = 0;
    if (r->class == AWS_OK) {
        t->state.updates++;
        t->state.percent = t->setting;
        t->state.active = false; /* until AWS says otherwise */
        tdg_plan_is(&t->plan, t->setting, now_ms(t));
        log_notice("tdg", "calls are split anew", LF_S("first", t->config.region[0]),
                   LF_I("percent", t->setting));
        look_again(t, TDG_SOON_MS);
        return;
    }
    t->state.known = r->unknown ? false : t->state.known; /* it may be either: look first */
    failed(t);
}

static void set(struct tdg *t, int32_t percent)
{
    struct buf body = {0};
    struct tdg_set s = {.region = {t->config.region[0], t->config.region[1]},
                        .percent = percent,
                        .agents = t->config.agents,
                        .agent_percent = percent,
                        .sign_in = t->config.sign_in,
                        .enabled = {percent > 0, percent < 100}};
    tdg_set_write(&s, &body);
    t->setting = percent;
    t->call = call(t, AWS_OP_UpdateTrafficDistribution, tdg_set_where(&s, t->state.percent), &body,
                   on_updated);
    buf_free(&body);
}

static void on_timer(uv_timer_t *timer)
{
    struct tdg *t = CONTAINER_OF(timer, struct tdg, timer);
    if (t->call)
        return;
    if (t->state.known) {
        int32_t next = tdg_plan_next(&t->plan, t->config.wanted(t->config.arg, t->config.id),
                                     t->state.active, now_ms(t));
        if (next >= 0) {
            set(t, next);
            return;
        }
    }
    if (now_ms(t) >= t->look_due)
        look(t);
}

/* ---- life ---- */

struct tdg *tdg_new(struct uv_loop_s *loop, const struct tdg_config *config)
{
    struct tdg *t = mem_new(1, sizeof *t);
    t->config = *config;
    t->config.group = mem_strdup(config->group);
    t->config.region[0] = mem_strdup(config->region[0]);
    t->config.region[1] = mem_strdup(config->region[1]);
    t->loop = loop;
    t->plan.dwell_ms = config->dwell_ms;
    BUG_ON(uv_timer_init(loop, &t->timer) != 0);
    (void)uv_timer_start(&t->timer, on_timer, 1, TDG_SOON_MS / 5);
    return t;
}

static void on_timer_closed(uv_handle_t *h)
{
    struct tdg *t = CONTAINER_OF((uv_timer_t *)h, struct tdg, timer);
    mem_free((char *)(uintptr_t)t->config.group);
    mem_free((char *)(uintptr_t)t->config.region[0]);
    mem_free((char *)(uintptr_t)t->config.region[1]);
    mem_free(t);
}

void tdg_close(struct tdg *t)
{
    if (t->call)
        aws_call_cancel(t->config.aws, t->call);
    uv_close((uv_handle_t *)&t->timer, on_timer_closed);
}

struct tdg_state tdg_state(const struct tdg *t)
{
    return t->state;
}
