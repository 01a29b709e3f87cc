#!/usr/bin/python3
"""mutate.py BUILD [--only NAME,...] [--seeds N] [--jobs N] - can the fault simulator fail?

Makes each deliberate mistake of mutations.txt in a copy of its file, compiles that file as BUILD (a
build folder of meson) does, links it into a simulator of its own before the library it comes from,
and runs seeds until one fails. Says in TAP which seed and which invariant caught it. A mistake that
all seeds survive is a failure; so is one that does not compile, crashes or hangs instead of being
caught, and one whose old text is not in its file exactly once. First the same is done without any
mistake: those seeds must hold.

What is built stays in a temporary folder and goes with it; the sources are not touched.
"""

import argparse
import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CONTROL_SEEDS = 60
TIMEOUT_S = 300  # of a run of all seeds; a hang is not a catch
FAILED = re.compile(r"^seed (\d+) FAILED(?: at (-?[\d.]+ s))?: (.*)$", re.M)
BUG = re.compile(r"^.*BUG.*$", re.M)


class Mistake:
    def __init__(self, name, file):
        self.name, self.file, self.why, self.old, self.new = name, file, [], [], []

    def text(self):
        """The file with the mistake in it. ValueError: the table does not fit the file."""
        with open(os.path.join(ROOT, self.file), encoding="utf-8") as f:
            text = f.read()
        old, new = "\n".join(self.old), "\n".join(self.new)
        if not self.old or old == new:
            raise ValueError("changes nothing")
        if text.count(old) != 1:
            raise ValueError(f"its old text is {text.count(old)} times in {self.file}, not once: "
                             f"bring tests/sim/mutations.txt up to date\n{old}")
        return text.replace(old, new)


def read_table(path):
    mistakes = []
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            line = line.rstrip("\n")
            if not line or line.startswith("#"):
                continue
            if line[0] in "-+" and mistakes:
                (mistakes[-1].old if line[0] == "-" else mistakes[-1].new).append(line[1:])
            elif mistakes and not mistakes[-1].why:
                mistakes[-1].why.append(line)
            elif re.fullmatch(r"[a-z-]+  \S+\.c", line):
                mistakes.append(Mistake(*line.split()))
            else:
                raise SystemExit(f"{path}:{number}: neither a name and a file, nor - or +: {line}")
    names = [m.name for m in mistakes]
    for n in names:
        if names.count(n) > 1:
            raise SystemExit(f"{path}: {n} is there twice")
    return mistakes


class Builder:
    """Compiles and links as the build folder does, with one object more."""

    def __init__(self, build, scratch):
        self.build, self.scratch = build, scratch
        with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
            self.compile = {os.path.relpath(os.path.join(c["directory"], c["file"]), ROOT): c["command"]
                            for c in json.load(f)}
        lines = subprocess.run(["ninja", "-C", build, "-t", "commands", "tests/sim/sim"], check=True,
                               capture_output=True, text=True).stdout.splitlines()
        self.link = shlex.split(lines[-1])

    def run(self, command):
        done = subprocess.run(command, cwd=self.build, capture_output=True, text=True)
        if done.returncode:
            raise ValueError(f"does not build\n{done.stderr.strip()}")

    def sim(self, name, file, text):
        """The path of a simulator in which `file` has this text."""
        path = os.path.join(self.scratch, name)
        os.makedirs(path)
        source, thing = os.path.join(path, os.path.basename(file)), os.path.join(path, "mistake.o")
        with open(source, "w", encoding="utf-8") as f:
            f.write(text)
        words = shlex.split(self.compile[file])
        words[words.index("-o") + 1] = thing
        words[words.index("-c") + 1] = source
        for option in "-MF", "-MQ":
            if option in words:
                words[words.index(option) + 1] = thing + ".d"
        self.run(words + ["-w"])  # a mistake may leave something unused
        words = list(self.link)
        out = words.index("-o") + 1
        words[out] = os.path.join(path, "sim")
        words.insert(out + 1, thing)  # before the archives: their copy is not taken then
        self.run(words)
        return words[out]


def caught(sim, seeds):
    """(seed and invariant, or None when all seeds held)"""
    try:
        done = subprocess.run([sim, "--first", "--seeds", str(seeds)], capture_output=True, text=True,
                              timeout=TIMEOUT_S, errors="replace")
    except subprocess.TimeoutExpired as e:
        raise ValueError(f"hangs: no end after {TIMEOUT_S} s") from e
    m = FAILED.search(done.stdout)
    if m and not m[2] and (bug := BUG.search(done.stderr)):
        return f"seed {m[1]}: {bug[0]}"
    if m:
        return f"seed {m[1]}, {m[2]}: {m[3]}" if m[2] else f"seed {m[1]}: {m[3]}"
    if done.returncode:
        raise ValueError(f"ends with code {done.returncode} and names no invariant\n{done.stderr.strip()[-500:]}")
    return None


def try_out(builder, m, seeds):
    """(ok, what to say)"""
    try:
        how = caught(builder.sim(m.name, m.file, m.text()), seeds)
    except ValueError as e:
        return False, str(e)
    return (True, how) if how else (False, f"survived {seeds} seeds: {m.why[0]}")


def control(builder, m):
    """The same way without a mistake: what catches those is not the way itself."""
    with open(os.path.join(ROOT, m.file), encoding="utf-8") as f:
        how = caught(builder.sim("control", m.file, f.read()), CONTROL_SEEDS)
    return not how, how or f"{CONTROL_SEEDS} seeds hold"


def main():
    p = argparse.ArgumentParser(description=__doc__.split(" - ")[0])
    p.add_argument("build")
    p.add_argument("--only", help="names, separated by commas")
    p.add_argument("--seeds", type=int, default=600)
    p.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    o = p.parse_args()
    mistakes = read_table(os.path.join(HERE, "mutations.txt"))
    if o.only:
        names = o.only.split(",")
        unknown = set(names) - {m.name for m in mistakes}
        if unknown:
            p.error(f"no such mistake: {', '.join(sorted(unknown))}")
        mistakes = [m for m in mistakes if m.name in names]
    failed = 0
    print(f"1..{len(mistakes) + 1}", flush=True)
    with tempfile.TemporaryDirectory(prefix="tandem-mutate-") as scratch, \
            concurrent.futures.ThreadPoolExecutor(o.jobs) as pool:
        builder = Builder(os.path.abspath(o.build), scratch)
        runs = [pool.submit(control, builder, mistakes[0])]
        runs += [pool.submit(try_out, builder, m, o.seeds) for m in mistakes]
        for n, (name, run) in enumerate(zip(["no-mistake"] + [m.name for m in mistakes], runs), 1):
            ok, said = run.result()
            failed += not ok
            first, *rest = said.splitlines()
            print(f"{'ok' if ok else 'not ok'} {n} - {name}: {first.replace('#', '')}")
            for line in rest:
                print(f"# {line}")
            sys.stdout.flush()
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
