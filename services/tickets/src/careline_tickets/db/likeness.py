"""Appeals that may be the same as one that is being registered: by person, call, source and text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.db.copying import driver_of
from careline_tickets.db import wording
from careline_tickets.domain.likeness import telling
from careline_tickets.domain.words import windows

LIKE = 0.5
"""Texts that share less of their trigrams are no duplicates: two of one subject easily share a third."""
MOST_DUPLICATES = 10
MOST_CANDIDATES = 200
MOST_TEXTS = 20
DUPLICATES_BACK = timedelta(days=365)
TEXT_WINDOWS = slice(1, 3)
"""Texts are compared with those of the last two weeks, and of three months when that gives too few..."""
FEW_BY_CHANCE = 0.0001
"""...at once with those of three months where so few of all texts can be like it by chance."""
LONGEST_COMPARED = 4_000
SHARED = 0.3
"""Texts of which fewer words are the same, of the shorter one's, are no duplicates: such as share half of
their trigrams all the same are one in twenty, all of them texts of which most words were exchanged."""
TIME_WORDS = 3
"""Words of each text's index that say when it came."""
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


@dataclass(frozen=True, slots=True)
class _Found:
    """An appeal with one thing in common, and how far that says that they are the same."""

    id: str
    why: str
    score: float
    organisation: str | None
    subject: str | None


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


_PERSON_CALL_SOURCE = f"""
SELECT found.why, t.id, t.organisation, t.subject FROM (
    (SELECT ticket_id, 'phone' AS why FROM tickets.person WHERE phone_key = $1 LIMIT {MOST_CANDIDATES})
    UNION ALL
    (SELECT ticket_id, 'policy' FROM tickets.person WHERE policy_key = $2 LIMIT {MOST_CANDIDATES})
    UNION ALL
    (SELECT id, 'external' FROM tickets.ticket WHERE external_source = $3 AND external_id = $4)
    UNION ALL
    (SELECT id, 'call' FROM tickets.ticket WHERE call_id = $5 LIMIT {MOST_CANDIDATES})
) found JOIN tickets.ticket t ON t.id = found.ticket_id
WHERE t.status <> 'merged' AND t.registered_at > $6"""  # noqa: S608 - our own numbers

_TEXTS = f"""
WITH near AS MATERIALIZED (
    SELECT ticket_id FROM tickets.wording WHERE words @@ $1::text::tsquery AND ticket_id <> $7
    ORDER BY greatest(registered_at) DESC, ticket_id DESC LIMIT {MOST_TEXTS}
), far AS MATERIALIZED (
    SELECT ticket_id FROM tickets.wording
    WHERE words @@ $2::text::tsquery AND ticket_id <> $7 AND $8 AND (SELECT count(*) FROM near) < {MOST_TEXTS}
    ORDER BY greatest(registered_at) DESC, ticket_id DESC LIMIT {MOST_TEXTS}
), alike AS MATERIALIZED (
    SELECT w.ticket_id, CASE WHEN $5 THEN similarity(body, $4)
                                ELSE greatest(similarity(body, $4), {PART} * word_similarity($4, body)) END AS alike
    FROM (TABLE near UNION TABLE far) candidate
    JOIN tickets.wording w USING (ticket_id) JOIN tickets.content c ON c.id = w.content_id
    WHERE length(words) - length(ts_delete(words, $3::text[]))
          >= {SHARED} * least(length(words) - {TIME_WORDS}, cardinality($3::text[]))
)
SELECT 'text' AS why, t.id, t.organisation, t.subject, {TEXT} * alike AS score
FROM alike JOIN tickets.ticket t ON t.id = alike.ticket_id
WHERE alike >= {LIKE} AND t.status <> 'merged' AND t.registered_at > $6"""  # noqa: S608 - our own numbers
"""Statements as they are sent: building them anew takes longer than carrying them out."""


async def duplicates(
    connection: AsyncConnection,
    likeness: Likeness,
    *,
    shares: Shares,
    now: datetime,
    but: str | None = None,
) -> list[Duplicate]:
    """Appeals of the last year that may be the same, the likeliest first."""
    since, found = now - DUPLICATES_BACK, list[_Found]()
    known = _known(likeness)
    if any(value is not None for value in known):
        rows = await driver_of(connection).fetch(_PERSON_CALL_SOURCE, *known, since)
        found += [_Found(**row, score=WEIGHTS[row["why"]]) for row in rows]
    if likeness.text:
        found += await _like_text(connection, likeness.text, shares, now, but=but or "")
    return _ranked([one for one in found if one.id != but], likeness)


def _known(likeness: Likeness) -> tuple[bytes | str | None, ...]:
    """What can be in common, the text aside."""
    external = likeness.external or (None, None)
    return (likeness.phone_key, likeness.policy_key, *external, likeness.call_id)


async def _like_text(
    connection: AsyncConnection, body: str, shares: Shares, now: datetime, *, but: str
) -> list[_Found]:
    """The newest appeals that have enough of the text's telling words, compared by their trigrams.

    Trigrams alone would have to look at half of all texts, and take as long for two texts as all else
    takes together; so they are counted only where enough of all words are the same."""
    body = body[:LONGEST_COMPARED]
    words, newest = await wording.lexemes_and_newest(connection, body)
    # a single Chinese sign tells nothing
    told = [word for word in words if not _single(word)]
    found = telling(told, await shares.now(connection, now), 0.0)
    if found is None or newest is None:
        return []
    near, far = (
        " & ".join([wording.with_enough(found.words, found.least), *wording.in_window(window)])
        for _, window in windows(newest)[TEXT_WINDOWS]
    )
    few, whole = found.chance <= FEW_BY_CHANCE, len(body) >= WHOLE
    rows = await driver_of(connection).fetch(
        _TEXTS, far if few else near, far, words, body, whole, now - DUPLICATES_BACK, but, not few
    )
    return [_Found(**row) for row in rows]


def _single(word: str) -> bool:
    return len(word) == 1 and not word.isascii()


def _ranked(found: Sequence[_Found], likeness: Likeness) -> list[Duplicate]:
    """The likeliest first. What counts most counts whole; anything more in common adds a little."""
    shared: dict[str, dict[str, float]] = {}
    for one in sorted(found, key=lambda one: -one.score):
        reasons = shared.setdefault(one.id, {})
        reasons.setdefault(one.why, one.score)
        if likeness.organisation is not None and one.organisation == likeness.organisation:
            reasons["organisation"] = 0.0
        if likeness.subject is not None and one.subject == likeness.subject:
            reasons["subject"] = 0.0
    ranked = [
        Duplicate(id=ticket_id, score=_score(reasons), why=", ".join(reasons))
        for ticket_id, reasons in shared.items()
    ]
    return sorted(ranked, key=lambda one: (-one.score, one.id))[:MOST_DUPLICATES]


def _score(reasons: Mapping[str, float]) -> float:
    more = sum(name in reasons for name in ("organisation", "subject"))
    more += "text" in reasons and len(reasons) > more + 1
    return round(min(1.0, max(reasons.values()) + SHARED_DETAIL * more), 3)
