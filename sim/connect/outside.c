#include "connect/outside.h"

#include "connect/state.h"

struct outside {
    struct streams *streams;
    struct feed *feed;
    struct lambda *lambda;
    struct flows *flows;
    struct webhook *webhook; /* NULL: there is none */
    struct faults *faults;
    struct state *state;
    int closing; /* parts that are not closed yet */
    void (*done)(void *arg);
    void *arg;
};

/* A function of this name is there in every region, and every instance may call it. */
static void associate(struct center *c, const char *name)
{
    for (uint32_t m = 0; m < center_n_mirrors(c); m++) {
        struct mirror *mirror = center_mirror(c, m);
        for (uint8_t s = 0; s < mirror->n_sides; s++) {
            struct instance *i = mirror->side[s];
            struct buf arn = {0};
            buf_fmt(&arn, "arn:aws:lambda:%s:%s:function:%s", i->region->name, mirror->account,
                    name);
            i->lambda = mem_grow(i->lambda, i->n_lambda + 1, sizeof(char *));
            i->lambda[i->n_lambda++] = mem_strdup(arn.data);
            buf_free(&arn);
        }
    }
}

static void add_functions(struct outside *out, const struct outside_options *o)
{
    for (uint32_t i = 0; i < o->setup->n_lambdas; i++) {
        const struct setup_lambda *l = &o->setup->lambda[i];
        bool routed = lambda_route(out->lambda, l->name, l->url);
        BUG_ON(!routed); /* the setup has the same limits */
        associate(o->center, l->name);
    }
}

struct outside *outside_new(const struct outside_options *o)
{
    struct outside *out = mem_new(1, sizeof *out);
    out->streams = streams_new(&(struct streams_options){
        .center = o->center, .front = o->front, .limits = o->limits, .steady_ms = o->steady_ms});
    out->feed = feed_new(o->center, out->streams, o->setup->shards);
    center_warm(o->center, o->warm_ms);
    out->lambda = lambda_new(o->loop);
    out->flows = flows_new(o->center, out->lambda);
    if (o->setup->events_url[0])
        out->webhook = webhook_new(o->loop, o->center, o->setup->events_url);
    out->faults = faults_new(&(struct faults_options){.loop = o->loop,
                                                      .center = o->center,
                                                      .front = o->front,
                                                      .feed = out->feed,
                                                      .flows = out->flows,
                                                      .webhook = out->webhook});
    out->state = state_new(&(struct state_options){.center = o->center,
                                                   .front = o->front,
                                                   .streams = out->streams,
                                                   .feed = out->feed,
                                                   .lambda = out->lambda,
                                                   .flows = out->flows,
                                                   .webhook = out->webhook,
                                                   .faults = out->faults});
    add_functions(out, o);
    return out;
}

static void part_closed(void *arg)
{
    struct outside *o = arg;
    if (--o->closing == 0)
        o->done(o->arg);
}

void outside_close(struct outside *o, void (*done)(void *arg), void *arg)
{
    o->done = done;
    o->arg = arg;
    o->closing = o->webhook ? 3 : 2;
    faults_close(o->faults, part_closed, o);
    if (o->webhook)
        webhook_close(o->webhook, part_closed, o);
    lambda_close(o->lambda, part_closed, o);
}

void outside_free(struct outside *o)
{
    if (!o)
        return;
    state_free(o->state);
    faults_free(o->faults);
    flows_free(o->flows);
    feed_free(o->feed);
    streams_free(o->streams);
    mem_free(o);
}
