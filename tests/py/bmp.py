"""A router that speaks BMP (RFC 7854), for tests: an encoder of its own, from the RFCs' figures."""

import ipaddress
import socket
import struct


def address16(text):
    a = ipaddress.ip_address(text)
    return (b"\0" * 12 if a.version == 4 else b"") + a.packed


def message(kind, body):
    return struct.pack("!BIB", 3, 6 + len(body), kind) + body


def bgp(kind, body):
    return b"\xff" * 16 + struct.pack("!HB", 19 + len(body), kind) + body


def open_(asn, router_id):
    four = struct.pack("!BBI", 65, 4, asn) # capability: four-octet AS numbers
    parameters = struct.pack("!BB", 2, len(four)) + four
    return bgp(1, struct.pack("!BHH4sB", 4, min(asn, 23456) if asn > 65535 else asn, 180, ipaddress.ip_address(router_id).packed, len(parameters)) + parameters)


def nlri(prefix):
    n = ipaddress.ip_network(prefix)
    return struct.pack("!B", n.prefixlen) + n.network_address.packed[:(n.prefixlen + 7) // 8]


def attribute(flags, kind, value):
    return struct.pack("!BBB", flags, kind, len(value)) + value


def update(path=(), next_hop="0.0.0.0", announced=(), withdrawn=()):
    w = b"".join(nlri(p) for p in withdrawn)
    a = b""
    if announced:
        segment = struct.pack("!BB", 2, len(path)) + b"".join(struct.pack("!I", n) for n in path) if path else b""
        a = attribute(0x40, 1, b"\0") + attribute(0x40, 2, segment) + attribute(0x40, 3, ipaddress.ip_address(next_hop).packed)
    return bgp(2, struct.pack("!H", len(w)) + w + struct.pack("!H", len(a)) + a + b"".join(nlri(p) for p in announced))


class Router:
    """Connects from `source`; its peers are (address, AS) pairs."""

    def __init__(self, port, source, name, asn):
        self.asn = asn
        self.socket = socket.create_connection(("127.0.0.1", port), source_address=(source, 0))
        self.send(message(4, struct.pack("!HH", 2, len(name)) + name.encode()))

    def send(self, data):
        self.socket.sendall(data)

    def peer(self, address, asn, flags=0x40): # post-policy
        return struct.pack("!BB8s16sI4sII", 0, flags, b"\0" * 8, address16(address), asn, ipaddress.ip_address(address).packed, 0, 0)

    def up(self, address, asn, local):
        self.send(message(3, self.peer(address, asn) + address16(local) + struct.pack("!HH", 179, 34567)
                          + open_(self.asn, local) + open_(asn, address)))

    def down(self, address, asn, reason=4, data=b""):
        self.send(message(2, self.peer(address, asn) + struct.pack("!B", reason) + data))

    def routes(self, address, asn, path, announced=(), withdrawn=()):
        self.send(message(0, self.peer(address, asn) + update(path, address, announced, withdrawn)))

    def end_of_rib(self, address, asn):
        self.send(message(0, self.peer(address, asn) + update()))

    def close(self):
        self.socket.close()
