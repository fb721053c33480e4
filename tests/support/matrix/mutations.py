"""What may go wrong in a system like this, done to a true account: the checker has to notice each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from matrix.checker import Outside, Said
from matrix.record import ACKED, Record

Account = tuple[Record, Outside, Said]
Mutation = Callable[[Account], Account]
Item = dict[str, Any]


def _said(**change: Callable[[Any], Any]) -> Mutation:
    """Changes some of what Careline says."""

    def mutate(account: Account) -> Account:
        record, outside, said = account
        values = {name: change[name](getattr(said, name)) for name in change}
        return record, outside, replace(said, **values)

    return mutate


def _outside(**change: Callable[[Any], Any]) -> Mutation:
    def mutate(account: Account) -> Account:
        record, outside, said = account
        values = {name: change[name](getattr(outside, name)) for name in change}
        return record, replace(outside, **values), said

    return mutate


def _acked(what: str, key: str, **data: Any) -> Mutation:
    """A write was acknowledged of which Careline knows nothing."""

    def mutate(account: Account) -> Account:
        record, outside, said = account
        more = Record(lines=record.lines)
        more.acked(what, key, **data)
        return more, outside, said

    return mutate


def _drop(items: Sequence[Item]) -> list[Item]:
    return list(items[1:])


def _double(items: Sequence[Item]) -> list[Item]:
    return [items[0], *items]


def _first(**values: Any) -> Callable[[Sequence[Item]], list[Item]]:
    return lambda items: [{**items[0], **values}, *items[1:]]


def _one(where: Callable[[Item], Any], **values: Any) -> Callable[[Sequence[Item]], list[Item]]:
    """Changes the first item of which something is true."""

    def mutate(items: Sequence[Item]) -> list[Item]:
        found = next(item for item in items if where(item))
        return [{**item, **values} if item is found else item for item in items]

    return mutate


def _without(where: Callable[[Item], Any]) -> Callable[[Sequence[Item]], list[Item]]:
    """Drops the first item of which something is true."""

    def mutate(items: Sequence[Item]) -> list[Item]:
        found = next(item for item in items if where(item))
        return [item for item in items if item is not found]

    return mutate


def _scored(invitation: Item) -> bool:
    return bool(invitation["answers"])


def _done(run: Item) -> bool:
    return bool(run["status"] == "done")


def _another_run(runs: Sequence[Item]) -> list[Item]:
    return [*runs, next(run for run in runs if _done(run))]


def _of(channel: str, change: Callable[[list[Item]], list[Item]]) -> Callable[..., list[Item]]:
    """Changes the appeals of one channel."""

    def mutate(tickets: Sequence[Item]) -> list[Item]:
        ours = [ticket for ticket in tickets if ticket["channel"] == channel]
        return [ticket for ticket in tickets if ticket["channel"] != channel] + change(ours)

    return mutate


def _histories(change: Callable[[list[Item]], list[Item]]) -> Callable[..., Any]:
    def mutate(histories: Mapping[str, list[Item]]) -> dict[str, list[Item]]:
        return {ticket: change(entries) for ticket, entries in histories.items()}

    return mutate


def _worked(record: Record) -> str:
    return next(record.of(ACKED, "action")).key


def _reopened(account: Account) -> Account:
    record, outside, said = account
    tickets = [
        {**ticket, "status": "in_review"} if ticket["id"] == _worked(record) else ticket
        for ticket in said.tickets
    ]
    return record, outside, replace(said, tickets=tickets)


def _heard_twice(heard: Mapping[str, Sequence[Item]]) -> dict[str, list[Item]]:
    return {agent: [*messages, *messages[-1:]] for agent, messages in heard.items()}


MUTATIONS: Mapping[str, Mutation] = {
    "a call is dropped": _said(calls=_without(lambda call: call["wrap_up"])),
    "a call is there twice": _said(calls=_double),
    "a call hangs": _said(calls=_first(state="queued")),
    "a call is somebody else's": _said(calls=_one(lambda call: call["wrap_up"], agent="nobody")),
    "a call nobody has made": _said(
        calls=lambda calls: [*calls, {**calls[0], "id": "x", "caller": "+70000000000"}]
    ),
    "a wrap-up is lost": _said(calls=_one(lambda call: call["wrap_up"], wrap_up=None)),
    "an acknowledged call is lost": _acked("call", "+79990000000", call_id="x"),
    "an offer is told twice": _outside(heard=_heard_twice),
    "an offer is never told": _outside(heard=lambda heard: dict.fromkeys(heard, ())),
    "an invitation is dropped": _said(invitations=_without(_scored)),
    "an invitation is there twice": _said(invitations=_double),
    "an invitation hangs": _said(invitations=_first(status="scheduled")),
    "a message goes out twice": _outside(messages=_double),
    "a message never goes out": _outside(messages=lambda _: []),
    "a stranger gets a message": _outside(messages=_first(to="+70000000000")),
    "a score is lost": _said(invitations=_one(_scored, answers=[])),
    "a score is another": _said(invitations=_one(_scored, answers=[{"score": 5}])),
    "a score counts twice": _said(scores=_double),
    "an acknowledged reply is lost": _acked("reply", "+79990000000", call_id="x", text="2"),
    "the appeal of a score is lost": _said(tickets=_of("survey", _drop)),
    "the appeal of a score is there twice": _said(tickets=_of("survey", _double)),
    "the appeal of a record is lost": _said(tickets=_of("insurer", _drop)),
    "the appeal of a record is there twice": _said(tickets=_of("insurer", _double)),
    "a file is lost": _acked("file", "hotline-99.csv", number=99),
    "a run is there twice": _said(runs=_another_run),
    "a run hangs": _said(runs=_first(status="running")),
    "a run counts a row twice": _said(runs=_one(_done, rows={"read": 25})),
    "a row in quarantine is lost": _said(quarantine=_drop),
    "the answer to the sender is lost": _outside(answers=_drop),
    "the answer to the sender counts otherwise": _outside(answers=_first(rows={"read": 1})),
    "an action is lost": _said(histories=_histories(lambda entries: entries[:-1])),
    "an action is there twice": _said(histories=_histories(lambda e: [*e, e[-1]])),
    "a closed appeal is open": _reopened,
    "a configuration is lost": _said(unapplied=lambda _: ["queues of router-1"]),
    "an event is parked": _said(parked=lambda _: "tickets.low-scores …"),
    "an event stays in the outbox": _said(unpublished=lambda _: {"router": 1.0}),
    "the chain is broken": _said(verified=lambda _: "the chain is broken in 1 places"),
}
