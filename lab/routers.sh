# shellcheck shell=bash disable=SC2154
# routers.sh - part of lab.sh: how each maker's router is configured, started and spoken to.
# From lab.sh: $run, ns, at, asn_of, subnet_of, program_of.

# Google Cloud Router's own: keepalive 20 s, hold 60 s; BFD 1 s, five times. By which of its modules
# FRR tells the hub its forwarding table: dplane_fpm_nl, or the older fpm.
: "${TANDEM_LAB_TIMERS:=20 60}" "${TANDEM_LAB_BFD:=1000 1000 5}" "${TANDEM_LAB_FPM:=dplane_fpm_nl}"
frr=/usr/lib/frr

router_id() { echo "10.255.0.$(cat "$run/$1/index")"; }

frr_bgpd_conf() { # ROUTER
    local ip asn peer
    cat <<-END
	hostname $1
	router bgp $(asn_of "$1")
	 bgp router-id $(router_id "$1")
	 bgp bestpath compare-routerid
	 no bgp ebgp-requires-policy
	 no bgp network import-check
	 no bgp default ipv4-unicast
	 timers bgp $TANDEM_LAB_TIMERS
	END
    while read -r ip asn peer; do
        echo " neighbor $ip remote-as $asn"
        echo " neighbor $ip description $peer"
        echo " neighbor $ip timers connect 1"
        [[ $(program_of "$peer") == frr ]] && printf ' neighbor %s bfd\n neighbor %s bfd profile lab\n' "$ip" "$ip"
    done <"$run/$1/neighbours"
    echo " address-family ipv4 unicast"
    [[ $(subnet_of "$1") == - ]] || echo "  network $(subnet_of "$1")"
    # Without soft-reconfiguration FRR has no routes before policy to tell by BMP.
    while read -r ip asn peer; do
        echo "  neighbor $ip activate"
        echo "  neighbor $ip soft-reconfiguration inbound"
    done <"$run/$1/neighbours"
    printf ' exit-address-family\n address-family ipv6 unicast\n'
    [[ $(subnet_of "$1") == - ]] || echo "  network $(six_of "$(subnet_of "$1")")/48"
    while read -r ip asn peer; do
        [[ $(program_of "$peer") != frr ]] ||
            printf '  neighbor %s activate\n  neighbor %s soft-reconfiguration inbound\n' "$ip" "$ip"
    done <"$run/$1/neighbours"
    cat <<-END
	 exit-address-family
	 bmp targets mon
	  bmp monitor ipv4 unicast pre-policy
	  bmp monitor ipv4 unicast post-policy
	  bmp monitor ipv6 unicast pre-policy
	  bmp monitor ipv6 unicast post-policy
	  bmp stats interval 2000
	  bmp connect 198.18.0.100 port 11019 min-retry 100 max-retry 1000
	  bmp connect 198.18.0.101 port 11019 min-retry 100 max-retry 1000
	 exit
	exit
	END
}
frr_zebra_conf() { # ROUTER
    echo "hostname $1"
    if [[ $TANDEM_LAB_FPM == fpm ]]; then
        echo "fpm connection ip 198.18.0.101 port 2620"
    else
        printf '%s\n' "no fpm use-next-hop-groups" "fpm address 198.18.0.101 port 2620"
    fi
}
frr_bfdd_conf() {
    # shellcheck disable=SC2086 # three numbers
    set -- $TANDEM_LAB_BFD
    printf 'bfd\n profile lab\n  transmit-interval %s\n  receive-interval %s\n  detect-multiplier %s\n' "$@"
}
# A file for each daemon: in a shared one, an "exit" of a block that a daemon does not know ends its
# configuration, and the rest is dropped without a word.
start_frr() {
    local d=$run/$1 name common
    name=$(ns "$1")
    frr_zebra_conf "$1" >"$d/zebra.conf"
    frr_bgpd_conf "$1" >"$d/bgpd.conf"
    frr_bfdd_conf >"$d/bfdd.conf"
    install -d -o frr -g frr "/var/run/frr/$name"
    chown -R frr:frr "$d"
    common=(-d -N "$name" --log "file:$d/daemon.log" --log-level informational)
    {
        at "$1" "$frr/zebra" "${common[@]}" -f "$d/zebra.conf" -s 8000000 -M "$TANDEM_LAB_FPM"
        at "$1" "$frr/bfdd" "${common[@]}" -f "$d/bfdd.conf"
        at "$1" "$frr/bgpd" "${common[@]}" -f "$d/bgpd.conf" -M bmp
    } >>"$d/start.log" 2>&1
}

# The subnet is announced by a route of its own protocol, which does not go to the kernel: there the
# connected one must win.
start_bird() {
    local d=$run/$1 ip asn peer n=0
    {
        cat <<-END
		router id $(router_id "$1");
		log "$d/bird.log" all;
		protocol device { scan time 2; }
		protocol kernel { ipv4 { import none; export where proto != "own"; }; }
		protocol static own { ipv4; route $(subnet_of "$1") blackhole; }
		END
        while read -r ip asn peer; do
            ((++n))
            cat <<-END
			protocol bgp p$n { # $peer
			  local as $(asn_of "$1");
			  neighbor $ip as $asn;
			  connect delay time 1; connect retry time 1;
			  keepalive time ${TANDEM_LAB_TIMERS% *}; hold time ${TANDEM_LAB_TIMERS#* };
			  ipv4 { import all; export where source = RTS_BGP || proto = "own"; };
			}
			END
        done <"$d/neighbours"
    } >"$d/bird.conf"
    at "$1" bird -c "$d/bird.conf" -s "$d/bird.ctl" -P "$d/bird.pid"
}

# GoBGP sets no routes of the kernel: a default route stands for them.
start_gobgp() {
    local d=$run/$1 ip asn peer left=50
    {
        printf '[global.config]\n  as = %s\n  router-id = "%s"\n' "$(asn_of "$1")" "$(router_id "$1")"
        for ip in 198.18.0.100 198.18.0.101; do
            printf '[[bmp-servers]]\n  [bmp-servers.config]\n    address = "%s"\n    port = 11019\n' "$ip"
            printf '    route-monitoring-policy = "all"\n    statistics-timeout = 15\n'
        done
        while read -r ip asn peer; do
            printf '[[neighbors]]\n  [neighbors.config]\n    neighbor-address = "%s"\n    peer-as = %s\n' "$ip" "$asn"
            printf '  [neighbors.timers.config]\n    connect-retry = 1\n    keepalive-interval = %s\n    hold-time = %s\n' \
                "${TANDEM_LAB_TIMERS% *}" "${TANDEM_LAB_TIMERS#* }"
        done <"$d/neighbours"
    } >"$d/gobgp.toml"
    read -r ip _ <"$d/neighbours"
    ip -n "$(ns "$1")" route add default via "$ip"
    setsid ip netns exec "$(ns "$1")" gobgpd -f "$d/gobgp.toml" --api-hosts 127.0.0.1:50051 \
        >"$d/gobgp.log" 2>&1 </dev/null &
    echo $! >"$d/gobgp.pid"
    until at "$1" gobgp global rib add "$(subnet_of "$1")" >/dev/null 2>&1; do
        ((left--)) || die "$1: gobgpd does not answer: $(tail -n 3 "$d/gobgp.log")"
        sleep .1
    done
}

vty() { # ROUTER LINE...
    local router=$1 line lines=()
    shift
    case $(program_of "$router") in
    bird) birdc -s "$run/$router/bird.ctl" "$*" ;;
    gobgp) at "$router" gobgp "$@" ;;
    frr)
        for line; do lines+=(-c "$line"); done
        at "$router" vtysh -N "$(ns "$router")" "${lines[@]}" 2> >(grep -v "Can't open configuration" >&2)
        ;;
    *) die "there is no router \"$router\"" 2 ;;
    esac
}
# Lines of configuration, one at a time: of several, vtysh leaves out those after the first mistake
# without an exit code that says so.
conf() {
    local said
    said=$(vty "$1" "configure terminal" "${@:2}" 2>&1) || true
    [[ -z $said ]] || die "$1: $said"
}
# In the block of FRR's own AS: bgp ROUTER LINE...; af ROUTER LINE... for its IPv4 unicast part.
bgp() { conf "$1" "router bgp $(asn_of "$1")" "${@:2}"; }
af() { bgp "$1" "address-family ipv4 unicast" "${@:2}"; }
