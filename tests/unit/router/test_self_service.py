"""Self-service: where a caller comes by his keys and by silence, and which flows are refused."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from careline_router.domain.self_service import At, Caller, Step, Walk
from careline_router.self_service_config import SelfService

pytestmark = pytest.mark.unit

DOCUMENT: dict[str, Any] = {
    "start": "hello",
    "emergency": {"key": "*", "endpoint": "PJSIP/103@trunk", "media": {"ru": "star-ru", "en": "star-en"}},
    "skip_needs": ["deaf"], "skip_age": 80, "slow_needs": ["dialect"], "slow_age": 70,
    "nodes": {
        "hello": {"kind": "play", "media": {"ru": "hello-ru", "en": "hello-en"}, "next": "main"},
        "main": {
            "kind": "menu", "media": {"*": "main"}, "slow": {"*": "main-slow"}, "wait_s": 5,
            "keys": {"1": "who", "2": "hours", "3": "human", "4": "message", "5": "code"},
        },
        "who": {
            "kind": "verify", "check": "birth_date", "media": {"*": "born"}, "next": "appeal",
            "otherwise": "human",
        },
        "appeal": {
            "kind": "appeal_status", "by": {"in_work": {"*": "is-in-work"}, "none": {"*": "has-none"}},
            "media": {"*": "status"}, "next": "more",
        },
        "hours": {"kind": "hours", "by": {"open": {"*": "now"}, "closed": {"*": "tomorrow"}}, "next": "more"},
        "more": {"kind": "menu", "media": {"*": "more"}, "keys": {"1": "main"}, "otherwise": "bye"},
        "code": {"kind": "collect", "media": {"*": "digits"}, "least": 3, "most": 5, "next": "away"},
        "away": {"kind": "overflow", "endpoint": "PJSIP/other"},
        "message": {"kind": "voicemail", "media": {"*": "speak"}},
        "bye": {"kind": "end", "media": {"*": "bye"}},
    },
}  # fmt: skip
CALLER = Caller(hears="ru", appeal="in_work", checks={"birth_date": "09051945"})


def document(**nodes: Any) -> dict[str, Any]:
    return {**DOCUMENT, "nodes": {**DOCUMENT["nodes"], **nodes}}


SERVICE = SelfService.model_validate(DOCUMENT).spec()


def played(keys: list[str], caller: Caller = CALLER) -> Step:
    """What follows the last of these; an empty one is silence."""
    step = Walk(SERVICE, caller).enter()
    for each in keys:
        assert step.at is not None
        walk = Walk(SERVICE, caller)
        step = walk.press(step.at, each) if each else walk.silence(step.at)
    return step


@pytest.mark.parametrize(
    ("keys", "media", "to"),
    [
        ([], ("star-ru", "hello-ru", "main"), "main"),
        (["7"], ("main",), "main"),
        (["7", "8"], (), "human"),
        ([""], ("main",), "main"),
        (["", ""], (), "human"),
        (["0"], (), "human"),
        (["3"], (), "human"),
        (["*"], (), "overflow PJSIP/103@trunk"),
        (["1"], ("born",), "who"),
        (["1", "0905", "1945"], ("is-in-work", "more"), "more"),
        (["1", "09051945"], ("is-in-work", "more"), "more"),
        (["109051945"], ("is-in-work", "more"), "more"),
        (["1", "09051946"], ("born",), "who"),
        (["1", "09051946", "01010101"], (), "human"),
        (["1", "0#"], (), "human"),
        (["1", "0", ""], (), "human"),
        (["1", "09*"], (), "overflow PJSIP/103@trunk"),
        (["3*"], (), "overflow PJSIP/103@trunk"),
        (["2"], ("now", "more"), "more"),
        (["2", "1"], ("main",), "main"),
        (["2", "", ""], ("bye",), "self_served"),
        (["4"], ("speak",), "voicemail"),
        (["5", "12#"], ("digits",), "code"),
        (["5", "123#"], (), "overflow PJSIP/other"),
        (["5", "123", ""], (), "overflow PJSIP/other"),
        (["512345"], (), "overflow PJSIP/other"),
    ],
)
def test_keys_and_silence_lead_there(keys, media, to) -> None:
    step = played(keys)
    where = step.at.node if step.at else f"{step.end} {step.endpoint or ''}".strip()
    assert (step.media, where) == (media, to)


def test_what_is_learned_holds_no_digits_by_which_somebody_was_verified() -> None:
    step = Walk(SERVICE, CALLER).press(At(node="who"), "09051945")
    assert dict(step.inputs) == {"verified": True}
    assert step.path[0] == ("who", "digits")
    assert Walk(SERVICE, CALLER).press(At(node="code"), "777#").inputs == {"code": "777"}


def test_who_cannot_be_verified_is_not_asked() -> None:
    assert played(["1"], Caller(hears="ru")).end == "human"


def test_needs_and_age_skip_the_menu_or_slow_it() -> None:
    assert SERVICE.skips(frozenset({"deaf"}), None)
    assert SERVICE.skips(frozenset(), 80)
    assert not SERVICE.skips(frozenset({"dialect"}), 79)
    assert SERVICE.is_slow(frozenset({"dialect"}), None)
    assert SERVICE.is_slow(frozenset(), 70)
    slow = Walk(SERVICE, Caller(hears="en-x-slow")).enter()
    assert slow.media == ("star-en", "hello-en", "main-slow")


def test_a_node_that_a_new_version_has_lost_leads_to_a_human() -> None:
    assert Walk(SERVICE, CALLER).press(At(node="gone"), "1").end == "human"
    assert Walk(SERVICE, CALLER).silence(At(node="gone")).end == "human"
    assert Walk(SERVICE, CALLER).press(At(node="gone"), "*").endpoint == "PJSIP/103@trunk"


@given(st.lists(st.text(alphabet="0123456789*#", max_size=12), max_size=30))
@settings(max_examples=200, deadline=None)
def test_whoever_falls_silent_gets_out_and_an_emergency_always_goes_first(keys) -> None:
    step = Walk(SERVICE, CALLER).enter()
    for each in keys:
        if step.at is None:
            return
        urgent = Walk(SERVICE, CALLER).press(step.at, "*")
        assert (urgent.end, urgent.endpoint) == ("overflow", "PJSIP/103@trunk")
        walk = Walk(SERVICE, CALLER)
        step = walk.press(step.at, each) if each else walk.silence(step.at)
    for _ in range(2 * len(SERVICE.nodes)):
        if step.at is None:
            return
        step = Walk(SERVICE, CALLER).silence(step.at)
    raise AssertionError("who presses nothing never gets out")


@pytest.mark.parametrize(
    ("changed", "path", "reason"),
    [
        ({"start": "none"}, "start", "no node 'none'"),
        (document(hello={"kind": "play", "media": {}, "next": "none"}), "nodes.hello.next", "no node"),
        (document(lost={"kind": "end"}), "nodes.lost", "unreachable"),
        (
            document(
                hello={"kind": "play", "media": {}, "next": "loop"},
                loop={"kind": "hours", "next": "hello"},
            ),
            "nodes.hello.next", "an endless loop: hello → loop → hello",
        ),
        (
            document(more={"kind": "menu", "media": {}, "keys": {"1": "bye"}, "otherwise": "more"}),
            "nodes.more.otherwise", "no way out for who presses nothing: more → more",
        ),
        (document(human={"kind": "end"}), "nodes.human", "human is the way"),
        (
            {"emergency": {**DOCUMENT["emergency"], "key": "1"}},
            "nodes.main.keys.1", "this is the key for emergencies",
        ),
        ({"emergency": {**DOCUMENT["emergency"], "key": "#"}}, "emergency.key", "only * is left"),
        ({"emergency": {**DOCUMENT["emergency"], "key": "0"}}, "emergency.key", "0 is a human"),
        (
            document(code={"kind": "collect", "media": {}, "least": 5, "most": 3, "next": "away"}),
            "nodes.code.least", "more than most",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_self_service_is_said(changed, path, reason) -> None:
    found = dict(SelfService.model_validate({**DOCUMENT, **changed}).faults())
    assert reason in found[path], found


def test_the_one_that_is_right_has_no_faults() -> None:
    assert list(SelfService.model_validate(DOCUMENT).faults()) == []


def test_a_menu_keeps_zero_for_a_human() -> None:
    with pytest.raises(ValidationError):
        SelfService.model_validate(
            document(main={"kind": "menu", "media": {}, "keys": {"0": "bye"}})
        )
