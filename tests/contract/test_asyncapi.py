"""docs/events/asyncapi.json: valid AsyncAPI 3, whole, and true of the events and the queues."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT7

from careline import roster
from careline_common.events import CATALOGUE
from careline_common.events.registry import producer_of
from careline_common.messaging.rabbit_topology import EXCHANGE, queue_name

pytestmark = pytest.mark.contract

HERE = Path(__file__).parent
DOCUMENT: dict[str, Any] = json.loads(
    (HERE.parents[1] / "docs" / "events" / "asyncapi.json").read_bytes()
)
MESSAGES = DOCUMENT["components"]["messages"]
OPERATIONS = DOCUMENT["operations"]


def resolved(reference: str) -> Any:
    found: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def by_type(event_type: str) -> dict[str, Any]:
    [message] = [one for one in MESSAGES.values() if one["name"] == event_type]
    return dict(message)


def payload_validator(message: dict[str, Any]) -> Draft7Validator:
    """Checks payloads; the schema's references lead into the document."""
    whole = DRAFT7.create_resource(DOCUMENT)
    registry: Registry[Any] = Registry().with_resource("urn:document", whole)
    at_home = json.loads(json.dumps(message["payload"]).replace('"#/', '"urn:document#/'))
    return Draft7Validator(at_home, registry=registry, format_checker=FormatChecker())


OFFICIAL = Draft7Validator(json.loads((HERE / "schemas" / "asyncapi-3.0.0.json").read_bytes()))


def test_the_official_schema_of_asyncapi_3_takes_the_document() -> None:
    faults = [
        f"{'/'.join(str(step) for step in fault.absolute_path)}: {fault.message[:200]}"
        for fault in OFFICIAL.iter_errors(DOCUMENT)
    ]
    assert faults == []
    assert not OFFICIAL.is_valid({**DOCUMENT, "operations": {"one": {"action": "shout"}}})


def test_every_reference_leads_somewhere() -> None:
    found = set(references(DOCUMENT))
    assert len(found) > len(CATALOGUE)
    for reference in found:
        assert resolved(reference) is not None


def test_every_event_is_a_message_that_its_producer_sends() -> None:
    sent = {
        (resolved(one["messages"][0]["$ref"])["$ref"], one["tags"][0]["name"])
        for one in OPERATIONS.values()
        if one["action"] == "send"
    }
    told = {(resolved(reference)["name"], producer) for reference, producer in sent}
    assert told == {(event.TYPE, producer_of(event)) for event in CATALOGUE.values()}
    addresses = {one["address"] for one in DOCUMENT["channels"].values()}
    assert set(CATALOGUE) <= addresses


def test_every_consumer_receives_from_its_queue_what_it_hears() -> None:
    received = {}
    for one in OPERATIONS.values():
        if one["action"] == "receive":
            queue = resolved(one["channel"]["$ref"])["address"]
            messages = [resolved(message["$ref"])["$ref"] for message in one["messages"]]
            received[queue] = {resolved(message)["name"] for message in messages}
    assert received == {
        f"careline.{consumer}": {event.TYPE for event in events}
        for service in roster.NAMES
        for consumer, events in roster.heard(service).items()
    }


@pytest.mark.parametrize("event_type", CATALOGUE)
def test_the_example_is_the_golden_message_and_fits_its_schema(event_type: str) -> None:
    message = by_type(event_type)
    [example] = message["examples"]
    golden = json.loads((HERE / "golden" / f"{event_type}.json").read_bytes())
    assert example["payload"] == golden
    validator = payload_validator(message)
    assert [fault.message for fault in validator.iter_errors(golden)] == []


@pytest.mark.parametrize("event_type", CATALOGUE)
@pytest.mark.parametrize("damage", ["id", "sequence", "source", "data"])
def test_the_schema_refuses_a_message_that_is_none(event_type: str, damage: str) -> None:
    golden = json.loads((HERE / "golden" / f"{event_type}.json").read_bytes())
    validator = payload_validator(by_type(event_type))
    without = {name: value for name, value in golden.items() if name != damage}
    assert not validator.is_valid(without)
    assert not validator.is_valid({**golden, damage: {}})


def test_the_queues_are_those_that_the_services_declare() -> None:
    queues, exchanges = set(), set()
    for channel in DOCUMENT["channels"].values():
        binding = channel["bindings"]["amqp"]
        if binding["is"] == "queue":
            queues.add((binding["queue"]["name"], binding["queue"]["durable"]))
        else:
            exchanges.add((binding["exchange"]["name"], binding["exchange"]["type"]))
    consumers = [name for service in roster.NAMES for name in roster.consumers(service)]
    assert queues == {(queue_name(name), True) for name in consumers}
    assert exchanges == {(EXCHANGE, "topic")}
