#!/bin/bash
# bench_http.sh - what a request costs a server, beside nginx or others on the same machine.
#
#   bench/bench_http.sh [-r ROUNDS] [-d SECONDS] [-c CONNECTIONS] [-s SCRIPT.lua] [-q NOISE] SERVER...
#
# A SERVER is one of
#   nginx                    an nginx of our own: return 200 with 97 bytes of JSON, one worker
#   NAME=URL=COMMAND         started here on core 0, and stopped at the end
#   NAME=URL=pid:PID         runs already; it is measured and left alone (pin it yourself)
#
#   bench/bench_http.sh nginx 'hello=http://127.0.0.1:18081/=build/bench/http_hello 18081'
#
# The load is wrk with one thread on core 1. The servers take turns, one short round each, so that
# what else the machine does meets all of them. The figure to compare is CPU time per request (user
# and system, from /proc/PID/stat): requests/s are often wrk's limit, not the server's. Rounds in
# which anybody else used more than NOISE percent of the machine (12) are left out, and "quiet" says
# how many were not; when none was, all are counted. Figures are medians, [least, most] after;
# "ratio" is the first server's CPU time per request divided by this one's.
set -u -o pipefail

rounds=5 seconds=2 conns=64 script='' noise=12
usage() { sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 2; }
while getopts r:d:c:s:q:h o; do
    case $o in
    r) rounds=$OPTARG ;; d) seconds=$OPTARG ;; c) conns=$OPTARG ;;
    s) script=$OPTARG ;; q) noise=$OPTARG ;; *) usage ;;
    esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || usage
command -v wrk >/dev/null || { echo "bench_http.sh: wrk is not installed" >&2; exit 1; }

work=$(mktemp -d) || exit 1
started=() names=() urls=() pids=()
# shellcheck disable=SC2329 # called by the trap
cleanup() {
    for p in "${started[@]}"; do kill "$p" 2>/dev/null; done
    for p in "${started[@]}"; do wait "$p" 2>/dev/null; done
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

start() { # NAME URL COMMAND...
    names+=("$1") urls+=("$2")
    taskset -c 0 "${@:3}" >"$work/$1.out" 2>&1 &
    started+=($!) pids+=($!)
}

start_nginx() {
    local port=18199 body
    body='{"site":"us-east-1","place":"queue","wait_ms":12250,"candidates":3,"rule":"least-cost","ok":true}'
    [ ${#body} -eq 97 ] || exit 1
    cat >"$work/nginx.conf" <<CONF
daemon off; master_process off; worker_processes 1;
pid $work/nginx.pid; error_log stderr crit;
events { worker_connections 1024; }
http {
    access_log off; keepalive_requests 1000000000;
    client_body_temp_path $work/body; proxy_temp_path $work/proxy; fastcgi_temp_path $work/fcgi;
    uwsgi_temp_path $work/uwsgi; scgi_temp_path $work/scgi;
    server { listen 127.0.0.1:$port; default_type application/json; location / { return 200 '$body'; } }
}
CONF
    start nginx "http://127.0.0.1:$port/" nginx -p "$work" -c "$work/nginx.conf"
}

answers() { # waits until the URL does
    for _ in $(seq 50); do
        curl -s -o /dev/null --max-time 1 "$1" && return
        sleep 0.1
    done
    echo "bench_http.sh: $1 does not answer" >&2
    cat "$work"/*.out >&2
    exit 1
}

for server; do
    if [ "$server" = nginx ]; then start_nginx; continue; fi
    IFS='=' read -r name url command <<<"$server"
    [ -n "${command:-}" ] || usage
    if [[ $command == pid:* ]]; then
        names+=("$name") urls+=("$url") pids+=("${command#pid:}")
    else
        # shellcheck disable=SC2086 # the command's words
        start "$name" "$url" $command
    fi
done
for u in "${urls[@]}"; do answers "$u"; done

ticks() { awk '{ sub(/^.*\) /, ""); print $12, $13 }' "/proc/$1/stat"; } # user, system
busy() { awk '/^cpu /{ print $2 + $3 + $4 + $7 + $8, $2 + $3 + $4 + $5 + $6 + $7 + $8 }' /proc/stat; }
hz=$(getconf CLK_TCK)

measure() { # index: one round, one line in NAME.rows
    local i=$1 u0 s0 u1 s1 b0 a0 b1 a1 w0 w1 cw
    local -a lua=()
    [ -n "$script" ] && lua=(-s "$script")
    read -r u0 s0 < <(ticks "${pids[i]}")
    read -r b0 a0 < <(busy)
    read -r _ _ w0 < <(awk '{ print 0, 0, $16 + $17 }' /proc/$$/stat)
    taskset -c 1 wrk -t1 -c"$conns" -d"${seconds}s" --latency "${lua[@]}" "${urls[i]}" >"$work/wrk.out" || exit 1
    read -r _ _ w1 < <(awk '{ print 0, 0, $16 + $17 }' /proc/$$/stat)
    read -r b1 a1 < <(busy)
    read -r u1 s1 < <(ticks "${pids[i]}")
    cw=$((w1 - w0)) # wrk's own
    awk -v u=$((u1 - u0)) -v s=$((s1 - s0)) -v hz="$hz" -v other=$((b1 - b0 - cw - u1 + u0 - s1 + s0)) \
        -v all=$((a1 - a0)) '
        function ms(t) { return t ~ /us$/ ? t / 1000 : t ~ /ms$/ ? t + 0 : t * 1000 }
        / requests in /   { n = $1 }
        /Requests\/sec/   { rps = $2 }
        /^ *50%/          { p50 = ms($2) }
        /^ *99%/          { p99 = ms($2) }
        /Non-2xx/         { bad += $NF }
        /Socket errors/   { bad += $4 + $6 + $8 + $10 }
        END {
            if (n) printf "%.1f %.3f %.3f %.3f %.0f %.2f %.2f %d\n", 100 * other / all,
                u / hz * 1e6 / n, s / hz * 1e6 / n, (u + s) / hz * 1e6 / n, rps, p50, p99, bad
        }' "$work/wrk.out" >>"$work/${names[i]}.rows"
}

for _ in $(seq "$rounds"); do
    for i in "${!names[@]}"; do measure "$i"; done
done

column_of() { # ROWS COLUMN: least, median, most
    cut -d' ' -f"$2" "$1" | sort -n | awk '{ v[NR] = $1 }
        END { print v[1], NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2, v[NR] }'
}
printf '%-10s %9s  %-28s %14s %6s %7s %7s %7s %7s\n' server requests/s 'user + sys = us/request' '[least, most]' ratio \
    'p50 ms' 'p99 ms' errors quiet
first=''
for name in "${names[@]}"; do
    awk -v most="$noise" '$1 <= most' "$work/$name.rows" >"$work/quiet"
    quiet=$(wc -l <"$work/quiet")
    [ "$quiet" -gt 0 ] || cp "$work/$name.rows" "$work/quiet"
    read -r _ user _ < <(column_of "$work/quiet" 2)
    read -r _ sys _ < <(column_of "$work/quiet" 3)
    read -r lo mid hi < <(column_of "$work/quiet" 4)
    read -r _ rps _ < <(column_of "$work/quiet" 5)
    read -r _ p50 _ < <(column_of "$work/quiet" 6)
    read -r _ p99 _ < <(column_of "$work/quiet" 7)
    errors=$(awk '{ n += $8 } END { print n + 0 }' "$work/$name.rows")
    first=${first:-$mid}
    ratio=$(awk -v a="$first" -v b="$mid" 'BEGIN { print b ? a / b : 0 }')
    printf '%-10s %9.0f  %6.2f + %5.2f = %-11.2f [%5.2f, %5.2f] %6.2f %7.2f %7.2f %7s %4s/%s\n' "$name" "$rps" "$user" \
        "$sys" "$mid" "$lo" "$hi" "$ratio" "$p50" "$p99" "$errors" "$quiet" "$rounds"
done
