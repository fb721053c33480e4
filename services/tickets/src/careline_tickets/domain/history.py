"""The hash chain of an appeal's history.

Each row's hash covers the row and the hash before it; the appeal itself keeps the last one. Texts
are in it as digests with a salt that stands beside the text: both can be erased and the chain holds.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

START = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of the history; `contents` maps ids of texts to their digests."""

    ticket_id: str
    version: int
    at: datetime
    actor: str
    action: str
    before: Mapping[str, object]
    after: Mapping[str, object]
    contents: Mapping[str, str]


def digest(salt: bytes, body: str) -> str:
    """What the history keeps of a text."""
    return hashlib.sha256(salt + body.encode()).hexdigest()


def canonical(document: object) -> bytes:
    """JSON in which the same document always has the same bytes."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def chained(previous: bytes, entry: Entry) -> bytes:
    """The hash of a row that follows the row with the hash `previous`."""
    document = {
        "ticket_id": entry.ticket_id,
        "version": entry.version,
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": entry.actor,
        "action": entry.action,
        "before": dict(entry.before),
        "after": dict(entry.after),
        "contents": dict(entry.contents),
    }
    return hashlib.sha256(previous + canonical(document)).digest()


def sealed(previous: bytes, until: datetime, rows: Iterable[tuple[str, int, bytes]]) -> bytes:
    """The hash of a seal that follows the seal with the hash `previous`; rows are (appeal, version, hash)
    in order. What one chain an appeal cannot show, that the appeal is gone with it, shows here."""
    total = hashlib.sha256(previous + canonical(until.astimezone(UTC).isoformat()))
    for ticket_id, version, hash_ in rows:
        total.update(canonical([ticket_id, version, hash_.hex()]))
    return total.digest()
