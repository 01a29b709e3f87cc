#include "cli/netwatch.h"

#include "base/log.h"

static void told(void *arg, const struct verdict *v, const char *text, bool again)
{
    struct netwatch *n = arg;
    if (!again)
        api_verdict(n->api, v, text);
}

bool netwatch_start(struct netwatch *n, struct watch_config *config, char *error, size_t cap)
{
    n->config = config;
    if (!config->given)
        return true;
    n->watch = watch_new(
        &(struct watch_options){
            .loop = n->loop, .config = config, .seed = n->seed, .told = told, .arg = n},
        error, cap);
    api_watch(n->api, n->watch);
    if (n->watch && watch_bmp_port(n->watch))
        log_notice("net", "routers may speak BMP", LF_S("listen", config->bmp.listen),
                   LF_I("port", watch_bmp_port(n->watch)));
    if (n->watch && watch_fpm_port(n->watch))
        log_notice("net", "routers may speak FPM", LF_S("listen", config->fpm.listen),
                   LF_I("port", watch_fpm_port(n->watch)));
    return n->watch != NULL;
}

static void ended(void *arg)
{
    struct netwatch *n = arg;
    char error[400];
    n->closing = false;
    n->watch = NULL;
    watch_config_free(n->config);
    n->config = NULL;
    if (n->next && !n->stopped) {
        struct watch_config *next = n->next;
        n->next = NULL;
        if (!netwatch_start(n, next, error, sizeof error))
            log_error("net", "the network is not watched", LF_S("why", error));
    }
    if (n->stopped) {
        watch_config_free(n->next);
        n->next = NULL;
        if (n->closed)
            n->closed(n->arg);
    }
}

static void end(struct netwatch *n)
{
    if (n->closing)
        return;
    n->closing = true;
    api_watch(n->api, NULL);
    if (n->watch)
        watch_close(n->watch, ended, n);
    else
        ended(n);
}

void netwatch_replace(struct netwatch *n, struct watch_config *config)
{
    watch_config_free(n->next);
    n->next = config;
    end(n);
}

void netwatch_stop(struct netwatch *n, void (*closed)(void *arg), void *arg)
{
    n->stopped = true;
    n->closed = closed;
    n->arg = arg;
    end(n);
}
