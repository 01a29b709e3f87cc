#!/bin/bash
# bench_connectsim.sh [SECONDS] - what connectsim carries on one core.
#
# First calls of its API, signed and without throttles, in its own small centre: calls a second and
# CPU time a call. Then four instances with 10,000 agents each and 200 contacts a second
# (connectsim.yaml) at 100 times the clock's speed for SECONDS (60) on the wall: the share of a core
# that real time needs, memory, and how many contacts there were.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60} port=18466
work=$(mktemp -d)
pid=''
# shellcheck disable=SC2329 # called by the trap
cleanup() {
    [[ -z $pid ]] || kill "$pid" 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT

start() { # OPTION...
    taskset -c 0 build/connectsim --port "$port" --seed 1 --throttle off "$@" >"$work/out" &
    pid=$!
    until grep -q 'aws connect' "$work/out"; do sleep 0.1; done
    id=$(grep -o 'instance/[0-9a-f-]*' "$work/out" | head -1 | cut -d/ -f2)
}
stop() {
    kill "$pid"
    wait "$pid" || true
    pid=''
}
cpu_ms() { awk -v hz="$(getconf CLK_TCK)" '{print ($14 + $15) * 1000 / hz}' "/proc/$pid/stat"; }
sign() { mapfile -t fields < <(build/bench/sign_request "$1" "127.0.0.1:$port" us-east-1); }

start
printf '%-44s %10s %12s\n' call calls/s 'us CPU/call'
for path in "/instance/$id" "/queues-summary/$id" "/users-summary/$id" "/traffic-distribution-groups"; do
    sign "$path"
    before=$(cpu_ms)
    taskset -c 1 wrk -t1 -c16 -d5 -H "${fields[0]}" -H "${fields[1]}" "http://127.0.0.1:$port$path" >"$work/wrk"
    after=$(cpu_ms)
    grep -q Non-2xx "$work/wrk" && { cat "$work/wrk" >&2; exit 1; }
    awk -v path="${path/$id/ID}" -v ms="$(awk "BEGIN{print $after - $before}")" '
        /requests in/ { n = $1 } /Requests\/sec/ { rate = $2 }
        END { printf "%-44s %10.0f %12.1f\n", path, rate, ms * 1000 / n }' "$work/wrk"
done
stop

start --config bench/connectsim.yaml --speed 100
before=$(cpu_ms)
sleep "$seconds"
after=$(cpu_ms)
awk -v cpu="$(awk "BEGIN{print $after - $before}")" -v s="$seconds" '
    /VmRSS/ { rss = $2 } /VmHWM/ { top = $2 }
    END { printf "\n4 x 10,000 agents, 200 contacts/s, %d s of its time: %.2f %% of a core in real time, %.0f MB, %.0f MB at most\n",
          s * 100, cpu / (s * 1000) , rss / 1024, top / 1024 }' "/proc/$pid/status"
stop
