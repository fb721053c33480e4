#!/usr/bin/env bash
# test.sh [pytest arguments]: every test. Tests that need no processes of their own share the cores;
# those that start real ones come after them, alone, so that their deadlines mean something.
set -uo pipefail
cd "$(dirname "$0")/.."
code=0
.venv/bin/pytest -q -n "${WORKERS:-auto}" --dist loadgroup tests/unit tests/contract tests/integration "$@" || code=1
.venv/bin/pytest -q tests/e2e "$@" || code=1
exit $code
