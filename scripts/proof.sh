#!/usr/bin/env bash
# proof.sh [NAME...]: the long budgets, all of them or those that are named. Each that draws writes its counts, with date
# and commit, to benchmarks/results/NAME.json. `make test` runs every one of them too, with a small budget.
#
# BUDGET=N draws N examples where a proof draws examples.
set -uo pipefail
cd "$(dirname "$0")/.."

wanted=("$@")
failed=()

proof() { # NAME EXAMPLES PYTEST-ARGUMENTS...: a property with so many examples, drawn anew each time
    local name=$1 examples=${BUDGET:-$2}
    shift 2
    [ ${#wanted[@]} -eq 0 ] || [[ " ${wanted[*]} " == *" $name "* ]] || return 0
    echo "proof: $name, $examples examples"
    CARELINE_PROOF_BUDGET=$examples .venv/bin/pytest -q -n 0 --hypothesis-profile=proof \
        --show-capture=no "$@" || failed+=("$name")
}

# One line a proof; the longest last.
proof floor_engine 10000 tests/unit/router/test_floor_properties.py
proof erlang 100 tests/sim/test_erlang.py
proof bus_faults 1 tests/integration/common/faults
proof event_order 20000 tests/integration/events/test_event_order.py
proof due_steps 10000 tests/integration/tickets/test_steps_once.py
proof ingest_kill_points 100000 tests/integration/ingest/test_kill_points.py
proof fetch_crash 5 tests/integration/ingest/remote/test_fetch_crash.py
proof router_ha 1 tests/integration/router/test_high_availability.py
proof kill_matrix 972 tests/e2e/test_kill_matrix.py

if [ ${#wanted[@]} -eq 0 ] || [[ " ${wanted[*]} " == *" sms_never_twice "* ]]; then
    echo "proof: sms_never_twice, ${BUDGET:-10000} messages"
    .venv/bin/python -m benchmarks.sms_never_twice --tries "${BUDGET:-10000}" || failed+=(sms_never_twice)
fi

[ ${#failed[@]} -eq 0 ] || { echo "proof: failed: ${failed[*]}"; exit 1; }
