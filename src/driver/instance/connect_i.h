/* connect_i.h - what the files of the Amazon Connect driver share; nobody else includes it.
 *
 *   connect.c           its life, what it says to the node, the clock
 *   connect_names.c     ids and ARNs of queues, profiles, statuses, users, flows, streams
 *   connect_stream.c    agent events, contact records, contact events
 *   connect_ask.c       what flows ask
 *   connect_act.c       what the node wants done
 *   connect_flows.c     do its flows run
 *   connect_poll.c      is it well, is what we know still so
 *   connect_position.c  what outlives the process
 *
 * A contact here is a row with the nodes' id and Amazon Connect's, which is the same unless the
 * contact came from elsewhere. Its life in this instance:
 *
 *   ASKED --deliver--> QUEUED --agent--> CONNECTED <-> HELD --> WRAPUP --> gone
 *     | send             | release, then its next question, then send
 *     v                  v
 *    gone               gone           EXPECTED (of another site) --it comes--> QUEUED
 *                                      STARTING (chat, task) --started--> QUEUED */
#pragma once

#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <jansson.h>
#include <uv.h>

#include "aws/arn.h"
#include "base/map.h"
#include "driver/instance/connect.h"
#include "driver/streams/connect_records.h"
#include "driver/streams/shard_reader.h"

enum {
    CONNECT_ID_MAX = 64,
    CONNECT_ARN_MAX = 256,
    /* Things said and not acknowledged. Never reached: records wait in their own queue, and of
     * flows and EventBridge nothing is taken above the second one. */
    CONNECT_OUT_MAX = 1 << 20,
    CONNECT_OUT_BEHIND = 1 << 17
};
struct gone {
    struct td_id here;
    td_ms at; /* when it was let go */
};
enum { CONNECT_ENDED_MAX = 16384 }; /* remembered: at 50 a second those of five minutes */
#define NO_ROW   UINT32_MAX
#define NO_AGENT UINT32_MAX

enum row_state {
    ROW_FREE,
    ROW_ASKED,
    ROW_EXPECTED,
    ROW_STARTING,
    ROW_QUEUED,
    ROW_CONNECTED,
    ROW_HELD,
    ROW_WRAPUP
};

struct row {
    enum row_state state;
    uint8_t channel;
    uint16_t queue;
    bool leaving;       /* the node wants it out of here */
    bool given;         /* INST_RELEASED was said: its place comes by send */
    bool over;          /* nobody waits for it any more */
    struct td_id id;    /* the nodes' */
    struct td_id here;  /* Amazon Connect's; none: not here yet */
    uint64_t epoch;     /* the greatest seen in a delivery */
    uint32_t agent;     /* NO_AGENT: none */
    td_ms at;           /* since when in this state, by the stream */
    td_ms updated_at;   /* LastUpdateTimestamp of its record */
    td_ms looked_at;    /* when it was last looked up */
    td_ms due;          /* EXPECTED, leaving: when that is given up */
    uint64_t call;      /* STARTING; 0: none */
    void *start;        /* what the call's answer is for */
    uint8_t to_site;    /* where it is to be transferred when it asks; SITE_NONE: not said */
    uint8_t missing;    /* polls in a row that did not find it */
};

struct agent {
    uint8_t presence;
    td_ms event_at;       /* of the last agent event */
    uint64_t event_id;    /* its hash */
    char user[CONNECT_ID_MAX];
    uint32_t profile;     /* index in names.profile; UINT32_MAX: unknown */
    bool seen;            /* by the poll under way */
    bool gone;            /* his desktop is closed */
    td_ms leaves_until;   /* he was told to leave, and needs no more until then to do it */
    uint32_t held;        /* rows that are his */
};

struct named { /* a resource of the instance, and the configuration's by the same name */
    char id[CONNECT_ID_MAX];
    char arn[CONNECT_ARN_MAX];
    bool known;
};

struct names {
    struct named *queue, *profile; /* by index of the configuration */
    struct map64 queue_by_arn, profile_by_arn, status_by_arn, agent_by_user, agent_by_name;
    struct named available, offline, flow;
    uint32_t step; /* which list is being read; the last: done */
    char *token;
};

struct ask {
    uint64_t number; /* 0: free */
    uint32_t row;
    td_ms due;
    struct td_id id; /* the nodes' id of the contact it is for */
    char dialled[CONNECT_NUMBER_MAX]; /* "": the question is not about a transfer */
    struct td_id claimed; /* of a transfer that says whose it is; none: the number must do */
    connect_answer *answer;
    void *arg;
};

/* The attribute of a task that only asks whether flows run. */
#define CONNECT_CHECK "tandem_check"

struct flow_health {
    bool broken;
    uint32_t lost;     /* contacts in a row that a flow has hung up on */
    td_ms since;       /* the first of them */
    struct td_id last;
    td_ms well_at;     /* since when they run again; 0: they were never broken */
    td_ms try_at, try_ms;
    uint64_t call;     /* that starts a task; 0: none */
    char task[CONNECT_ID_MAX]; /* that was started; "": none */
    td_ms task_due;    /* of the loop */
};

struct connect {
    struct instance instance; /* first */
    uv_loop_t *loop;
    struct connect_config config;
    void (*moved)(void *arg, uint8_t site);
    void *moved_arg;
    struct shard_reader *agents, *records; /* NULL: not begun */
    struct names names;
    uint64_t names_call;

    struct row *row;
    uint32_t n_rows, *unused, n_unused, live;
    struct map128 by_id, by_here;
    struct gone *ended; /* contacts that are over, a ring: late events of theirs */
    td_ms ended_since;  /* whose end was before may be forgotten: by the ring, or with a process */
    struct map128 ended_by_id;
    uint32_t ended_next;
    struct agent *agent; /* by index of the configuration */

    struct ask ask[CONNECT_ASKS_MAX];
    uint32_t asks_high; /* those above are free */
    uint64_t next_ask;

    struct instance_event *out; /* a ring: taken ones stay until they are acknowledged */
    uint32_t out_first, out_count, out_taken, out_cap;

    uv_timer_t timer;
    uint64_t probe_call, poll_call, look_call;
    void *look;         /* what the answer to look_call is for */
    uint32_t look_next; /* row to be looked at next */
    td_ms probe_due, poll_due, names_due, poll_began;
    char *poll_token;
    uint32_t probes_failed;
    bool ok, ready, told_health;
    bool paired; /* a replicated instance: agents are signed in to both regions at once */
    uint32_t starting; /* calls that are open for rows */
    char *resume;      /* a position that waits for the streams to be known */
    size_t resume_len;
    td_ms began_at;
    struct flow_health flows;
    struct connect_state state;
    bool closing;
};

td_ms connect__now(const struct connect *c);
/* What the node is told; it is told that there is news at the end of the turn. */
void connect__say(struct connect *c, const struct instance_event *e);
void connect__say_contact(struct connect *c, const struct row *r, uint8_t state, uint8_t end,
                          td_ms at);
void connect__news(struct connect *c);
void connect__health_tick(struct connect *c); /* says how the instance is, if that has changed */
/* Nobody takes what is said: the node is down. */
bool connect__is_behind(const struct connect *c);

uint32_t connect__row_new(struct connect *c, struct td_id id, struct td_id here);
void connect__row_free(struct connect *c, uint32_t row);
uint32_t connect__row_of(const struct connect *c, struct td_id id);   /* NO_ROW: none */
uint32_t connect__row_here(const struct connect *c, struct td_id here);
void connect__row_agent(struct connect *c, uint32_t row, uint32_t agent);
/* Is this id one of a contact that was here not long ago and is over? */
bool connect__was_here(const struct connect *c, struct td_id here);
/* The contact is in this instance, under this id of its own. */
void connect__row_is_here(struct connect *c, uint32_t row, struct td_id here);

void connect__names_begin(struct connect *c);
void connect__names_free(struct connect *c);
uint16_t connect__queue_of(const struct connect *c, const char *arn_or_name); /* INDEX_NONE */
uint32_t connect__agent_of(const struct connect *c, const char *arn, const char *username);
enum agent_status_type connect__status_of(const struct connect *c, const char *arn);

/* Begins the streams once their names are known. */
void connect__streams_begin(struct connect *c, const char *agents, const char *records);
/* Decodes one more record into what is said; false: none waits. */
bool connect__take_record(struct connect *c);
/* Unsure: so it is in this region of a pair or in the other. The nodes know who had him last. */
void connect__agent_is(struct connect *c, uint32_t agent, uint8_t presence, td_ms at, bool unsure);
/* The row of a contact that waits here, a new one if nobody told of it. NO_ROW: it is over, or of a
 * queue or channel that the nodes have nothing to do with. */
uint32_t connect__waits_here(struct connect *c, struct td_id here, uint8_t channel,
                             const char *queue_arn, td_ms queued_at);
void connect__contact_ended(struct connect *c, uint32_t row, uint8_t end, td_ms at);

void connect__answer_row(struct connect *c, uint32_t row, const char *action, const char *number);
bool connect__row_asks(const struct connect *c, uint32_t row); /* an open question */
void connect__asks_tick(struct connect *c, td_ms now);
void connect__asks_close(struct connect *c);
/* A contact is expected: has it perhaps come already, and asks? */
void connect__expect(struct connect *c, uint32_t row);

void connect__deliver(struct instance *i, const struct ev_placed *p);
void connect__release(struct instance *i, struct td_id contact);
void connect__send(struct instance *i, struct td_id contact, uint8_t to_site);
void connect__drop(struct instance *i, struct td_id contact, bool over);
void connect__sign_in(struct instance *i, uint32_t agent);
void connect__sign_out(struct instance *i, uint32_t agent);
void connect__weight(struct instance *i, uint16_t queue, double weight);
void connect__act_tick(struct connect *c, td_ms now);
void connect__stop_contact(struct connect *c, const char *here);

/* A flow has asked where a contact is to go. */
void connect__flow_asked(struct connect *c);
/* The record of a contact that nobody here knows. */
void connect__flow_hung_up(struct connect *c, const struct contact_record *r);
void connect__flows_tick(struct connect *c);
void connect__flows_close(struct connect *c);

void connect__poll_tick(struct connect *c, td_ms now);
void connect__poll_close(struct connect *c);

bool connect__position(struct instance *i, struct buf *out);
bool connect__resume(struct instance *i, const void *data, size_t len);
