"""The AsyncAPI 3 document of all events, made from the catalogue and the services' consumers.

A channel is an address on RabbitMQ: a routing key of the exchange `careline.events` to which one
service sends, or the queue of one consumer from which one service receives.
"""

from collections.abc import Mapping
from typing import Any

from careline import roster
from careline.catalogue import catalogue
from careline_common.events.envelope import CONTENT_TYPE
from careline_common.messaging.rabbit_message import ATTEMPTS
from careline_common.messaging.rabbit_topology import EXCHANGE, queue_name

Document = dict[str, Any]

AMQP = {"bindingVersion": "0.3.0"}

CLOUD_EVENT: Document = {
    "type": "object",
    "description": "A CloudEvent 1.0 in structured mode. Fields that a reader does not know are ignored.",
    "required": [
        "specversion", "id", "source", "type", "subject", "time", "sequence", "correlationid", "data",
    ],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {
            "type": "string",
            "minLength": 1,
            "description": "One event, however often it is delivered: a UUIDv7.",
        },
        "source": {"type": "string", "format": "uri-reference"},
        "type": {"type": "string"},
        "subject": {"type": "string", "description": "The id of the thing it happened to."},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "sequence": {
            "type": "integer",
            "description": "The version of the subject, by which consumers put events in order.",
        },
        "correlationid": {"type": "string", "description": "The same along a chain of events."},
        "causationid": {"type": "string", "description": "The event whose handling told this one."},
        "data": {"type": "object"},
    },
}  # fmt: skip

HEADERS: Document = {
    "type": "object",
    "properties": {
        ATTEMPTS: {
            "type": "integer",
            "minimum": 1,
            "description": "How often this consumer has tried and failed; absent at the first time.",
        }
    },
}


def document(examples: Mapping[str, Document]) -> Document:
    """The whole document; `examples` has one message by event type."""
    entries = catalogue()
    schemas: Document = {"cloud_event": CLOUD_EVENT, "headers": HEADERS}
    for entry in entries:
        schema = dict(entry["schema"])
        schemas |= schema.pop("$defs", {})
        schemas[_key(entry["type"])] = schema
    return {
        "asyncapi": "3.0.0",
        "id": "urn:careline:events",
        "info": _info(),
        "defaultContentType": CONTENT_TYPE,
        "servers": _servers(),
        "channels": {_key(entry["type"]): _event_channel(entry) for entry in entries} | _queues(),
        "operations": {f"send_{_key(entry['type'])}": _send(entry) for entry in entries}
        | _receives(),
        "components": {
            "messages": {
                _key(entry["type"]): _message(entry, examples[entry["type"]]) for entry in entries
            },
            "schemas": schemas,
            "securitySchemes": {"password": {"type": "userPassword"}},
        },
    }


def _key(name: str) -> str:
    """A type's or consumer's name as a key of the document."""
    return name.replace(".", "_").replace("-", "_")


def _info() -> Document:
    return {
        "title": "Careline events",
        "version": "1",
        "description": (
            "What Careline's services tell each other. Delivery is at least once and in no promised"
            " order: readers remember `id` and apply by `sequence`."
        ),
        "license": {"name": "Apache-2.0"},
        "tags": [{"name": name} for name in roster.NAMES],
    }


def _servers() -> Document:
    return {
        "rabbitmq": {
            "host": "{broker}:5672",
            "protocol": "amqp",
            "protocolVersion": "0-9-1",
            "description": "The broker at CARELINE_RABBITMQ_URL; the standalone needs none.",
            "variables": {"broker": {"default": "localhost"}},
            "security": [{"$ref": "#/components/securitySchemes/password"}],
        }
    }


def _event_channel(entry: Document) -> Document:
    key = _key(entry["type"])
    exchange = {"name": EXCHANGE, "type": "topic", "durable": True, "autoDelete": False}
    return {
        "address": entry["type"],
        "messages": {key: {"$ref": f"#/components/messages/{key}"}},
        "bindings": {"amqp": {"is": "routingKey", "exchange": exchange, **AMQP}},
    }


def _queues() -> Document:
    """One channel a consumer: its durable quorum queue, bound by the types that it hears."""
    channels = {}
    for service in roster.NAMES:
        for consumer, events in roster.heard(service).items():
            keys = [_key(event.TYPE) for event in events]
            queue = {
                "name": queue_name(consumer),
                "durable": True,
                "exclusive": False,
                "autoDelete": False,
            }
            channels[_key(consumer)] = {
                "address": queue_name(consumer),
                "messages": {key: {"$ref": f"#/components/messages/{key}"} for key in keys},
                "bindings": {"amqp": {"is": "queue", "queue": queue, **AMQP}},
            }
    return channels


def _send(entry: Document) -> Document:
    key = _key(entry["type"])
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{key}"},
        "messages": [{"$ref": f"#/channels/{key}/messages/{key}"}],
        "summary": f"{entry['producer']} tells it, from its outbox, with the broker's confirm.",
        "tags": [{"name": entry["producer"]}],
        "bindings": {"amqp": {"deliveryMode": 2, "mandatory": True, **AMQP}},
    }


def _receives() -> Document:
    operations = {}
    for service in roster.NAMES:
        for consumer, events in roster.heard(service).items():
            channel = f"#/channels/{_key(consumer)}"
            operations[f"receive_{_key(consumer)}"] = {
                "action": "receive",
                "channel": {"$ref": channel},
                "messages": [
                    {"$ref": f"{channel}/messages/{_key(event.TYPE)}"} for event in events
                ],
                "summary": f"{service} hears it once: an inbox remembers the event's id.",
                "tags": [{"name": service}],
                "bindings": {"amqp": {"ack": True, **AMQP}},
            }
    return operations


def _message(entry: Document, example: Document) -> Document:
    key = _key(entry["type"])
    payload = {
        "allOf": [
            {"$ref": "#/components/schemas/cloud_event"},
            {
                "type": "object",
                "properties": {
                    "type": {"const": entry["type"]},
                    "source": {"const": f"/careline/{entry['producer']}"},
                    "data": {"$ref": f"#/components/schemas/{key}"},
                },
            },
        ]
    }
    shown = {
        "name": entry["type"],
        "title": entry["schema"]["title"],
        "contentType": CONTENT_TYPE,
        "correlationId": {"location": "$message.payload#/correlationid"},
        "headers": {"$ref": "#/components/schemas/headers"},
        "payload": payload,
        "tags": [{"name": entry["producer"]}],
        "bindings": {"amqp": {"messageType": entry["type"], **AMQP}},
        "examples": [{"name": "golden", "payload": example}],
    }
    return shown | ({"summary": entry["summary"]} if entry["summary"] else {})
