"""Every event of every version as it once went out: what is in a queue stays readable.

A new event needs a file here; a field may be added, to the file as well; nothing else may change.
"""

import json
from pathlib import Path

import pytest

from careline_common.events import CATALOGUE, Envelope
from careline_common.events.registry import producer_of

pytestmark = pytest.mark.contract

GOLDEN = Path(__file__).parent / "golden"


def test_every_event_of_the_catalogue_has_its_golden_file() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(CATALOGUE)


@pytest.mark.parametrize("event_type", CATALOGUE)
def test_a_consumer_reads_the_golden_file_and_a_producer_writes_it(event_type: str) -> None:
    written = (GOLDEN / f"{event_type}.json").read_bytes()
    envelope = Envelope.parse(written)
    assert envelope.type == event_type
    assert envelope.source == f"/careline/{producer_of(type(envelope.data))}"
    assert json.loads(envelope.to_json()) == json.loads(written)


@pytest.mark.parametrize("event_type", CATALOGUE)
def test_the_golden_file_has_every_field_with_a_value(event_type: str) -> None:
    data = json.loads((GOLDEN / f"{event_type}.json").read_bytes())["data"]
    assert set(data) == set(CATALOGUE[event_type].model_fields)
    assert None not in data.values()


@pytest.mark.parametrize("event_type", CATALOGUE)
def test_a_message_without_the_optional_fields_is_read_too(event_type: str) -> None:
    document = json.loads((GOLDEN / f"{event_type}.json").read_bytes())
    fields = CATALOGUE[event_type].model_fields
    document["data"] = {
        name: value for name, value in document["data"].items() if fields[name].is_required()
    }
    assert Envelope.parse(json.dumps(document).encode()).type == event_type
