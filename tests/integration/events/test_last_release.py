"""Messages of the last release, still in a queue when this one starts, are taken by its consumers."""

import json

import pytest
from event_order.centre import Centre
from last_release.promises import GOLDEN

from careline import roster
from careline_common.messaging.transport import IncomingMessage

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("consumer", "event_type"),
    [
        (consumer, event.TYPE)
        for service in roster.NAMES
        for consumer, events in roster.heard(service).items()
        for event in events
        if (GOLDEN / f"{event.TYPE}.json").exists()
    ],
)
async def test_a_consumer_takes_the_last_releases_message(
    running: Centre, consumer: str, event_type: str
) -> None:
    golden = json.loads((GOLDEN / f"{event_type}.json").read_bytes())
    golden["data"]["a_field_of_tomorrow"] = [1]
    _, handle = running.transport.hearing[consumer]
    message = IncomingMessage(body=json.dumps(golden).encode(), attempt=1, last=False)
    assert list(await handle([message])) == [None]
