#!/usr/bin/env bash
# test.sh [pytest arguments]: every test. Most wait for databases and brokers half of their time, so there
# are twice as many workers as cores (WORKERS=n: so many); the tests of a file share a worker, and thereby
# what they started. Those that start everything come after them, two at a time: one leaves half of two
# cores idle, and with more their deadlines would mean nothing.
#
# Up to three failures are run once more, alone, and named: with hundreds of real processes on two
# cores a stall of the machine is likelier than a fault. What fails twice fails.
set -uo pipefail
cd "$(dirname "$0")/.."
FEW=3

tests() { # NAME PYTEST-ARGUMENTS...
    local name=$1 failed
    shift
    .venv/bin/pytest -q -o cache_dir=".pytest_cache/$name" "$@" && return 0
    [ $? -eq 1 ] || return 1 # 1: tests failed; more: pytest could not do its work
    failed=$(.venv/bin/python -c 'import json, sys; print(*json.load(open(sys.argv[1])), sep="\n")' \
        ".pytest_cache/$name/v/cache/lastfailed") || return 1
    [ "$(wc -l <<<"$failed")" -le "$FEW" ] || return 1
    printf 'test.sh: failed beside others, now alone:\n%s\n' "$failed"
    .venv/bin/pytest -q -o cache_dir=".pytest_cache/$name" "$@" -n 0 --lf
}

code=0
tests parallel -n "${WORKERS:-$(($(nproc) * 2))}" --dist loadfile --no-loadscope-reorder \
    tests/unit tests/sim tests/contract tests/integration "$@" || code=1
tests whole -n 2 --dist worksteal tests/e2e "$@" || code=1
exit $code
