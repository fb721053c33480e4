"""Exceptions as logs and `/readyz` may show them: PostgreSQL's DETAIL and pydantic's input quote
rows, and rows are of people."""

import sys
import traceback
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError
from structlog.typing import EventDict


def describe(error: BaseException) -> str:
    """Type and first line of an error, without the data it may quote further down."""
    name = type(error).__name__
    if isinstance(error, ValidationError):
        faults = (
            f"{'.'.join(str(step) for step in fault['loc'])}: {fault['type']}"
            for fault in error.errors(include_url=False, include_context=False, include_input=False)
        )
        return f"{name}: {error.title}: {'; '.join(faults)}"
    lines = str(error).strip().splitlines()
    return f"{name}: {lines[0]}" if lines else name


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        if isinstance(error, BaseExceptionGroup):
            for inner in error.exceptions:
                yield from _chain(inner)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def trace(error: BaseException) -> str:
    """The traceback with `describe` in place of each error's whole text, the cause last."""
    parts = [
        "".join([*traceback.format_tb(link.__traceback__), describe(link)])
        for link in _chain(error)
    ]
    return "\ncaused by:\n".join(parts)


def format_exception(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """A structlog processor in place of `format_exc_info`."""
    given = event.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()[1]
    error = given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["exception"] = trace(error)
    return event
