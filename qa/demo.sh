#!/bin/bash
# demo.sh [--speed N] [--config FILE] [--warm TIME] [OPTION...] - a live contact centre over the wire:
# connectsim as four instances of Amazon Connect, and `tandem run` over them by AWS's API alone. Other
# options (--for, --port, --listen, --data) are those of `tandem run`. Both end together: on Ctrl-C,
# on SIGTERM, or after --for. SIGHUP has the configuration read again. BUILD names the build folder.
set -euo pipefail
cd "$(dirname "$0")/.."

build=${BUILD:-build} speed=30 config=examples/connect.yaml warm=30m
options=()
while (($#)); do
    case $1 in
    --speed | --config | --warm)
        [[ $# -ge 2 ]] || { sed -n '2,5s/^# //p' "$0" >&2; exit 2; }
        printf -v "${1#--}" %s "$2"
        shift 2
        ;;
    *)
        options+=("$1")
        shift
        ;;
    esac
done
port=$(sed -n 's|^ *endpoint: *http://[^:]*:\([0-9]*\).*|\1|p' "$config")

log=$(mktemp) sim='' tandem='' code=0
# shellcheck disable=SC2317,SC2329 # called by the trap
cleanup() {
    [[ $sim ]] && kill "$sim" 2>/dev/null && wait "$sim"
    rm -f "$log"
}
trap cleanup EXIT
trap : INT # the terminal sends it to tandem as well
trap '[[ $tandem ]] && kill -TERM "$tandem"' TERM
trap '[[ $tandem ]] && kill -HUP "$tandem"' HUP

# In a group of its own: on Ctrl-C tandem ends first, and what it still asks is answered.
setsid "$build/connectsim" --config "$config" --seed 1 --speed "$speed" --warm "$warm" --port "$port" \
    >"$log" 2>&1 &
sim=$!
until grep -q listens "$log"; do
    kill -0 "$sim" 2>/dev/null || { cat "$log" >&2; exit 1; }
    sleep 0.05
done
head -1 "$log"
AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test \
    "$build/tandem" run --config "$config" "${options[@]}" &
tandem=$!
while kill -0 "$tandem" 2>/dev/null; do # a trap ends `wait` before its time
    wait "$tandem" && code=0 || code=$?
done
exit "$code"
