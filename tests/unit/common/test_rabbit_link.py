"""A connection that is given up leaves nothing behind."""

import asyncio
import gc
import warnings

import aio_pika
import pytest
from yarl import URL

from careline_common.messaging import rabbit_link


def complaints(kind: type[aio_pika.Connection]) -> list[str]:
    """What Python says when such a connection is collected open, while no loop runs."""
    loop = asyncio.new_event_loop()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        asyncio.set_event_loop(None)
        held = [kind(URL("amqp://127.0.0.1:1/"), loop=loop)]
        held.clear()
        gc.collect()
    loop.close()
    return [str(each.message) for each in said if "never awaited" in str(each.message)]


@pytest.mark.parametrize(
    ("kind", "heard"), [(aio_pika.Connection, 1), (rabbit_link._Connection, 0)]
)
def test_a_connection_of_ours_is_collected_in_silence(
    kind: type[aio_pika.Connection], heard: int
) -> None:
    """The first case shows what the second is for."""
    assert len(complaints(kind)) == heard
