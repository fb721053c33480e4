"""The four services as the composition root sees them."""

import pytest
from alembic.script import ScriptDirectory

from careline import roster
from careline_common.db import migrate

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("name", roster.NAMES)
def test_the_head_that_a_start_looks_for_is_the_head_of_the_history(name: str) -> None:
    package = roster.member(name).package
    heads = ScriptDirectory.from_config(migrate._config(package)).get_heads()
    assert heads == [migrate._head(package)]


def test_parked_messages_are_looked_for_with_every_consumer() -> None:
    assert {name: roster.consumers(name) for name in roster.NAMES} == {
        "router": ("router.appeals", "router.surges"),
        "tickets": (
            "tickets.low-scores",
            "tickets.feed-records",
            "tickets.presence",
            "tickets.messages",
            "tickets.work",
        ),
        "surveys": (
            "surveys.ended-calls",
            "surveys.rendered-services",
            "surveys.appeals",
            "surveys.keyed-calls",
            "surveys.notices",
        ),
        "ingest": ("ingest.appeals",),
    }
