"""Conditions in CEL. What may block for long (comprehension macros) or is huge is not compiled."""

import re
from collections.abc import Mapping
from typing import Any

import structlog

log = structlog.get_logger(__name__)

MOST_CHARACTERS = 1000
VARIABLES = ("crm", "call", "ivr", "time", "calendar")
_MACROS = re.compile(r"\.\s*(map|filter|all|exists|exists_one)\s*\(")
_TEXTS = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")


class CelCondition:
    """One compiled condition. It does not hold when it cannot be evaluated on a call."""

    def __init__(self, text: str) -> None:
        import cel  # its package brings a terminal along, so only floors with conditions pay for it

        self._program = cel.compile(text)
        self._text = text

    def holds(self, facts: Mapping[str, Any]) -> bool:
        try:
            return self._program.execute(dict(facts)) is True
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            log.debug("flow.condition_failed", condition=self._text, error=type(error).__name__)
            return False

    def sees(self, name: str) -> bool:
        """Whether it looks at a variable."""
        return name in self._program.variables()

    def unknown_names(self) -> list[str]:
        return sorted(set(self._program.variables()) - set(VARIABLES))


def compile_condition(text: str) -> CelCondition:
    """Compiles a condition; raises ValueError that says what is wrong with it."""
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"a condition has at most {MOST_CHARACTERS} characters")
    macro = _MACROS.search(_TEXTS.sub("''", text))
    if macro:
        raise ValueError(f"the macro {macro[1]} is not allowed in a condition")
    try:
        condition = CelCondition(text)
    except (ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0].split(" expecting ")[0]
        raise ValueError(f"not a CEL expression: {reason}") from None
    unknown = condition.unknown_names()
    if unknown:
        raise ValueError(f"unknown name {unknown[0]}; there are {', '.join(VARIABLES)}")
    return condition
