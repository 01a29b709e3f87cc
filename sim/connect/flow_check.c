/* flow_check.c - is this a flow? The rules of the Amazon Connect flow language that hold for every
 * flow (administrator guide, "Flow language in Amazon Connect"): version 2019-10-30, actions with
 * different identifiers, and every transition leading to one of them. What a block's parameters
 * mean is the flow runner's. */
#include <stdio.h>
#include <string.h>

#include "connect/ops.h"

enum { ACTIONS_MAX = 1000 }; /* AWS allows 250 blocks a flow, and more on request */

static bool say(char *why, size_t cap, const char *what, const char *name)
{
    snprintf(why, cap, "%s%s", what, name ? name : "");
    return true;
}

static const char *text_of(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

/* Every NextAction inside a transitions object is the identifier of an action. */
static bool bad_transitions(const json_t *t, const json_t *known, char *why, size_t cap)
{
    static const char *const lists[] = {"Errors", "Conditions"};
    const char *next = text_of(t, "NextAction");
    if (next && !json_object_get(known, next))
        return say(why, cap, "A transition leads to an action that does not exist.", NULL);
    for (size_t l = 0; l < COUNTOF(lists); l++) {
        const json_t *list = json_object_get(t, lists[l]);
        json_t *one;
        size_t n;
        if (list && !json_is_array(list))
            return say(why, cap, "A transition needs a list of ", lists[l]);
        json_array_foreach(list, n, one)
        {
            next = text_of(one, "NextAction");
            if (!next || !json_object_get(known, next))
                return say(why, cap, "A transition leads to an action that does not exist.", NULL);
        }
    }
    return false;
}

/* `known` gets the identifiers. */
static bool bad_actions(const json_t *actions, json_t *known, char *why, size_t cap)
{
    json_t *a;
    size_t n;
    json_array_foreach(actions, n, a)
    {
        const char *id = text_of(a, "Identifier");
        if (!id || !*id)
            return say(why, cap, "An action has no Identifier.", NULL);
        if (json_object_get(known, id))
            return say(why, cap, "Two actions have the same Identifier.", NULL);
        if (!text_of(a, "Type"))
            return say(why, cap, "An action has no Type.", NULL);
        if (!json_is_object(json_object_get(a, "Parameters")) ||
            !json_is_object(json_object_get(a, "Transitions")))
            return say(why, cap, "An action has no Parameters or Transitions.", NULL);
        json_object_set_new(known, id, json_true());
    }
    json_array_foreach(actions, n, a) if (bad_transitions(json_object_get(a, "Transitions"), known,
                                                          why, cap)) return true;
    return false;
}

bool flow_problem(const char *content, char *why, size_t cap)
{
    json_t *root = json_loads(content, JSON_REJECT_DUPLICATES, NULL);
    json_t *actions = json_object_get(root, "Actions"), *known = json_object();
    const char *version = text_of(root, "Version"), *start = text_of(root, "StartAction");
    bool bad;
    if (!json_is_object(root))
        bad = say(why, cap, "The content is not a JSON object.", NULL);
    else if (!version || strcmp(version, "2019-10-30") != 0)
        bad = say(why, cap, "Version must be 2019-10-30.", NULL);
    else if (!json_array_size(actions) || json_array_size(actions) > ACTIONS_MAX)
        bad = say(why, cap, "Actions must be a list of 1 to 1000 actions.", NULL);
    else if (bad_actions(actions, known, why, cap))
        bad = true;
    else if (!start || !json_object_get(known, start))
        bad = say(why, cap, "StartAction is not the Identifier of an action.", NULL);
    else
        bad = false;
    json_decref(known);
    json_decref(root);
    return bad;
}
