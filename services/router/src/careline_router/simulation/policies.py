"""The policies that can be compared, by name: the engine's own, and three ways of running them."""

from dataclasses import dataclass

from careline_router.domain.policies import POLICIES
from careline_router.domain.specs import MAX_WAIT_S, CallbackRules

REFERENCE = "leastrecent_penalties"
"""What every policy is measured against: the best of what centres run today."""

CALLBACKS = CallbackRules(
    wait_s=60, after_s=45, promise_s=1800, idle_min=3, outstanding_per_busy=1.5, retry_after_s=()
)
DEFERRABLE_MAX_WAIT_S = 14_400.0
"""Of the queues of work that waits, as a centre would configure them."""
NEVER_S = 1e9


@dataclass(frozen=True, slots=True)
class Contender:
    """A policy of the engine. `pooled`: everybody can do everything, which no roster allows: a bound.

    `max_wait_s`, `max_deferrable_wait_s`: after such a wait a call goes before all others; what
    centres run today knows no such promise.
    """

    policy: str
    callbacks: CallbackRules | None = None
    pooled: bool = False
    max_wait_s: float = NEVER_S
    max_deferrable_wait_s: float = NEVER_S


def _careline(*, callbacks: CallbackRules | None = None, pooled: bool = False) -> Contender:
    return Contender(
        "careline",
        callbacks=callbacks,
        pooled=pooled,
        max_wait_s=MAX_WAIT_S,
        max_deferrable_wait_s=DEFERRABLE_MAX_WAIT_S,
    )


CONTENDERS: dict[str, Contender] = {
    **{name: Contender(name) for name in POLICIES if name != "careline"},
    "careline": _careline(),
    "careline_callback": _careline(callbacks=CALLBACKS),
    "reference_callback": Contender(REFERENCE, callbacks=CALLBACKS),
    "pooled_careline": _careline(pooled=True),
}
