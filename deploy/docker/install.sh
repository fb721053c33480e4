#!/bin/sh
# install.sh dependencies|careline TARGET: the steps of the image, which also run without a container engine
# (scripts/image.sh). `dependencies` makes a Python environment in TARGET from runtime.lock, by hash;
# `careline` builds the six members as wheels and adds them. The environment has no pip and no build tools, and
# no code of a dependency runs while it is made: wheels alone are taken.
set -eu
cd "$(dirname "$0")/../.."
step=${1:?dependencies or careline} target=${2:?the folder of the environment}
tools=$target.tools python=${PYTHON:-python3}
members=". libs/common services/router services/tickets services/surveys services/ingest"
export PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_QUIET=1 PIP_ROOT_USER_ACTION=ignore

case $step in
  dependencies)
    "$python" -m venv "$tools"
    "$tools/bin/pip" install --only-binary :all: --require-hashes -r deploy/docker/build.lock
    "$python" -m venv --without-pip "$target"
    "$tools/bin/pip" --python "$target/bin/python" install --only-binary :all: --require-hashes -r deploy/docker/runtime.lock
    ;;
  careline)
    # shellcheck disable=SC2086 # a list of words
    "$tools/bin/pip" wheel --no-index --no-deps --no-build-isolation --wheel-dir "$target.wheels" $members
    "$tools/bin/pip" --python "$target/bin/python" install --no-index --no-deps "$target.wheels"/*.whl
    rm -rf "$target.wheels" "$tools"
    ;;
  *) echo "install.sh: no step $step" >&2; exit 2 ;;
esac
