/* watch_clouds.c - routers and gateways in clouds, which are asked: a poller for each Cloud Router,
 * and one for each region of AWS. */
#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <string.h>

#include "driver/routes/aws_poller.h"
#include "driver/routes/gcp_poller.h"
#include "watch/watch_i.h"

struct watch_asking {
    struct cloud *cloud;
    struct http_client *http;
    struct aws_credentials *credentials;
    struct aws_client *client;
    struct gcp_auth *auth;
    struct aws_poller **aws;
    const char **aws_region; /* of each */
    struct gcp_poller **google;
    uint32_t n_aws, n_google;
};

static void ask_google(struct watch *w, const struct watch_clouds *c)
{
    struct watch_asking *a = w->asking;
    a->auth = gcp_auth_new(w->o.loop, a->http, &(struct gcp_auth_config){.seed = w->o.seed});
    a->google = mem_new(c->n_google, sizeof *a->google);
    for (uint32_t i = 0; i < c->n_google; i++) {
        const struct watch_google *g = &c->google[i];
        struct buf name = {0};
        buf_fmt(&name, "%s/%s/%s", g->project, g->region, g->name);
        cloud_call(a->cloud, name.data, w->o.config->topo.router[g->router].name);
        buf_free(&name);
        struct gcp_poller *p = gcp_poller_new(
            w->o.loop, a->http, a->auth, a->cloud,
            &(struct gcp_poller_config){.project = g->project,
                                        .region = g->region,
                                        .router = g->name,
                                        .attachments = g->attachments,
                                        .endpoint = *c->google_url ? c->google_url : NULL,
                                        .poll = {.every_ms = c->every_ms},
                                        .seed = w->o.seed + i});
        if (p)
            a->google[a->n_google++] = p;
    }
}

/* What the poller calls the router of the gateway's table: the first one's is the gateway's. */
static void table_router(const struct watch_aws *g, uint32_t k, struct buf *out)
{
    buf_reset(out);
    buf_str(out, g->gateway);
    if (k)
        buf_fmt(out, "/%s", g->table[k]);
}

/* Does a link of the topology stand on a VPN? */
static bool names_vpn(const struct watch *w)
{
    const struct topo *t = &w->o.config->topo;
    bool names = false;
    for (uint32_t l = 0; l < t->n_links && !names; l++) {
        names = strncmp(t->link[l].name, "vpn-", 4) == 0;
        for (int i = 0; i < TOPO_IDS_MAX && !names; i++)
            names = strncmp(t->link[l].id[i], "vpn-", 4) == 0;
    }
    return names;
}

/* One poller for all gateways of a region; Direct Connect is asked for in the first region that has
 * such a gateway. */
static void ask_region(struct watch *w, const struct watch_clouds *c, const char *region,
                       bool direct_connect)
{
    struct watch_asking *a = w->asking;
    struct aws_polled_table *table = NULL;
    struct buf *name = NULL;
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->n_aws; i++)
        for (uint32_t k = 0; k < c->aws[i].n_tables; k++)
            if (strcmp(c->aws[i].region, region) == 0) {
                table = mem_grow(table, n + 1, sizeof *table);
                name = mem_grow(name, n + 1, sizeof *name);
                name[n] = (struct buf){0};
                table_router(&c->aws[i], k, &name[n]);
                table[n] = (struct aws_polled_table){name[n].data, c->aws[i].table[k]};
                if (w->door)
                    cloud_follow(a->cloud, table[n].gateway, table[n].table);
                n++;
            }
    a->aws[a->n_aws] = aws_poller_new(w->o.loop, a->client, a->cloud,
                                      &(struct aws_poller_config){.region = region,
                                                                  .direct_connect = direct_connect,
                                                                  .transit_gateways = n > 0,
                                                                  .vpn = n > 0 && names_vpn(w),
                                                                  .table = table,
                                                                  .n_tables = n,
                                                                  .poll = {.every_ms = c->every_ms},
                                                                  .seed = w->o.seed + a->n_aws});
    a->aws_region[a->n_aws++] = region;
    for (uint32_t i = 0; i < n; i++)
        buf_free(&name[i]);
    mem_free(name);
    mem_free(table);
}

/* A gateway and its tables by their names in the topology. */
static void call_gateways(struct watch *w, const struct watch_clouds *c)
{
    const struct topo *t = &w->o.config->topo;
    struct buf theirs = {0}, ours = {0};
    for (uint32_t i = 0; i < c->n_aws; i++)
        for (uint32_t k = 0; k < MAX(c->aws[i].n_tables, 1); k++) {
            table_router(&c->aws[i], k, &theirs);
            buf_reset(&ours);
            buf_str(&ours, t->router[c->aws[i].router].name);
            if (k)
                buf_fmt(&ours, "/%s", c->aws[i].table[k]);
            cloud_call(w->asking->cloud, theirs.data, ours.data);
        }
    buf_free(&theirs);
    buf_free(&ours);
}

static void ask_aws(struct watch *w, const struct watch_clouds *c)
{
    struct watch_asking *a = w->asking;
    const struct topo *t = &w->o.config->topo;
    bool asked_dx = false;
    a->credentials = aws_credentials_new(
        w->o.loop, a->http, &(struct aws_credentials_config){.seed = w->o.seed}, NULL, NULL);
    a->client =
        aws_client_new(w->o.loop, a->http,
                       &(struct aws_client_config){.endpoint = *c->aws_url ? c->aws_url : NULL,
                                                   .credentials = a->credentials,
                                                   .seed = w->o.seed});
    a->aws = mem_new(c->n_aws, sizeof *a->aws);
    a->aws_region = mem_new(c->n_aws, sizeof *a->aws_region);
    call_gateways(w, c);
    for (uint32_t i = 0; i < c->n_aws; i++) {
        const char *region = c->aws[i].region;
        bool first = true, dx = false;
        for (uint32_t k = 0; k < c->n_aws; k++) {
            bool same = strcmp(c->aws[k].region, region) == 0;
            first &= !same || k >= i;
            dx |= same && t->router[c->aws[k].router].kind == TOPO_DXGW;
        }
        if (!first)
            continue;
        ask_region(w, c, region, dx && !asked_dx);
        asked_dx |= dx;
    }
}

void watch__clouds_start(struct watch *w)
{
    const struct watch_clouds *c = &w->o.config->clouds;
    struct http_client_config http = HTTP_CLIENT_DEFAULTS;
    if (!c->n_google && !c->n_aws)
        return;
    struct watch_asking *a = w->asking = mem_new(1, sizeof *a);
    a->http = http_client_new(w->o.loop, &http);
    a->cloud =
        cloud_new(&(struct cloud_ports){w->attrs, w->sources, watch_sink, watch__link_told, w});
    w->parts++;
    if (c->n_google)
        ask_google(w, c);
    if (c->n_aws)
        ask_aws(w, c);
}

void watch__clouds_stop(struct watch *w)
{
    struct watch_asking *a = w->asking;
    if (!a)
        return;
    for (uint32_t i = 0; i < a->n_google; i++)
        gcp_poller_close(a->google[i]);
    for (uint32_t i = 0; i < a->n_aws; i++)
        aws_poller_close(a->aws[i]);
    if (a->client)
        aws_client_close(a->client);
    if (a->credentials)
        aws_credentials_close(a->credentials);
    if (a->auth)
        gcp_auth_close(a->auth);
    http_client_close(a->http, watch__part_closed, w);
}

void watch__clouds_free(struct watch *w)
{
    if (!w->asking)
        return;
    cloud_free(w->asking->cloud);
    mem_free(w->asking->aws);
    mem_free(w->asking->aws_region);
    mem_free(w->asking->google);
    mem_free(w->asking);
}

struct cloud *watch__cloud(struct watch *w)
{
    return w->asking ? w->asking->cloud : NULL;
}

void watch__clouds_soon(struct watch *w, const char *region)
{
    const struct watch_asking *a = w->asking;
    for (uint32_t i = 0; a && !w->closing && i < a->n_aws; i++)
        if (strcmp(a->aws_region[i], region) == 0)
            aws_poller_soon(a->aws[i]);
}
