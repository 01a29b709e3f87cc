#!/bin/bash
# record.sh FOLDER - records frr-8.4.4-next-hop-groups and its -again there, and the kernel's routes at
# the end: zebra and staticd in a network namespace of their own. Needs root and FRR.
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
cleanup() {
    local f
    for f in "/var/run/frr/$ns"/*.pid; do [[ ! -f $f ]] || kill "$(cat "$f")" || true; done
    kill "$listener" 2>/dev/null || true
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
listener=
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
ip -n "$ns" route >"$out/routes"
ip -n "$ns" -6 route >>"$out/routes"
