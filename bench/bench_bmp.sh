#!/bin/bash
# bench_bmp.sh [MESSAGES] - what a router's BMP stream costs: parsed in memory, then the same stream
# over TCP into a RIB, here and in pmacct's pmbmpd (Debian: pmacct), which is left out when it is not
# installed. Processor time, user and system; pmbmpd's from /proc, until it has read everything. It
# keeps its RIB because it is told to dump it, once a day.
set -euo pipefail
cd "$(dirname "$0")/.."

messages=${1-1150000} bench=build/bench/bench_bmp
work=$(mktemp -d)
pid=''
trap '[[ -z $pid ]] || kill "$pid" 2>/dev/null; rm -rf "$work"' EXIT

"$bench" "$messages"
"$bench" --write "$work/stream" "$messages"

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
cpu_s() { # of a process, with what it has waited for
    awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13 + $14 + $15) / hz }' "/proc/$1/stat"
}
listening() { # waits until the port is open
    local i
    for ((i = 0; i < 100; i++)); do
        grep -q "$(printf ':%04X 00000000:0000 0A' "$1")" /proc/net/tcp && return
        sleep 0.1
    done
    echo "bench_bmp.sh: nothing listens on port $1" >&2
    return 1
}

port=$(free_port)
"$bench" --station "$port" >"$work/station" 2>"$work/log" &
pid=$!
listening "$port"
"$bench" --send "$port" "$work/stream"
wait "$pid"
pid=''
ours=$(grep -oE '[0-9.]+ s of' "$work/station" | cut -d' ' -f1)
printf 'over TCP into a RIB    tandem %8.2f s\n' "$ours"

if ! command -v pmbmpd >/dev/null; then
    echo "                       pmbmpd is not installed: no comparison"
    exit 0
fi
port=$(free_port)
cat >"$work/pmbmpd.conf" <<CONF
daemonize: false
bmp_daemon_ip: 127.0.0.1
bmp_daemon_port: $port
bmp_daemon_max_peers: 10
bmp_dump_file: $work/dump
bmp_dump_refresh_time: 86400
logfile: $work/pmbmpd.log
CONF
pmbmpd -f "$work/pmbmpd.conf" >"$work/pmbmpd.out" 2>&1 &
pid=$!
listening "$port"
before=$(cpu_s "$pid")
"$bench" --send "$port" "$work/stream"
# All is read when it notices that the sender has gone.
for ((i = 0; i < 600; i++)); do
    grep -q 'connection reset by peer' "$work/pmbmpd.log" && break
    sleep 0.2
done
awk -v a="$before" -v b="$(cpu_s "$pid")" -v ours="$ours" 'BEGIN {
    printf "                       pmbmpd %8.2f s   %.1f times as much\n", b - a, (b - a) / ours }'
