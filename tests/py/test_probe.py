"""tandem's STAMP against another one, written here with struct and hmac from RFC 8762's figures: its
reflector is asked by our sender, its sender is answered by our reflector, in both modes."""

import hashlib
import hmac
import json
import os
import socket
import struct
import subprocess
import tempfile
import threading
import time

from hub import TANDEM, Tap

tap = Tap()
KEY = bytes(range(1, 33))
EPOCH = 2208988800


def ntp(t):
    return struct.pack(">II", int(t) + EPOCH, int((t % 1) * 2**32))


def unntp(b):
    s, f = struct.unpack(">II", b)
    return s - EPOCH + f / 2**32


def seal(packet, key):
    return packet + hmac.new(key, packet, hashlib.sha256).digest()[:16] if key else packet


def sender_packet(seq, key):
    zeros = (lambda n: bytes(n)) if key else (lambda n: b"")
    body = struct.pack(">I", seq) + zeros(12) + ntp(time.time()) + struct.pack(">HH", 0x0101, 0x4321)
    return seal(body.ljust(96 if key else 44, b"\0"), key)


def reflected(packet, received, ttl, seq, key):
    """Figures 4 and 5."""
    pad = 12 if key else 0
    at = 4 + pad
    stamp, error, ssid = packet[at:at + 8], packet[at + 8:at + 10], packet[at + 10:at + 12]
    if key:
        body = (struct.pack(">I", seq) + bytes(12) + ntp(time.time()) + b"\x01\x01" + ssid + bytes(4) + ntp(received) + bytes(8)
                + packet[:4] + bytes(12) + stamp + error + bytes(6) + bytes([ttl]) + bytes(15))
    else:
        body = (struct.pack(">I", seq) + ntp(time.time()) + b"\x01\x01" + ssid + ntp(received)
                + packet[:4] + stamp + error + bytes(2) + bytes([ttl]) + bytes(3))
    return seal(body, key)


def key_file():
    f = tempfile.NamedTemporaryFile("w", suffix=".key", delete=False)
    f.write(KEY.hex() + "\n")
    f.close()
    return f.name


def our_sender(key, drop_there=(), drop_back=()):
    """Runs `tandem probe stamp` against a reflector of ours that loses what it is told to."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(0.2)
    bad, count, over = [], 0, threading.Event()

    def serve():
        nonlocal count
        while not over.is_set():
            try:
                packet, peer = sock.recvfrom(2000)
            except TimeoutError:
                continue
            now = time.time()
            want = 112 if key else 44
            if len(packet) != want:
                bad.append(f"{len(packet)} bytes")
            if key and seal(packet[:96], key) != packet:
                bad.append("a wrong HMAC")
            at = 16 if key else 4
            if abs(unntp(packet[at:at + 8]) - now) > 1:
                bad.append("a time that is not now")
            seq = struct.unpack(">I", packet[:4])[0]
            if seq in drop_there:
                continue
            answer = reflected(packet, now, 255, count, key)
            count += 1
            if seq not in drop_back:
                sock.sendto(answer, peer)

    thread = threading.Thread(target=serve)
    thread.start()
    secret = ["--key-file", key_file()] if key else []
    done = subprocess.run([TANDEM, "probe", "stamp", "127.0.0.1", "--port", str(sock.getsockname()[1]), "--pace", "10ms", "--for", "3s",
                           "--json", *secret], capture_output=True, text=True, timeout=60)
    over.set()
    thread.join()
    if key:
        os.unlink(secret[1])
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], bad


for key in (None, KEY):
    mode = "authenticated" if key else "unauthenticated"
    code, lines, bad = our_sender(key)
    tap.equal(code, 0, "exit code")
    tap.equal(bad, [], "what the reflector found wrong")
    total = lines[-1]
    tap.check(total["up"] and total["answered"] > 50, f"answers: {total}")
    tap.equal((total["lost_there"], total["lost_back"]), (0, 0), "losses")
    spans = [x for x in lines if x["what"] == "span"]
    tap.check(spans and all(x["two_way_us"] >= 0 and x["hops_there"] == 0 for x in spans), f"spans: {spans}")
    tap.end(f"our sender asks another reflector, {mode}")

there, back = {20, 21, 60}, {30, 90, 91, 92, 93}
code, lines, bad = our_sender(None, there, back)
total = lines[-1]
tap.equal((total["lost_there"], total["lost_back"]), (len(there), len(back)), "losses of each way")
tap.check([x["what"] for x in lines].count("down") >= 1, "four lost in a row are down")
tap.end("which way lost a packet is told by the reflector's count")

for key in (None, KEY):
    secret = ["--key-file", key_file()] if key else []
    reflector = subprocess.Popen([TANDEM, "probe", "reflect", "--port", "0", "--listen", "127.0.0.1", "--for", "30s", *secret],
                                 stdout=subprocess.PIPE, text=True)
    port = int(reflector.stdout.readline().split()[-1])
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(10)
    for seq in range(5):
        asked = sender_packet(seq + 100, key)
        sock.sendto(asked + b"TLV!" * seq, ("127.0.0.1", port))
        answer = sock.recv(2000)
        ttl = answer[80 if key else 40]
        got_t2 = unntp(answer[32:40] if key else answer[16:24])
        got_t3 = unntp(answer[16:24] if key else answer[4:12])
        want = reflected(asked, 0, ttl, seq, key)
        varying = [(16, 24), (24, 26), (32, 40), (96, 112)] if key else [(4, 12), (12, 14), (16, 24)]
        blank = lambda p: b"".join(b"\0" if any(a <= i < b for a, b in varying) else p[i:i + 1] for i in range(len(want)))
        tap.equal(blank(answer).hex(), blank(want).hex(), "fields other than times")
        tap.equal(answer[len(want):], b"TLV!" * seq, "what is beyond the packet")
        tap.check(0 < ttl <= 255 and got_t2 <= got_t3 and abs(got_t2 - time.time()) < 5, f"TTL {ttl}, times {got_t2} {got_t3}")
        if key:
            tap.equal(seal(answer[:96], key), answer[:112], "HMAC")
    tampered = bytearray(sender_packet(7, KEY))
    tampered[5] ^= 1
    sock.sendto(bytes(tampered) if key else b"\0" * 43, ("127.0.0.1", port))
    sock.sendto(sender_packet(200, key), ("127.0.0.1", port))
    tap.equal(struct.unpack(">I", sock.recv(2000)[:4])[0], 5, "a bad packet is neither answered nor counted")
    reflector.terminate()
    said = reflector.communicate(timeout=20)[0]
    tap.check("6 answered" in said and ("1 forged" if key else "1 malformed") in said, said)
    if key:
        os.unlink(secret[1])
    tap.end(f"our reflector answers another sender, {'authenticated' if key else 'unauthenticated'}")

for args, want in ((["foo", "127.0.0.1"], 2), (["stamp"], 2), (["stamp", "nowhere"], 2), (["stamp", "127.0.0.1", "--pace", "x"], 2),
                   (["stamp", "127.0.0.1", "--port", "70000"], 2), (["stamp", "127.0.0.1", "--key-file", "/dev/null"], 2),
                   (["stamp", "127.0.0.1", "--pace", "1ms"], 74), (["reflect", "--listen", "192.0.2.1"], 74),
                   (["trace", "127.0.0.1", "--port", str(port)], 0)):
    done = subprocess.run([TANDEM, "probe", *args], capture_output=True, text=True, timeout=60)
    tap.equal(done.returncode, want, " ".join(args) + done.stderr)
    tap.check(want == 0 or done.stderr, f"{args}: no word why")
tap.end("wrong use is told")
tap.done()
