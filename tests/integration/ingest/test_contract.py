"""What a source's contract, defaults, codes and expressions do to its rows; and a file only tried."""

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Ingest

pytestmark = pytest.mark.integration

MAP: dict[str, Any] = {"external_id": "id", "phone": "tel", "subject": "topic"}
SHEET = b"id;tel;topic\n1;89161234567;refusal\n2;none;refusal\n3;89161234567;else\n4;;\n"


async def read(ingest: "Ingest", contract: Any, sheet: bytes = SHEET, **how: Any) -> dict[str, Any]:
    answer = await ingest.http.put("/v1/config", json={"subjects": [{"id": "refusal"}]})
    assert answer.status_code == 200, answer.text
    await ingest.source("c", map=MAP, contract=contract, **how)
    return await ingest.read(sheet, source="c")


def counts(run: dict[str, Any]) -> tuple[str, int, int]:
    return run["status"], run["rows"]["created"], run["rows"]["quarantined"]


async def test_a_bad_value_costs_its_row_the_value_or_the_file_as_the_contract_says(
    ingest: "Ingest",
) -> None:
    assert counts(await read(ingest, "discard_value", SHEET + b"\n")) == ("done", 4, 0)
    (shown,) = [run for run in await ingest.runs() if run["source"] == "c"]
    left = await ingest.http.get(f"/v1/runs/{shown['id']}/left-out", params={"limit": 1})
    assert (left.json()["items"][0]["row"], left.json()["items"][0]["field"]) == (3, "phone")
    assert left.json()["items"][0]["value"] == "****"
    assert left.json()["next"] is not None
    assert "phone" not in (await ingest.records())["2"]["fields"]

    frozen = await read(ingest, {"phone": "freeze"}, SHEET + b"\n\n")
    assert frozen["status"] == "failed"
    assert "phone is frozen" in frozen["error"]
    assert frozen["rows"]["read"] == 1


async def test_new_columns_may_be_frozen(ingest: "Ingest") -> None:
    assert counts(await read(ingest, {"columns": "freeze"}, b"id;tel;topic\n1;;\n")) == (
        "done",
        1,
        0,
    )
    run = await read(ingest, {"columns": "freeze"}, b"id;tel;topic;extra\n1;;;x\n")
    assert (run["status"], run["rows"]["read"]) == ("failed", 0)
    assert "extra" in run["error"]


async def test_an_expression_reads_what_no_column_holds(ingest: "Ingest") -> None:
    await ingest.source(
        "e",
        map={
            "external_id": {"expression": "row['year'] + '/' + row['n']"},
            "phone": {"column": "tel", "expression": "value.replace('-', '')"},
            "kind": {
                "column": "k",
                "values": {"1": "complaint", "2": "thanks"},
                "default": "thanks",
            },
        },
    )
    run = await ingest.read(
        b"year;n;tel;k\n2026;1;-;1\n2026;2;89161234567;\n2025;1;x;2\n", source="e"
    )
    assert counts(run) == ("done", 2, 1)
    kept = await ingest.records()
    assert kept["2026/1"]["fields"] == {
        "external_id": "2026/1",
        "channel": "phone",
        "kind": "complaint",
    }
    assert kept["2026/2"]["fields"]["kind"] == "thanks"


@pytest.mark.parametrize(
    "expression",
    [
        "row.map(x, row.map(y, y))",
        "row.map//\n(x, y)",
        r"r'\' + [1].map(x, '') + r'\'",
        "unknown",
        "value.unknown()",
        "1 +",
        f"'{'x' * 1000}'",
    ],
)
async def test_an_expression_that_may_block_or_is_none_is_refused(
    ingest: "Ingest", expression: str
) -> None:
    answer = await ingest.http.put(
        "/v1/sources/x",
        json={"kind": "push", "map": {"external_id": {"expression": expression}}},
    )
    assert answer.status_code == 422, answer.text


async def test_a_file_is_tried_without_being_taken(ingest: "Ingest") -> None:
    sheet = ingest.sheet("A-1;89161234567;Текст;01.03.2026", "A-2;нет;Текст;02.03.2026")
    answer = await ingest.http.post("/v1/sources/ins7-daily/preview?rows=5", content=sheet)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["encoding"], told["tried"], told["good"]) == ("cp1251", 2, 1)
    assert told["columns"]["phone"] == "Телефон"
    assert told["rows"][0]["fields"]["phone"] == "+79161234567"
    assert (told["rows"][1]["field"], told["faults"]) == ("phone", {"phone: phone": 1})
    assert await ingest.runs() == []
    refused = await ingest.http.post("/v1/sources/ins7-daily/preview", content=b"x;y\n")
    assert (refused.status_code, refused.json()["type"]) == (422, "file-unreadable")
    stranger = ingest.token("insurer", insurer="other")
    hidden = await ingest.http.post(
        "/v1/sources/ins7-daily/preview", content=sheet, headers=stranger
    )
    assert hidden.status_code == 404
