"""What the floors of the property tests are made of."""

from typing import Any

from hypothesis import strategies as st

from careline_router.domain.policies import POLICIES
from careline_router.domain.specs import (
    AgentSpec,
    CallbackRules,
    FloorSpec,
    PbxSpec,
    QueueSpec,
    RelaxStep,
)
from careline_router.domain.terms import NO_TERMS, Terms, WayOut
from careline_router.domain.words import PRIORITIES

TERMS = (
    Terms(
        target_s=5.0,
        recipe=(RelaxStep(after_s=12, queue="q2"), RelaxStep(after_s=18, drop_skills=("y",))),
        wrap_up_s=0.0,
        survey="s",
        records=True,
        refuse_key="9",
    ),
    Terms(
        target_s=60.0,
        ways_out=(
            WayOut(to="overflow", after_s=6.0, key="2", endpoint="P/out", media={"*": "m"}),
            WayOut(to="voicemail", after_s=30.0),
        ),
    ),
    Terms(ways_out=(WayOut(to="voicemail", key="3", media={"*": "m"}),)),
)
RECIPE = (
    RelaxStep(after_s=10, lower_levels_by=3, drop_skills=("@msk",)),
    RelaxStep(after_s=15, eligible_below=2, idle_below=2, drop_skills=("y",), priority="cash"),
    RelaxStep(after_s=25, queued_above=1, queue="q2", add_skills={"x": 1}),
)
"""Each condition and each effect at least once."""
QUEUES = (
    QueueSpec(
        id="q1", max_wait_s=60, offer_timeout_s=5, ring_timeout_s=7, wrap_up_s=9, wrap_up_max_s=20,
        max_wait_by_class={"vip": 12.0}, recipe=RECIPE,
    ),
    QueueSpec(id="q2", max_wait_s=20, wrap_up_s=0),
    QueueSpec(id="q3", max_wait_s=300, min_idle=1, recipe=(RelaxStep(sl_below_pct=50.0),)),
)  # fmt: skip
SKILLS: tuple[dict[str, int], ...] = (
    {"x": 10}, {"x": 8, "y": 5}, {"y": 9}, {"x": 9, "y": 10}, {},
)  # fmt: skip
AGENTS = (
    AgentSpec(id="a0", skills=SKILLS[0], endpoint="P/0"),
    AgentSpec(id="a1", skills=SKILLS[1], endpoint="P/1", accept="ring", site="msk"),
    AgentSpec(id="a2", skills=SKILLS[2], endpoint="P/2", accept="auto"),
    AgentSpec(id="a3", skills=SKILLS[0], endpoint="P/3"),
    AgentSpec(id="bot", skills=SKILLS[3], endpoint="P/b", accept="auto", kind="bot", capacity=3),
)
NEEDS: tuple[dict[str, int], ...] = (
    {}, {"x": 1}, {"x": 10}, {"y": 4}, {"x": 1, "y": 1}, {"x": 1, "@msk": 1},
)  # fmt: skip

_RULES = CallbackRules(
    wait_s=20, after_s=15, promise_s=60, idle_min=2, outstanding_per_busy=1.5,
    abandoned=True, missed=True, retry_after_s=(30.0,),
)  # fmt: skip
_QUIET = CallbackRules(
    mode="keep", after_s=5, idle_min=1, outstanding_per_busy=5, quiet=((75_600.0, 32_400.0),)
)


PBXS = {"p": PbxSpec(site="msk"), "q": PbxSpec(site="msk")}


def floors() -> st.SearchStrategy[FloorSpec]:
    """Careline's own policy and one with tiers mostly, every other now and then."""
    return st.builds(
        FloorSpec,
        policy=st.sampled_from([*["careline"] * 6, *["fs_tier_rules"] * 4, *POLICIES]),
        fair=st.booleans(),
        callbacks=st.sampled_from((None, _RULES, _RULES, _QUIET)),
        occupancy_cap_pct=st.sampled_from((None, None, 2.0)),
        units=st.sampled_from(({}, {"ticket": 2}, {"message": 1, "call": 2})),
        presence_grace_s=st.sampled_from((4.0, 60.0)),
        pbxs=st.sampled_from(({}, {"p": PbxSpec(site="msk")}, {"q": PbxSpec(site="msk")}, PBXS)),
    )


def queues() -> st.SearchStrategy[QueueSpec]:
    """A queue as it is from now on."""
    return st.builds(
        QueueSpec,
        id=st.sampled_from([queue.id for queue in QUEUES]),
        target_s=st.sampled_from((10.0, 20.0)),
        max_wait_s=st.sampled_from((15.0, 60.0)),
        wrap_up_s=st.sampled_from((0.0, 9.0)),
        min_idle=st.integers(0, 2),
        recipe=st.sampled_from(((), RECIPE)),
    )


def calls() -> st.SearchStrategy[dict[str, Any]]:
    """A call, or other work, as it is queued; mostly a plain one."""
    return st.fixed_dictionaries(
        {
            "kind": st.sampled_from(
                ("call", "call", "call", "call", "ticket", "ticket", "message")
            ),
            "priority": st.sampled_from(PRIORITIES),
            "person": st.sampled_from((None, "anna", "boris")),
            "due_in": st.sampled_from((None, None, 3600.0, 900_000.0)),
            "preferred": st.sampled_from((None, None, None, "a0", "a1", "bot", "who")),
            "preferred_for_s": st.sampled_from((0.0, 8.0, 40.0)),
            "terms": st.sampled_from((NO_TERMS, NO_TERMS, NO_TERMS, *TERMS)),
        }
    )
