"""The examples of docs/api.md, run as they stand, in their order, in one shell each block."""

import os
import re
import subprocess

from hub import ROOT, Hub, Tap

tap = Tap()
hub = Hub()
text = open(os.path.join(ROOT, "docs", "api.md"), encoding="utf-8").read()
blocks = re.findall(r"^```sh\n(.*?)^```", text, re.S | re.M)
tap.check(len(blocks) >= 6, f"{len(blocks)} blocks found")
prelude, examples = blocks[0], blocks[1:]
for block in examples:
    done = subprocess.run(["sh", "-e", "-c", prelude + block], env={**os.environ, "TANDEM_HUB": hub.url},
                          capture_output=True, text=True, timeout=60)
    tap.equal(done.returncode, 0, f"exit code of\n{block}{done.stdout[-500:]}{done.stderr}")
    tap.check(done.stdout.strip(), f"nothing was said by\n{block}")
    tap.end(block.strip().splitlines()[0][:90].rstrip(" '{\\"))
tap.done()
