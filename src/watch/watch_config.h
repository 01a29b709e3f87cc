/* watch_config.h - the section `network` of tandem's configuration: routers, links, sites and what
 * is expected of them (net/topo.h), where feeds come from, and what is probed.
 *
 *   struct watch_config *wc = watch_config_new();
 *   struct conf_section sections[] = {watch_config_section(wc), {0}};
 *   struct config *c = config_load_file_with(path, sections, &errors);
 *   if (c && wc->given) ...
 *
 * Sites of the network that have the name of a site (or of the hub) of the centre are that one. */
#pragma once

#include "base/conf.h"
#include "net/topo.h"

enum {
    WATCH_URL_MAX = 512,
    WATCH_PATH_MAX = 4096,
    WATCH_FLOWS_MAX = 16,
};

struct watch_probes {
    char from[TOPO_NAME_MAX]; /* the site where this process is; "": it probes nothing itself */
    uint16_t from_site;
    uint16_t port;            /* STAMP, here and there */
    uint8_t flows;            /* of each path */
    uint8_t fall, rise;
    uint32_t pace_ms;
    uint16_t tcp_port;        /* 0: no TCP probes */
    uint32_t tcp_pace_ms;
    bool trace;               /* a traceroute of each path when it goes down */
    char key_file[WATCH_PATH_MAX]; /* of authenticated STAMP, hexadecimal; "": not */
};

struct watch_speaker { /* an address from which a router speaks */
    struct ip_addr address;
    uint16_t router;
};

struct watch_station { /* where routers tell what they know (BMP), and what they do (FPM) */
    char listen[TOPO_NAME_MAX]; /* ""; then no station listens */
    uint16_t port;
    struct watch_speaker *speaker;
    uint32_t n_speakers;
};

struct watch_google { /* a Cloud Router that is asked */
    uint16_t router;
    char project[TOPO_NAME_MAX], region[TOPO_NAME_MAX], name[TOPO_NAME_MAX];
    bool attachments;
};

struct watch_aws { /* a Transit Gateway or Direct Connect gateway that is asked */
    uint16_t router;
    char region[TOPO_NAME_MAX], gateway[TOPO_NAME_MAX];
    char (*table)[TOPO_NAME_MAX]; /* its route tables; a Direct Connect gateway has none */
    uint32_t n_tables;
};

struct watch_events { /* that AWS pushes; neither: the door is closed */
    char key_file[WATCH_PATH_MAX], key_env[TOPO_NAME_MAX];
};

struct watch_clouds {
    uint32_t every_ms;
    char google_url[WATCH_URL_MAX], aws_url[WATCH_URL_MAX]; /* "": their own */
    struct watch_google *google;
    struct watch_aws *aws;
    uint32_t n_google, n_aws;
    struct watch_events events;
};

struct watch_config {
    bool given; /* the file has the section */
    struct topo topo;
    struct watch_station bmp, fpm;
    uint32_t sync_ms, flap_count, flap_window_ms, limit_percent;
    uint32_t routes_max;
    struct watch_probes probes;
    struct watch_clouds clouds;
};

struct watch_config *watch_config_new(void) MUST_USE;
void watch_config_free(struct watch_config *w);
/* The section's table and where it goes; `w` must be new. */
struct conf_section watch_config_section(struct watch_config *w);
extern const struct conf_table watch_config_table;
