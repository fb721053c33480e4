"""The routes of the configuration: the whole document, and single entries."""

from functools import cache

from fastapi import APIRouter

from careline_common.config import config_routes, entry_routes
from careline_router.api.permissions import ALLOWED, Action
from careline_router.config import SECTIONS


@cache
def configuration_routers() -> tuple[APIRouter, ...]:
    """`PUT /v1/config`, and `GET` and `PUT` of one queue, agent or calendar."""
    writers = sorted(ALLOWED[Action.CONFIGURE])
    readers = sorted(ALLOWED[Action.READ_CONFIGURATION])
    sections = {section.name: section for section in SECTIONS}
    return (
        config_routes(),
        *(
            entry_routes(sections[name], writers=writers, readers=readers)
            for name in ("queues", "agents", "calendars")
        ),
    )
