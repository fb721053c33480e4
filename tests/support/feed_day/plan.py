"""An insurer's file, and what must come of it: told row by row from how the file was made."""

from dataclasses import dataclass, field
from typing import Any

SOURCE, INSURER, FILE = "ins7-daily", "ins7", "day.csv"
HEADER = "external_id;phone;text"
GOOD_PHONE, BAD_PHONE = "8 (916) 123-45-67", "none"
PHONE = "+79161234567"


@dataclass(frozen=True, slots=True)
class Row:
    external_id: str
    text: str
    good: bool


@dataclass(slots=True)
class Day:
    """What must come of a file. `records`: by external id the text that holds and how often it was
    news; `refused`: rows of the file, of which the header is the first; `told`: appeals that the
    journal takes up, to the partner's knowledge."""

    content: bytes
    counts: dict[str, int]
    records: dict[str, tuple[str, int]]
    refused: set[int]
    told: list[str] = field(default_factory=list)


def row(number: int) -> Row:
    """Five rows are about one record, and say the same but for every twenty-first of all; every fortieth
    is bad."""
    about = number - number % 5
    said = number if number % 21 == 0 else about
    return Row(f"A-{about}", f"text {said}", good=number % 40 != 0)


def day(rows: int, told: int) -> Day:
    """A file of so many rows; the journal takes up `told` appeals, spread over it."""
    counts = {"created": 0, "updated": 0, "unchanged": 0, "quarantined": 0}
    records: dict[str, tuple[str, int]] = {}
    refused: set[int] = set()
    lines = [HEADER]
    for number in range(1, rows + 1):
        now = row(number)
        lines.append(f"{now.external_id};{GOOD_PHONE if now.good else BAD_PHONE};{now.text}")
        text, version = records.get(now.external_id, ("", 0))
        if not now.good:
            counts["quarantined"] += 1
            refused.add(number + 1)
        elif version and text == now.text:
            counts["unchanged"] += 1
        else:
            counts["updated" if version else "created"] += 1
            records[now.external_id] = now.text, version + 1
    step = max(1, len(records) // told)
    return Day(
        content="\r\n".join((*lines, "")).encode("cp1251"),
        counts={"read": rows, **counts},
        records=records,
        refused=refused,
        told=list(records)[::step][:told],
    )


def source(drop: str, answers: str, news: str) -> dict[str, Any]:
    """How the source is configured: a folder, an answer in both forms, news of appeals by POST."""
    return {
        "record": "appeal",
        "kind": "folder",
        "path": drop,
        "answers": answers,
        "answer_as": ["json", "xml"],
        "updates": {"to": "http", "url": news},
        "insurer": INSURER,
        "format": "csv",
        "encodings": ["cp1251"],
        "delimiter": ";",
        "map": {name: name for name in HEADER.split(";")},
    }
