#include "cli/sim_faults.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "base/json.h"
#include "base/log.h"
#include "http/client.h"
#include "node/world.h"

enum { ANSWER_MS = 5000, FOR_MAX_MS = 86400000 /* connectsim's limit: a day */ };

struct sim_faults {
    const struct amazon_config *amazon;
    double speed;
    struct http_client *http;
    void (*closed)(void *arg);
    void *closed_arg;
};

struct beginning {
    fault_told *told;
    void *arg;
};

static const char *region_of(const struct sim_faults *s, uint8_t site)
{
    for (uint32_t i = 0; i < s->amazon->n_instances; i++)
        if (s->amazon->instance[i].site == site)
            return s->amazon->instance[i].region;
    return ""; /* cannot be: every site is an instance */
}

static void pair(struct jw *w, const char *key, const char *value)
{
    jw_key(w, key);
    jw_str(w, value);
}

static void write_fault(const struct sim_faults *s, const struct fault *f, int64_t for_ms,
                        struct buf *out)
{
    struct jw w;
    bool gone = f->kind == FAULT_REGION_DOWN;
    jw_begin(&w, out);
    jw_obj(&w);
    pair(&w, "fault", gone ? "region_down" : "flows_broken");
    pair(&w, "region", region_of(s, f->a));
    if (gone) {
        pair(&w, "mode", "black_hole");
        jw_key(&w, "drop_contacts");
        jw_bool(&w, true);
        jw_key(&w, "desktops_stay"); /* agents are at home, not in the region */
        jw_bool(&w, true);
    }
    if (for_ms) {
        double wall_ms = (double)for_ms / s->speed;
        jw_key(&w, "for_ms");
        jw_int(&w, wall_ms < 1 ? 1 : wall_ms > FOR_MAX_MS ? FOR_MAX_MS : (int64_t)wall_ms);
    }
    jw_end(&w);
    jw_done(&w);
}

static uint32_t number_of(const struct http_result *r)
{
    json_t *root = r->body.n ? json_loadb(r->body.p, r->body.n, 0, NULL) : NULL;
    const json_t *id = json_object_get(root, "id");
    double v = json_number_value(id);
    uint32_t n = v >= 1 && v <= UINT32_MAX ? (uint32_t)v : 0;
    json_decref(root);
    return n;
}

static void on_begun(void *arg, const struct http_result *r)
{
    struct beginning b = *(struct beginning *)arg;
    char problem[160] = "";
    uint32_t there = 0;
    mem_free(arg);
    if (r->error != HTTP_CLIENT_OK)
        snprintf(problem, sizeof problem, "connectsim, which plays the instances, is not heard: %s",
                 http_client_error_names[r->error]);
    else if (r->status != 200)
        snprintf(problem, sizeof problem, "connectsim, which plays the instances, refuses it: %d",
                 r->status);
    else if (!(there = number_of(r)))
        snprintf(problem, sizeof problem, "connectsim's answer has no id");
    b.told(b.arg, there, *problem ? problem : NULL);
}

static void begin(void *arg, const struct fault *f, int64_t for_ms, fault_told *told,
                  void *told_arg)
{
    struct sim_faults *s = arg;
    struct buf url = {0}, body = {0};
    struct beginning *b = mem_new(1, sizeof *b);
    *b = (struct beginning){told, told_arg};
    buf_fmt(&url, "%s/sim/faults", s->amazon->endpoint);
    write_fault(s, f, for_ms, &body);
    http_client_start(
        s->http,
        &(struct http_call_spec){.method = HTTP_METHOD_PUT,
                                 .url = url.data,
                                 .fields = &(struct http_field){"Content-Type", "application/json"},
                                 .n_fields = 1,
                                 .body = {body.data, body.len}},
        on_begun, b);
    buf_free(&url);
    buf_free(&body);
}

static void on_ended(void *arg, const struct http_result *r)
{
    (void)arg;
    if (r->error != HTTP_CLIENT_OK || (r->status != 200 && r->status != 404))
        log_warn("sim", "connectsim may still have a fault that was ended",
                 LF_S("error", http_client_error_names[r->error]), LF_I("status", r->status));
}

static void end(void *arg, uint32_t there)
{
    struct sim_faults *s = arg;
    struct buf url = {0};
    buf_fmt(&url, "%s/sim/faults?id=%" PRIu32, s->amazon->endpoint, there);
    http_client_start(s->http,
                      &(struct http_call_spec){.method = HTTP_METHOD_DELETE, .url = url.data},
                      on_ended, s);
    buf_free(&url);
}

/* ---- life ---- */

struct sim_faults *sim_faults_new(struct uv_loop_s *loop, const struct amazon_config *amazon,
                                  double speed)
{
    struct sim_faults *s = mem_new(1, sizeof *s);
    struct http_client_config h = HTTP_CLIENT_DEFAULTS;
    h.total_timeout_ms = ANSWER_MS;
    s->amazon = amazon;
    s->speed = speed;
    s->http = http_client_new(loop, &h);
    return s;
}

struct fault_port sim_faults_port(struct sim_faults *s)
{
    return (struct fault_port){begin, end, s};
}

static void on_closed(void *arg)
{
    struct sim_faults *s = arg;
    void (*closed)(void *) = s->closed;
    void *closed_arg = s->closed_arg;
    mem_free(s);
    if (closed)
        closed(closed_arg);
}

void sim_faults_close(struct sim_faults *s, void (*closed)(void *arg), void *arg)
{
    s->closed = closed;
    s->closed_arg = arg;
    http_client_close(s->http, on_closed, s);
}
