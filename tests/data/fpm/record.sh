#!/bin/bash
# record.sh FOLDER - records frr-8.4.4-next-hop-groups, its -again and frr-8.4.4-groups-changed there, and
# the kernel's routes at the end of each: zebra and staticd in a network namespace of their own. Needs
# root and FRR 8.4: the protocol with groups of its own is played here, in 8.4's messages (lib/zclient.c).
set -euo pipefail
out=$(realpath "$1")
ns=fpm-record-$$
frr=/usr/lib/frr
run=$(mktemp -d)
chmod 755 "$run"

listen() { # FILE: what the first connection brings
    ip netns exec "$ns" python3 - "$1" <<'END' &
import socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", 2620))
s.listen()
c = s.accept()[0]
with open(sys.argv[1], "wb", 0) as f:
    while b := c.recv(65536):
        f.write(b)
END
    listener=$!
}
# A protocol that gives zebra numbers of its own, as FRR's sharpd does (Debian's package is without it).
# Two routes by a group, which then changes; another group for one of them.
play_protocol() {
    ip netns exec "$ns" python3 - "/var/run/frr/$ns/zserv.api" <<'END' &
import socket, struct, sys, time
ROUTE_ADD, HELLO, NHG_ADD = 8, 18, 109  # zebra_message_types_t
SHARP, TYPES = 23, 31  # route_types.txt
first = 250000000 // TYPES * SHARP  # ZEBRA_NHG_PROTO_SPACING
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])

def send(command, body):
    s.sendall(struct.pack(">HBBIH", 10 + len(body), 254, 6, 0, command) + body)
    time.sleep(0.5)

def group(n, *links):  # of 10.0.LINK.2; e1, e2, e3 have the numbers 3, 5, 7
    hops = b"".join(struct.pack(">IBB4BI", 0, 3, 0, 10, 0, k, 2, 2 * k + 1) for k in links)
    send(NHG_ADD, struct.pack(">HIH", SHARP, first + n, len(links)) + hops + struct.pack(">H", 0))

def route(second, n):  # 10.SECOND.0.0/16
    send(ROUTE_ADD, struct.pack(">BHIIBBBBBI", SHARP, 0, 0, 0x80, 1, 2, 16, 10, second, first + n))

send(HELLO, struct.pack(">BHIBB", SHARP, 0, 0, 0, 0))
group(1, 1, 2)
route(90, 1)
route(91, 1)
group(2, 2)
route(91, 2)
group(1, 1, 3)
group(1, 3)
group(2, 2, 3)
group(1, 3, 1, 2)
time.sleep(600)  # when it goes, so do its routes
END
    protocol=$!
}
cleanup() {
    local f
    for f in "/var/run/frr/$ns"/*.pid; do [[ ! -f $f ]] || kill "$(cat "$f")" || true; done
    kill "$listener" $protocol 2>/dev/null || true
    sleep 1
    ip netns del "$ns"
    rm -rf "$run" "/var/run/frr/$ns"
}
conf() { # LINE...: of configuration; and time for it
    local line lines=()
    for line; do lines+=(-c "$line"); done
    ip netns exec "$ns" vtysh -N "$ns" -c "configure terminal" "${lines[@]}" 2>/dev/null
    sleep 1
}

ip netns add "$ns"
listener=''
protocol=''
trap cleanup EXIT
ip -n "$ns" link set lo up
for i in 1 2 3; do
    ip -n "$ns" link add "e$i" type veth peer name "p$i"
    ip -n "$ns" link set "p$i" up
    ip -n "$ns" addr add "10.0.$i.1/24" dev "e$i"
    ip -n "$ns" addr add "fd00:$i::1/64" dev "e$i" nodad
    ip -n "$ns" link set "e$i" up
done
listen "$out/frr-8.4.4-next-hop-groups"
install -d -o frr -g frr "/var/run/frr/$ns"
printf '%s\n' "zebra nexthop-group keep 1" "fpm address 127.0.0.1 port 2620" >"$run/zebra.conf"
: >"$run/staticd.conf"
ip netns exec "$ns" "$frr/zebra" -d -N "$ns" -f "$run/zebra.conf" -s 8000000 -M dplane_fpm_nl
ip netns exec "$ns" "$frr/staticd" -d -N "$ns" -f "$run/staticd.conf"
sleep 4
conf "ip route 10.77.0.0/16 10.0.1.2"
conf "ip route 10.77.0.0/16 10.0.2.2"
conf "ip route 10.78.0.0/16 10.0.1.2" "ip route 10.78.0.0/16 10.0.2.2"
conf "ip route 10.79.0.0/16 10.77.5.5" # by the route above
conf "ip route 10.80.0.0/16 blackhole" "ip route 10.81.0.0/16 reject"
conf "ipv6 route fd00:99::/32 fd00:1::2" "ipv6 route fd00:99::/32 fd00:2::2"
conf "ip route 10.82.0.0/16 e3" "ipv6 route fd00:98::/32 fe80::5 e3"
ip -n "$ns" route add 10.84.0.0/16 nexthop via 10.0.1.3 nexthop via 10.0.3.3
conf "ip route 10.85.0.0/16 10.0.1.2" "ip route 10.85.0.0/16 10.0.3.3" "ip route 10.85.0.0/16 10.0.3.4"
conf "ip route 10.86.0.0/16 10.0.1.9"
ip -n "$ns" link set e2 down
sleep 2.5
ip -n "$ns" link set e2 up
sleep 2.5
conf "no ip route 10.77.0.0/16 10.0.2.2"
conf "no ip route 10.86.0.0/16 10.0.1.9"
conf "no ip route 10.85.0.0/16 10.0.3.4"
sleep 2.5
kill "$listener"
listen "$out/frr-8.4.4-next-hop-groups-again"
sleep 10
show_routes() {
    ip -n "$ns" route
    ip -n "$ns" -6 route
}
show_routes >"$out/routes"
kill "$listener"
listen "$out/frr-8.4.4-groups-changed"
sleep 8
play_protocol
sleep 8
show_routes >"$out/routes-changed"
