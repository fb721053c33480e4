"""What the clients of a pair of routers have seen, and what is wrong with it.

The record is the clients' alone: agents' sockets, the PBX's answers, the callers. `check` compares it with
what the routers say in the end.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Heard:
    """A numbered message on a socket of an agent: `door` is the process that the socket was opened at."""

    agent: str
    door: int
    seq: int
    type: str
    at: str
    data: Item


@dataclass(slots=True)
class Seen:
    """`arrived` are the callers by the PBX's id, as they were acknowledged; `order` their place by then."""

    heard: list[Heard] = field(default_factory=list)
    leftovers: list[Heard] = field(default_factory=list)
    """What a socket still said that its agent had already left for another one."""
    arrived: dict[str, Item] = field(default_factory=dict)
    rung: Counter[str] = field(default_factory=Counter)
    """How often the PBX was told, as a new command, to ring for an offer."""
    hung_up: set[str] = field(default_factory=set)
    errors: Counter[str] = field(default_factory=Counter)
    """Answers that no client can live with; 503 and cut connections are no such."""
    patience: Counter[str] = field(default_factory=Counter)
    """503s, cut connections and silences, each followed by another try."""

    def offers(self) -> Iterator[Heard]:
        return (each for each in self.heard if each.type == "offer")


def check(seen: Seen, calls: Iterable[Item]) -> list[str]:
    """Every fault, one line each, sorted. `calls` is all that the floor has on record in the end."""
    known = list(calls)
    parts = (_calls(seen, known), _offers(seen), _sockets(seen), _places(seen, known))
    return sorted(fault for part in parts for fault in part)


def _calls(seen: Seen, calls: list[Item]) -> Iterator[str]:
    """Each caller is one call, which was handled, at the place that he was told."""
    counted = Counter(call["pbx_call_id"] for call in calls)
    yield from (f"lost: call {name}" for name in seen.arrived.keys() - counted.keys())
    yield from (f"invented: call {name}" for name in counted.keys() - seen.arrived.keys())
    yield from (f"doubled: call {name}" for name, times in counted.items() if times > 1)
    for call in calls:
        name = call["pbx_call_id"]
        if (call["state"], call["outcome"]) != ("ended", "handled"):
            yield f"hangs: call {name} is {call['state']}, {call['outcome']}"
        told = seen.arrived.get(name)
        if told is not None and told["queued_at"] != call["queued_at"]:
            yield f"moved: call {name} waits since {call['queued_at']}, was told {told['queued_at']}"


def _offers(seen: Seen) -> Iterator[str]:
    """Each call is offered to one agent, once; his phone rings once for it."""
    by_call: dict[str, list[Heard]] = {}
    for offer in seen.offers():
        by_call.setdefault(offer.data["offer"]["call_id"], []).append(offer)
    for call_id, offers in by_call.items():
        if len(offers) > 1:
            to = ", ".join(f"{each.data['offer']['id']} to {each.agent}" for each in offers)
            yield f"doubled: call {call_id} is offered as {to}"
    yield from (f"doubled: {name} rings {n} times" for name, n in seen.rung.items() if n > 1)
    offered = {each.data["offer"]["id"] for each in seen.offers()}
    yield from (f"invented: ring for {name}" for name in seen.rung.keys() - offered)
    told = {call["id"] for call in seen.arrived.values()}
    yield from (f"lost: call {name} was never offered" for name in told - by_call.keys())


def _sockets(seen: Seen) -> Iterator[str]:
    """An agent's messages come in order, none twice; nothing is said that was not said before by a socket that was
    left."""
    last: dict[str, int] = {}
    for each in seen.heard:
        if each.seq <= last.get(each.agent, -1):
            yield f"doubled: {each.agent} hears {each.type} {each.seq} after {last[each.agent]}"
        last[each.agent] = each.seq
    known = {(each.agent, each.seq, each.type) for each in seen.heard}
    for each in seen.leftovers:
        if each.type == "offer" and (each.agent, each.seq, each.type) not in known:
            yield f"invented: a socket that was left offers {each.data['offer']['id']}"


def _places(seen: Seen, calls: list[Item]) -> Iterator[str]:
    """Callers of one class are offered in the order in which they came."""
    queued = [call for call in calls if call["queued_at"] is not None]
    since = {call["id"]: datetime.fromisoformat(call["queued_at"]) for call in queued}
    offers = sorted(
        (datetime.fromisoformat(each.at), each.data["offer"]["call_id"]) for each in seen.offers()
    )
    latest_at = latest = before = datetime.min.replace(tzinfo=UTC)
    for at, call_id in offers:
        waits = since.get(call_id, latest)
        if at > latest_at:
            before, latest_at = latest, at
        if waits < before:
            yield f"passed over: call {call_id} of {waits} comes after {before}"
        latest = max(latest, waits)
