"""Whether a service lives and whether it is ready."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

import structlog

log = structlog.get_logger(__name__)

_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]*@")


def without_credentials(text: str) -> str:
    """Cuts user and password out of every URL in a text."""
    return _CREDENTIALS.sub("***@", text)


class Readiness:
    """What a service needs before it can work, and what of that is missing and why.

    Belongs to one event loop; it is not safe to share between threads.
    """

    def __init__(self) -> None:
        self._reasons: dict[str, str | None] = {}
        self._changed = asyncio.Event()

    def need(self, name: str) -> None:
        """Declares something that must be there; until `met` it counts as missing."""
        self._reasons.setdefault(name, "not yet")

    def met(self, name: str) -> None:
        if self._reasons.get(name, "") is not None:
            log.info("readiness.met", need=name)
        self._reasons[name] = None
        self._announce()

    def unmet(self, name: str, reason: str) -> None:
        reason = without_credentials(reason)
        if self._reasons.get(name) != reason:
            log.warning("readiness.unmet", need=name, reason=reason)
        self._reasons[name] = reason
        self._announce()

    @property
    def ready(self) -> bool:
        return all(reason is None for reason in self._reasons.values())

    @property
    def reasons(self) -> dict[str, str]:
        """What is missing, by name."""
        return {name: reason for name, reason in self._reasons.items() if reason is not None}

    def lacks(self, name: str) -> bool:
        """Whether this one thing was declared and is missing."""
        return self._reasons.get(name) is not None

    async def wait(self) -> None:
        """Returns as soon as everything is there."""
        while not self.ready:
            await self._changed.wait()

    def _announce(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def ready_answer(services: Mapping[str, Readiness]) -> tuple[int, dict[str, Any]]:
    """Status and body of `/readyz` over one or more services, by name."""
    several = len(services) > 1
    reasons = {
        f"{service}.{need}" if several else need: reason
        for service, readiness in services.items()
        for need, reason in readiness.reasons.items()
    }
    if reasons:
        return 503, {"status": "waiting", "reasons": reasons}
    return 200, {"status": "ready"}
