"""All events by type. A type that is not here can neither be published nor consumed."""

from careline_common.events import ingest, router, surveys, tickets
from careline_common.events.event import Event, UnknownEventError

PRODUCERS = {"router": router, "tickets": tickets, "surveys": surveys, "ingest": ingest}

CATALOGUE: dict[str, type[Event]] = {
    event.TYPE: event
    for producer in PRODUCERS.values()
    for event in vars(producer).values()
    if isinstance(event, type) and issubclass(event, Event) and event is not Event
}


def event_class(event_type: str) -> type[Event]:
    """The class of a type; raises `UnknownEventError`."""
    try:
        return CATALOGUE[event_type]
    except KeyError:
        raise UnknownEventError(event_type) from None


def producer_of(event: type[Event]) -> str:
    """The service that publishes an event."""
    return event.__module__.rsplit(".", 1)[-1]
