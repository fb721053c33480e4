"""The event catalogue: one class an event, one module a producer.

Events say in the past tense what has happened, in ids and primitives. Personal data goes by
reference; the one exception is a `contact` number where the consumer must reach the person
(docs/adr/0005).
"""

from careline_common.events.envelope import Envelope, InvalidEventError
from careline_common.events.event import Event, UnknownEventError
from careline_common.events.registry import CATALOGUE, event_class

__all__ = [
    "CATALOGUE",
    "Envelope",
    "Event",
    "InvalidEventError",
    "UnknownEventError",
    "event_class",
]
