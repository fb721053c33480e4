"""Expressions of mappings, in CEL. What may block for long (comprehension macros) or is huge is not
compiled, so that no expression costs more than its own length: it needs no process of its own."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

MOST_CHARACTERS = 1000
MOST_RESULT = 200_000
VARIABLES = ("row", "value")
_MACROS = re.compile(r"\.[\s`]*(map|filter|all|exists|exists_one)[\s`]*\(")
"""Looked for in texts too: where a text ends is for CEL to say, and a raw one may hide a macro."""


@lru_cache(maxsize=1024)
def compiled(text: str) -> Any:
    """A program over `row` and `value`; raises ValueError that says what is wrong with it."""
    import cel  # its package brings a terminal along, so only sources with expressions pay for it

    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"an expression has at most {MOST_CHARACTERS} characters")
    if "\n" in text or "\r" in text:
        raise ValueError("an expression stands on one line, so that no comment hides a part of it")
    macro = _MACROS.search(text)
    if macro:
        raise ValueError(f"the macro {macro[1]} is not allowed in an expression")
    try:
        program = cel.compile(text)
    except (ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0].split(" expecting ")[0]
        raise ValueError(f"not a CEL expression: {reason}") from None
    unknown = sorted(set(program.variables()) - set(VARIABLES))
    if unknown:
        raise ValueError(f"unknown name {unknown[0]}; there are {', '.join(VARIABLES)}")
    return program


def evaluated(text: str, cells: Mapping[str, object], value: str) -> str:
    """What an expression gives for a row, as text; raises ValueError without a word of the row."""
    program = compiled(text)
    try:
        found = program.execute({"row": dict(cells), "value": value})
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"the expression cannot be worked out: {type(error).__name__}") from None
    result = _as_text(found)
    if len(result) > MOST_RESULT:
        raise ValueError(f"the expression gives more than {MOST_RESULT} characters")
    return result


def _as_text(found: object) -> str:
    match found:
        case None:
            return ""
        case bool():
            return "true" if found else "false"
        case str() | int() | float():
            return str(found)
    raise ValueError("the expression gives neither a text nor a number")
