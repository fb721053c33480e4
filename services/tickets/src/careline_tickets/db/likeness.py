"""Appeals that may be the same as one that is being registered: by person, call, source and text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    func,
    literal,
    select,
    text,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_tickets.db import tables, wording
from careline_tickets.domain.likeness import telling
from careline_tickets.domain.vocabulary import Status
from careline_tickets.domain.words import Sought, windows

t, p, c, w = tables.ticket.c, tables.person.c, tables.content.c, tables.wording.c

LIKE = 0.5
"""Texts that share less of their trigrams are no duplicates: two of one subject easily share a third."""
MOST_DUPLICATES = 10
MOST_CANDIDATES = 200
MOST_TEXTS = 20
DUPLICATES_BACK = timedelta(days=365)
TEXT_WINDOWS = slice(1, 3)
"""Texts are compared with those of the last two weeks, and of three months when that gives too few."""
LONGEST_COMPARED = 4_000
WHOLE = 400
"""A text of so many characters is compared as a whole: that another holds it is slow to find out."""

WEIGHTS = {"external": 1.0, "call": 0.95, "policy": 0.8, "phone": 0.7}
"""How far each thing in common says that two appeals are the same."""
TEXT = 0.65
"""The same for two texts of the same words: two people may well ask the same."""
PART = 0.9
"""What a text that stands within the other's counts, beside one that is like all of it."""
SHARED_DETAIL = 0.1
"""What the same organisation, or the same subject, adds to any of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """What a new appeal may have in common with one that is there."""

    phone_key: bytes | None = field(default=None, repr=False)
    policy_key: bytes | None = field(default=None, repr=False)
    external: tuple[str, str] | None = None
    call_id: str | None = None
    organisation: str | None = None
    subject: str | None = None
    text: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """`score` from 0 to 1; `why` names what is the same."""

    id: str
    score: float
    why: str


class Shares:
    """In which part of all texts each of the commoner words is, as PostgreSQL's statistics have it."""

    KEPT = timedelta(minutes=10)

    def __init__(self) -> None:
        self._known: Mapping[str, float] = {}
        self._read_at: datetime | None = None

    async def now(self, connection: AsyncConnection, at: datetime) -> Mapping[str, float]:
        if self._read_at is None or at - self._read_at > self.KEPT:
            found = await connection.execute(text(_STATISTICS))
            row = found.one_or_none()
            # behind the words' shares stand the least and the greatest, and that of none
            self._known = {} if row is None else dict(zip(row.words, row.shares, strict=False))
            self._read_at = at
        return self._known


_STATISTICS = """
SELECT most_common_elems::text::text[] AS words, most_common_elem_freqs AS shares FROM pg_stats
WHERE schemaname = 'tickets' AND tablename = 'wording' AND attname = 'words'
  AND most_common_elems IS NOT NULL"""


async def duplicates(
    connection: AsyncConnection,
    likeness: Likeness,
    *,
    shares: Shares,
    now: datetime,
    but: str | None = None,
) -> list[Duplicate]:
    """Appeals of the last year that may be the same, the likeliest first."""
    rows: list[Row[Any]] = []
    reasons = _reasons(likeness)
    if reasons:
        found = union_all(*(select(reason.subquery()) for reason in reasons)).subquery("found")
        rows += (await connection.execute(_appeals_of(found, now))).all()
    if likeness.text:
        rows += await _like_text(connection, likeness.text, shares=shares, now=now)
    return _ranked([row for row in rows if row.id != but], likeness)


def _appeals_of(found: Any, now: datetime) -> Select[Any]:
    return (
        select(t.id, t.organisation, t.subject, found.c.why, found.c.score)
        .join(found, found.c.ticket_id == t.id)
        .where(t.status != Status.MERGED, t.registered_at > now - DUPLICATES_BACK)
    )


def _reasons(likeness: Likeness) -> list[Select[str, str, float]]:
    """One query for each thing that can be in common, its text aside."""

    def same(
        ticket_id: ColumnElement[str], why: str, *where: ColumnElement[bool]
    ) -> Select[str, str, float]:
        return (
            select(
                ticket_id.label("ticket_id"),
                literal(why).label("why"),
                literal(WEIGHTS[why]).label("score"),
            )
            .where(*where)
            .limit(MOST_CANDIDATES)
        )

    reasons = []
    if likeness.phone_key is not None:
        reasons.append(same(p.ticket_id, "phone", p.phone_key == likeness.phone_key))
    if likeness.policy_key is not None:
        reasons.append(same(p.ticket_id, "policy", p.policy_key == likeness.policy_key))
    if likeness.external is not None:
        source, external_id = likeness.external
        known = (t.external_source == source, t.external_id == external_id)
        reasons.append(same(t.id, "external", *known))
    if likeness.call_id is not None:
        reasons.append(same(t.id, "call", t.call_id == likeness.call_id))
    return reasons


async def _like_text(
    connection: AsyncConnection, body: str, *, shares: Shares, now: datetime
) -> Sequence[Row[Any]]:
    """Texts with the same telling words, compared by their trigrams.

    Trigrams alone would have to look at half of all texts; words that few texts have lead to a few.
    """
    body = body[:LONGEST_COMPARED]
    ids = await _candidates(connection, body, await shares.now(connection, now))
    if not ids:
        return ()
    alike: ColumnElement[float] = func.similarity(c.body, body)
    if len(body) < WHOLE:
        alike = func.greatest(alike, PART * func.word_similarity(body, c.body))
    scores: Select[Any] = select(
        c.ticket_id, literal("text").label("why"), alike.label("alike")
    ).join(tables.wording, w.content_id == c.id)
    scored = scores.where(w.ticket_id.in_(ids)).subquery("scored")
    found = (
        select(scored.c.ticket_id, scored.c.why, (TEXT * scored.c.alike).label("score"))
        .where(scored.c.alike >= LIKE)
        .subquery("found")
    )
    query = _appeals_of(found, now)
    rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
    return rows


async def _candidates(
    connection: AsyncConnection, body: str, shares: Mapping[str, float]
) -> Sequence[str]:
    """The newest appeals that have enough of the text's telling words."""
    # a single Chinese sign tells nothing
    lexemes = [word for word in await wording.lexemes_of(connection, body) if not _single(word)]
    found, newest = telling(lexemes, shares, 0.0), await wording.newest(connection)
    if found is None or newest is None:
        return ()
    sought = Sought(exact=(tuple(found.groups()),))
    ids: Sequence[str] = ()
    for _, window in windows(newest)[TEXT_WINDOWS]:
        ids = (
            await connection.scalars(
                select(w.ticket_id)
                .where(wording.with_words(sought, window))
                .order_by(*wording.NEWEST_FIRST)
                .limit(MOST_TEXTS)
            )
        ).all()
        if len(ids) == MOST_TEXTS:
            break
    return ids


def _single(word: str) -> bool:
    return len(word) == 1 and not word.isascii()


def _ranked(rows: Sequence[Row[Any]], likeness: Likeness) -> list[Duplicate]:
    """The likeliest first. What counts most counts whole; anything more in common adds a little."""
    shared: dict[str, dict[str, float]] = {}
    for row in sorted(rows, key=lambda row: -row.score):
        reasons = shared.setdefault(row.id, {})
        reasons.setdefault(row.why, row.score)
        if likeness.organisation is not None and row.organisation == likeness.organisation:
            reasons["organisation"] = 0.0
        if likeness.subject is not None and row.subject == likeness.subject:
            reasons["subject"] = 0.0
    found = [
        Duplicate(id=ticket_id, score=_score(reasons), why=", ".join(reasons))
        for ticket_id, reasons in shared.items()
    ]
    return sorted(found, key=lambda one: (-one.score, one.id))[:MOST_DUPLICATES]


def _score(reasons: Mapping[str, float]) -> float:
    more = sum(name in reasons for name in ("organisation", "subject"))
    more += "text" in reasons and len(reasons) > more + 1
    return round(min(1.0, max(reasons.values()) + SHARED_DETAIL * more), 3)
