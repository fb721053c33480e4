"""One JSON line an event on stdout, without personal data.

    log = structlog.get_logger(__name__)
    log.info("call.offered", call=call.id, **{"pii.caller": call.caller})

A value under a key that starts with `pii.` comes out as a tag (`h:9f3c…`): the same number has the
same tag for one day, and nobody without the key can get back from it. As a last guard, whatever
else looks like a phone number is masked.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from datetime import UTC
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor

from careline_common.clock import Clock, SystemClock
from careline_common.observability.errors import format_exception
from careline_common.observability.pii import PiiHasher
from careline_common.settings import ServiceSettings

REQUEST_ID = "X-Request-ID"

_NUMBER = re.compile(r"(?<![\w.:-])(?:\+\d[\d ()-]{6,20}\d|\d{10,15})(?![\w.:-])")
_QUIET = (
    "alembic", "uvicorn.access", "uvicorn.error", "aiormq", "aio_pika", "httpx", "httpcore", "asyncio",
)  # fmt: skip
"""Of these only warnings: httpx and uvicorn write whole addresses, and with them a socket's ticket."""


def current_request_id() -> str | None:
    """The id of the request that is being answered, None outside one."""
    value = structlog.contextvars.get_contextvars().get("request_id")
    return value if isinstance(value, str) else None


class PiiProcessor:
    """Replaces what stands under `pii.*` keys by tags, and masks numbers everywhere else."""

    def __init__(self, hasher: PiiHasher, clock: Clock) -> None:
        self._hasher = hasher
        self._clock = clock

    def __call__(self, _logger: Any, _method: str, event: EventDict) -> EventDict:
        day = self._clock.now().astimezone(UTC).date()
        for key, value in event.items():
            if key.startswith("pii."):
                event[key] = None if value is None else self._hasher.log_tag(value, day)
            elif key != "timestamp":
                event[key] = masked(value)
        return event


def masked(value: Any) -> Any:
    """The value with everything in it that looks like a phone number replaced by `<number>`."""
    if isinstance(value, str):
        return _NUMBER.sub("<number>", value)
    if isinstance(value, dict):
        return {key: masked(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [masked(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _NUMBER.sub("<number>", str(value))


def configure_logging(
    settings: ServiceSettings, *, clock: Clock | None = None, stream: TextIO | None = None
) -> None:
    """Sends structlog and the standard library's loggers to stdout: JSON, or text on a terminal."""
    out = stream or sys.stdout
    clock = clock or SystemClock()

    def stamp(_logger: Any, _method: str, event: EventDict) -> EventDict:
        event["timestamp"] = clock.now().isoformat().replace("+00:00", "Z")
        return event

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        stamp,
        structlog.processors.StackInfoRenderer(),
        format_exception,
        PiiProcessor(PiiHasher(settings.pii_key), clock),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    renderer: Processor = (
        structlog.dev.ConsoleRenderer()
        if out.isatty()
        else structlog.processors.JSONRenderer(default=str, ensure_ascii=False)
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True


def _logger_name(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    record = event.get("_record")
    if record is not None:
        event["logger"] = record.name
    return event
