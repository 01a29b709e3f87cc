#!/bin/bash
# bench.sh [NAME...] - the benchmark tables, all or those named: decide share base engine kinesis net
# bmp store replay http; by name only: states frr. Each program's head says what its rows mean; one core
# does the work.
set -euo pipefail
cd "$(dirname "$0")/.."

data=${TANDEM_DATA-../shared/data}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[[ -f build/build.ninja ]] || meson setup build
ninja -C build >/dev/null
names=("$@")
((${#names[@]})) || names=(decide share base engine kinesis net bmp store replay http)

replay() { # replay TITLE OPTION...: the summary, and what the run cost
    printf '%-26s ' "$1"
    shift
    (cd "$work" && "$OLDPWD/build/tandem" replay --quiet --report report.json "$@")
    python3 - "$work/report.json" <<'EOF'
import json, sys
r = json.load(open(sys.argv[1]))
print(f"{r['contacts']:9,d} {r['wait_mean_s']:7.2f} {100 * r['service_level']:7.2f}"
      f" {100 * r['cross_site_ratio']:7.2f} {r['distance_mean_km']:8.1f}"
      f" {r['share_error_max_contacts'] or 0:7.2f} {r['contacts'] / r['wall_s']:11,.0f} {r['wall_s']:8.2f} {r['cpu_s']:8.2f}")
EOF
}
replays() {
    local here=$PWD
    echo "                            contacts  wait s   level% cross%  mean km     off  contacts/s   wall s    cpu s"
    if [[ -d $data ]]; then
        replay "FTC day, two sites" -c "$here/examples/us-pair.yaml" -t "$(realpath "$data")/ftc_us_trace_2021-07-07.csv.gz"
    fi
    replay "2 x 100 agents at 0.97" -c "$here/examples/two-by-hundred.yaml"
    replay "a region lost at 30 min" -c "$here/examples/region-loss.yaml" -f region-down:us-west-2@30m
    replay "four regions, a day" -c "$here/examples/four-regions.yaml"
    replay "a million, memory" -c "$here/bench/million.yaml"
    replay "a hundred thousand, SQLite" -c "$here/bench/durable.yaml" --durable
    replay "early binding, 60 s reports" -c "$here/examples/two-by-hundred-early.yaml"
}

for name in "${names[@]}"; do
    echo "== $name"
    case $name in
    store)
        for driver in replay memory sqlite; do
            (cd "$work" && "$OLDPWD/build/bench/bench_store" "$driver")
        done
        ;;
    net)
        build/bench/bench_net
        build/bench/bench_watch
        build/bench/bench_fpm
        ;;
    replay) replays ;;
    bmp) bench/bench_bmp.sh ;;
    frr) python3 bench/bench_frr.py ;; # by name only: it needs FRR
    http)
        bench/bench_http.sh nginx 'hello=http://127.0.0.1:18081/=build/bench/http_hello 18081'
        bench/bench_http.sh -c 256 -s bench/route.lua nginx \
            'route=http://127.0.0.1:18423/v1/route=build/tandem demo --config examples/two-by-hundred.yaml --port 18423 --speed 1'
        ;;
    states) build/venv/bin/python bench/bench_states.py 1000 ;; # by name only: it needs the venv
    *) "build/bench/bench_$name" ;;
    esac
done
