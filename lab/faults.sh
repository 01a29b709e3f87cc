# shellcheck shell=bash disable=SC2154
# faults.sh - part of lab.sh: each fault is break_NAME, heal_NAME and a row of faults.tsv.
# A heal undoes its break wherever that stopped, so its steps do not mind what is not there.

quietly() { "$@" 2>/dev/null || true; }
route() { ip -n "$(ns "$1")" route "${@:2}"; }

# detour ROUTER NEIGHBOUR-ADDRESS, detour_not: what it announces there looks far, so that the
# neighbour sends by another way. A longer path and not local preference: BMP shows paths of routes
# received, and FRR leaves out the preference that a policy gave them.
detour() {
    local asn
    asn=$(asn_of "$1")
    conf "$1" "route-map LAB-FAR permit 10" "set as-path prepend $asn $asn"
    af "$1" "neighbor $2 route-map LAB-FAR out"
    vty "$1" "clear bgp ipv4 unicast $2 soft out"
}
detour_not() {
    af "$1" "no neighbor $2 route-map LAB-FAR out"
    vty "$1" "clear bgp ipv4 unicast $2 soft out"
    quietly conf "$1" "no route-map LAB-FAR"
}

# Two transit gateways, each with a static route to the other. BGP says nothing.
break_static_loop() {
    route use1 add 10.3.0.0/16 via "$(address_of usw2 use1 p)" metric 1
    route usw2 add 10.3.0.0/16 via "$(address_of use1 usw2 p)" metric 1
}
heal_static_loop() {
    quietly route use1 del 10.3.0.0/16 metric 1
    quietly route usw2 del 10.3.0.0/16 metric 1
}

# The same in IPv6, to the hub.
break_static_loop_6() {
    route use1 add fd00:100::/48 via fd69:11::2 metric 1
    route usw2 add fd00:100::/48 via fd69:11::1 metric 1
}
heal_static_loop_6() {
    quietly route use1 del fd00:100::/48 metric 1
    quietly route usw2 del fd00:100::/48 metric 1
}

# The hub announces a summary; a region announces more than it has. What it lacks follows the summary
# back. No AS path has anything twice.
break_longest_match_loop() {
    route gcp add blackhole 10.0.0.0/8 metric 9999
    af gcp "network 10.0.0.0/8"
    ip -n "$(ns use1)" addr del 10.1.0.1/16 dev vpc
    ip -n "$(ns use1)" addr add 10.1.0.1/17 dev vpc
}
heal_longest_match_loop() {
    quietly ip -n "$(ns use1)" addr del 10.1.0.1/17 dev vpc
    quietly ip -n "$(ns use1)" addr add 10.1.0.1/16 dev vpc
    quietly af gcp "no network 10.0.0.0/8"
    quietly route gcp del blackhole 10.0.0.0/8 metric 9999
}

# Both edges prefer each other and have switched off what would tell them; then the origin withdraws,
# and the prefix lives on without it.
ghost_edge() { # EDGE ADDRESS-OF-THE-OTHER
    conf "$1" "ip prefix-list LAB-GHOST permit 10.1.0.0/16" \
        "route-map LAB-GHOST permit 10" "match ip address prefix-list LAB-GHOST" \
        "set as-path exclude $(asn_of "$1")" "set local-preference 200" "exit" \
        "route-map LAB-GHOST permit 20"
    af "$1" "neighbor $2 allowas-in 2" "neighbor $2 route-map LAB-GHOST in"
    vty "$1" "clear bgp ipv4 unicast $2 soft in"
}
ghost_edge_not() {
    quietly af "$1" "no neighbor $2 route-map LAB-GHOST in" "no neighbor $2 allowas-in"
    quietly conf "$1" "no route-map LAB-GHOST" "no ip prefix-list LAB-GHOST"
    vty "$1" "clear bgp ipv4 unicast $2"
}
break_ghost_loop() {
    ghost_edge cea "$(address_of ceb cea x)"
    ghost_edge ceb "$(address_of cea ceb x)"
    sleep 1 # until both have what they will not let go
    af use1 "no network 10.1.0.0/16"
}
heal_ghost_loop() {
    ghost_edge_not cea "$(address_of ceb cea x)"
    ghost_edge_not ceb "$(address_of cea ceb x)"
    quietly af use1 "network 10.1.0.0/16"
}

# There by one edge, back by the other, whose link is slow.
break_asymmetry() {
    lab_link ceb use1 a delay both 15000
    detour cea "$(address_of use1 cea a)"
}
heal_asymmetry() {
    quietly detour_not cea "$(address_of use1 cea a)"
    lab_link ceb use1 a delay both 4500
}

# The same through edges that only let pass what they saw begin.
stateful() {
    at "$1" nft -f - <<-END
	table ip lab {
	    chain forward {
	        type filter hook forward priority 0; policy drop;
	        ct state established,related accept
	        tcp flags & (fin|syn|rst|ack) == syn ct state new accept
	        udp dport 862 ct state new accept
	        icmp type echo-request ct state new accept
	    }
	}
	END
}
break_asymmetry_firewall() {
    stateful cea
    stateful ceb
    detour cea "$(address_of use1 cea a)"
}
heal_asymmetry_firewall() {
    quietly detour_not cea "$(address_of use1 cea a)"
    quietly at cea nft delete table ip lab
    quietly at ceb nft delete table ip lab
}

# Two regions with one ASN refuse each other's routes.
reuse() { # WORD ASN: what usw2 says it is, and what the edges believe
    local edge
    for edge in cea ceb; do
        bgp usw2 "$1 neighbor $(address_of "$edge" usw2 a) local-as $(asn_of use1) no-prepend replace-as"
        bgp "$edge" "neighbor $(address_of usw2 "$edge" a) remote-as $2"
    done
}
break_asn_reuse() { reuse "" "$(asn_of use1)"; }
heal_asn_reuse() { quietly reuse no "$(asn_of usw2)"; }

# Announced, and nothing behind it.
break_blackhole() { route euw1 add blackhole 10.3.128.0/17; }
heal_blackhole() { quietly route euw1 del blackhole 10.3.128.0/17; }

# One side as Google has BFD, the other as AWS has it: after a silent cut one moves seconds before
# the other.
bfd_of() { conf "$1" bfd "profile lab" "transmit-interval $2" "receive-interval $3" "detect-multiplier $4"; }
break_bfd_mismatch() { bfd_of cea 300 300 3; }
# shellcheck disable=SC2086 # three numbers
heal_bfd_mismatch() { bfd_of cea $TANDEM_LAB_BFD; }

# The cable carries one way only; both interfaces are up.
break_one_way_cut() { lab_link cea use1 a cut ab; }
heal_one_way_cut() { lab_link cea use1 a heal both; }

# A region announces a part of another's subnet, which it reaches by a private link.
break_route_leak() {
    route use1 add 10.1.0.0/24 dev vpc metric 1
    route usw2 add 10.1.0.0/24 via "$(address_of use1 usw2 p)" metric 1
    af usw2 "network 10.1.0.0/24"
}
heal_route_leak() {
    quietly af usw2 "no network 10.1.0.0/24"
    quietly route usw2 del 10.1.0.0/24 metric 1
    quietly route use1 del 10.1.0.0/24 metric 1
}

# More prefixes than the hub takes: the session goes idle and stays so.
more_prefixes() { # WORD
    local lines=() i
    for i in {1..20}; do lines+=("$1 network 10.1.$i.0/24"); done
    af use1 "${lines[@]}"
}
break_prefix_limit() {
    af gcp "neighbor $(address_of cea gcp a) maximum-prefix 12"
    more_prefixes ""
}
heal_prefix_limit() {
    quietly more_prefixes no
    quietly af gcp "no neighbor $(address_of cea gcp a) maximum-prefix"
    sleep 1 # until the extra ones are gone, or the session falls again
    vty gcp "clear bgp ipv4 unicast $(address_of cea gcp a)"
}

# A cable that comes and goes.
break_flapping_peer() { lab_link gcp ceb a flap 2500; }
heal_flapping_peer() { lab_link gcp ceb a flap 0; }
