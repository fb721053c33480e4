"""A batch of rows on its way from a file into the database. Nothing of it needs the database, so that
it can be made in another process and handed over."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from careline_ingest.domain.faults import Fault, UnreadableFileError
from careline_ingest.domain.feed import IDENTITY
from careline_ingest.domain.record import Fields, as_json, is_withdrawn


class GoodRow(NamedTuple):
    """A row in its one spelling: `told` are its fields as JSON. A tuple, because millions are made and
    handed over."""

    row: int
    external_id: str
    told: str
    partner_version: str | None
    withdrawn: bool
    phone_key: bytes | None
    mark: bytes | None = None
    """How the row looked as it came."""
    by_hand: bool = False
    """Put right by somebody: it holds even where a later row was taken before it."""


def good_row(
    row: int,
    fields: Fields,
    lookup: Callable[[str], bytes],
    *,
    mark: bytes | None = None,
    by_hand: bool = False,
) -> GoodRow:
    """`lookup` gives the key under which a number is found."""
    phone = fields.get("phone")
    return GoodRow(
        row,
        fields[IDENTITY],
        as_json(fields),
        fields.get("version"),
        is_withdrawn(fields),
        lookup(phone) if phone else None,
        mark,
        by_hand,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A row on its way into quarantine, whole, so that it can be replayed."""

    row: int
    fault: Fault
    external_id: str | None
    cells: Mapping[str, object] | None
    raw: str | None


@dataclass(slots=True)
class Batch:
    """What is known of rows before they are read: their numbers, whom they are about (None where that
    cannot be read) and how they look. `failure` is what ended the file after them."""

    last_row: int
    numbers: list[int] = field(default_factory=list)
    external_ids: list[str | None] = field(default_factory=list)
    marks: list[bytes] = field(default_factory=list)
    failure: UnreadableFileError | None = None


@dataclass(slots=True)
class Taken:
    """Rows in their one spelling. `left_out` are values that the contract lets be left out, by row;
    `failure` says that the file ends with row `failed_at`, which is not taken."""

    good: list[GoodRow] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    left_out: list[tuple[int, Fault]] = field(default_factory=list)
    failure: UnreadableFileError | None = None
    failed_at: int = 0
