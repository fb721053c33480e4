#!/bin/sh
# Makes .venv: Python, every locked dependency, the six members in editable form. Called by every make
# target; when nothing has changed since the last time it only compares a stamp.
set -eu
cd "${0%/*}/.."
members=". libs/common services/router services/tickets services/surveys services/ingest"

fail() { echo "setup: $*" >&2; exit 1; }

wanted() {
  # shellcheck disable=SC2046,SC2086 # the lists are words on purpose
  { pwd; cat requirements.lock scripts/setup.sh $(for m in $members; do echo "$m/pyproject.toml"; done); } | cksum
}
stamp=.venv/.careline-setup
if [ -x .venv/bin/python ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(wanted)" ]; then exit 0; fi

find_python() {
  for candidate in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11 python; do
    [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      echo "$candidate"; return
    fi
  done
}
python=$(find_python)
[ -n "$python" ] || fail "Careline needs Python 3.11 or newer: install it, or name it with PYTHON=/path/to/python3.11 make setup"

# Two targets may be started at once; the second waits here and finds the stamp.
mkdir -p .cache
if [ "${CARELINE_SETUP_LOCKED:-}" != 1 ] && command -v flock >/dev/null 2>&1; then
  CARELINE_SETUP_LOCKED=1 exec flock .cache/setup.lock sh scripts/setup.sh
fi

rm -f "$stamp"
if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
  echo "setup: making .venv with $("$python" --version)" >&2
  rm -rf .venv
  "$python" -m venv --without-pip .venv || fail "could not make .venv: install the venv module (Debian: apt-get install python3-venv)"
fi

find_uv() {
  for candidate in uv .venv/bin/uv; do
    if "$candidate" --version >/dev/null 2>&1; then command -v "$candidate"; return; fi
  done
}
uv=$(find_uv)
if [ -z "$uv" ]; then
  .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip --upgrade >/dev/null 2>&1 \
    || fail "no pip for $python: install it (Debian: apt-get install python3-venv)"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check uv 2>/dev/null || true
  uv=$(find_uv)
fi
editable=$(for m in $members; do printf -- '-e %s ' "$m"; done)
pip="$PWD/.venv/bin/python -m pip install --quiet --disable-pip-version-check"

# uv is ten times faster, but knows only its own settings: where the index is named to pip alone, pip does it.
install() {
  if [ -n "$uv" ] && "$uv" pip install --quiet --python .venv/bin/python "$@"; then return 0; fi
  .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip --upgrade >/dev/null 2>&1 || return 1
  $pip "$@"
}
install --require-hashes -r requirements.lock || fail "could not install requirements.lock: see above (is a package index reachable?)"
# shellcheck disable=SC2086 # a list of words
install --no-build-isolation --no-deps $editable || fail "could not install the members: see above"
# Compiled once here: where Python may not write bytecode (as in many images), every start would compile anew.
# A third of all the text is what nobody starts: libraries' own tests, names of places by phone number, pip.
env PYTHONDONTWRITEBYTECODE= .venv/bin/python -m compileall -q -j 0 -x '/(tests|geodata|pip)/' .venv/lib src libs services >/dev/null 2>&1 || true
wanted > "$stamp"
