/* ask_flows.h - the flows of deploy/flows, made into C at build time: entry, and while a call
 * waits. What stands between {{ and }} in them is to be filled in. */
#pragma once

#include "http/http.h"

extern const struct http_asset ask_entry_flow, ask_wait_flow;
