#!/bin/bash
# replay_test.sh - `tandem check` and `tandem replay` from outside: every example is right, every
# recorded day plays, a report has what docs/replay.md promises, the same run comes out the same, and
# what is wrong is refused with a reason. TAP.
#
# Environment: TANDEM, the program; TANDEM_SOURCE, the sources; TANDEM_DATA, the recorded days;
# QUICK=1 leaves out what takes long.
# shellcheck disable=SC2317 # point calls the functions
set -uo pipefail
tandem=${TANDEM:?} source=${TANDEM_SOURCE:?}
data=${TANDEM_DATA-$source/../shared/data}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
n=0 bad=0

point() { # point NAME COMMAND...: one test; what it printed is shown when it fails
    local name=$1
    shift
    n=$((n + 1))
    if "$@" >out 2>&1; then
        echo "ok $n - $name"
    else
        bad=1
        echo "not ok $n - $name"
        sed 's/^/# /' out
    fi
}
skip() {
    n=$((n + 1))
    echo "ok $n - $1 # SKIP $2"
}
# play REPORT OPTION...: a replay whose report is looked at
play() {
    local report=$1
    shift
    "$tandem" replay --quiet --report "$report" "$@" && python3 - "$report" "$@" <<'EOF'
import json, sys
r = json.load(open(sys.argv[1]))
whole = ["contacts", "bad_rows", "answered", "abandoned", "moves", "decisions", "events"]
real = ["service_level", "wait_mean_s", "wait_p95_s", "cross_site_ratio", "distance_mean_km",
        "share_error_max_contacts", "occupancy", "decisions_per_s", "wall_s"]
for key in whole:
    assert type(r[key]) is int and r[key] >= 0, (key, r.get(key))
for key in real:
    assert type(r[key]) in (int, float) and r[key] >= 0, (key, r.get(key))
assert isinstance(r["service_level_definition"], str) and "answered" in r["service_level_definition"]
for key in "service_level", "cross_site_ratio", "occupancy":
    assert r[key] <= 1, (key, r[key])
assert r["contacts"] > 0 and r["answered"] + r["abandoned"] <= r["contacts"], r["contacts"]
assert sum(r["ends"].values()) == r["contacts"], r["ends"]
assert len(set(r["state_hash"].values())) == 1, r["state_hash"]
assert len(r["sites"]) >= 2 and sum(s["contacts"] for s in r["sites"]) == r["contacts"]
for s in r["sites"]:
    assert 0 <= s["share_wanted"] <= 1 and 0 <= s["share_got"] <= 1, s
EOF
}
# says PATTERN CODE COMMAND...: it ends with CODE and says something that matches PATTERN
says() {
    local pattern=$1 code=$2 got
    shift 2
    "$@" >said 2>&1
    got=$?
    cat said
    [[ $got == "$code" ]] || {
        echo "exit code $got, not $code"
        return 1
    }
    grep -Eq "$pattern" said
}
figures() { # of a report, without those of the clock
    python3 -c 'import json, sys
r = json.load(open(sys.argv[1]))
for key in "wall_s", "cpu_s", "decisions_per_s": del r[key]
print(json.dumps(r, indent=1))' "$1"
}
same() { diff <(figures "$1") <(figures "$2"); }
differ() { ! diff -q <(figures "$1") <(figures "$2"); }

for example in "$source"/examples/*.yaml "$source"/examples/traces/*.yaml "$source"/bench/*.yaml; do
    point "$(basename "$example") is right" says 'right: [0-9]+ sites' 0 "$tandem" check "$example"
done

# A small centre, half an hour of it.
loss=$source/examples/region-loss.yaml
sed 's/duration_min: .*/duration_min: 30/' "$loss" >small.yaml
point "a report has what is promised" play one.json -c small.yaml
point "the same seed plays the same" play again.json -c small.yaml
point "... to the last bit" same one.json again.json
point "another seed plays otherwise" play other.json -c small.yaml -s 2
point "... in its figures" differ one.json other.json
point "with stores in SQLite" play durable.json -c small.yaml --durable
point "... it comes out the same" same one.json durable.json
for fault in region-down:us-west-2@10m+5m node-down:hub@5m+60s cut:us-east-1,us-west-2@5m+5m \
    isolate:us-east-1@5m+2m flows:us-west-2@5m+5m drain:us-east-1@5m+5m links:5%@1m+10m; do
    point "after $fault the nodes agree" play fault.json -c small.yaml -f "$fault"
done
lost() {
    play lost.json -c "$loss" -f region-down:us-west-2@30m && python3 -c '
import json
r = json.load(open("lost.json"))
f = r["faults"][0]
print(f)
assert f["site"] == "us-west-2" and f["kind"] == "region-down" and f["at_s"] == 1800
assert f["last_contact_sent_after_s"] <= 1 and f["detected_after_s"] <= 1
assert f["agents_elsewhere"] == f["agents"] == 100 and f["agents_all_after_s"] <= 60
assert f["service_level_30_min"] >= 0.96
assert any(t["kind"] == "site_down" for t in r["timeline"])'
}
[[ ${QUICK-} ]] || point "a region is lost" lost

# Of the sixteen records eight are of contacts that came in, and well formed.
sed '/^trace:/,$d' "$source/examples/us-pair.yaml" >records.yaml
echo 'trace: {queue_default: general}' >>records.yaml
records() {
    play records.json -c records.yaml -t "$source/tests/data/contact_records.jsonl" && python3 -c '
import json
r = json.load(open("records.json"))
print(r["contacts"], r["bad_rows"], r["bad_row_reasons"])
assert (r["contacts"], r["bad_rows"]) == (8, 3)'
}
point "Amazon Connect contact records" records

# Recorded days: configuration, file, contacts in it.
while read -r config file rows; do
    if [[ ! -e $data/$file ]]; then
        skip "$file" "no ${file} in ${data##*/}"
    elif [[ ! ${QUICK-} || $rows -lt 15000 ]]; then
        day() {
            play day.json -c "$source/examples/$config" -t "$data/$file" &&
                python3 -c "
import json
r = json.load(open('day.json'))
print(r['contacts'], r['calls'], r['redials'])
assert r['contacts'] - r['redials'] == $rows and r['bad_rows'] == 0"
        }
        point "$file" day
    fi
done <<'EOF'
us-pair.yaml ftc_us_trace_2021-07-07.csv.gz 14006
traces/ftc-raw.yaml ftc_dnc_complaints_2021-07-07.csv.gz 14034
traces/bank-1999.yaml anonymous_bank_1999-02_calls.tsv.gz 33066
EOF
bank=na_bank_calls_5min_2003.csv.gz
if [[ -e $data/$bank ]]; then
    # Its first day, a hundredth of it: rows that are counts, spread over their five minutes.
    gzip -dc "$data/$bank" 2>/dev/null | head -n 170 | gzip >day.csv.gz
    sed 's/spread_s: 300/&\n  scale: 0.01/' "$source/examples/traces/na-bank-2003.yaml" >bank.yaml
    point "$bank" play day.json -c bank.yaml -t day.csv.gz
else
    skip "$bank" "no $bank in ${data##*/}"
fi

# What is wrong is refused, with the line and the remedy.
printf 'hub: {name: hub, lat: 39, lon: 181}\nsitse: []\n' >wrong.yaml
point "a wrong value names its line" says '^wrong.yaml:1:.*181' 78 "$tandem" check wrong.yaml
point "an unknown key is guessed at" says '^wrong.yaml:2:.*"?sites"?' 78 "$tandem" check wrong.yaml
point "no such configuration" says 'nowhere.yaml' 78 "$tandem" replay -c nowhere.yaml
point "no configuration" says 'config' 2 "$tandem" replay
point "no such trace" says 'nowhere.csv' 78 "$tandem" replay -c "$source/examples/us-pair.yaml" -t nowhere.csv
point "a report that cannot be written" says '/nowhere/r.json' 74 "$tandem" replay -c small.yaml -r /nowhere/r.json
point "no such fault" says 'region-dwon' 2 "$tandem" replay -c small.yaml -f region-dwon:us-west-2@1m
point "a fault at no site" says 'us-west-9' 2 "$tandem" replay -c small.yaml -f region-down:us-west-9@1m
point "a seed that is no number" says 'seven' 2 "$tandem" replay -c small.yaml -s seven
point "no such option" says 'help' 2 "$tandem" replay --sped 2
point "no such command" says 'help' 2 "$tandem" rewind
for command in replay check; do
    point "$command --help" says "usage: tandem $command" 0 "$tandem" "$command" --help
done
printf 't_sec,npa,lat,lon,tz,state,subject\n1,212,40.7,-74,x,NY,Other\nx,212,40.7,-74,x,NY,Other\n' >bad.csv
bad_row() {
    play bad.json -c "$source/examples/us-pair.yaml" -t bad.csv
    python3 -c '
import json
r = json.load(open("bad.json"))
print(r["bad_rows"], r["contacts"], r["bad_row_reasons"])
assert r["bad_rows"] == 1 and r["contacts"] == 1 and "3" in r["bad_row_reasons"][0]'
}
point "a bad row is counted and named" bad_row
echo "1..$n"
exit $bad
