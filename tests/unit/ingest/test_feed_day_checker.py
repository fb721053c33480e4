"""The checker of a day of kills agrees with a true account and notices each thing that can go wrong."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from feed_day import plan
from feed_day.checker import RECORD, RUN, Kept, differences
from feed_day.outside import Outside
from feed_day.plan import Day

pytestmark = pytest.mark.unit

Account = tuple[Outside, Kept]


def true_account(day: Day) -> Account:
    """A day, gone well, with one event and one piece of news that came twice."""
    outside = Outside()
    for name, (_, last) in day.records.items():
        for version in range(1, last + 1):
            kind = "created" if version == 1 else "updated"
            said = {"type": RECORD, "external_id": name, "sequence": version, "kind": kind}
            outside.events[f"{name}-{version}"] = said
            outside.times[f"{name}-{version}"] = 1
    outside.events["end"] = {"type": RUN, "sequence": 1, **day.counts}
    outside.times["end"] = 2
    for name in day.told:
        for version, event in ((1, "registered"), (2, "closed")):
            body = {"external_id": name, "version": version, "event": event}
            outside.news += [(f"{name}-{version}", body)] * version
    rows = sorted(day.refused)
    answer = {"rows": day.counts, "items": [{"row": row} for row in rows]}
    protocol = "".join(f"<PR><N_ZAP>{row}</N_ZAP></PR>" for row in rows)
    return outside, Kept(
        runs=[{"status": "done", **day.counts}],
        records=[(name, n, plan.PHONE, text) for name, (text, n) in day.records.items()],
        refused=rows,
        answers=[json.dumps(answer).encode()],
        protocols=[f"<FLK_P>{protocol}</FLK_P>".encode()],
        archived=[day.content],
        ledger=[
            (name, version, event, "delivered")
            for name in day.told
            for version, event in ((1, "registered"), (2, "closed"))
        ],
        leftovers=[],
    )


def _events(change: Callable[[dict[str, dict[str, Any]]], object]) -> Callable[[Account], Account]:
    def changed(account: Account) -> Account:
        change(account[0].events)
        return account

    return changed


def _kept(**change: Callable[[Any], Any]) -> Callable[[Account], Account]:
    def changed(account: Account) -> Account:
        outside, kept = account
        return outside, replace(kept, **{n: f(getattr(kept, n)) for n, f in change.items()})

    return changed


def _news(change: Callable[[Any], Any]) -> Callable[[Account], Account]:
    def changed(account: Account) -> Account:
        outside, kept = account
        return replace(outside, news=change(outside.news)), kept

    return changed


MUTATIONS: dict[str, Callable[[Account], Account]] = {
    "a record is lost": _kept(records=lambda all_: all_[1:]),
    "a record is there twice": _kept(records=lambda all_: [*all_, all_[0]]),
    "a change is lost": _kept(records=lambda all_: [(all_[0][0], 9, *all_[0][2:]), *all_[1:]]),
    "a text is another's": _kept(records=lambda all_: [(*all_[0][:3], "x"), *all_[1:]]),
    "a refused row is lost": _kept(refused=lambda all_: all_[1:]),
    "a row is refused twice": _kept(refused=lambda all_: [*all_, all_[0]]),
    "the run does not end": _kept(runs=lambda all_: [{**all_[0], "status": "running"}]),
    "a count is off": _kept(runs=lambda all_: [{**all_[0], "created": 0}]),
    "the file is read twice": _kept(runs=lambda all_: [*all_, *all_]),
    "an event is lost": _events(lambda events: events.pop("A-5-1")),
    "an event is told anew": _events(lambda events: events.update(more=events["A-5-1"])),
    "an event says the wrong thing": _events(lambda e: e["A-5-1"].update(kind="updated")),
    "the end is not told": _events(lambda events: events.pop("end")),
    "no answer": _kept(answers=lambda _: []),
    "an answer lacks a row": _kept(
        answers=lambda all_: [
            json.dumps({**json.loads(all_[0]), "items": json.loads(all_[0])["items"][1:]}).encode()
        ]
    ),
    "the protocol lacks a row": _kept(protocols=lambda _: [b"<FLK_P/>"]),
    "news is lost": _news(lambda news: news[1:]),
    "news comes again under another key": _news(lambda news: [*news, ("other", news[0][1])]),
    "news comes again in other words": _news(
        lambda news: [*news, (news[0][0], {**news[0][1], "event": "returned"})]
    ),
    "news goes back": _news(lambda news: [*news, news[0]]),
    "the ledger waits": _kept(ledger=lambda all_: [(*all_[0][:3], "pending"), *all_[1:]]),
    "the ledger lacks news": _kept(ledger=lambda all_: all_[1:]),
    "the archive is empty": _kept(archived=lambda _: []),
    "the archive has another file": _kept(archived=lambda _: [b"other"]),
    "a file is left lying": _kept(leftovers=lambda _: ["x.new"]),
}


def test_a_true_account_has_no_differences() -> None:
    day = plan.day(200, told=3)
    assert differences(day, *true_account(day)) == []
    assert len(day.told) == 3
    assert min(day.counts.values()) > 0
    assert sum(day.counts.values()) == 2 * day.counts["read"]


@pytest.mark.parametrize("name", MUTATIONS)
def test_whatever_goes_wrong_is_a_difference(name: str) -> None:
    day = plan.day(200, told=3)
    assert differences(day, *MUTATIONS[name](true_account(day))) != []
