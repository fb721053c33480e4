"""What a reply says to the question that is open."""

from dataclasses import dataclass

from careline_surveys.domain import encodings, replies
from careline_surveys.domain.definitions import SCALES, Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """`score` is None for free text; `text` is the reply as it can be read."""

    score: int | None
    text: str


def read_reply(question: Question, text: str, *, readable: str | None = None) -> Reading | None:
    """None when the text does not answer the question surely.

    `readable` is what of the text may be taken for a score, when some of it is missing.
    """
    if question.kind == "text":
        return Reading(score=None, text=text) if text.strip() else None
    for candidate in (text if readable is None else readable, *encodings.guesses(text)):
        score = _score(question, candidate)
        if score is not None:
            return Reading(score=score, text=text if readable is not None else candidate)
        if readable is not None:
            return None
    return None


def _score(question: Question, text: str) -> int | None:
    if question.kind == "fcr":
        answer = replies.read_yes_no(text)
        return None if answer is None else int(answer)
    low, high = SCALES[question.kind]
    return replies.read_score(text, low=low, high=high)
