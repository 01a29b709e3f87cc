#!/bin/bash
# browser.sh - the dashboard in headless Chromium (tests/web), as TAP. A URL as argument: against
# that running hub instead of a made-up day.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
    echo "ok 1 - dashboard # SKIP $1"
    exit 0
}
export CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || true)}
[[ $CHROMIUM ]] || skip "there is no Chromium"
[[ $(node -p 'process.versions.node.split(".")[0]') -ge 20 ]] || skip "playwright needs Node 20"
[[ $# == 0 ]] || export TANDEM_URL=$1
exec node --test --test-reporter=tap tests/web/dashboard.test.mjs
