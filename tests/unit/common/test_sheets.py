"""Which form a report takes, and that no cell of it runs as a formula."""

import csv
import io

import openpyxl
import pytest
from pydantic import BaseModel, Field

from careline_common.http.sheets import CSV, XLSX, sheet


class Row(BaseModel):
    from_: str = Field(alias="from")
    value: float | None


ROWS = [
    Row.model_validate({"from": "=1+1", "value": 2.5}),
    Row.model_validate({"from": "é", "value": None}),
    Row.model_validate({"from": "a\x01\x0bb", "value": 0}),
]


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", None),
        ("*/*", None),
        ("application/json", None),
        ("text/csv", CSV),
        ("TEXT/CSV; charset=utf-8", CSV),
        (XLSX, XLSX),
        ("text/csv;q=0.2, application/json", None),
        (f"text/csv;q=0.2, {XLSX};q=0.3", XLSX),
        ("text/csv;q=x, application/json;q=0.1", None),
        ("text/html", None),
    ],
)  # fmt: skip
def test_the_form_that_is_wanted_most(accept: str, form: str | None) -> None:
    answer = sheet(accept, Row, ROWS)
    assert (answer and answer.media_type.split(";")[0]) == form


def test_no_cell_is_a_formula() -> None:
    answer = sheet("text/csv", Row, ROWS)
    assert answer is not None
    lines = list(csv.reader(io.StringIO(bytes(answer.body).decode())))
    assert lines == [["from", "value"], ["'=1+1", "2.5"], ["é", ""], ["a\x01\x0bb", "0.0"]]
    answer = sheet(XLSX, Row, ROWS)
    assert answer is not None
    page = openpyxl.load_workbook(io.BytesIO(answer.body)).active
    assert [[cell.value for cell in line] for line in page] == [
        ["from", "value"],
        ["=1+1", 2.5],
        ["é", None],
        ["ab", 0],
    ]
    assert page["A2"].data_type == "s"
