"""Conditions in CEL. What may block for long (comprehension macros) or is huge is not compiled."""

from collections.abc import Mapping
from typing import Any

import structlog

from careline_router.domain.conditions import parts, tokens

log = structlog.get_logger(__name__)

VARIABLES = ("crm", "call", "line", "ivr", "time", "calendar", "load", "appeals", "surge")


class CelCondition:
    """One compiled condition. It does not hold when it cannot be evaluated on a call."""

    def __init__(self, text: str) -> None:
        import cel  # its package brings a terminal along, so only floors with conditions pay for it

        self._program = cel.compile(text)
        self.text = text

    def holds(self, facts: Mapping[str, Any]) -> bool:
        try:
            return self._program.execute(dict(facts)) is True
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            log.debug("flow.condition_failed", condition=self.text, error=type(error).__name__)
            return False

    def sees(self, name: str) -> bool:
        """Whether it looks at a variable."""
        return name in self._program.variables()

    def parts(self) -> list["CelCondition"]:
        """What it joins by `&&` or `||`, each as a condition of its own; empty when it joins nothing."""
        found = parts(self.text)
        return [CelCondition(text) for text in found] if len(found) > 1 else []

    def unknown_names(self) -> list[str]:
        return sorted(set(self._program.variables()) - set(VARIABLES))


def compile_condition(text: str) -> CelCondition:
    """Compiles a condition; raises ValueError that says what is wrong with it."""
    tokens(text)
    try:
        condition = CelCondition(text)
    except (ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0].split(" expecting ")[0]
        raise ValueError(f"not a CEL expression: {reason}") from None
    unknown = condition.unknown_names()
    if unknown:
        raise ValueError(f"unknown name {unknown[0]}; there are {', '.join(VARIABLES)}")
    return condition
