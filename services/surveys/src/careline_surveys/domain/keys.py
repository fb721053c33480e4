"""What the keys of a telephone answer to a survey."""

from collections.abc import Sequence

from careline_surveys.domain.definitions import SCALES, Definition, Question

END = "#"
YES, NO = frozenset({"1"}), frozenset({"0", "2"})


def read_keys(definition: Definition, keys: str) -> Sequence[tuple[Question, int]]:
    """(question, score) for the answers in turn, each ended by `#` but the last: `5#10#1`.

    Free text cannot be keyed and is passed over; branches are taken as the answers have it. The first
    answer that is none ends it, since nobody can tell what the ones after it belong to. Keys belong
    to questions by their place, so that the same keys, told again, say the same.
    """
    walked: dict[str, int | None] = {}
    read: list[tuple[Question, int]] = []
    for pressed in keys.split(END):
        question = _next_scaled(definition, walked)
        score = None if question is None else _score(question, pressed)
        if question is None or score is None:
            break
        walked[question.id] = score
        read.append((question, score))
    return read


def _next_scaled(definition: Definition, walked: dict[str, int | None]) -> Question | None:
    question = definition.question_after(walked)
    while question is not None and question.kind == "text":
        walked[question.id] = None
        question = definition.question_after(walked)
    return question


def _score(question: Question, pressed: str) -> int | None:
    if question.kind == "fcr":
        return 1 if pressed in YES else 0 if pressed in NO else None
    low, high = SCALES[question.kind]
    if not (pressed.isascii() and pressed.isdecimal()) or len(pressed) > len(str(high)):
        return None
    return int(pressed) if low <= int(pressed) <= high else None
