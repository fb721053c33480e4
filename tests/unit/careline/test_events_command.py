"""`careline events`: the catalogue for people and for programs."""

import json

import pytest
from typer.testing import CliRunner

from careline import roster
from careline.cli import app
from careline_common.events import CATALOGUE

pytestmark = pytest.mark.unit


def printed(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["events", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_it_names_every_event_with_who_tells_and_who_hears_it() -> None:
    lines = printed().splitlines()
    headed = [line for line in lines if line.startswith("careline.")]
    assert [line.split()[0] for line in headed] == sorted(CATALOGUE)
    assert (
        "careline.survey.score_recorded.v1  (from surveys, heard by tickets.low-scores)" in headed
    )
    assert "careline.call.queued.v1  (from router, heard by nobody yet)" in headed


def test_as_json_it_has_each_events_schema_and_consumers() -> None:
    entries = {entry["type"]: entry for entry in json.loads(printed("--json"))}
    assert set(entries) == set(CATALOGUE)
    for event_type, entry in entries.items():
        assert set(entry["schema"]["properties"]) == set(CATALOGUE[event_type].model_fields)
    heard = {consumer for entry in entries.values() for consumer in entry["consumers"]}
    assert heard == {name for service in roster.NAMES for name in roster.consumers(service)}


def test_it_says_how_it_is_used() -> None:
    usage = printed("--help")
    assert "--json" in usage
    assert "careline events --json" in usage
