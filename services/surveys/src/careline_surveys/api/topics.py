"""What comments are about."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from careline_common.http.moments import bounds
from careline_common.http.problem import invalid
from careline_surveys.api.access import Db, ScoreReader, Surveys
from careline_surveys.api.scores import Key
from careline_surveys.db import answers
from careline_surveys.db.answers import By
from careline_surveys.domain.comments import COMPLAINT, TOPICS

router = APIRouter(prefix="/v1/topics", tags=["scores"])

METHOD = (
    "A comment belongs to every subject of which a word stands in it, as the beginning of a word of"
    " the comment (Chinese and phrases: anywhere). The words that made each figure stand beside it."
)


class WordView(BaseModel):
    word: str
    comments: int


class TopicView(BaseModel):
    """`comments` counts comments, not words; one may belong to several subjects."""

    subject: str
    comments: int
    share_pct: float | None
    words: list[WordView]


class TopicPage(BaseModel):
    items: list[TopicView]
    next: None = None
    comments: int
    """All comments of the time, also those that belong to no subject."""
    method: str = METHOD


@router.get("", summary="Comments by subject")
async def topics(
    _reader: ScoreReader,
    surveys: Surveys,
    database: Db,
    *,
    by: Annotated[By | None, Query()] = None,
    key: Key = None,
    begin: Annotated[str | None, Query(alias="from", max_length=40)] = None,
    end: Annotated[str | None, Query(alias="to", max_length=40)] = None,
) -> TopicPage:
    """Of comments given in [from, to); of one agent, queue, … with `by` and `key`. Words outlive the
    comments they stand in: an erased person's comment is counted and can no longer be read."""
    if (by is None) != (key is None):
        raise invalid("key", "`by` and `key` go together")
    first, last = bounds(begin, end, surveys.book.default_zone)
    async with database.read() as connection:
        total, subjects, words = await answers.topic_sums(
            connection,
            by=by,
            key=key,
            begin=first,
            end=last,
        )
    items = [
        TopicView(
            subject=subject,
            comments=subjects.get(subject, 0),
            share_pct=round(100 * subjects.get(subject, 0) / total, 2) if total else None,
            words=[
                WordView(word=word.entry.partition(":")[2], comments=word.comments)
                for word in words
                if word.entry.startswith(f"{subject}:")
            ],
        )
        for subject in (*TOPICS, COMPLAINT)
    ]
    items.sort(key=lambda item: -item.comments)
    return TopicPage(items=items, comments=total)
