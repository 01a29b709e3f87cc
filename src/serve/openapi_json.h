/* openapi_json.h - docs/openapi.yaml as JSON, made by tools/yaml_to_json.c at build time. */
#pragma once

#include "http/http.h"

extern const struct http_asset openapi_json;
