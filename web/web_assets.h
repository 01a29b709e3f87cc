/* web_assets.h - the dashboard's files inside the program, made by tools/embed_web.mjs at build
 * time: each as it is, and compressed with gzip and brotli. Everything is constant. */
#pragma once

#include "http/http.h"

struct web_asset {
    const char *path; /* "/", "/app.js", "/vendor/preact.js" */
    struct http_asset asset;
};
extern const struct web_asset web_assets[]; /* sorted by file name */
extern const size_t web_assets_n;

/* The asset of a request's path, for http_reply_asset; NULL: there is none. Some thirty names are
 * asked for once a page: a search from the front is quick enough. */
static inline const struct http_asset *web_asset_find(struct http_span path)
{
    for (size_t i = 0; i < web_assets_n; i++)
        if (http_span_is(path, web_assets[i].path))
            return &web_assets[i].asset;
    return NULL;
}
