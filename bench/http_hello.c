/* http_hello - the HTTP server with nothing behind it, to measure what the server itself costs.
 *
 *   http_hello [PORT]    prints "listening on PORT" and runs until SIGTERM or SIGINT
 *
 * Every path gets the same 97 bytes of JSON, so that it compares with nginx's `return 200`. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base.h"
#include "http/http.h"

#include <uv.h>

static void hello(void *arg, struct http_request *rq)
{
    static const char body[] = "{\"site\":\"us-east-1\",\"place\":\"queue\",\"wait_ms\":12250,"
                               "\"candidates\":3,\"rule\":\"least-cost\",\"ok\":true}";
    _Static_assert(sizeof body - 1 == 97, "as long as nginx's in bench_http.sh");
    http_reply(rq, 200, "application/json", body, sizeof body - 1);
}

static void on_signal(uv_signal_t *signal, int number)
{
    http_server_close(signal->data, NULL, NULL);
    uv_close((uv_handle_t *)signal, NULL);
}

int main(int argc, char **argv)
{
    char error[200];
    struct http_config config = HTTP_DEFAULTS;
    uv_signal_t term;
    uv_loop_t *loop = uv_default_loop();
    signal(SIGPIPE, SIG_IGN);
    struct http_server *s = http_server_new(loop, &config, hello, NULL);
    int port = http_server_listen(s, "127.0.0.1", argc > 1 ? (int)strtol(argv[1], NULL, 10) : 0,
                                  error, sizeof error);
    if (port < 0) {
        fprintf(stderr, "http_hello: %s\n", error);
        return 1;
    }
    uv_signal_init(loop, &term);
    term.data = s;
    uv_signal_start(&term, on_signal, SIGTERM);
    printf("listening on %d\n", port);
    fflush(stdout);
    uv_run(loop, UV_RUN_DEFAULT);
    uv_library_shutdown();
    return 0;
}
