"""Holds what ingest has kept and told against what must come of a file: one line for each difference."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from feed_day.outside import Outside
from feed_day.plan import PHONE, Day

RECORD, RUN = "careline.feed.record_received.v1", "careline.feed.run_finished.v1"
NEWS = {(1, "registered"), (2, "closed")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What ingest has, as it is in its database and its folders. `records`: id at the partner, version,
    phone, text; `leftovers`: files nobody will read."""

    runs: Sequence[Mapping[str, Any]]
    records: Sequence[tuple[str, int, str, str]]
    refused: Sequence[int]
    answers: Sequence[bytes]
    protocols: Sequence[bytes]
    archived: Sequence[bytes]
    ledger: Sequence[tuple[str, int, str, str]]
    leftovers: Sequence[str]


def differences(day: Day, outside: Outside, kept: Kept) -> list[str]:
    """Sorted; empty where every row came once, was kept, told and answered once."""
    parts = (_runs(day, kept), _records(day, kept), _events(day, outside), _answers(day, kept),
             _news(day, outside, kept), _archive(day, kept))  # fmt: skip
    return sorted(line for part in parts for line in part)


def _runs(day: Day, kept: Kept) -> Iterator[str]:
    if len(kept.runs) != 1:
        yield f"runs: {len(kept.runs)}"
    for run in kept.runs:
        said = {name: run[name] for name in day.counts}
        if (run["status"], said) != ("done", day.counts):
            yield f"run: {run['status']} {said}, not {day.counts}"
    yield from _each("quarantine", Counter(kept.refused), Counter(day.refused))


def _records(day: Day, kept: Kept) -> Iterator[str]:
    meant = Counter((name, n, PHONE, text) for name, (text, n) in day.records.items())
    yield from _each("record", Counter(kept.records), meant)


def _events(day: Day, outside: Outside) -> Iterator[str]:
    """Each version of each record is one event, by whatever many deliveries; so is the end."""
    records = [said for said in outside.events.values() if said["type"] == RECORD]
    meant = Counter(
        (name, version) for name, (_, last) in day.records.items() for version in range(1, last + 1)
    )
    told = Counter((said["external_id"], said["sequence"]) for said in records)
    yield from _each("event", told, meant)
    for said in records:
        if said["kind"] != ("created" if said["sequence"] == 1 else "updated"):
            yield f"event of {said['external_id']} {said['sequence']} says {said['kind']}"
    ends = [said for said in outside.events.values() if said["type"] == RUN]
    if [{name: said[name] for name in day.counts} for said in ends] != [day.counts]:
        yield f"ends told: {ends}"


def _answers(day: Day, kept: Kept) -> Iterator[str]:
    if (len(kept.answers), len(kept.protocols)) != (1, 1):
        yield f"answers: {len(kept.answers)} as JSON, {len(kept.protocols)} as XML"
    for answer in map(json.loads, kept.answers):
        if answer["rows"] != day.counts:
            yield f"answer: {answer['rows']}, not {day.counts}"
        rows = Counter(item["row"] for item in answer["items"])
        yield from _each("answer to row", rows, Counter(day.refused))
    for protocol in kept.protocols:
        rows = Counter(int(name.text or 0) for name in ET.fromstring(protocol).iter("N_ZAP"))
        yield from _each("protocol of row", rows, Counter(day.refused))


def _news(day: Day, outside: Outside, kept: Kept) -> Iterator[str]:
    """A partner who looks at the key hears each thing once; the ledger says that he did."""
    meant = Counter((name, version, event) for name in day.told for version, event in NEWS)
    bodies: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for key, body in outside.news:
        bodies[key].append(body)
        if body != bodies[key][0]:
            yield f"news {key} came again with other words"
    told = Counter(
        (said["external_id"], said["version"], said["event"])
        for said in (several[0] for several in bodies.values())
    )
    yield from _each("news", told, meant)
    noted = Counter((name, version, event) for name, version, event, _ in kept.ledger)
    yield from _each("ledger of", noted, meant)
    yield from (
        f"ledger: {row[0]} {row[1]} is {row[3]}" for row in kept.ledger if row[3] != "delivered"
    )
    order: dict[str, int] = {}
    for _, said in outside.news:
        if said["version"] < order.get(said["external_id"], 0):
            yield f"news of {said['external_id']} went back to {said['version']}"
        order[said["external_id"]] = said["version"]


def _archive(day: Day, kept: Kept) -> Iterator[str]:
    if [content == day.content for content in kept.archived] != [True]:
        yield f"archive: {len(kept.archived)} files, or not as they came"
    yield from (f"left lying: {name}" for name in kept.leftovers)


def _each(what: str, found: Counter[Any], meant: Counter[Any]) -> Iterator[str]:
    yield from (f"lost: {what} {one}" for one in (meant - found).elements())
    yield from (f"too many: {what} {one}" for one in (found - meant).elements())
