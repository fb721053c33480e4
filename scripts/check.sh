#!/usr/bin/env bash
# check.sh: everything about the code that is not a test. The first failure of each tool is shown; all run.
set -uo pipefail
cd "$(dirname "$0")/.."
failed=()
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Each check runs beside the others; its output is shown when it fails.
check() { local name=$1; shift; ("$@" > "$folder/$name" 2>&1; echo $? > "$folder/$name.code") & }

check format .venv/bin/ruff format --check --quiet .
check lint .venv/bin/ruff check --quiet .
check types .venv/bin/mypy
check walls .venv/bin/lint-imports
check generated .venv/bin/python scripts/generated.py --check
check no-hosts scripts/no_hosts.sh
wait

for code in "$folder"/*.code; do
  name=$(basename "$code" .code)
  if [ "$(cat "$code")" = 0 ]; then echo "check: $name ok"; else
    echo "check: $name FAILED"; sed 's/^/  /' "$folder/$name"; failed+=("$name")
  fi
done
[ ${#failed[@]} -eq 0 ] || { echo "check: failed: ${failed[*]}"; exit 1; }
