#!/usr/bin/env bash
# Writes requirements.lock anew: every dependency of every member with its hashes, and no host.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=$(command -v uv || echo .venv/bin/uv)
"$uv" pip compile --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-annotate \
  $(for member in careline careline-common careline-router careline-tickets careline-surveys careline-ingest; do echo "--no-emit-package $member"; done) \
  --custom-compile-command "make lock" --group dev pyproject.toml -o requirements.lock "$@" >/dev/null
if grep -nE 'https?://|file://' requirements.lock; then echo "requirements.lock names a host" >&2; exit 1; fi
