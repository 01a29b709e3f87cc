#!/bin/bash
# lint.sh - what a compiler does not look for: scripts, forbidden functions, the direction of
# dependencies, the length of functions, links in documents.
# shellcheck disable=SC2046 # no file of this repository has a blank in its name
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

bad=0
complain() {
    sed 's/^/  /' >&2
    echo "lint.sh: $1" >&2
    bad=1
}
none() { # none WHAT: complains of every line of standard input
    local lines
    lines=$(cat)
    [[ -z $lines ]] || complain "$1" <<<"$lines"
}

mapfile -t scripts < <(git ls-files '*.sh' .ci/run)
shellcheck "${scripts[@]}" || bad=1
for f in $(git ls-files '*.mjs' '*.js'); do
    node --check "$f" || bad=1
done
git ls-files '*.py' | xargs -r python3 -c 'import ast, sys; [ast.parse(open(f).read(), f) for f in sys.argv[1:]]' || bad=1

mapfile -t code < <(git ls-files '*.c' '*.h')
grep -nE '\b(strcpy|strcat|sprintf|vsprintf|strtok|gets|atoi|atol|atof|gmtime|localtime|alloca)\(' "${code[@]}" |
    none "functions that are not used here"
grep -nE '\b(malloc|calloc|realloc|free)\(' $(git ls-files 'src/*.c' 'sim/*.c' ':!src/base/mem.c') |
    none "memory comes from base/mem.h"
grep -nE '\b(TODO|FIXME|XXX)\b' $(git ls-files ':!*.png' ':!qa/lint.sh' ':!fuzz/corpus') | none "unfinished things"
awk 'FNR == 1 { in_body = 0 }
     /^{$/ { start = FNR; in_body = 1 }
     /^}$/ && in_body { if (FNR - start > 71) print FILENAME ":" start ": " FNR - start - 1 " lines"; in_body = 0 }' \
    $(git ls-files 'src/*.c' 'sim/*.c') | none "functions longer than 70 lines"

# Folder -> folders whose headers it may include; the arrows of docs/architecture.md.
while read -r folder allowed; do
    grep -nE '^#include "' $(git ls-files "$folder/*.c" "$folder/*.h") |
        grep -vE "#include \"($allowed)[/.]" | grep -E '#include "[a-z]+/' | none "$folder may include only $allowed"
done <<'EOF'
src/base base
src/http base|http
src/aws base|http|aws
src/gcp base|http|gcp
src/net base|net
src/core base|core
src/trace base|core|trace
src/amazon base|http|aws|core|driver|amazon
src/driver base|http|aws|gcp|net|core|driver|node/sched
src/watch base|http|aws|gcp|net|driver|watch
sim/engine base|core|engine
sim/connect base|http|aws|core|engine|kinesis|connect
sim/kinesis base|kinesis
src/node base|core|driver|engine|trace|node
src/serve base|http|net|watch|core|node|serve|web
src/cli base|amazon|http|net|watch|core|driver|node|serve|cli
EOF

# Links between documents lead somewhere.
for f in $(git ls-files '*.md'); do
    grep -oE '\]\([^)# ]+' "$f" | cut -c3- | grep -v :// | while read -r to; do
        [[ -e $(dirname "$f")/$to ]] || echo "$f: $to"
    done
done | none "links that lead nowhere"
exit $bad
