"""The words of the journal's texts in the database: kept beside each text, asked for by the search."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    cast,
    func,
    literal,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.db.copying import driver_of
from careline_tickets.db import tables
from careline_tickets.domain.words import (
    Sought,
    Window,
    is_time_word,
    time_words,
    wider,
    windows,
    words_of,
)

t, w = tables.ticket.c, tables.wording.c

PLAIN: ColumnElement[Any] = literal_column("'tickets.plain'::regconfig")
"""Russian and English stemmers without stop words: every word that stands in a text is found."""

VECTOR = "strip(to_tsvector('tickets.plain'::regconfig, {stemmed})) || array_to_tsvector({exact}::text[])"


NEWEST_FIRST = (func.greatest(w.registered_at).desc(), w.ticket_id.desc())
"""By an expression, so that the planner does not walk all appeals by time for a word that few have."""


def vector_values(body: str, registered_at: datetime) -> tuple[str, list[str]]:
    """What `VECTOR` takes for a text: words to be stemmed, and words that stand as they are."""
    words = words_of(body)
    return " ".join(words.stemmed), [*words.exact, *time_words(registered_at)]


MOVED = """
UPDATE tickets.wording
SET registered_at = $2, words = ts_delete(words, $3::text[]) || array_to_tsvector($4::text[])
WHERE ticket_id = $1"""


async def moved(
    connection: AsyncConnection, ticket_id: str, before: datetime, after: datetime
) -> None:
    """Has an appeal found where it stands now: by a merge it may have been registered earlier."""
    driver = driver_of(connection)
    old, new = [*time_words(before)], [*time_words(after)]
    await driver.execute(MOVED, ticket_id, after, old, new)


def with_words(sought: Sought, window: Window = ()) -> ColumnElement[bool]:
    """Whether a text has what is sought, and was registered in the window."""
    groups = [_any_of(group) for group in sought.exact]
    exact = cast(" & ".join([*groups, *in_window(window)]), TSQUERY)
    query = func.plainto_tsquery(PLAIN, " ".join(sought.stemmed)).op("&&")(exact)
    return w.words.op("@@")(query)


def with_enough(words: Sequence[str], least: int) -> str:
    """A tsquery of the texts in which at least so many of these words stand. None is named more often than
    it must be: each time it costs in every text that is looked at, and counts for the planner."""
    if least == 1:
        return _any_of([(word,) for word in words])
    firsts = range(len(words) - least + 1)
    cases = (f"{_quoted(words[at])} & {with_enough(words[at + 1 :], least - 1)}" for at in firsts)
    return "(" + " | ".join(cases) + ")"


def in_window(window: Window) -> list[str]:
    """As tsqueries, all of which must hold."""
    return [_any_of([(word,) for word in window])] if window else []


def _any_of(group: Sequence[Sequence[str]]) -> str:
    return "(" + " | ".join("(" + " & ".join(map(_quoted, words)) + ")" for words in group) + ")"


def _quoted(word: str) -> str:
    """Words are letters and digits, and time words: none has a quote."""
    return f"'{word}'"


async def lexemes_of(connection: AsyncConnection, text: str) -> list[str]:
    """The words of a text as they stand in the index."""
    words = words_of(text)
    query = func.tsvector_to_array(func.to_tsvector(PLAIN, " ".join(words.stemmed)))
    stems: list[str] = (await connection.execute(select(query))).scalar_one()
    return [*stems, *words.exact]


LEXEMES_AND_NEWEST = """
SELECT tsvector_to_array(to_tsvector('tickets.plain'::regconfig, $1)) AS stems,
       (SELECT max(registered_at) FROM tickets.wording) AS newest"""


async def lexemes_and_newest(
    connection: AsyncConnection, text: str
) -> tuple[list[str], datetime | None]:
    """`lexemes_of` and `newest` in one."""
    words = words_of(text)
    row = await driver_of(connection).fetchrow(LEXEMES_AND_NEWEST, " ".join(words.stemmed))
    return [*row["stems"], *words.exact], row["newest"]


WRITTEN_AND_NEWEST = """
SELECT tsvector_to_array(words) AS words,
       (SELECT max(registered_at) FROM tickets.wording) AS newest
FROM tickets.wording WHERE ticket_id = $1"""


async def written_and_newest(
    connection: AsyncConnection, ticket_id: str
) -> tuple[list[str], datetime | None]:
    """`lexemes_and_newest` of the text of an appeal that is in the index: nothing is stemmed again."""
    row = await driver_of(connection).fetchrow(WRITTEN_AND_NEWEST, ticket_id)
    if row is None:
        return [], None
    return [word for word in row["words"] if not is_time_word(word)], row["newest"]


async def span(connection: AsyncConnection) -> tuple[datetime, datetime] | None:
    """When the first and the last of the appeals that have words were registered."""
    found = select(func.min(w.registered_at), func.max(w.registered_at))
    oldest, newest = (await connection.execute(found)).one()
    return None if newest is None else (oldest, newest)


async def page_with_words(
    connection: AsyncConnection,
    sought: Sought,
    clauses: Sequence[ColumnElement[bool]],
    *,
    limit: int,
    after: tuple[datetime, str] | None,
) -> Sequence[RowMapping]:
    """Rows of the ticket table, those registered last first.

    A common word is in half of all texts, and sorting them by time would take a second; so the newest
    are asked first, then a longer stretch, until there are enough. What is rare there gives the
    longer stretch little to sort.
    """
    known = None if sought.empty else await span(connection)
    if known is None:
        return ()
    oldest, newest = known
    back_from = newest if after is None else after[0]
    stretches = windows(back_from)
    starts = [since for since, _ in stretches]
    nth: int | None = 0
    rows: Sequence[RowMapping] = ()
    while nth is not None:
        query = _in_window(sought, clauses, stretches[nth][1], limit=limit, after=after)
        rows = (await connection.execute(query)).mappings().all()
        if len(rows) >= limit:
            break
        nth = wider(starts, nth, len(rows), span=(oldest, back_from), wanted=limit)
    return rows


def _in_window(
    sought: Sought,
    clauses: Sequence[ColumnElement[bool]],
    window: Window,
    *,
    limit: int,
    after: tuple[datetime, str] | None,
) -> Select[Any]:
    inner = select(w.ticket_id, w.registered_at).where(with_words(sought, window))
    if after is not None:
        inner = inner.where(tuple_(w.registered_at, w.ticket_id) < tuple_(*map(literal, after)))
    inner = inner.order_by(*NEWEST_FIRST)
    # sorted here even where more conditions follow, so that appeals are looked at in order
    found = (inner.offset(0) if clauses else inner.limit(limit)).subquery("found")
    return (
        select(tables.ticket)
        .join(found, found.c.ticket_id == t.id)
        .where(*clauses)
        .order_by(found.c.registered_at.desc(), found.c.ticket_id.desc())
        .limit(limit)
    )
