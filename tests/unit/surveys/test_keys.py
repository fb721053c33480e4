"""Keys of a telephone as answers, by their place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_surveys.domain.definitions import SCALES, Branch, Definition, Question
from careline_surveys.domain.keys import read_keys

pytestmark = pytest.mark.unit

LOW = Branch(question="csi", least=1, most=2)
SURVEY = Definition(
    key="call",
    questions=(
        Question(id="csi", kind="csi"),
        Question(id="why", kind="text", when=LOW),
        Question(id="solved", kind="fcr", when=LOW),
        Question(id="nps", kind="nps"),
    ),
    texts={},
)


@pytest.mark.parametrize(
    ("keys", "read"),
    [
        ("5", [("csi", 5)]),
        ("5#", [("csi", 5)]),
        ("5#10", [("csi", 5), ("nps", 10)]),
        ("1#2#0", [("csi", 1), ("solved", 0), ("nps", 0)]),
        ("2#1#10#", [("csi", 2), ("solved", 1), ("nps", 10)]),
        ("1#3#9", [("csi", 1)]),
        ("5#10#7", [("csi", 5), ("nps", 10)]),
        ("6", []), ("0", []), ("55", []), ("05", []), ("", []), ("#", []), ("*", []), ("#5", []),
        ("5#11", [("csi", 5)]), ("5*10", []), ("٥", []),
    ],
)  # fmt: skip
def test_keys_answer_in_turn_until_one_does_not(keys, read) -> None:
    assert [(question.id, score) for question, score in read_keys(SURVEY, keys)] == read


@given(st.text(alphabet="0123456789*#ABCD", max_size=64))
def test_nothing_off_the_scale_is_ever_read(keys) -> None:
    read = read_keys(SURVEY, keys)
    assert len({question.id for question, _ in read}) == len(read)
    for question, score in read:
        low, high = SCALES[question.kind]
        assert low <= score <= high
    for cut in range(len(keys)):
        shorter = read_keys(SURVEY, keys[:cut])
        whole = [one for one in shorter if keys[cut] == "#" or one is not shorter[-1]]
        assert list(read[: len(whole)]) == whole, "what was ended by # stands whatever follows"
