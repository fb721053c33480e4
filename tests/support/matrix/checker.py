"""Compares what the driver and the partners have on record with what Careline says.

`check` is a pure function over three accounts: the driver's own record, the outside's own records, and
the answers of Careline's APIs. It says what is lost, doubled, invented or hanging, one line each.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from matrix import floor
from matrix.record import ACKED, MEANT, SEEN, Record

Item = dict[str, Any]

SENT = frozenset({"sent", "delivered", "replied", "completed"})
LOST_CALLS = frozenset({"abandoned", "lost", "handled"})
"""How a call may end that Asterisk's death has ended."""


@dataclass(frozen=True, slots=True)
class Outside:
    """The partners' own records: messages at the SMSC, answers at the insurer's, what softphones heard."""

    messages: Sequence[Item] = ()
    answers: Sequence[Item] = ()
    heard: Mapping[str, Sequence[Item]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Said:
    """What Careline says of itself. `unchanged`: sections of the configuration, by service and story,
    that differ from what was applied."""

    calls: Sequence[Item] = ()
    invitations: Sequence[Item] = ()
    tickets: Sequence[Item] = ()
    histories: Mapping[str, Sequence[Item]] = field(default_factory=dict)
    runs: Sequence[Item] = ()
    quarantine: Sequence[Item] = ()
    scores: Sequence[Item] = ()
    unapplied: Sequence[str] = ()
    parked: str = ""
    unpublished: Mapping[str, float] = field(default_factory=dict)
    verified: str = ""


def check(record: Record, outside: Outside, said: Said) -> list[str]:
    """Every difference, sorted; empty when all three accounts agree."""
    parts = (
        _calls(record, said),
        _ends(record, said),
        _offers(record, outside),
        _messages(record, outside, said),
        _replies(record, said),
        _score_appeals(record, said),
        _files(record, outside, said),
        _actions(record, said),
        _whole(record, said),
    )
    return sorted(finding for part in parts for finding in part)


def _once(what: str, counted: Mapping[Any, int], keys: Iterable[Any]) -> Iterator[str]:
    """Each key exactly once."""
    for key in keys:
        times = counted.get(key, 0)
        if times == 0:
            yield f"lost: {what} {key}"
        elif times > 1:
            yield f"doubled: {what} {key} is there {times} times"


def _calls(record: Record, said: Said) -> Iterator[str]:
    """Every call is one record, and nobody else has called."""
    by_phone = Counter(call["caller"] for call in said.calls)
    yield from _once("call of", by_phone, record.keys(ACKED, "call"))
    meant = record.keys(MEANT, "call")
    for phone, times in by_phone.items():
        if phone not in meant:
            yield f"invented: a call of {phone}"
        elif times > 1 and phone not in record.keys(ACKED, "call"):
            yield f"doubled: call of {phone} is there {times} times"
    known = {call["id"] for call in said.calls}
    for line in record.of(ACKED, "call"):
        if line.data["call_id"] not in known:
            yield f"lost: call {line.data['call_id']}, which was acknowledged"


def _ends(record: Record, said: Said) -> Iterator[str]:
    """Every call has ended as it did, and its agent's words about it are kept."""
    known = {call["id"]: call for call in said.calls}
    for call in said.calls:
        if call["state"] != "ended":
            yield f"hangs: call {call['id']} is {call['state']}"
    dropped = record.keys(SEEN, "dropped")
    for line in record.of(ACKED, "talk"):
        call = known.get(line.data["call_id"], {})
        if call and (call["outcome"], call["agent"]) != ("handled", line.data["agent"]):
            yield f"wrong: call {call['id']} is {call['outcome']} by {call['agent']}"
    for phone in dropped:
        for call in said.calls:
            if call["caller"] == phone and call["outcome"] not in LOST_CALLS:
                yield f"wrong: the dropped call {call['id']} is {call['outcome']}"
    for line in record.of(ACKED, "wrap_up"):
        if not (known.get(line.key) or {}).get("wrap_up"):
            yield f"lost: the wrap-up of call {line.key}"


def _offers(record: Record, outside: Outside) -> Iterator[str]:
    """A softphone hears its messages in order, none twice, and each offer that was accepted."""
    offered: set[str] = set()
    for agent, heard in outside.heard.items():
        numbers = [message["seq"] for message in heard]
        if numbers != sorted(set(numbers)):
            yield f"doubled: messages on the socket of {agent}"
        offers = [message["offer"] for message in heard if message["type"] == "offer"]
        yield from (
            f"doubled: offer {offer} is told {times} times"
            for offer, times in Counter(offers).items()
            if times > 1
        )
        offered |= set(offers)
    yield from (f"invented: offer {o}" for o in record.keys(ACKED, "accept") - offered)


def _messages(record: Record, outside: Outside, said: Said) -> Iterator[str]:
    """One invitation a talk; at the SMSC at most one message, and one unless it is unknown."""
    invitations = Counter(one["call_id"] for one in said.invitations)
    at_smsc = Counter(message["to"] for message in outside.messages)
    talks = {line.data["call_id"]: line.key for line in record.of(ACKED, "talk")}
    yield from _once("invitation of call", invitations, talks.keys() | invitations.keys())
    handled = {call["id"] for call in said.calls if call["outcome"] == "handled"}
    yield from (f"invented: invitation of call {one}" for one in invitations if one not in handled)
    phones = {call["id"]: call["caller"] for call in said.calls}
    for one in said.invitations:
        phone = phones.get(one["call_id"], "")
        times = at_smsc.pop(phone, 0)
        if times > 1:
            yield f"doubled: {phone} got {times} messages"
        if times == 0 and one["status"] in SENT:
            yield f"lost: the message to {phone}, which counts as {one['status']}"
        if one["status"] not in SENT | {"unknown"}:
            yield f"hangs: the invitation of {phone} is {one['status']}"
    yield from (f"invented: {phone} got a message" for phone in at_smsc)


def _replies(record: Record, said: Said) -> Iterator[str]:
    """Each reply that was acknowledged is one score, and scores are counted once."""
    scores = {
        one["call_id"]: [answer["score"] for answer in one["answers"]] for one in said.invitations
    }
    replied = {line.data["call_id"]: int(line.data["text"]) for line in record.of(ACKED, "reply")}
    for call_id, score in replied.items():
        if scores.get(call_id, []) != [score]:
            yield f"lost: the score {score} of call {call_id}: there is {scores.get(call_id)}"
    for call_id, found in scores.items():
        if found and call_id not in replied:
            yield f"invented: a score of call {call_id}"
    counted = sum(row["n"] for row in said.scores)
    if counted != len(replied):
        yield f"doubled or lost: {counted} scores are counted for {len(replied)} replies"


def _score_appeals(record: Record, said: Said) -> Iterator[str]:
    """Each low score opens one appeal."""
    low = {line.data["call_id"] for line in record.of(ACKED, "reply") if int(line.data["text"]) < 3}
    opened = Counter(ticket["call_id"] for ticket in said.tickets if ticket["channel"] == "survey")
    yield from _once("appeal of the low score of call", opened, low)
    yield from (f"invented: an appeal of call {call_id}" for call_id in opened.keys() - low)


def _files(record: Record, outside: Outside, said: Said) -> Iterator[str]:
    """Each file is one run, each good row one appeal, each bad row one in quarantine, and the sender has
    his answer."""
    numbers = [line.data["number"] for line in record.of(ACKED, "file")]
    wanted = [external_id for number in numbers for external_id in floor.external_ids(number)]
    appeals = Counter(
        ticket["external"]["id"] for ticket in said.tickets if ticket["channel"] == "insurer"
    )
    yield from _once("appeal of record", appeals, wanted)
    yield from (f"invented: an appeal of record {one}" for one in appeals.keys() - set(wanted))
    done = [run for run in said.runs if run["status"] == "done"]
    yield from _once("run of file", Counter(run["file"] for run in done), _names(record))
    expected = {"read": floor.GOOD_ROWS + floor.BAD_ROWS, "created": floor.GOOD_ROWS,
                "updated": 0, "unchanged": 0, "quarantined": floor.BAD_ROWS}  # fmt: skip
    refused = Counter(row["run"] for row in said.quarantine)
    answered = Counter(answer["run"] for answer in outside.answers)
    for run in done:
        if run["rows"] != expected:
            yield f"wrong: run of {run['file']} counts {run['rows']}"
        if refused[run["id"]] != floor.BAD_ROWS:
            yield f"wrong: run of {run['file']} has {refused[run['id']]} rows in quarantine"
        if answered[run["id"]] != 1:
            yield f"wrong: run of {run['file']} has {answered[run['id']]} answers to its sender"
    for run in said.runs:
        if run["status"] == "running":
            yield f"hangs: run of {run['file']}"
    for answer in outside.answers:
        if answer["rows"] != expected:
            yield f"wrong: the answer to {answer['file']} counts {answer['rows']}"


def _names(record: Record) -> list[str]:
    return [line.key for line in record.of(ACKED, "file")]


def _actions(record: Record, said: Said) -> Iterator[str]:
    """Each action on an appeal that was acknowledged stands in its history once, in order."""
    tickets = {ticket["id"]: ticket for ticket in said.tickets}
    done: dict[str, list[tuple[int, str]]] = {}
    for line in record.of(ACKED, "action"):
        done.setdefault(line.key, []).append((line.data["version"], line.data["action"]))
    for ticket_id, actions in done.items():
        ours = {action for _, action in actions}
        history = [
            (entry["version"], entry["action"])
            for entry in said.histories.get(ticket_id, ())
            if entry["action"] in ours
        ]
        if history != actions:
            yield f"lost or doubled: appeal {ticket_id} has {history}, was told {actions}"
        status = tickets.get(ticket_id, {}).get("status")
        if actions[-1][1] == "accept" and status != "closed":
            yield f"lost: appeal {ticket_id} was closed and is {status}"


def _whole(record: Record, said: Said) -> Iterator[str]:
    """Nothing is parked or waits for ever, the configuration is there, the chain of history holds."""
    del record
    yield from (f"lost: the configuration {one}" for one in said.unapplied)
    if said.parked != "nothing is parked":
        yield f"parked: {said.parked}"
    for service, count in said.unpublished.items():
        if count:
            yield f"hangs: {count:g} events of {service} are not published"
    if not said.verified.startswith("the chain holds"):
        yield f"wrong: {said.verified or 'the chain was not verified'}"
