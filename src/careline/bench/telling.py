"""How every benchmark tells what it has measured."""

import json
import logging
import os
import platform
import sys
from collections.abc import Callable
from typing import Any

import structlog

from careline.datadir import CannotError

Result = dict[str, Any]


def quiet() -> None:
    """Of the services that are measured only errors are told, beside the result."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def machine(load: float) -> Result:
    """Where it was measured; `load` is what the machine had to do besides, before it began."""
    return {
        "cpus": os.cpu_count(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "load_before": round(load, 2),
    }


def tell_result(result: Result, show: Callable[[Result], None], *, as_json: bool) -> None:
    """The result as JSON alone on standard output, or shown; raises `CannotError` when a limit is missed."""
    if as_json:
        sys.stdout.write(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    else:
        show(result)
    missed = [name for name, met in result["limits_met"].items() if not met]
    if missed:
        raise CannotError(f"missed: {', '.join(missed)}")
