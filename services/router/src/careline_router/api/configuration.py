"""The routes of the configuration: the whole document, and single entries."""

from fastapi import APIRouter

from careline_common.config import ConfigStore, config_routes, entry_routes
from careline_router.api.permissions import ALLOWED, Action


def configuration_routers(store: ConfigStore) -> tuple[APIRouter, ...]:
    """`PUT /v1/config`, and `GET` and `PUT` of one queue, agent or calendar."""
    writers = sorted(ALLOWED[Action.CONFIGURE])
    readers = sorted(ALLOWED[Action.READ_CONFIGURATION])
    return (
        config_routes(store),
        *(
            entry_routes(store, section, writers=writers, readers=readers)
            for section in ("queues", "agents", "calendars")
        ),
    )
