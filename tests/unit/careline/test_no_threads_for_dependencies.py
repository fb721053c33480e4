"""FastAPI carries what is no coroutine out in a thread: each time that is a switch of threads and back, under load
milliseconds for what takes a microsecond."""

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from careline import exposed, roster

pytestmark = pytest.mark.unit


def dependants(routes: Any) -> Iterator[tuple[str, Any]]:
    """Path and dependant of every route, those of included routers too."""
    for route in routes:
        if hasattr(route, "dependant"):
            yield route.path, route.dependant
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from dependants(included.routes)


def called(dependant: Any) -> Iterator[Any]:
    yield dependant.call
    for each in dependant.dependencies:
        yield from called(each)


def is_coroutine(call: Any) -> bool:
    function = call if inspect.isroutine(call) else type(call).__call__
    return inspect.iscoroutinefunction(function)


@pytest.mark.parametrize("name", roster.NAMES)
def test_no_route_and_nothing_that_it_depends_on_is_carried_out_in_a_thread(name: str) -> None:
    found = list(dependants(exposed.assembled(name).app.routes))
    assert len(found) > 20
    in_threads = {
        (path, call.__qualname__)
        for path, dependant in found
        for call in called(dependant)
        if not is_coroutine(call)
    }
    assert in_threads == set()
