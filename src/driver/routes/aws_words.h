/* aws_words.h - the words of AWS's networking APIs (botocore's models), in ours. */
#pragma once

#include <stdint.h>

/* enum link_state for a state of a virtual interface, attachment, peering or association. */
uint8_t aws_link_state(const char *word);
/* enum route_kind for a type of attachment: "vpc", "direct-connect-gateway", "peering", ... */
uint8_t aws_route_kind(const char *resource_type);
