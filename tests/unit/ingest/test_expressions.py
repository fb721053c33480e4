"""Expressions are worked out in another process, which is given up when it takes too long."""

from collections.abc import Iterator

import pytest

from careline_ingest.adapters.expression_worker import MOST_SLOW, ExpressionWorker
from careline_ingest.adapters.expressions import compiled

pytestmark = pytest.mark.unit

ROW = {"Телефон": "8 916 123-45-67 доб. 12", "year": "2026", "n": "7"}
SLOW = "string(value.matches('(.{1,300}){1,30}='))"
LONG = "ab" * 60_000
"""This pattern and this cell take half a minute."""


@pytest.fixture(scope="module")
def worker() -> Iterator[ExpressionWorker]:
    made = ExpressionWorker(limit_s=0.1)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("row['year'] + '/' + row.n", "2026/7"),
        ("value.replace('доб.', ';ext=')", "8 916 123-45-67 ;ext= 12"),
        ("value.split(' доб.')[0].trim()", "8 916 123-45-67"),
        ("value.matches('^8') ? '+7' + value.substring(1, 5) : value", "+7 916"),
        ("int(row.n) + 1", "8"),
        ("math.abs(-5)", "5"),
        ("has(row.none) ? 'x' : null", ""),
        ("value == ''", "false"),
    ],
)
def test_an_expression_gives_a_text(worker: ExpressionWorker, expression: str, value: str) -> None:
    assert compiled(expression)
    assert worker.evaluate(expression, ROW, ROW["Телефон"]) == value


def test_what_takes_too_long_is_refused_and_the_next_is_worked_out(
    worker: ExpressionWorker,
) -> None:
    for _ in range(MOST_SLOW):
        with pytest.raises(ValueError, match=r"^the expression took longer than 0\.1 s$"):
            worker.evaluate(SLOW, ROW, LONG)
        assert worker.evaluate("value", ROW, "1") == "1"
    with pytest.raises(ValueError, match="on other rows"):
        worker.evaluate(SLOW, ROW, "short")
    assert worker.evaluate("value", ROW, "1") == "1"


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("row.none", "cannot be worked out"),
        ("string(int(row.n) / 0)", "worked out: ZeroDivisionError"),
        ("string(9223372036854775807 + int(row.n))", "worked out: OverflowError"),
        ("value.replace('', value).replace('', value)", "memory|longer|worked out"),
        ("[1]", "neither a text nor a number"),
        ("value.replace('', value)", "more than 200000 characters"),
    ],
)
def test_what_gives_no_text_is_refused_without_a_word_of_the_row(
    worker: ExpressionWorker, expression: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason) as refusal:
        worker.evaluate(expression, ROW, "secret" * 500)
    assert "secret" not in str(refusal.value)
    assert worker.evaluate("row.n", ROW, "") == "7"


def test_what_ends_every_process_is_given_up_too_and_the_next_is_tried() -> None:
    """Two processes for every row of a file would take days."""
    worker = ExpressionWorker(limit_s=-1.0)  # no process takes that, so each ends when it is asked
    try:
        for _ in range(MOST_SLOW):
            with pytest.raises(ValueError, match="has ended"):
                worker.evaluate("value", ROW, "1")
        with pytest.raises(ValueError, match="or ended its process, on other rows"):
            worker.evaluate("value", ROW, "1")
        with pytest.raises(ValueError, match="has ended"):
            worker.evaluate("row.n", ROW, "1")
    finally:
        worker.close()


def test_a_worker_that_was_killed_is_replaced(worker: ExpressionWorker) -> None:
    assert worker.evaluate("value", ROW, "1") == "1"
    assert worker._child is not None
    worker._child.kill()
    worker._child.wait()
    assert worker.evaluate("value", ROW, "2") == "2"
