#!/usr/bin/env bash
# image.sh: does without a container engine what deploy/docker/Dockerfile does, and tries the outcome.
# Takes the same files, runs the same install steps, then starts `careline --help` and `careline router serve`
# from a tree that nobody may write to, as a user without rights (when root), as in the cluster.
# What this does not show: the base image, and that an engine accepts the Dockerfile.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d) uid=10001 port=${PORT:-18099} serving=""
finish() {
  [ -z "$serving" ] || kill "$serving" 2>/dev/null || true
  chmod -R u+w "$work" && rm -rf "$work"
}
trap finish EXIT

began=$SECONDS
mkdir "$work/build"
git ls-files -z --cached --others --exclude-standard pyproject.toml README.md LICENSE libs services src deploy/docker | xargs -0 cp --parents -t "$work/build"
# A Python in somebody's home could not be started by the user without rights.
PYTHON=python3
if /usr/bin/python3 -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then PYTHON=/usr/bin/python3; fi
export PYTHON
(cd "$work/build" && sh deploy/docker/install.sh dependencies "$work/careline" && sh deploy/docker/install.sh careline "$work/careline")
rm -rf "$work/build"
echo "image.sh: installed in $((SECONDS - began)) s, $(du -sm "$work/careline" | cut -f1) MB"

chmod -R a-w,a+rX "$work"
unprivileged=()
if [ "$(id -u)" = 0 ]; then unprivileged=(setpriv --reuid="$uid" --regid="$uid" --clear-groups); fi
inside() {
  cd /
  exec "${unprivileged[@]}" env -i PATH="$work/careline/bin:/usr/bin:/bin" HOME=/tmp PYTHONDONTWRITEBYTECODE=1 \
    CARELINE_DATABASE_URL=postgresql://nobody:none@127.0.0.1:1/none CARELINE_PII_KEY=only-a-trial careline "$@"
}
(inside --help) > /dev/null && echo "image.sh: careline --help runs"
(inside router serve --port "$port") > "$work.log" 2>&1 &
serving=$!
for _ in $(seq 100); do
  code=$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/healthz" || true)
  [ "$code" = 200 ] && break
  kill -0 "$serving" 2>/dev/null || break
  sleep 0.3
done
[ "$code" = 200 ] || { cat "$work.log"; rm -f "$work.log"; echo "image.sh: careline router serve does not answer" >&2; exit 1; }
ready=$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/readyz")
kill "$serving"; wait "$serving" || true; serving=""; rm -f "$work.log"
[ "$ready" = 503 ] || { echo "image.sh: ready without a database?" >&2; exit 1; }
echo "image.sh: careline router serve lives, and waits for its database"
if find "$work/careline" -perm /222 ! -type l | grep -q .; then echo "image.sh: something was written" >&2; exit 1; fi
