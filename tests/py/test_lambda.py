"""The Lambda functions that pass a flow's question on, in Python and in Node: what they ask, and that
they say LOCAL when nobody answers, or nothing that can be used."""

import contextlib
import http.server
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import threading

from hub import ROOT, Tap

tap = Tap()
LOCAL = {"action": "LOCAL", "number": "", "txn": "", "queue": ""}
EVENT = {"Name": "ContactFlowEvent", "Details": {"Parameters": {"op": "route"}, "ContactData": {"ContactId": "c"}}}
GOOD = {"action": "TRANSFER", "number": "+12125550100", "txn": "T", "queue": "q"}


class Node(http.server.BaseHTTPRequestHandler):
    seen = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Node.seen.append((self.path, self.headers.get("Authorization"), json.loads(body)))
        kind = self.path.rsplit("/", 1)[1]
        if kind == "silent":
            release.wait(10)
            return
        status, text = {"good": (200, json.dumps(GOOD)), "extra": (200, json.dumps({**GOOD, "more": 1})), "no-json": (200, "<"),
                        "unknown": (200, '{"action":"JUMP"}'), "list": (200, "[]"), "refused": (401, json.dumps(GOOD)),
                        "empty": (200, "")}[kind]
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


release = threading.Event()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Node)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_address[1]}/flow/"
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    nobody = f"http://127.0.0.1:{s.getsockname()[1]}/flow/x"


def in_python(url):
    spec = importlib.util.spec_from_file_location("shim", os.path.join(ROOT, "deploy", "lambda", "tandem.py"))
    shim = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(shim)
    os.environ["TANDEM_URL"], os.environ["TANDEM_KEY"] = url, "the-key"
    with contextlib.redirect_stdout(sys.stderr):  # it prints to its log
        return shim.handler(EVENT, None)


def in_node(url):
    script = ("import(process.argv[1]).then(m => m.handler(JSON.parse(process.argv[2])))"
              ".then(a => process.stdout.write('\\n' + JSON.stringify(a) + '\\n'))")
    done = subprocess.run(["node", "-e", script, os.path.join(ROOT, "deploy", "lambda", "tandem.mjs"), json.dumps(EVENT)],
                          env={**os.environ, "TANDEM_URL": url, "TANDEM_KEY": "the-key"}, capture_output=True, text=True,
                          timeout=60)
    return json.loads(done.stdout.strip().splitlines()[-1]) if done.returncode == 0 else done.stderr


for name, ask in [("python", in_python)] + ([("node", in_node)] if shutil.which("node") else []):
    Node.seen.clear()
    tap.equal(ask(base + "good"), GOOD, "an answer")
    tap.equal(Node.seen, [("/flow/good", "Bearer the-key", EVENT)], "what was asked")
    tap.equal(ask(base + "extra"), GOOD, "members that flows do not know")
    for kind in ("no-json", "unknown", "list", "refused", "empty", "silent"):
        tap.equal(ask(base + kind), LOCAL, kind)
    tap.equal(ask(nobody), LOCAL, "nobody listens")
    tap.equal(ask("no url"), LOCAL, "no URL")
    tap.end(f"the function in {name}")
release.set()
tap.done()
