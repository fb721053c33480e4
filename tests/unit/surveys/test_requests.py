"""What in an SMS asks for an appeal's state, and what says enough to be one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_surveys.domain.requests import asks_status, says_something

pytestmark = pytest.mark.unit

CODE = st.text(alphabet="0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=12, max_size=12)


@pytest.mark.parametrize(
    "text",
    ["status", "Статус", "статус 7K2M-X09D-4QTC", "7k2mx09d4qtc", "XJT4 WD1T TERA", "查询", "وضعیت",
     "1234-5678-9012"],
)  # fmt: skip
def test_who_asks_is_understood(text: str) -> None:
    assert asks_status(text)


@pytest.mark.parametrize(
    "text",
    ["5", "10", "спасибо", "очень долго ждали врача", "good that they came", "that this what",
     "123456789012", "appointments", "The status of my father is bad and nobody in the clinic helps"],
)  # fmt: skip
def test_who_does_not_ask_is_not_taken_to(text: str) -> None:
    assert not asks_status(text)


@given(CODE)
def test_every_code_with_its_dashes_is_known(code: str) -> None:
    assert asks_status(f"{code[:4]}-{code[4:8]}-{code[8:]}")


@pytest.mark.parametrize("text", ["They gave me no drugs", "Помогите", "没有药", "دارو ندادند"])
def test_what_somebody_could_act_on_says_something(text: str) -> None:
    assert says_something(text)


@pytest.mark.parametrize("text", ["", "5", "👍", "ок", "Спасибо", "Да!", "是", "1 2 3"])
def test_what_nobody_could_act_on_says_nothing(text: str) -> None:
    assert not says_something(text)
