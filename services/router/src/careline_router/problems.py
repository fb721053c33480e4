"""The router's refusals as problem details; the domain knows only slugs."""

from careline_common.http.problem import Conflict, Forbidden, InvalidInput, NotFound, Problem
from careline_router.domain.states import Rejected

NOT_FOUND = frozenset({"unknown-call", "unknown-offer", "unknown-agent", "unknown-queue"})
INVALID = frozenset({"invalid-data", "no-endpoint"})


class UnknownAgent(Forbidden):
    type = "unknown-agent"
    title = "The token names no configured agent"


def as_problem(rejected: Rejected) -> Problem:
    """404 for what there is not, 422 for data that cannot be kept, else 409 with `allowed`."""
    kind: type[Problem] = Conflict
    if rejected.reason in NOT_FOUND:
        kind = NotFound
    elif rejected.reason in INVALID:
        kind = InvalidInput
    return kind(rejected.detail, type=rejected.reason, allowed=rejected.allowed or None)
