#include "cli/sim_clock.h"

#include <stdio.h>
#include <time.h>

#include <curl/curl.h>
#include <jansson.h>

#include "base/mem.h"

enum { REPLY_MAX = 4096, ASK_MS = 5000 };

static size_t on_data(char *data, size_t size, size_t n, void *arg)
{
    struct buf *b = arg;
    if (b->len + size * n > REPLY_MAX)
        return 0;
    buf_add(b, data, size * n);
    return size * n;
}

/* What the reply says; else the clock on the wall. */
static void read_clock(const struct buf *reply, struct sim_clock *out)
{
    json_t *root = reply->len ? json_loadb(reply->data, reply->len, 0, NULL) : NULL;
    const json_t *now = json_object_get(root, "now_ms"), *speed = json_object_get(root, "speed");
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    *out = (struct sim_clock){(td_ms)t.tv_sec * 1000 + t.tv_nsec / 1000000, 1, false};
    if (json_is_integer(now) && json_is_number(speed) && json_number_value(speed) > 0)
        *out = (struct sim_clock){json_integer_value(now), json_number_value(speed), true};
    json_decref(root);
}

bool sim_clock_ask(const char *endpoint, struct sim_clock *out, char *error, size_t cap)
{
    struct buf url = {0}, reply = {0};
    if (!*endpoint) { /* AWS itself */
        read_clock(&reply, out);
        return true;
    }
    CURL *h = curl_easy_init();
    CURLcode code = CURLE_FAILED_INIT;
    long status = 0;
    buf_fmt(&url, "%s/sim/clock", endpoint);
    if (h) {
        curl_easy_setopt(h, CURLOPT_URL, url.data);
        curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(h, CURLOPT_PROXY, "");
        curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)ASK_MS);
        curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_data);
        curl_easy_setopt(h, CURLOPT_WRITEDATA, &reply);
        code = curl_easy_perform(h);
        curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_cleanup(h);
    }
    if (code != CURLE_OK)
        snprintf(error, cap, "%s is not reached: %s", endpoint, curl_easy_strerror(code));
    if (status != 200)
        buf_reset(&reply); /* not a connectsim */
    read_clock(&reply, out);
    buf_free(&url);
    buf_free(&reply);
    return code == CURLE_OK;
}
