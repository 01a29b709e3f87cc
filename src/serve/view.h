/* view.h - the model as JSON for people: the sections of the dashboard's document (web/CONTRACT.md)
 * and what the API replies are made of.
 *
 * A scene is one node's model at one moment, with the rolling figures beside it. Everything shown
 * is what that node knows; nothing is asked of anybody. Each function writes one JSON value. */
#pragma once

#include "base/json_kv.h"
#include "core/model.h"
#include "serve/view_stats.h"
#include "serve/view_timeline.h"

enum agent_view { /* what an agent is doing; each is in exactly one of these */
                  AGENT_VIEW_AVAILABLE,
                  AGENT_VIEW_ON_CONTACT,
                  AGENT_VIEW_WRAPUP,
                  AGENT_VIEW_BREAK,
                  AGENT_VIEW_MISSED,
                  AGENT_VIEW_MOVING,
                  AGENT_VIEW_OFFLINE,
                  AGENT_VIEWS
};
extern const char *const agent_view_names[AGENT_VIEWS];
enum agent_view view_agent_state(const struct agent *a);
uint8_t view_agent_site(const struct core *k, const struct agent *a);

struct people { /* agents by site and state, counted once a second */
    uint32_t by[SITES_MAX][AGENT_VIEWS];
};
void view_count_people(const struct core *k, struct people *p);

enum alert {
    ALERT_SITE_DOWN,
    ALERT_UNREACHABLE,
    ALERT_NOT_READY,
    ALERT_HUB_LOST,
    ALERT_GROUP_CLOSED,
    ALERT_SHARES,
    ALERTS
};
struct view_memory { /* what a picture needs to know of earlier ones; zero-initialise */
    td_ms since[ALERTS][NODES_MAX]; /* an alert holds since; 0: it does not */
    struct {                        /* placements before the shares in force began */
        int32_t share_ppm[SITES_MAX];
        uint64_t placed[SITES_MAX];
    } books[GROUPS_MAX];
    td_key policy;
};
/* Since when do alerts hold? Once a second, and before the sections of a picture are written. */
void view_remember(struct view_memory *m, const struct core *k, td_ms now);
/* The shares in force have changed: what each site gets counts anew. At every EV_LEDGER and
 * EV_POLICY. */
void view_remember_books(struct view_memory *m, const struct core *k);

struct watch;
struct scene {
    const struct core *k;
    const struct stats *stats;
    const struct timeline *timeline;
    const struct people *people;
    const struct view_memory *memory;
    struct watch *watch; /* NULL: no network is watched */
    td_ms now;
    double speed;
};

/* "in-service", "draining", "drained", "down" or "returning" */
const char *view_site_state(const struct core *k, uint8_t site);
/* Why it could not serve a contact now, in a few words; "" when it could. */
const char *view_site_problem(const struct core *k, uint8_t site);
const char *view_node_name(const struct core *k, uint8_t node); /* NULL: SITE_NONE and others */
/* Share in force inside the group, as the node that answers works it out. */
int32_t view_share_ppm(const struct core *k, uint8_t site);

void view_site(struct jw *w, const struct scene *s, uint8_t site);
void view_sites(struct jw *w, const struct scene *s);
void view_nodes(struct jw *w, const struct scene *s);
void view_health(struct jw *w, const struct scene *s);
void view_queues(struct jw *w, const struct scene *s);
void view_agents(struct jw *w, const struct scene *s);
void view_totals(struct jw *w, const struct scene *s);
void view_alerts(struct jw *w, const struct scene *s);
void view_policies(struct jw *w, const struct scene *s);
void view_shares(struct jw *w, const struct scene *s);
void view_commands(struct jw *w, const struct scene *s);
void view_network(struct jw *w, const struct scene *s); /* view_net.c */
void view_timeline(struct jw *w, const struct scene *s);
void view_timeline_entry(struct jw *w, const struct timeline_entry *e);
void view_series(struct jw *w, const struct scene *s);
void view_series_point(struct jw *w, const struct scene *s, int64_t minute);

/* ---- contacts ---- */

struct view_contact {        /* from the model or from the store's history */
    struct ev_contact state; /* epoch 0: none is known yet */
    const struct ev_placed *decisions[DECISIONS_KEPT]; /* newest first */
    int n_decisions;
    uint8_t now_state, site;
    bool live;
};
void view_contact(struct jw *w, const struct core *k, const struct view_contact *t,
                  const char *attributes, size_t attributes_len);
/* A row of a list: what view_contact writes, without decisions' details and attributes. */
void view_contact_row(struct jw *w, const struct core *k, const struct contact *t);
void view_of_contact(const struct contact *t, struct view_contact *out);
void view_decision(struct jw *w, const struct core *k, const struct ev_placed *p);
void view_candidates(struct jw *w, const struct core *k, const struct ev_placed *p);
/* "us-west-2, 1,204 km away: least of distance, ..." */
void view_sentence(struct buf *out, const struct core *k, const struct ev_placed *p);
