/* mrt.h - files of MRT (RFC 6396, 8050) into route events: tables and updates of another day.
 *
 * A collector's file speaks as one router: who it is, the caller says. Of TABLE_DUMP_V2 the unicast
 * tables of both families are read, with path ids too; of BGP4MP and BGP4MP_ET messages and changes
 * of state. Times are those of the records. Files are often compressed; here they are not any more.
 *
 * The bytes may come in pieces; at most one record is kept. A record of an unknown kind is passed
 * over. One that cannot be understood is passed over too and counted: records have their own
 * lengths, so the rest of the file is still good. */
#pragma once

#include "net/bgp.h"

enum { MRT_RECORD_MAX = 16 << 20 }; /* a prefix of a table with 65,535 peers is not larger */

struct mrt_reader;
struct mrt_options {
    struct bgp_decoder *decoder; /* these two outlive the reader */
    struct sources *sources;
    uint32_t router;
    enum route_view view; /* of what peers sent to the collector; what it sent is VIEW_OUT_POST */
    route_sink *sink;
    void *arg;
};
struct mrt_reader *mrt_new(const struct mrt_options *o);
void mrt_free(struct mrt_reader *m);

/* False: a record longer than MRT_RECORD_MAX, so this is no MRT. Nothing more is taken then. */
bool mrt_feed(struct mrt_reader *m, const void *bytes, size_t n) MUST_USE;
/* The file is over: tells ROUTE_END_OF_RIB for each peer of a table. False: it ends in the middle
 * of a record. */
bool mrt_end(struct mrt_reader *m) MUST_USE;

struct mrt_stats {
    uint64_t records, unknown, broken;
    uint64_t routes;          /* of tables */
    uint64_t messages;        /* of BGP */
    int64_t first_ms, last_ms; /* Unix time of records; 0: there were none */
};
struct mrt_stats mrt_stats(const struct mrt_reader *m);
