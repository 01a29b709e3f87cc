/* run.c - `tandem run`: hub and sites over instances of Amazon Connect, with API and dashboard, by
 * the clock on the wall; or by that of a connectsim, which may be faster. */
#include "cli/centre.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "amazon/amazon.h"
#include "cli/sim_clock.h"
#include "cli/sim_faults.h"
#include "core/model.h"

enum { SETTLE_MS = 60000 /* after the start; a site that was not heard by then is lost */ };

struct run {
    struct centre c;
    struct sim_clock clock; /* as it was at the start */
    uint64_t clock_ns;      /* of uv_hrtime, then */
    struct amazon_config *amazon_config;
    struct amazon *amazon;
    struct sim_faults *sim; /* NULL: the instances are real ones */
    struct fault_port faults;
    void (*left)(void *arg); /* what the centre waits for at the end */
    void *left_arg;
    bool heard[SITES_MAX]; /* it was ready, or stayed away because somebody had drained it */
};

/* ---- between the instances and the world ---- */

static td_ms now(void *arg)
{
    struct run *r = arg;
    double passed_ms = (double)(uv_hrtime() - r->clock_ns) / 1e6;
    return r->c.live ? live_now(r->c.live) : r->clock.now + (td_ms)(passed_ms * r->clock.speed);
}

static bool set_clock(struct run *r)
{
    char error[300];
    if (sim_clock_ask(r->amazon_config->endpoint, &r->clock, error, sizeof error)) {
        r->clock_ns = uv_hrtime();
        return true;
    }
    fprintf(stderr, "tandem run: %s\n", error);
    return false;
}

static void moved(void *arg, uint8_t site)
{
    struct run *r = arg;
    if (r->c.world)
        world_instance_moved(r->c.world, site);
}

static bool was_heard(struct run *r, const struct core *k, uint8_t site)
{
    uint8_t why;
    r->heard[site] |= health_site_open(k, site, &why) || why == EX_DRAINING;
    return r->heard[site];
}

/* Shares in force as the hub has them, or while it is down the first site that is up. */
static bool wanted(void *arg, const uint8_t site[2], int32_t ppm[2])
{
    struct run *r = arg;
    struct node *n = r->c.world ? world_node(r->c.world, HUB) : NULL;
    for (uint8_t s = 0; r->c.world && !n && s < r->c.config->n_sites; s++)
        n = world_node(r->c.world, s);
    if (!n)
        return false;
    const struct core *k = node_core(n);
    bool both = was_heard(r, k, site[0]);
    both &= was_heard(r, k, site[1]);
    if (!both && now(r) - r->clock.now < SETTLE_MS)
        return false; /* instances are not heard all at once: no reason to send everybody over */
    for (int i = 0; i < 2; i++)
        ppm[i] = k->group[shares_group_of(k, site[i])].by[k->self].share_ppm[site[i]];
    return true;
}

/* ---- the parts ---- */

static bool make_amazon(struct run *r)
{
    char error[300];
    r->amazon = amazon_new(&(struct amazon_options){.loop = &r->c.loop,
                                                    .amazon = r->amazon_config,
                                                    .config = r->c.config,
                                                    .pseudonym_key = {r->c.key[0], r->c.key[1]},
                                                    .seed = r->c.seed,
                                                    .speed = r->clock.speed,
                                                    .now = now,
                                                    .moved = moved,
                                                    .wanted = wanted,
                                                    .arg = r},
                           error, sizeof error);
    if (r->amazon)
        return true;
    fprintf(stderr, "tandem run: %s\n", error);
    r->c.rc = EXIT_CONF;
    return false;
}

/* The port at which flows ask, or -1. */
static int listen_to_flows(struct run *r)
{
    char error[300];
    int port = amazon_listen(r->amazon, error, sizeof error);
    if (port < 0) {
        fprintf(stderr, "tandem run: %s\n", error);
        r->c.rc = EXIT_IO;
    }
    return port;
}

/* Drivers know queues, routing profiles and agents by their places in the file. */
static bool same_people(const struct config *a, const struct config *b)
{
    bool same =
        a->n_queues == b->n_queues && a->n_profiles == b->n_profiles && a->n_agents == b->n_agents;
    for (uint16_t q = 0; same && q < a->n_queues; q++)
        same = a->queue[q].key == b->queue[q].key;
    for (uint16_t p = 0; same && p < a->n_profiles; p++)
        same = a->profile[p].key == b->profile[p].key;
    for (uint32_t i = 0; same && i < a->n_agents; i++)
        same = a->agent[i].key == b->agent[i].key && a->agent[i].site == b->agent[i].site &&
               a->agent[i].profile == b->agent[i].profile;
    return same;
}

static bool may_change(void *arg, const char *text, size_t len, struct buf *errors)
{
    struct run *r = arg;
    struct amazon_config *amazon = amazon_config_new();
    struct conf_section sections[] = {amazon_config_section(amazon), {0}};
    struct config *c = config_load_with(text, len, r->c.config_file, sections, errors);
    bool drivers = c && amazon_config_same(amazon, r->amazon_config);
    bool people = c && same_people(c, r->c.config);
    if (c && !drivers)
        buf_fmt(errors,
                "%s: amazon: instances are driven as they were at the start; stop tandem to "
                "change the section\n",
                r->c.config_file);
    if (c && !people)
        buf_fmt(errors,
                "%s: queues, profiles, agents: while instances of Amazon Connect are driven they "
                "keep their names, homes and order; stop tandem to change them\n",
                r->c.config_file);
    config_free(c);
    amazon_config_free(amazon);
    return drivers && people;
}

static void on_amazon_closed(void *arg)
{
    struct run *r = arg;
    if (r->sim)
        sim_faults_close(r->sim, r->left, r->left_arg);
    else
        r->left(r->left_arg);
}

static void leave(void *arg, void (*left)(void *arg), void *left_arg)
{
    struct run *r = arg;
    r->left = left;
    r->left_arg = left_arg;
    if (r->amazon)
        amazon_close(r->amazon, on_amazon_closed, r);
    else
        on_amazon_closed(r);
}

static bool start(struct run *r)
{
    if (!make_amazon(r))
        return false;
    struct world_options o = {.seed = r->c.seed,
                              .instances = amazon_instances(r->amazon),
                              .replica = amazon_replicas(r->amazon),
                              .start = now(r)};
    if (!centre_world(&r->c, &o, r->clock.speed, 0))
        return false;
    int flows = listen_to_flows(r), port = flows < 0 ? -1 : centre_serve(&r->c);
    if (port < 0)
        return false;
    char how[64] = "", more[200];
    if (r->clock.speed != 1)
        snprintf(how, sizeof how, ", %g times as fast as the clock on the wall", r->clock.speed);
    snprintf(more, sizeof more, "  flows ask   http://%s:%d/flow/%s\n", r->amazon_config->listen,
             flows, r->c.config->site[0].name);
    centre_announce(&r->c, port, how, more);
    return true;
}

static void run(struct run *r)
{
    r->c.now = now;
    r->c.may_change = may_change;
    r->c.leave = leave;
    r->c.arg = r;
    if (!set_clock(r)) {
        r->c.rc = EXIT_AWAY;
        return;
    }
    r->c.simulated = r->clock.simulated;
    r->c.faults = r->clock.simulated ? &r->faults : NULL;
    if (!centre_begin(&r->c))
        return;
    if (r->clock.simulated) {
        r->sim = sim_faults_new(&r->c.loop, r->amazon_config, r->clock.speed);
        r->faults = sim_faults_port(r->sim);
    }
    if (!start(r))
        centre_stop(&r->c);
    centre_loop(&r->c);
}

/* ---- the command line ---- */

static int load(struct run *r)
{
    struct conf_section own = amazon_config_section(r->amazon_config);
    int rc = centre_load(&r->c, &own);
    if (rc >= 0)
        return rc;
    if (r->amazon_config->n_instances != r->c.config->n_sites) {
        fprintf(stderr, "%s: amazon.instances: every site must be one: %u are named of %u\n",
                r->c.config_file, r->amazon_config->n_instances, r->c.config->n_sites);
        return EXIT_CONF;
    }
    return -1;
}

int cmd_run(int argc, char **argv)
{
    static const struct option longs[] = {{"config", required_argument, 0, 'c'},
                                          {"port", required_argument, 0, 'p'},
                                          {"listen", required_argument, 0, 'l'},
                                          {"for", required_argument, 0, 'F'},
                                          {"data", required_argument, 0, 'd'},
                                          {"help", no_argument, 0, 'h'},
                                          {0}};
    const struct command *me = cli_command("run");
    struct run *r = mem_new(1, sizeof *r);
    r->c = (struct centre)CENTRE(me);
    r->amazon_config = amazon_config_new();
    int rc = -1;
    for (int k; rc < 0 && (k = cli_getopt(argc, argv, me, "c:p:l:F:d:h", longs)) != -1;)
        rc = k == 'h' ? EXIT_DONE : centre_option(&r->c, k, optarg);
    if (rc < 0 && optind < argc)
        rc = cli_usage(me, "what is \"%s\"? options only", argv[optind]);
    if (rc < 0)
        rc = load(r);
    if (rc < 0) {
        run(r);
        rc = r->c.rc;
    }
    centre_free(&r->c);
    amazon_config_free(r->amazon_config);
    mem_free(r);
    return rc;
}
