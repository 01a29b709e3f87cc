"""Starts `tandem demo` for a test, speaks with it, and tells in TAP what held.

TANDEM names the program; the Makefile and meson set it."""

import atexit
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TANDEM = os.path.abspath(os.environ.get("TANDEM", os.path.join(ROOT, "build", "tandem")))
CONFIG = os.path.join(ROOT, "tests", "data", "api.yaml")


class Tap:
    def __init__(self):
        self.n = self.failed = 0
        self.problems = []

    def check(self, holds, what):
        if not holds:
            self.problems.append(what)
        return bool(holds)

    def equal(self, got, want, what):
        return self.check(got == want, f"{what}: got {got!r}, want {want!r}")

    def end(self, name, skip=None):
        """All checks since the last end are one test."""
        self.n += 1
        for p in self.problems[:20]:
            print("# " + p.replace("\n", "\n# "))
        bad = bool(self.problems)
        self.failed += bad
        self.problems = []
        print(f"{'not ok' if bad else 'ok'} {self.n} - {name}{' # SKIP ' + skip if skip else ''}", flush=True)

    def done(self):
        print(f"1..{self.n}")
        sys.exit(self.failed != 0)


def once(pairs):
    """An object of which no member comes twice: no reader may be left to guess."""
    keys = [k for k, _ in pairs]
    assert len(keys) == len(set(keys)), f"a member twice among {keys}"
    return dict(pairs)


def load(text):
    return json.loads(text, object_pairs_hook=once)


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return load(self.body)

    def detail(self):
        return self.json().get("detail", "")


class Hub:
    """A running demo, or `tandem run`. Ends with the test, whatever happens."""

    def __init__(self, *options, config=CONFIG, speed=60, env=None, command="demo"):
        self.log = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen(
            [TANDEM, command, "--config", config, "--port", "0", *(["--speed", str(speed)] if command == "demo" else []), *options],
            stdout=subprocess.PIPE, stderr=self.log, text=True, env=env)
        atexit.register(self.kill)
        self.said = ""
        while "Ctrl-C" not in self.said:
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit(f"tandem {command} did not start:\n" + self.said + self.logged())
            self.said += line
        self.url = re.search(r"http://\S+:\d+", self.said).group(0)
        self.host = urllib.parse.urlsplit(self.url).netloc
        self.wait_for(lambda: self.get("/v1/health").json().get("status") == "serving", "the start")

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def stop(self, number=signal.SIGTERM):
        """Exit code and what it said at the end."""
        self.process.send_signal(number)
        said, _ = self.process.communicate(timeout=30)
        return self.process.returncode, said

    def logged(self):
        self.log.seek(0)
        return self.log.read()

    def request(self, method, path, body=None, headers=None):
        """`body`: bytes as they are, or what JSON can hold."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        c = http.client.HTTPConnection(self.host, timeout=30)
        try:
            c.request(method, path, body=body, headers=headers)
            r = c.getresponse()
            kind = r.getheader("Content-Type", "")
            text = b"" if kind.startswith("text/event-stream") else r.read()
            return Reply(r.status, dict((k.lower(), v) for k, v in r.getheaders()), text)
        finally:
            c.close()

    def get(self, path, **headers):
        return self.request("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def events(self, path, n, headers=None):
        """The first n events of a stream, each a dictionary of its fields."""
        c = http.client.HTTPConnection(self.host, timeout=30)
        out, event = [], {}
        try:
            c.request("GET", path, headers=headers or {})
            r = c.getresponse()
            if r.status != 200:
                return r.status, []
            while len(out) < n:
                line = r.readline()
                if not line:
                    break
                line = line.decode().rstrip("\n")
                if not line and "data" in event:
                    out.append(event)
                    event = {}
                elif ": " in line and not line.startswith(":"):
                    key, value = line.split(": ", 1)
                    event[key] = value
            return r.status, out
        finally:
            c.close()

    def wait_for(self, holds, what, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            got = holds()
            if got:
                return got
            time.sleep(0.05)
        raise SystemExit(f"waited {seconds} s for {what}:\n{self.logged()[-2000:]}")
