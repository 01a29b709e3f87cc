"""A router that tells its forwarding table by FPM, for tests: an encoder of its own, from the kernel's
headers (linux/rtnetlink.h) and FRR's fpm.h."""

import ipaddress
import socket
import struct

STATIC, BGP, KERNEL = 196, 186, 2


def attribute(kind, value):
    return struct.pack("<HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


class Table:
    def __init__(self, port, source):
        self.socket = socket.create_connection(("127.0.0.1", port), source_address=(source, 0))

    def tell(self, kind, prefix, protocol, gateways):
        n = ipaddress.ip_network(prefix)
        family = 2 if n.version == 4 else 10
        hops = [attribute(5, ipaddress.ip_address(g).packed) for g in gateways]
        body = struct.pack("<BBBBBBBBI", family, n.prefixlen, 0, 0, 254, protocol, 0, 1, 0) + attribute(1, n.network_address.packed)
        if len(hops) > 1:
            body += attribute(9, b"".join(struct.pack("<HBBI", 8 + len(h), 0, 0, 3) + h for h in hops))
        else:
            body += b"".join(hops) + attribute(4, struct.pack("<I", 3)) # an interface
        self.socket.sendall(struct.pack(">BBH", 1, 1, 20 + len(body)) + struct.pack("<IHHII", 16 + len(body), kind, 0x501, 0, 0) + body)

    def route(self, prefix, *gateways, protocol=BGP):
        self.tell(24, prefix, protocol if gateways else KERNEL, gateways)

    def no_route(self, prefix):
        self.tell(25, prefix, 0, ())

    def close(self):
        self.socket.close()
