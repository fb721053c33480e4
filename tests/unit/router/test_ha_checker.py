"""The checker of the router's pair notices what it is there for: a sound record has no fault, a changed one has."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from router_ha.seen import Heard, Seen, check

pytestmark = pytest.mark.unit

Calls = list[dict[str, Any]]


def offer(agent: str, seq: int, number: int) -> Heard:
    data = {"offer": {"id": f"id{number}.1", "call_id": f"id{number}"}}
    return Heard(agent, 0, seq, "offer", f"2026-01-01T12:00:0{number}Z", data)


def sound() -> tuple[Seen, Calls]:
    """Three callers, offered one after the other to two agents."""
    seen = Seen()
    calls: Calls = []
    for number in range(3):
        since = f"2026-01-01T11:00:0{number}Z"
        seen.arrived[f"c{number}"] = {"id": f"id{number}", "queued_at": since}
        seen.heard.append(offer(f"a{number % 2}", 10 * number, number))
        seen.rung[f"id{number}.1"] += 1
        calls.append(
            {"id": f"id{number}", "pbx_call_id": f"c{number}", "state": "ended",
             "outcome": "handled", "queued_at": since}
        )  # fmt: skip
    return seen, calls


def later(seen: Seen, place: int, at: str) -> None:
    seen.heard[place] = replace(seen.heard[place], at=at)


CHANGES: dict[str, Callable[[Seen, Calls], object]] = {
    "lost: call c2": lambda seen, calls: calls.pop(),
    "invented: call c2": lambda seen, calls: seen.arrived.pop("c2"),
    "doubled: call c1": lambda seen, calls: calls.append(calls[1]),
    "hangs: call c1": lambda seen, calls: calls[1].update(state="queued"),
    "moved: call c1": lambda seen, calls: calls[1].update(queued_at="2026-01-01T11:00:09Z"),
    "doubled: call id1 is offered": lambda seen, calls: seen.heard.append(offer("a0", 50, 1)),
    "doubled: id1.1 rings": lambda seen, calls: seen.rung.update(["id1.1"]),
    "invented: ring for id9.1": lambda seen, calls: seen.rung.update(["id9.1"]),
    "lost: call id1 was never": lambda seen, calls: seen.heard.pop(1),
    "doubled: a0 hears": lambda seen, calls: seen.heard.append(replace(offer("a0", 20, 2), type="x")),
    "invented: a socket": lambda seen, calls: seen.leftovers.append(offer("a1", 99, 7)),
    "passed over: call id0": lambda seen, calls: later(seen, 0, "2026-01-01T12:00:09Z"),
}  # fmt: skip


def test_a_sound_record_has_no_fault() -> None:
    assert check(*sound()) == []


@pytest.mark.parametrize("fault", CHANGES)
def test_what_is_wrong_is_named(fault: str) -> None:
    seen, calls = sound()
    CHANGES[fault](seen, calls)
    assert any(found.startswith(fault) for found in check(seen, calls)), check(seen, calls)
