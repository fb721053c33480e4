#!/usr/bin/env bash
# no_hosts.sh: no package host and no folder of a developer's machine stands in a committed file.
set -uo pipefail
cd "$(dirname "$0")/.."
patterns='files\.pythonhosted\.|pypi\.org/simple|registry\.npmjs\.|deb\.debian\.org|/home/[a-z]+/|/Users/[A-Za-z]+/'
if git grep -nIE "$patterns" -- . ':!scripts/no_hosts.sh'; then
  echo "no_hosts: remove the hosts and folders above" >&2
  exit 1
fi
