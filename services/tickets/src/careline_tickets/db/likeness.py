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

_CANDIDATES = f"""
SELECT ticket_id FROM tickets.wording WHERE words @@ $1::text::tsquery AND ticket_id <> $2
ORDER BY greatest(registered_at) DESC, ticket_id DESC LIMIT {MOST_TEXTS}"""  # noqa: S608 - our own number

_COMPARED = f"""
WITH alike AS MATERIALIZED (
    SELECT w.ticket_id, CASE WHEN $4 THEN similarity(body, $3)
                                ELSE greatest(similarity(body, $3), {PART} * word_similarity($3, body)) END AS alike
    FROM tickets.wording w JOIN tickets.content c ON c.id = w.content_id
    WHERE w.ticket_id = ANY($1) AND length(words) - length(ts_delete(words, $2::text[]))
          >= {SHARED} * least(length(words) - {TIME_WORDS}, cardinality($2::text[]))
)
SELECT 'text' AS why, t.id, t.organisation, t.subject, {TEXT} * alike AS score
FROM alike JOIN tickets.ticket t ON t.id = alike.ticket_id
WHERE alike >= {LIKE} AND t.status <> 'merged' AND t.registered_at > $5"""  # noqa: S608 - our own numbers
"""Statements as they are sent: building them anew takes longer than carrying them out."""


async def duplicates(
    connection: AsyncConnection,
    likeness: Likeness,
    *,
    shares: Shares,
    now: datetime,
    but: str | None = None,
    written: bool = False,
) -> list[Duplicate]:
    """Appeals of the last year that may be the same, the likeliest first; not `but`, which with `written` is the
    appeal whose text this is."""
    since, found = now - DUPLICATES_BACK, list[_Found]()
    known = _known(likeness)
    if any(value is not None for value in known):
        rows = await driver_of(connection).fetch(_PERSON_CALL_SOURCE, *known, since)
        found += [_Found(**row, score=WEIGHTS[row["why"]]) for row in rows]
    if likeness.text:
        text_ = await _read(connection, likeness.text, but or "", written=written)
        found += await _like_text(connection, text_, await shares.now(connection, now), since)
    return _ranked([one for one in found if one.id != but], likeness)


def _known(likeness: Likeness) -> tuple[bytes | str | None, ...]:
    """What can be in common, the text aside."""
    external = likeness.external or (None, None)
    return (likeness.phone_key, likeness.policy_key, *external, likeness.call_id)


@dataclass(frozen=True, slots=True)
class _Text:
    """A text as it is compared, of the appeal `of`, its words as they are indexed, and when the last appeal with words
    was registered."""

    of: str
    body: str = field(repr=False)
    words: Sequence[str] = field(repr=False)
    newest: datetime | None


async def _read(connection: AsyncConnection, text_: str, of: str, *, written: bool) -> _Text:
    body = text_[:LONGEST_COMPARED]
    if written and body == text_:
        return _Text(of, body, *await wording.written_and_newest(connection, of))
    return _Text(of, body, *await wording.lexemes_and_newest(connection, body))


async def _like_text(
    connection: AsyncConnection, given: _Text, shares: Mapping[str, float], since: datetime
) -> list[_Found]:
    """The newest appeals that have enough of the text's telling words, compared by their trigrams.

    Trigrams alone would have to look at half of all texts, and take as long for two texts as all else
    takes together; so they are counted only where enough of all words are the same."""
    # a single Chinese sign tells nothing
    found = telling([word for word in given.words if not _single(word)], shares, 0.0)
    if found is None or given.newest is None:
        return []
    enough = wording.with_enough(found.words, found.least)
    near, far = (
        " & ".join([enough, *wording.in_window(window)])
        for _, window in windows(given.newest)[TEXT_WINDOWS]
    )
    driver, few = driver_of(connection), found.chance <= FEW_BY_CHANCE
    rows = await driver.fetch(_CANDIDATES, far if few else near, given.of)
    if not few and len(rows) < MOST_TEXTS:
        rows += await driver.fetch(_CANDIDATES, far, given.of)
    if not rows:
        return []
    candidates, whole = [row[0] for row in rows], len(given.body) >= WHOLE
    alike = await driver.fetch(_COMPARED, candidates, given.words, given.body, whole, since)
    return [_Found(**row) for row in alike]


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
