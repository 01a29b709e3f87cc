"""A BMP station (RFC 7854) for the lab's test, which is not tandem's: a line of JSON for each message.

    bmp.py PORT

Only what the test asks about is read: who is up and down, and which IPv4 prefixes are announced and
withdrawn in which view. It ends when its standard output is closed, or on SIGTERM."""

import ipaddress
import json
import selectors
import socket
import struct
import sys
import time

VIEWS = {0: "pre", 0x40: "post", 0x10: "out-pre", 0x50: "out-post"}


def prefixes(b):
    found = []
    while b:
        n = (b[0] + 7) // 8
        found.append(str(ipaddress.ip_network((b[1:1 + n].ljust(4, b"\0"), b[0]))))
        b = b[1 + n:]
    return found


def update(b):
    """Withdrawn, announced, AS path of four bytes each."""
    n = struct.unpack(">H", b[:2])[0]
    withdrawn, b = prefixes(b[2:2 + n]), b[2 + n:]
    n = struct.unpack(">H", b[:2])[0]
    attributes, nlri, path = b[2:2 + n], b[2 + n:], []
    while attributes:
        flags, kind = attributes[:2]
        size = struct.unpack(">H", attributes[2:4])[0] if flags & 0x10 else attributes[2]
        at = 4 if flags & 0x10 else 3
        if kind == 2 and size:
            path = [struct.unpack(">I", attributes[at + 2 + 4 * i:at + 6 + 4 * i])[0] for i in range(attributes[at + 1])]
        attributes = attributes[at + size:]
    return withdrawn, prefixes(nlri), path


def message(router, kind, b):
    out = {"at": time.time(), "router": router}
    if kind in (4, 5, 6):
        return None
    peer_type, flags = b[:2]
    out["peer"] = str(ipaddress.ip_address(b[10:26] if flags & 0x80 and peer_type != 3 else b[22:26]))
    out["view"] = "local" if peer_type == 3 else VIEWS.get(flags & 0x50, "?")
    body = b[42:]
    if kind == 0 and body[18] == 2:
        out["type"] = "route"
        out["withdrawn"], out["announced"], out["path"] = update(body[19:])
    elif kind == 1:
        out["type"], out["stats"], n = "stats", {}, struct.unpack(">I", body[:4])[0]
        b = body[4:]
        for _ in range(n):
            which, size = struct.unpack(">HH", b[:4])
            out["stats"][which] = int.from_bytes(b[4:4 + size], "big")
            b = b[4 + size:]
    elif kind in (2, 3):
        out["type"] = "down" if kind == 2 else "up"
        if kind == 2:
            out["reason"] = body[0]
    else:
        return None
    return out


def main():
    selector = selectors.DefaultSelector()
    door = socket.create_server(("", int(sys.argv[1])), reuse_port=True)
    selector.register(door, selectors.EVENT_READ)
    buffers = {}
    print(json.dumps({"type": "listening"}), flush=True)
    while True:
        for key, _ in selector.select():
            if key.fileobj is door:
                conn, peer = door.accept()
                selector.register(conn, selectors.EVENT_READ, peer[0])
                buffers[conn] = b""
                continue
            conn = key.fileobj
            try:
                got = conn.recv(1 << 20)
            except ConnectionError:
                got = b""
            if not got:
                selector.unregister(conn)
                conn.close()
                continue
            b = buffers[conn] + got
            while len(b) >= 6 and len(b) >= (n := struct.unpack(">I", b[1:5])[0]):
                if (line := message(key.data, b[5], b[6:n])):
                    print(json.dumps(line), flush=True)
                b = b[n:]
            buffers[conn] = b


if __name__ == "__main__":
    try:
        main()
    except (BrokenPipeError, KeyboardInterrupt):
        pass
