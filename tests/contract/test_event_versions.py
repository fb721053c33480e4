"""What was released stays readable: this version's events by the last, and the last's by this one."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from last_release import events as last
from last_release.promises import GOLDEN, RECORD, broken, missing_from, promises_of

from careline_common import events as today

pytestmark = pytest.mark.contract

TODAYS_GOLDEN = Path(__file__).parent / "golden"
RELEASED: dict[str, Any] = json.loads(RECORD.read_text())["events"]
EXTRA = {"a_field_of_tomorrow": {"deep": [1, None, "x"]}}


def message(folder: Path, event_type: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((folder / f"{event_type}.json").read_bytes())
    return read


def with_extras(golden: dict[str, Any]) -> bytes:
    """The message with fields that nobody knows, in the envelope and in the data."""
    return json.dumps({**golden, **EXTRA, "data": {**golden["data"], **EXTRA}}).encode()


def test_what_was_frozen_is_as_it_was_frozen() -> None:
    assert promises_of(last.CATALOGUE, GOLDEN) == RELEASED


def test_todays_catalogue_keeps_every_promise_of_the_last_release() -> None:
    assert broken(RELEASED, promises_of(today.CATALOGUE, TODAYS_GOLDEN)) == []


@pytest.mark.parametrize("event_type", RELEASED)
def test_a_released_golden_message_has_not_changed(event_type: str) -> None:
    assert missing_from(message(GOLDEN, event_type), message(TODAYS_GOLDEN, event_type)) == []


@pytest.mark.parametrize("event_type", RELEASED)
def test_a_consumer_of_the_last_release_reads_todays_message(event_type: str) -> None:
    golden = message(TODAYS_GOLDEN, event_type)
    read = last.Envelope.parse(with_extras(golden))
    assert (read.type, read.id, read.sequence) == (event_type, golden["id"], golden["sequence"])
    known = {name: golden["data"][name] for name in type(read.data).model_fields}
    assert read.data.model_dump(mode="json") == known


@pytest.mark.parametrize("event_type", RELEASED)
def test_a_consumer_of_today_reads_the_message_of_the_last_release(event_type: str) -> None:
    golden = message(GOLDEN, event_type)
    read = today.Envelope.parse(with_extras(golden))
    assert (read.type, read.id, read.sequence) == (event_type, golden["id"], golden["sequence"])
    shown = read.data.model_dump(mode="json")
    assert {name: shown[name] for name in golden["data"]} == golden["data"]


ENDED = "careline.call.ended.v1"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda fields: fields.pop("agent"), "agent is gone"),
        (lambda fields: fields["wait_s"].update(schema={"type": "integer"}), "wait_s has changed"),
        (lambda fields: fields["outcome"]["schema"]["enum"].append("new"), "outcome has changed"),
        (lambda fields: fields["line"].update(required=False), "line is required in one"),
        (
            lambda fields: fields.update(site={"required": True, "schema": {"type": "string"}}),
            "site is new, so it has to be optional",
        ),
    ],
)
def test_a_broken_promise_is_named(change: Any, complaint: str) -> None:
    changed = copy.deepcopy(RELEASED)
    change(changed[ENDED]["fields"])
    [fault] = broken(RELEASED, changed)
    assert complaint in fault


def test_a_promise_is_kept_by_adding_an_optional_field_and_broken_by_dropping_an_event() -> None:
    changed = copy.deepcopy(RELEASED)
    changed[ENDED]["fields"]["site"] = {"required": False, "schema": {"type": "string"}}
    assert broken(RELEASED, changed) == []
    del changed[ENDED]
    [fault] = broken(RELEASED, changed)
    assert "is gone" in fault


def test_a_message_that_lost_or_changed_a_value_is_noticed() -> None:
    golden = message(GOLDEN, ENDED)
    assert missing_from(golden, {**golden, **EXTRA}) == []
    assert missing_from(golden, {**golden, "data": {**golden["data"], "wait_s": 13}}) == [
        "data.wait_s"
    ]
    assert missing_from({"wait_s": 12.0}, {"wait_s": 12}) == ["wait_s"]
    assert missing_from(golden, {**golden, "subject": None}) == ["subject"]
