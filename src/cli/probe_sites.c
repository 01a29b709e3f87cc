/* probe_sites.c - `tandem probe sites`: the probes of one site to all others, told to the hub. It
 * is what runs beside a site's node wherever the hub itself cannot measure: between two regions. */
#include "cli/cli.h"

#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/when.h"
#include "core/config.h"
#include "watch/probe_report.h"
#include "watch/site_probes.h"

struct sites {
    const struct command *me;
    const char *file, *from, *hub;
    int64_t for_ms;
    struct config *config;
    struct watch_config *network;
    uint16_t site;
    uv_loop_t loop;
    uv_signal_t interrupt, terminate;
    uv_timer_t end;
    struct site_probes *probes;
    struct probe_report *report;
    bool stopping;
};

static void found(void *arg, const struct probe_result *r)
{
    struct sites *s = arg;
    probe_report_add(s->report, r);
}

static void stop(struct sites *s)
{
    if (s->stopping)
        return;
    s->stopping = true;
    uv_close((uv_handle_t *)&s->interrupt, NULL);
    uv_close((uv_handle_t *)&s->terminate, NULL);
    uv_close((uv_handle_t *)&s->end, NULL);
    if (s->probes)
        site_probes_stop(s->probes, NULL, NULL);
    probe_report_close(s->report, NULL, NULL);
}

static void on_signal(uv_signal_t *h, int number)
{
    (void)number;
    stop(h->data);
}

static void on_end(uv_timer_t *t)
{
    stop(t->data);
}

/* -1: go on. */
static int read_options(struct sites *s, int argc, char **argv)
{
    static const struct option longs[] = {
        {"config", required_argument, 0, 'c'}, {"from", required_argument, 0, 'F'},
        {"hub", required_argument, 0, 'H'},    {"for", required_argument, 0, 'f'},
        {"help", no_argument, 0, 'h'},         {0}};
    for (int k; (k = cli_getopt(argc, argv, s->me, "c:F:H:f:h", longs)) != -1;) {
        switch (k) {
        case 'c': s->file = optarg; break;
        case 'F': s->from = optarg; break;
        case 'H': s->hub = optarg; break;
        case 'f':
            if (!when_parse_span(optarg, &s->for_ms))
                return cli_usage(s->me, "\"%s\" is no length of time", optarg);
            break;
        case 'h': return EXIT_DONE;
        default: return EXIT_USE;
        }
    }
    if (!s->hub)
        s->hub = getenv("TANDEM_HUB");
    if (!s->hub || !*s->hub)
        s->hub = "http://127.0.0.1:8400";
    if (optind < argc || !s->file || !s->from)
        return cli_usage(s->me, "sites needs --config FILE and --from SITE");
    if (strncmp(s->hub, "http://", 7) != 0 && strncmp(s->hub, "https://", 8) != 0)
        return cli_usage(s->me, "the hub's address begins with http:// or https://");
    return -1;
}

static int load(struct sites *s)
{
    struct buf errors = {0};
    s->network = watch_config_new();
    struct conf_section sections[] = {watch_config_section(s->network), {0}};
    s->config = config_load_file_with(s->file, sections, &errors);
    if (!s->config) {
        fprintf(stderr, "%s", errors.data);
        buf_free(&errors);
        return EXIT_CONF;
    }
    const struct topo *t = &s->network->topo;
    while (s->site < t->n_sites && strcmp(t->site[s->site].name, s->from) != 0)
        s->site++;
    if (s->site < t->n_sites && t->site[s->site].address.family)
        return -1;
    fprintf(stderr, "tandem probe: %s has no site %s with an address in its network\n", s->file,
            s->from);
    return EXIT_CONF;
}

static int run(struct sites *s)
{
    char error[400];
    uv_loop_init(&s->loop);
    uv_signal_init(&s->loop, &s->interrupt);
    uv_signal_init(&s->loop, &s->terminate);
    uv_timer_init(&s->loop, &s->end);
    s->interrupt.data = s->terminate.data = s->end.data = s;
    uv_signal_start(&s->interrupt, on_signal, SIGINT);
    uv_signal_start(&s->terminate, on_signal, SIGTERM);
    s->report = probe_report_new(&s->loop, s->hub, &s->network->topo);
    s->probes = site_probes_start(&s->loop, s->network, s->site, found, s, error, sizeof error);
    if (!s->probes) {
        fprintf(stderr, "tandem probe: %s\n", error);
        stop(s);
    } else if (s->for_ms) {
        uv_timer_start(&s->end, on_end, (uint64_t)s->for_ms, 0);
    }
    int rc = s->probes ? EXIT_DONE : EXIT_IO;
    uv_run(&s->loop, UV_RUN_DEFAULT);
    BUG_ON(uv_loop_close(&s->loop) != 0);
    return rc;
}

int cmd_probe_sites(int argc, char **argv)
{
    struct sites *s = mem_new(1, sizeof *s);
    s->me = cli_command("probe");
    int rc = read_options(s, argc, argv);
    if (rc < 0)
        rc = load(s);
    if (rc < 0)
        rc = run(s);
    config_free(s->config);
    watch_config_free(s->network);
    mem_free(s);
    return rc;
}
