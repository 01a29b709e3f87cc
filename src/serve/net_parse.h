/* net_parse.h - the bodies of requests about the network. As api_parse.h: pure, strict, and the
 * first thing wrong is told with its field. */
#pragma once

#include "net/whatif.h"
#include "serve/api_parse.h"

/* {"changes": [{"change": "route_add", "router": "gcp", "link": "use1-a", "prefix": "10.1.0.0/16"},
 * {"change": "prefer", "router": "gcp", "link": "use1-b", "med": 200, "prepend": 2}]}
 * out: WHATIF_CHANGES_MAX of them. */
bool parse_changes(const void *body, size_t len, const struct topo *t, struct jr *json,
                   struct net_change *out, size_t *n, struct api_error *error) MUST_USE;

enum { PROBE_RESULTS_MAX = 1024 };
/* {"results": [{"from": "us-east-1", "to": "us-west-2", "kind": "stamp", "what": "down", ...}]}:
 * what a site's prober says (net/probe_json.h), with the names of sites. `path` is the sender's
 * own. */
bool parse_probes(const void *body, size_t len, const struct topo *t, struct jr *json,
                  struct probe_result out[PROBE_RESULTS_MAX], size_t *n,
                  struct api_error *error) MUST_USE;
