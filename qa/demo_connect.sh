#!/bin/bash
# demo_connect.sh [--for TIME] [--speed N] [--port N] - a live centre over the wire: connectsim as four
# instances of Amazon Connect, and `tandem run` over them by AWS's API alone. Both end together, on
# Ctrl-C or after --for. BUILD names the build folder.
set -euo pipefail
cd "$(dirname "$0")/.."

build=${BUILD:-build} speed=20 port=8400 for=''
usage() { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
while (($#)); do
    case $1 in
    --for | --speed | --port) [[ $# -ge 2 ]] || usage ;;
    *) usage ;;
    esac
    case $1 in
    --for) for=$2 ;;
    --speed) speed=$2 ;;
    --port) port=$2 ;;
    esac
    shift 2
done

log=$(mktemp)
sim=''
# shellcheck disable=SC2317,SC2329 # called by the trap
cleanup() {
    [[ $sim ]] && kill "$sim" 2>/dev/null && wait "$sim"
    rm -f "$log"
}
trap cleanup EXIT
trap : INT TERM # the programs end by themselves, and then this does

# In a group of its own: on Ctrl-C tandem ends first, and what it still asks is answered.
setsid "$build/connectsim" --config examples/connect.yaml --seed 1 --speed "$speed" >"$log" 2>&1 &
sim=$!
until grep -q listens "$log"; do
    kill -0 "$sim" 2>/dev/null || { cat "$log" >&2; exit 1; }
    sleep 0.1
done
grep listens "$log"
code=0
AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test \
    "$build/tandem" run --config examples/connect.yaml --port "$port" ${for:+--for "$for"} || code=$?
exit "$code"
