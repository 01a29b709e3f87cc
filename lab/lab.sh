#!/bin/bash
# lab.sh - the network lab: routers of real makers in network namespaces, links with delays between
# them (delayline.c), and faults. `tandem lab` runs it (src/cli/lab.c), docs/lab.md describes it.
#
#   lab.sh up                   build it
#   lab.sh ready [SECONDS]      wait until every router knows every subnet
#   lab.sh down                 end what the lab started, and nothing else
#   lab.sh break FAULT          make a fault of faults.tsv
#   lab.sh heal [FAULT]         undo it, or all
#   lab.sh exec NAME COMMAND    run a command at NAME: a router, h-ROUTER (the host behind it), mon
#   lab.sh vty ROUTER LINE...   commands of FRR's, BIRD's or GoBGP's own shell
#   lab.sh conf ROUTER LINE...  lines of FRR's configuration
#   lab.sh link A B TAG COMMAND a command of delayline's
#
# TANDEM_LAB_ID (tl) begins the name of every namespace, so that labs stand beside each other; what
# one has started is written down in TANDEM_LAB_RUN (/run/tandem-lab/ID). TANDEM_DELAYLINE is the
# link's program, TANDEM that of the hub and of the probes at every host. TANDEM_LAB_HUB=0: no hub,
# and no probes but those that are asked for; then only reflectors are at the hosts.
#
# A management bridge is beside the network: routers are 198.18.0.1, .2 ... on it in the topology's
# order, the hub at h-gcp is .101, and `mon`, for other watchers, .100. Routers send BMP to both, port
# 11019, and FRR's tell the hub their forwarding tables by FPM, port 2620. This machine itself is
# .254, unless it has another use for 198.18.0.0/24 (RFC 2544, 15: a network for tests), so that a
# browser can be pointed at the hub.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
: "${TANDEM_LAB_ID:=tl}" "${TANDEM_LAB_RUN:=/run/tandem-lab/$TANDEM_LAB_ID}" "${TANDEM_LAB_HUB:=1}"
run=$TANDEM_LAB_RUN
export TANDEM_HUB=http://198.18.0.101:8400 # for commands run in the lab
# shellcheck source=lab/routers.sh
. "$here/routers.sh"
# shellcheck source=lab/faults.sh
. "$here/faults.sh"

die() {
    echo "tandem lab: $1" >&2
    exit "${2:-1}"
}
ns() { echo "$TANDEM_LAB_ID-$1"; }
at() { ip netns exec "$(ns "$1")" "${@:2}"; }
rows() { grep -E "^$1 " "$run/topology"; } # rows router|link
column() { awk -v key="$1" -v n="$2" '$1 == "router" && $2 == key { print $n }' "$run/topology"; }
asn_of() { column "$1" 3; }
program_of() { column "$1" 4; }
subnet_of() { column "$1" 5; }
needs_up() { [[ -e $run/topology ]] || die "the lab is not up: tandem lab up"; }
# address_of ROUTER NEIGHBOUR TAG: the router's own end of a link.
address_of() {
    awk -v r="$1" -v n="$2" -v t="$3" '$3 == t && $1 == r && $2 == n { print $4 }
        $3 == t && $1 == n && $2 == r { print $5 }' "$run/links"
}

kernel_options() {
    # Errors come from the address that the packet came to, as on real routers; none is held back.
    at "$1" sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 \
        net.ipv4.conf.default.rp_filter=0 net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_msgs_per_sec=100000 \
        net.ipv4.icmp_errors_use_inbound_ifaddr=1 net.ipv4.fib_multipath_hash_policy=1 \
        net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.default.send_redirects=0 \
        net.ipv4.conf.all.accept_redirects=0 net.ipv6.conf.all.forwarding=1 net.ipv6.icmp.ratelimit=0 \
        net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
}
make_ns() {
    ip netns add "$(ns "$1")" || die "network namespaces cannot be made here" 69
    echo "$1" >>"$run/namespaces"
    ip -n "$(ns "$1")" link set lo up
    kernel_options "$1"
}
make_mon() {
    make_ns mon
    at mon ip link add br0 type bridge
    at mon ip addr add 198.18.0.100/24 dev br0
    at mon ip link set br0 up
    local here=$TANDEM_LAB_ID-host
    ((${#here} > 15)) || [[ -n $(ip route show 198.18.0.0/24) ]] && return
    ip link add "$here" type veth peer name host netns "$(ns mon)"
    at mon ip link set host master br0 up
    ip addr add 198.18.0.254/24 dev "$here"
    ip link set "$here" up
}
make_router() { # NAME SUBNET INDEX
    make_ns "$1"
    ip link add "m$3" netns "$(ns mon)" type veth peer name mgmt netns "$(ns "$1")"
    at mon ip link set "m$3" master br0 up
    ip -n "$(ns "$1")" addr add "198.18.0.$3/24" dev mgmt
    ip -n "$(ns "$1")" link set mgmt up
    echo "$3" >"$run/$1/index"
}
# The IPv6 subnet of an IPv4 one, where FRR's routers have both: fd00:1::/48 of 10.1.0.0/16.
six_of() { sed -E 's|10\.([0-9]+)\.0\.0/16|fd00:\1::|' <<<"$1"; }
make_host() { # ROUTER SUBNET: the host behind it, at .0.10 and .200.1 of its /16, ::10 of its /48
    local net=${2%.*.*} six
    make_ns "h-$1"
    ip link add vpc netns "$(ns "$1")" type veth peer name eth0 netns "$(ns "h-$1")"
    ip -n "$(ns "$1")" addr add "$net.0.1/16" dev vpc
    ip -n "$(ns "$1")" link set vpc up
    ip -n "$(ns "h-$1")" addr add "$net.0.10/16" dev eth0
    ip -n "$(ns "h-$1")" addr add "$net.200.1/16" dev eth0
    ip -n "$(ns "h-$1")" link set eth0 up
    ip -n "$(ns "h-$1")" route add default via "$net.0.1"
    [[ $(program_of "$1") == frr ]] || return 0
    six=$(six_of "$2")
    ip -n "$(ns "$1")" addr add "${six}1/48" dev vpc
    ip -n "$(ns "h-$1")" addr add "${six}10/48" dev eth0
    ip -n "$(ns "h-$1")" route add default via "${six}1"
}
# start_at NAME LOG COMMAND...: in the background, and written down.
start_at() {
    setsid ip netns exec "$(ns "$1")" "${@:3}" >"$run/$2.log" 2>&1 </dev/null &
    echo $! >>"$run/pids"
}
make_hub() { # beside the management bridge: it hears every router
    ip link add mhub netns "$(ns mon)" type veth peer name mgmt netns "$(ns h-gcp)"
    at mon ip link set mhub master br0 up
    ip -n "$(ns h-gcp)" addr add 198.18.0.101/24 dev mgmt
    ip -n "$(ns h-gcp)" link set mgmt up
    start_at h-gcp hub "$TANDEM" demo --config "$here/hub.yaml" --listen 0.0.0.0 --port 8400 --speed 1
}
# Sites tell the hub what they find, by way of the network itself, as in life.
start_probes() { # ROUTER SUBNET
    local net=${2%.*.*}
    start_at "h-$1" "reflector.$1" "$TANDEM" probe reflect --listen "$net.200.1" --allow 10.0.0.0/8
    [[ $1 == gcp && $TANDEM_LAB_HUB != 0 ]] || probe_from "$1" "$net.0.10" 10.0.0.0/8
    [[ $(program_of "$1") != frr ]] || probe_from "$1" "$(six_of "$2")10" fd00::/16
}
probe_from() { # ROUTER ADDRESS ALLOWED: as the site of that address
    local name
    if [[ $TANDEM_LAB_HUB == 0 ]]; then
        start_at "h-$1" "probes.$2" "$TANDEM" probe reflect --listen "$2" --allow "$3"
        return
    fi
    name=$(sed -n "s/.*{name: \([a-z0-9-]*\), router: $1, address: \"\?$2\"\?,.*/\1/p" "$here/hub.yaml")
    start_at "h-$1" "probes.$2" "$TANDEM" probe sites --config "$here/hub.yaml" --from "$name" \
        --hub http://10.100.0.10:8400
}
make_link() { # A B TAG AB_US BA_US INDEX
    local a=$1 b=$2 fifo=$run/link.$1.$2.$3 left=100
    mkfifo "$fifo"
    setsid "$TANDEM_DELAYLINE" "$(ns "$a")" "$b.$3" "$(ns "$b")" "$a.$3" "$fifo" \
        "delay ab $4" "delay ba $5" >"$fifo.log" 2>&1 </dev/null &
    echo $! >>"$run/pids"
    until ip -n "$(ns "$b")" link show "$a.$3" >/dev/null 2>&1; do
        ((left--)) || die "link $a $b: $(cat "$fifo.log")"
        sleep .02
    done
    ip -n "$(ns "$a")" addr add "169.254.$6.1/30" dev "$b.$3"
    ip -n "$(ns "$b")" addr add "169.254.$6.2/30" dev "$a.$3"
    ip -n "$(ns "$a")" addr add "fd69:$6::1/64" dev "$b.$3"
    ip -n "$(ns "$b")" addr add "fd69:$6::2/64" dev "$a.$3"
    ip -n "$(ns "$a")" link set "$b.$3" up
    ip -n "$(ns "$b")" link set "$a.$3" up
    echo "$a $b $3 169.254.$6.1 169.254.$6.2" >>"$run/links"
}

lab_up() {
    local n=0 a b tag x y mode
    [[ ! -e $run/topology ]] || die "the lab is up already: tandem lab down"
    mkdir -p "$run/broken"
    chmod 755 "${run%/*}" "$run"
    cp "$here/topology" "$run/topology"
    : >"$run/pids"
    trap lab_down EXIT # half a lab is none
    make_mon
    while read -r _ a b tag x _; do
        mkdir -p "$run/$a"
        make_router "$a" "$x" $((++n))
        [[ $x == - ]] || make_host "$a" "$x"
    done < <(rows router)
    n=0
    while read -r _ a b tag x y mode; do
        make_link "$a" "$b" "$tag" "$x" "$y" $((++n))
        [[ $mode == static ]] && continue
        echo "$(address_of "$b" "$a" "$tag") $(asn_of "$b") $b" >>"$run/$a/neighbours"
        echo "$(address_of "$a" "$b" "$tag") $(asn_of "$a") $a" >>"$run/$b/neighbours"
    done < <(rows link)
    while read -r _ a b tag x _; do "start_$tag" "$a"; done < <(rows router)
    [[ $TANDEM_LAB_HUB == 0 ]] || make_hub
    while read -r _ a b tag x _; do
        [[ $x == - ]] || start_probes "$a" "$x"
    done < <(rows router)
    trap - EXIT
}

# knows ROUTER SUBNET
knows() {
    case $(program_of "$1") in
    gobgp) [[ $(at "$1" gobgp global rib 2>/dev/null) == *" $2 "* ]] ;;
    *) [[ -n $(ip -n "$(ns "$1")" -o route show "$2") ]] ;;
    esac
}
knows_six() { # the same in IPv6, where both have it
    [[ $(program_of "$1") != frr || $(program_of "$2") != frr ||
        -n $(ip -n "$(ns "$1")" -o -6 route show "$(six_of "$(subnet_of "$2")")/48") ]]
}
missing() { # the first subnet that a router lacks
    local a b other
    while read -r _ a _; do
        while read -r _ b _ _ other; do
            [[ $other == - || $b == "$a" ]] || { knows "$a" "$other" && knows_six "$a" "$b"; } || {
                echo "$a lacks $other, or its IPv6"
                return
            }
        done < <(rows router)
    done < <(rows router)
}
# The first session that is not established. Routers of FRR's have one end of each.
unestablished() {
    local a said
    while read -r _ a _; do
        [[ $(program_of "$a") == frr ]] || continue
        said=$(vty "$a" "show bgp ipv4 unicast summary failed json" 2>/dev/null)
        [[ $said =~ \"failedPeers(Count)?\":0 ]] || {
            echo "$a has a session that is not established"
            return
        }
    done < <(rows router)
}
lab_ready() {
    local end=$((SECONDS + ${1:-60})) lack
    while lack=$(missing) && lack=${lack:-$(unestablished)} && [[ -n $lack ]]; do
        ((SECONDS < end)) || die "not ready after ${1:-60} s: $lack"
        sleep .2
    done
}

# Only what this lab started, and only if it still is what it was: a process in one of its namespaces.
ours() { [[ $(ip netns identify "$1" 2>/dev/null) == "$TANDEM_LAB_ID"-* ]]; }
end_pids() { # end_pids PID...: asks, waits, insists
    local pid left=50 alive=("$@")
    for pid in "$@"; do kill "$pid" 2>/dev/null || true; done
    while ((${#alive[@]} && left--)); do
        alive=()
        for pid in "$@"; do [[ -d /proc/$pid ]] && ours "$pid" && alive+=("$pid"); done
        ((${#alive[@]})) && sleep .1
    done
    for pid in "${alive[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
}
lab_down() {
    trap - EXIT
    local pid pids=() name
    [[ -d $run ]] || return 0
    while read -r pid; do
        ours "$pid" && pids+=("$pid")
    done < <(cat "$run/pids" "$run"/*/*.pid /var/run/frr/"$TANDEM_LAB_ID"-*/*.pid 2>/dev/null)
    end_pids "${pids[@]}"
    while read -r name; do
        ip netns del "$(ns "$name")" 2>/dev/null || true
        rm -rf "/var/run/frr/$(ns "$name")"
    done < <(cat "$run/namespaces" 2>/dev/null)
    rm -rf "$run"
}

lab_break() {
    needs_up
    [[ $(type -t "break_${1//-/_}") == function ]] || die "there is no fault \"$1\"" 2
    [[ ! -e $run/broken/$1 ]] || die "$1 is there already: tandem lab heal $1"
    date +%s.%N >"$run/broken/$1" # first: what was half done can be healed
    "break_${1//-/_}"
}
lab_heal() {
    needs_up
    local fault
    for fault in ${1:-$(ls "$run/broken")}; do
        [[ -e $run/broken/$fault ]] || die "$fault is not there"
        "heal_${fault//-/_}"
        rm -f "$run/broken/$fault"
    done
}
lab_link() {
    needs_up
    local fifo=$run/link.$1.$2.$3
    [[ -p $fifo ]] || die "there is no link $1 $2 $3"
    echo "${*:4}" >"$fifo"
}

case ${1-} in
up) lab_up ;;
ready) needs_up && lab_ready "${2-60}" ;;
down) lab_down ;;
break) lab_break "$2" ;;
heal) lab_heal "${2-}" ;;
exec) needs_up && exec ip netns exec "$(ns "$2")" "${@:3}" ;;
vty) needs_up && vty "${@:2}" ;;
conf) needs_up && conf "${@:2}" ;;
link) lab_link "${@:2}" ;;
*) die "lab.sh does not know \"${1-}\"" 2 ;;
esac
