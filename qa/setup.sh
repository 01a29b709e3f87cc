#!/bin/bash
# setup.sh - installs what is missing, and nothing when nothing is.
#
#   qa/setup.sh demo    what the program is built with
#   qa/setup.sh all     and what its tests, checks and benchmarks need
#   qa/setup.sh lab     what the network lab needs (deps/lab.txt), and what `demo` does
#
# Debian's packages (deps/debian.txt) are installed when this runs as root; else it says which are
# missing and how to get them. node and npm may come from anywhere. The packages of npm are those of
# package-lock.json, without their install scripts.
set -euo pipefail
cd "$(dirname "$0")/.."

# Of deps/debian.txt, not needed to build and to run the program.
later=' chromium clang clang-format curl libclang-rt-14-dev llvm nginx-light python3-venv shellcheck wrk '

missing() {
    local p
    while read -r p; do
        [[ $1 == demo && $later == *" $p "* ]] && continue
        case $p in
        nodejs) command -v node >/dev/null && continue ;;
        npm) command -v npm >/dev/null && continue ;;
        esac
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null) == installed ]] || echo "$p"
    done <deps/debian.txt
}

install_debian() {
    local packages
    command -v dpkg-query >/dev/null || {
        echo "setup.sh: this is no Debian; see that you have what deps/debian.txt names" >&2
        return
    }
    mapfile -t packages < <(missing "$1")
    ((${#packages[@]})) || return 0
    if ((EUID)); then
        echo "setup.sh: packages are missing; install them by" >&2
        echo "  sudo apt-get install --no-install-recommends ${packages[*]}" >&2
        exit 1
    fi
    echo "installing ${packages[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    apt-get install -q -y --no-install-recommends "${packages[@]}"
}

# npm_ci FOLDER: what FOLDER/package-lock.json names, when it is newer than what is there.
npm_ci() {
    [[ $1/node_modules/.package-lock.json -nt $1/package-lock.json ]] && return
    (cd "$1" && npm ci --ignore-scripts --no-audit --no-fund)
    touch "$1/node_modules/.package-lock.json"
}

# The routers of the lab. Their packages would start them on this machine, where nobody wants them: a
# policy of Debian's (invoke-rc.d's) forbids it while they are installed. Without root the lab is left
# out, and its test says so.
install_lab() {
    local p packages=() policy=/usr/sbin/policy-rc.d
    command -v dpkg-query >/dev/null || return 0
    while read -r p; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null) == installed ]] || packages+=("$p")
    done <deps/lab.txt
    ((${#packages[@]})) || return 0
    if ((EUID)); then
        echo "setup.sh: the network lab needs ${packages[*]}, and root to install them" >&2
        return 0
    fi
    echo "installing ${packages[*]}"
    if [[ ! -e $policy ]]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        # shellcheck disable=SC2064 # now
        trap "rm -f $policy" EXIT
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    apt-get install -q -y --no-install-recommends "${packages[@]}"
}

# The Python packages of the tests, in an environment of their own.
venv() {
    local stamp=build/venv/installed wanted=tests/py/requirements.txt
    [[ ! -e $wanted || $stamp -nt $wanted ]] && return
    /usr/bin/python3 -m venv build/venv
    build/venv/bin/pip install -q --disable-pip-version-check -r "$wanted"
    touch "$stamp"
}

case $1 in
lab) install_debian demo ;;
*) install_debian "$1" ;;
esac
npm_ci .
[[ $1 == demo ]] || install_lab
if [[ $1 == all ]]; then
    npm_ci tests/web
    venv
fi
