#!/bin/bash
# same.sh TANDEM OTHER-TANDEM - two builds play the same runs to the same last bit: all figures but
# those of the clock, and the hash of every node's model. TAP.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0 bad=0
same() { # same NAME REPLAY-OPTION...: with both programs ("$one" and "$other")
    local name=$1 i=0 program
    shift
    for program in "$one" "$other"; do
        "$program" replay --quiet --report "$work/$((i++)).json" "$@" >&2
    done
    n=$((n + 1))
    if diff <(figures 0) <(figures 1) >&2; then
        echo "ok $n - $name"
    else
        echo "not ok $n - $name"
        bad=1
    fi
}
figures() {
    python3 - "$work/$1.json" <<'EOF'
import json, sys
report = json.load(open(sys.argv[1]))
for key in "wall_s", "cpu_s", "decisions_per_s":
    del report[key]
print(json.dumps(report, indent=1))
EOF
}
one=$1 other=$2
same "a region lost" -c examples/region-loss.yaml -s 7 -f region-down:us-west-2@30m+20m
same "contact records" -c examples/four-regions.yaml -t tests/data/contact_records.jsonl
exit $bad
