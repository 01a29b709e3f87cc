/* names.c - the words for every enumeration, as people and programs read them. */
#include "core/core.h"

const char *const event_type_names[EV_TYPES] = {
    [EV_CONFIG] = "tandem.config.replaced.v1", [EV_POLICY] = "tandem.policy.set.v1",
    [EV_SHARES] = "tandem.shares.set.v1",      [EV_SITE] = "tandem.site.admin.v1",
    [EV_VERDICT] = "tandem.site.verdict.v1",   [EV_LEDGER] = "tandem.shares.effective.v1",
    [EV_PLACED] = "tandem.contact.placed.v1",  [EV_CONTACT] = "tandem.contact.state.v1",
    [EV_AGENT] = "tandem.agent.state.v1",
};
const char *const contact_state_names[CONTACT_STATES] = {"placed",  "queued", "connected",
                                                         "on_hold", "wrapup", "ended"};
const char *const contact_end_names[CONTACT_ENDS] = {
    "", "completed", "abandoned", "closed", "busy", "dropped", "lost", "no_site", "expired"};
const char *const place_how_names[PLACE_HOWS] = {"unknown", "given", "area_code", "country"};
const char *const rule_names[RULES] = {
    "price",  "share_bound", "only_site", "nearest",     "same_agent", "same_site", "other_group",
    "closed", "fail_open",   "local",     "freed_agent", "rehome",     "drain"};
const char *const rule_texts[RULES] = {
    "least of distance, expected wait and share price",
    "the share bound left no other choice",
    "one site alone may take it",
    "shares are not enforced: least of distance and expected wait",
    "the customer's last agent is free",
    "the customer's last site",
    "no site of its own group is serve-ready",
    "its queue is closed: the nearest site tells the caller so",
    "no site at all is serve-ready: the least bad",
    "the hub did not answer in time: the site where it came in decided",
    "an agent there is free, and it was the oldest waiting",
    "its site went down",
    "its site is being drained",
};
const char *const excluded_names[EX_REASONS] = {"",         "down",      "unreachable",
                                                "draining", "not_ready", "residency",
                                                "skill",    "capacity",  "other_group"};
const char *const presence_names[PRESENCES] = {"offline", "available", "break", "missed", "moving"};
const char *const agent_reason_names[AGENT_REASONS] = {
    "", "shift", "break", "missed_contact", "site_down", "drain", "return"};
const char *const note_kind_names[NOTE_KINDS] = {
    "site_down", "site_up", "returning", "drain",      "restore",  "policy",
    "shares",    "config",  "rehomed",   "infeasible", "hub_lost", "hub_back"};
