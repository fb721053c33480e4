"""`careline tickets policies|classifier|report|journal`, over the journal's API as it runs."""

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import pytest_asyncio
from typer.testing import CliRunner

from careline.cli import app
from careline.datadir import CannotError
from careline.journal_errands import give_policies, show_classifier, write_report

if TYPE_CHECKING:
    from conftest import Desk

pytestmark = pytest.mark.integration


@pytest_asyncio.fixture(loop_scope="session")
async def client(desk: "Desk") -> AsyncIterator[httpx.AsyncClient]:
    """As the command makes it: with an admin's token."""
    transport = httpx.ASGITransport(desk.service.app)
    headers = desk.person("admin")._headers
    async with httpx.AsyncClient(transport=transport, headers=headers) as made:
        made.base_url = httpx.URL("http://journal/")
        yield made


async def test_promises_are_counted_first_and_then_given_to_all(
    desk: "Desk", client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(3):
        await desk.agent.register()
    quicker = {"id": "default", "calendar": "c1", "clocks": {"level1": "30m"}}
    applied = await desk.person("admin").put("config", {"careline": 1, "deadlines": [quicker]})
    assert applied.status_code == 200
    await give_policies(client, apply=False)
    assert "3 open appeals would be promised something else" in capsys.readouterr().out
    await give_policies(client, apply=True)
    assert "3 appeals have the promises that are configured" in capsys.readouterr().out
    await give_policies(client, apply=True)
    assert capsys.readouterr().out.splitlines()[-1].startswith("0 open appeals")


async def test_the_classifier_stands_beside_always_the_commonest(
    desk: "Desk", client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    await show_classifier(client, train=False)
    assert "nothing is suggested" in capsys.readouterr().out
    for number in range(80):
        subject, text = [("refusal", "they refused me"), ("queue", "a long queue")][number % 2]
        await desk.agent.register(subject=subject, text=f"{text} {number}")
    await show_classifier(client, train=True)
    told = capsys.readouterr().out
    assert "learned from 80 appeals of 2 subjects" in told
    assert "of the newest 16, held back, 100.0 % guessed right; always " in told


async def test_reports_are_written_in_the_form_of_the_files_name(
    desk: "Desk", client: httpx.AsyncClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await desk.agent.register(subject="refusal")
    week = {"week": desk.clock.now().date().isoformat(), "department": None}
    for name in ("w.json", "w.csv", "w.xlsx", "w.html"):
        await write_report(client, "v1/reports/weekly", week, tmp_path / name)
    assert json.loads((tmp_path / "w.json").read_text())["total"]["registered"] == 1
    assert (tmp_path / "w.csv").read_text().startswith("subject,registered")
    assert (tmp_path / "w.xlsx").read_bytes()[:2] == b"PK"
    assert (tmp_path / "w.html").read_text().startswith("<!doctype html>")
    capsys.readouterr()
    day = (desk.clock.now() - timedelta(days=1)).date().isoformat()
    await write_report(client, "v1/reports/journal", {"by": "subject", "from": day}, None)
    told = capsys.readouterr().out
    assert json.loads(told[told.index('{"items"') :])["items"][0]["key"] == "refusal"
    await write_report(client, "v1/reports/journal", {"by": "kind"}, tmp_path / "j.csv")
    rows = list(csv.reader(io.StringIO((tmp_path / "j.csv").read_text())))
    assert rows[1][:2] == ["consultation", "1"]


@pytest.mark.parametrize(
    ("path", "asked", "out", "reason"),
    [
        ("v1/reports/weekly", {"week": "2026-W54"}, None, "week: give a week such as"),
        ("v1/reports/weekly", {}, "w.pdf", "no report ends in"),
        ("v1/reports/weekly", {}, "no/folder/w.csv", "cannot write"),
        ("v1/nothing", {}, None, "the journal says: "),
    ],
)
async def test_what_cannot_be_done_is_said_in_one_line(
    client: httpx.AsyncClient, tmp_path: Path, path: str, asked: Any, out: str | None, reason: str
) -> None:
    with pytest.raises(CannotError) as caught:
        await write_report(client, path, asked, None if out is None else tmp_path / out)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_journal_that_is_away_is_named() -> None:
    async with httpx.AsyncClient(base_url="http://127.0.0.1:9/") as nobody:
        with pytest.raises(CannotError, match="is it running"):
            await show_classifier(nobody, train=False)


@pytest.mark.parametrize("command", ["policies", "classifier", "report", "journal", "verify"])
def test_every_command_shows_examples(command: str) -> None:
    told = CliRunner().invoke(app, ["tickets", command, "--help"])
    assert told.exit_code == 0
    assert f"careline tickets {command}" in told.output


def test_a_day_that_is_none_is_wrong_usage() -> None:
    told = CliRunner().invoke(app, ["tickets", "journal", "--from", "yesterday"])
    assert told.exit_code == 2
