"""Every policy by its name. A centre chooses one a floor."""

from collections.abc import Callable

from careline_router.domain.policies.careline import CarelinePolicy
from careline_router.domain.policies.conventional import Conventional
from careline_router.domain.policies.interface import Policy
from careline_router.domain.specs import FloorSpec

_CONVENTIONAL = (
    Conventional(name="rrmemory_w0", agents="round_robin", calls="wait"),
    Conventional(name="rrmemory", agents="round_robin", calls="priority"),
    Conventional(name="random", agents="random", calls="priority"),
    Conventional(name="fewestcalls", agents="fewest_calls", calls="priority"),
    Conventional(name="leastrecent", agents="least_recent", calls="priority"),
    Conventional(name="linear_penalties", agents="linear", calls="priority", level_first=True),
    Conventional(
        name="leastrecent_penalties", agents="least_recent", calls="priority", level_first=True
    ),
    Conventional(
        name="skill_preference", agents="longest_idle", calls="level_priority", level_first=True
    ),
    Conventional(
        name="fs_longest_idle_tiers", agents="longest_idle", calls="score", level_first=True
    ),
    Conventional(
        name="fs_tier_rules",
        agents="longest_idle",
        calls="score",
        level_first=True,
        rank_after_s=(0.0, 30.0, 60.0),
    ),
    Conventional(name="fs_round_robin", agents="round_robin", calls="score", level_first=True),
    Conventional(
        name="priority_oldest_relax",
        agents="longest_idle",
        calls="priority",
        rank_after_s=(0.0, 15.0),
    ),
)

POLICIES: dict[str, Callable[[FloorSpec], Policy]] = {
    "careline": lambda spec: CarelinePolicy(fair=spec.fair),
    **{
        each.name: (lambda spec, each=each: _seeded(each, spec.seed))  # type: ignore[misc]
        for each in _CONVENTIONAL
    },
}


def _seeded(policy: Conventional, seed: int) -> Conventional:
    return Conventional(
        name=policy.name,
        agents=policy.agents,
        calls=policy.calls,
        level_first=policy.level_first,
        rank_after_s=policy.rank_after_s,
        seed=seed,
    )


def policy_of(spec: FloorSpec) -> Policy:
    """The policy that a floor is told to use; raises KeyError for a name that is none."""
    return POLICIES[spec.policy](spec)
