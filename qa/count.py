#!/usr/bin/python3
"""count.py LOG... - how many tests passed, failed and were skipped, over several runs.

A LOG is a testlog.json of meson, or a file with TAP in it (node --test --test-reporter=tap). A
program that speaks TAP counts once for each of its tests, any other once. The last line printed is
"N passed, N failed", with ", N skipped" when there are some; the exit code is 1 when one failed or
a LOG is missing. Names of what failed or was skipped come before.
"""
import json
import re
import sys

POINT = re.compile(r"^(?P<indent> *)(?P<no>not )?ok \d+(?: - |\b)(?P<name>[^#]*)(?:#\s*(?P<how>\w+)\s*(?P<why>.*))?$")


def tap_points(text):
    """(name, verdict, why) of every test in TAP that has no tests within itself."""
    points, depth = [], -1
    for line in text.splitlines():
        m = POINT.match(line)
        if not m:
            continue
        indent = len(m["indent"])
        if indent < depth:  # the line that sums up the more indented ones before it
            depth = indent
            if m["no"] and points and all(p[1] != "failed" for p in points):
                points.append((m["name"].strip(), "failed", ""))
            continue
        depth = indent
        skipped = (m["how"] or "").lower() == "skip"
        verdict = "skipped" if skipped else "failed" if m["no"] else "passed"
        points.append((m["name"].strip(), verdict, m["why"] or ""))
    return points


def meson_points(line):
    """The same of one program that meson ran."""
    run = json.loads(line)
    result = {"OK": "passed", "EXPECTEDFAIL": "passed", "SKIP": "skipped"}.get(run["result"], "failed")
    points = tap_points(run.get("stdout") or "")
    if not points:
        return [(run["name"], result, "")]
    points = [(f"{run['name']}: {name}", verdict, why) for name, verdict, why in points]
    if result == "failed" and all(p[1] != "failed" for p in points):
        points.append((f"{run['name']}: {run['result'].lower()}", "failed", ""))
    return points


def main(logs):
    count = {"passed": 0, "failed": 0, "skipped": 0}
    for log in logs:
        try:
            text = open(log, encoding="utf-8", errors="replace").read()
        except OSError as e:
            text, count["failed"] = "", count["failed"] + 1
            print(f"FAILED {log}: {e.strerror}")
        if log.endswith(".json"):
            points = [p for line in text.splitlines() for p in meson_points(line)]
        else:
            points = tap_points(text)
        for name, verdict, why in points:
            count[verdict] += 1
            if verdict != "passed":
                print(f"{verdict.upper()} {log.split('/')[0]}: {name}{': ' + why if why else ''}")
    line = f"{count['passed']} passed, {count['failed']} failed"
    print(line + (f", {count['skipped']} skipped" if count["skipped"] else ""))
    return count["failed"] > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
