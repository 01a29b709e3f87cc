/* main.c - connectsim: an Amazon Connect on a laptop. See connectsim(1) and docs/connectsim.md. */
#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <uv.h>

#include "base/log.h"
#include "base/when.h"
#include "connect/front.h"
#include "connect/ops.h"
#include "connect/outside.h"
#include "connect/setup.h"
#include "kinesis/kinesis.h"

enum {
    EXIT_DONE = 0,
    EXIT_NO = 1,
    EXIT_USE = 2,
    EXIT_CONF = 78,
    TURN_MS = 20,
    SKIP_MAX_MS = 86400000,
    WARM_MAX_MS = 14400000 /* by then every contact of the beginning is over */
};
#define SPEED_MAX 1000.0

struct program {
    const char *config_file, *regions, *listen, *events_url;
    const char *lambda[SETUP_LAMBDAS_MAX];
    uint32_t n_lambdas;
    const char *name[FRONT_NAMES_MAX];
    uint32_t n_names;
    int port;
    double speed;
    int64_t warm_ms;
    uint64_t seed;
    bool throttle, seeded, no_arrivals;

    struct setup *setup;
    struct center *center;
    struct front *front;
    struct outside *outside;
    uv_loop_t loop;
    uv_timer_t turn;
    uv_signal_t interrupt, terminate;
    bool stopping;
};

static const char help[] =
    "usage: connectsim [--config FILE | --regions REGION,...] [options]\n"
    "\n"
    "An Amazon Connect on this machine: its API on one port, instances with agents and contacts.\n"
    "\n"
    "  -c, --config FILE     a configuration of tandem (tandem.yaml(5)): its sites are the\n"
    "                        regions; its section connectsim has accounts and keys\n"
    "  -r, --regions LIST    without a file: a small centre in these regions\n"
    "                        (default us-east-1,us-west-2)\n"
    "  -p, --port N          where it listens; 0: any free port (default 8410)\n"
    "  -l, --listen ADDR     IPv4 or IPv6 address (default 127.0.0.1)\n"
    "  -n, --name HOST       a name by which clients may call it; may be given often\n"
    "  -S, --speed N         times as fast as the clock on the wall (default 1, at most 1000);\n"
    "                        0: time passes only when PUT /sim/clock says so\n"
    "  -s, --seed N          of all that is drawn; the same seed makes the same ids\n"
    "  -t, --throttle on|off AWS's limits of API calls (default on)\n"
    "  -w, --warm TIME       so much is played before it listens (30m, at most 4h), so that it is "
    "a\n"
    "                        centre at work and not one that opens its doors (default 0s)\n"
    "      --no-arrivals     no contacts but those that are started\n"
    "  -L, --lambda NAME=URL a Lambda function that flows may call, and where its events go;\n"
    "                        {region} in the URL becomes the region; may be given again\n"
    "      --events URL      the webhook that contact events are posted to\n"
    "      --coverage        list the operations that are implemented and those that are not\n"
    "      --help, --version\n";

static int64_t wall_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t steady_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void print_coverage(void)
{
    for (int have = 1; have >= 0; have--) {
        uint32_t n = 0;
        for (uint32_t i = 0; i < api_n_operations; i++)
            n += (api_operations[i].input != NULL) == have;
        printf("%s%s (%u of %u):\n", have ? "" : "\n", have ? "implemented" : "not implemented", n,
               api_n_operations);
        for (uint32_t i = 0; i < api_n_operations; i++)
            if ((api_operations[i].input != NULL) == have)
                printf("  %-7s %s %s\n", http_method_names[api_operations[i].method],
                       api_operations[i].name, api_operations[i].uri);
    }
}

static void print_kinesis_coverage(void)
{
    uint32_t n[2] = {0, 0};
    bool have;
    for (size_t i = 0; kinesis_operation(i, &have); i++)
        n[have]++;
    for (int want = 1; want >= 0; want--) {
        printf("\nKinesis, %s (%u of %u):\n", want ? "implemented" : "not implemented", n[want],
               n[0] + n[1]);
        for (size_t i = 0; kinesis_operation(i, &have); i++)
            if (have == want)
                printf("  %s\n", kinesis_operation(i, &have));
    }
}

static void print_settings(const struct program *p, int port)
{
    const char *host = strchr(p->listen, ':') ? "localhost" : p->listen;
    printf("connectsim listens on http://%s:%d\n\n", host, port);
    for (uint32_t m = 0; m < center_n_mirrors(p->center); m++) {
        const struct mirror *r = center_mirror(p->center, m);
        for (uint8_t s = 0; s < r->n_sides; s++) {
            char arn[ARN_MAX];
            instance_arn(r->side[s], arn);
            printf("  %s%s\n", arn, s ? "  (replica)" : "");
        }
    }
    printf("\nAWS CLI and SDKs:\n"
           "  export AWS_ENDPOINT_URL_CONNECT=http://%s:%d AWS_ENDPOINT_URL_KINESIS=http://%s:%d\n",
           host, port, host, port);
    if (!p->setup->n_keys)
        printf("  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test\n");
    printf("  aws connect list-instances --region %s\n", center_region(p->center, 0)->name);
    fflush(stdout);
}

/* ---- the loop ---- */

static void turn(uv_timer_t *t)
{
    struct program *p = t->data;
    center_run(p->center, steady_ms());
    int64_t wait = center_wait(p->center, steady_ms(), TURN_MS);
    uv_timer_start(t, turn, (uint64_t)MAX(wait, 1), 0); /* of 0 ms it would run before any client */
}

static void closed(void *arg)
{
    struct program *p = arg;
    uv_close((uv_handle_t *)&p->turn, NULL);
    uv_close((uv_handle_t *)&p->interrupt, NULL);
    uv_close((uv_handle_t *)&p->terminate, NULL);
}

static void outside_closed(void *arg)
{
    struct program *p = arg;
    front_close(p->front, closed, p);
}

static void stop(uv_signal_t *s, int signum)
{
    struct program *p = s->data;
    if (p->stopping)
        return;
    p->stopping = true;
    uv_timer_stop(&p->turn);
    outside_close(p->outside, outside_closed, p);
}

/* PUT /sim/clock {"skip_ms": 1500}: so much time passes at once. Tells the time it is then, and how
 * many times as fast as the wall's it runs. */
static void control_clock(void *arg, struct http_request *rq)
{
    struct program *p = arg;
    char reply[96];
    json_t *in = rq->body.n ? json_loadb(rq->body.p, rq->body.n, 0, NULL) : NULL;
    const json_t *skip = json_object_get(in, "skip_ms");
    json_int_t ms = json_integer_value(skip);
    bool good =
        rq->method == HTTP_METHOD_GET ||
        (rq->method == HTTP_METHOD_PUT && json_is_integer(skip) && ms >= 0 && ms <= SKIP_MAX_MS);
    json_decref(in);
    if (!good) {
        http_problem(rq, 400, NULL, "Say {\"skip_ms\": N}, N from 0 to 86400000.");
        return;
    }
    center_skip(p->center, rq->method == HTTP_METHOD_PUT ? ms : 0);
    center_run(p->center, steady_ms());
    int n = snprintf(reply, sizeof reply, "{\"now_ms\":%lld,\"speed\":%g}",
                     (long long)center_now(p->center), p->speed);
    http_reply(rq, 200, "application/json", reply, (size_t)n);
}

static int serve(struct program *p)
{
    char error[200];
    uv_loop_init(&p->loop);
    p->front = front_new(&(struct front_options){.loop = &p->loop,
                                                 .center = p->center,
                                                 .throttle = p->throttle,
                                                 .names = p->name,
                                                 .n_names = p->n_names,
                                                 .wall_ms = wall_ms,
                                                 .steady_ms = steady_ms});
    front_control(p->front, "/sim/clock", control_clock, p);
    p->outside = outside_new(&(struct outside_options){.loop = &p->loop,
                                                       .center = p->center,
                                                       .front = p->front,
                                                       .setup = p->setup,
                                                       .limits = p->throttle,
                                                       .steady_ms = steady_ms,
                                                       .warm_ms = p->warm_ms});
    uv_timer_init(&p->loop, &p->turn);
    uv_signal_init(&p->loop, &p->interrupt);
    uv_signal_init(&p->loop, &p->terminate);
    p->turn.data = p->interrupt.data = p->terminate.data = p;
    int port = front_listen(p->front, p->listen, p->port, error, sizeof error);
    if (port < 0) {
        fprintf(stderr, "connectsim: %s\n", error);
        stop(&p->interrupt, 0);
    } else {
        print_settings(p, port);
        uv_signal_start(&p->interrupt, stop, SIGINT);
        uv_signal_start(&p->terminate, stop, SIGTERM);
        uv_timer_start(&p->turn, turn, 0, 0);
    }
    uv_run(&p->loop, UV_RUN_DEFAULT);
    uv_loop_close(&p->loop);
    front_free(p->front);
    outside_free(p->outside);
    return port < 0 ? EXIT_NO : EXIT_DONE;
}

/* ---- options ---- */

static bool number(const char *text, double min, double max, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && !*end && *out >= min && *out <= max;
}

/* -1: go on; else the exit code. */
static int take_option(struct program *p, int k)
{
    double v = 0;
    switch (k) {
    case 'c': p->config_file = optarg; return -1;
    case 'r': p->regions = optarg; return -1;
    case 'l': p->listen = optarg; return -1;
    case 'A': p->no_arrivals = true; return -1;
    case 'E': p->events_url = optarg; return -1;
    case 'L':
        if (p->n_lambdas < SETUP_LAMBDAS_MAX) {
            p->lambda[p->n_lambdas++] = optarg;
            return -1;
        }
        break;
    case 'n':
        if (p->n_names < FRONT_NAMES_MAX) {
            p->name[p->n_names++] = optarg;
            return -1;
        }
        break;
    case 'h': fputs(help, stdout); return EXIT_DONE;
    case 'V': printf("connectsim %s\n", TANDEM_VERSION); return EXIT_DONE;
    case 'C':
        print_coverage();
        print_kinesis_coverage();
        return EXIT_DONE;
    case 'p':
        if (number(optarg, 0, 65535, &v)) {
            p->port = (int)v;
            return -1;
        }
        break;
    case 'S':
        if (number(optarg, 0, SPEED_MAX, &p->speed))
            return -1;
        break;
    case 's':
        if (number(optarg, 0, 9007199254740992.0, &v)) {
            p->seed = (uint64_t)v;
            p->seeded = true;
            return -1;
        }
        break;
    case 'w':
        if (when_parse_span(optarg, &p->warm_ms) && p->warm_ms <= WARM_MAX_MS)
            return -1;
        break;
    case 't':
        p->throttle = strcmp(optarg, "on") == 0;
        if (p->throttle || strcmp(optarg, "off") == 0)
            return -1;
        break;
    default: break;
    }
    fprintf(stderr, "connectsim: wrong option or value; see connectsim --help\n");
    return EXIT_USE;
}

static int options(struct program *p, int argc, char **argv)
{
    static const struct option longs[] = {
        {"config", required_argument, 0, 'c'},   {"regions", required_argument, 0, 'r'},
        {"port", required_argument, 0, 'p'},     {"listen", required_argument, 0, 'l'},
        {"speed", required_argument, 0, 'S'},    {"seed", required_argument, 0, 's'},
        {"throttle", required_argument, 0, 't'}, {"warm", required_argument, 0, 'w'},
        {"no-arrivals", no_argument, 0, 'A'},    {"name", required_argument, 0, 'n'},
        {"lambda", required_argument, 0, 'L'},   {"events", required_argument, 0, 'E'},
        {"coverage", no_argument, 0, 'C'},       {"help", no_argument, 0, 'h'},
        {"version", no_argument, 0, 'V'},        {0}};
    opterr = 0;
    for (int k; (k = getopt_long(argc, argv, "c:r:p:l:n:S:s:t:w:L:h", longs, NULL)) != -1;) {
        int rc = take_option(p, k);
        if (rc >= 0)
            return rc;
    }
    if (optind != argc || (p->config_file && p->regions)) {
        fprintf(stderr, "connectsim: a file or regions, and nothing else; see connectsim --help\n");
        return EXIT_USE;
    }
    return -1;
}

/* What the command line adds to the setup. */
static bool add_outside(struct program *p)
{
    for (uint32_t i = 0; i < p->n_lambdas; i++)
        if (!setup_add_lambda(p->setup, p->lambda[i]))
            return false;
    return !p->events_url ||
           str_copy(p->setup->events_url, sizeof p->setup->events_url, p->events_url);
}

int main(int argc, char **argv)
{
    struct program p = {.listen = "127.0.0.1", .port = 8410, .speed = 1, .throttle = true};
    struct buf errors = {0};
    signal(SIGPIPE, SIG_IGN);
    int rc = options(&p, argc, argv);
    if (rc >= 0)
        return rc;
    p.setup = p.config_file ? setup_load(p.config_file, &errors)
                            : setup_default(p.regions ? p.regions : "us-east-1,us-west-2", &errors);
    if (!p.setup) {
        fprintf(stderr, "%s", errors.data ? errors.data : "");
        buf_free(&errors);
        return EXIT_CONF;
    }
    if (!add_outside(&p)) {
        fprintf(stderr, "connectsim: --lambda NAME=URL, --events URL; see connectsim --help\n");
        setup_free(p.setup);
        return EXIT_USE;
    }
    if (!p.seeded && getrandom(&p.seed, sizeof p.seed, 0) != sizeof p.seed)
        p.seed = (uint64_t)wall_ms();
    p.center = center_new(
        &(struct center_options){.config = p.setup->config,
                                 .pairs = p.setup->pairs,
                                 .account = p.setup->account,
                                 .speed = p.speed,
                                 .seed = p.seed,
                                 .start = wall_ms() - p.warm_ms,
                                 .wall_ms = steady_ms(),
                                 .history_max = p.setup->history_max,
                                 .arrivals = p.setup->arrivals && !p.no_arrivals,
                                 .function = p.setup->function[0] ? p.setup->function : NULL,
                                 .transfer_numbers = p.setup->transfer_numbers});
    setup_add_keys(p.setup, p.center);
    rc = serve(&p);
    center_free(p.center);
    setup_free(p.setup);
    return rc;
}
