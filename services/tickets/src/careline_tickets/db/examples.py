"""What the classifier learns from."""

import asyncpg

from careline_tickets.domain.classifying import Example

NEWEST = """
SELECT t.subject, tsvector_to_array(w.words) AS words
FROM tickets.wording w JOIN tickets.ticket t ON t.id = w.ticket_id
WHERE t.subject IS NOT NULL
ORDER BY w.registered_at DESC, w.ticket_id DESC
LIMIT $1"""


async def newest_examples(connection: asyncpg.Connection, most: int) -> list[Example]:
    """The newest appeals that have a subject, oldest first, with their words but the time words."""
    rows = await connection.fetch(NEWEST, most)
    return [
        (row["subject"], [word for word in row["words"] if word[0] != "@"])
        for row in reversed(rows)
    ]
