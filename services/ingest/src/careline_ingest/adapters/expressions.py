"""Expressions of mappings, in CEL (https://cel.dev) with its libraries of texts, numbers and lists.

What one costs cannot be seen from it: a pattern of thirty characters may take half a minute for one cell.
So an expression is checked here, and worked out in a process of its own (`expression_worker`).
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

MOST_CHARACTERS = 1000
MOST_RESULT = 200_000
VARIABLES = ("row", "value")
CORE = frozenset(
    {
        "size", "contains", "startsWith", "endsWith", "matches", "int", "uint", "double", "string",
        "bytes", "timestamp", "duration", "type", "getDate", "getDayOfMonth", "getDayOfWeek",
        "getDayOfYear", "getFullYear", "getHours", "getMilliseconds", "getMinutes", "getMonth",
        "getSeconds",
    }
)  # fmt: skip
"""Functions of CEL itself."""
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
    libraries, functions = _libraries()
    unknown = sorted(set(program.variables()) - libraries - set(VARIABLES))
    if unknown:
        raise ValueError(f"unknown name {unknown[0]}; there are {', '.join(VARIABLES)}")
    called = {name for name in program.functions() if name.isidentifier() and name[0] != "_"}
    if called - CORE - functions:
        raise ValueError(f"unknown function {min(called - CORE - functions)}")
    return program


def _libraries() -> tuple[frozenset[str], frozenset[str]]:
    """The names before the dots of the libraries' functions, and those behind them."""
    from cel.stdlib import STDLIB_FUNCTIONS

    parts = [name.rpartition(".") for name in STDLIB_FUNCTIONS]
    return frozenset(part[0] for part in parts if part[0]), frozenset(part[2] for part in parts)


def evaluated(text: str, cells: Mapping[str, object], value: str) -> str:
    """What an expression gives for a row, as text; raises ValueError without a word of the row."""
    program, context = compiled(text), _context()
    context.update({"row": dict(cells), "value": value})
    try:
        found = program.execute(context)
    except MemoryError:
        raise ValueError("the expression takes too much memory") from None
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"the expression cannot be worked out: {type(error).__name__}") from None
    result = _as_text(found)
    if len(result) > MOST_RESULT:
        raise ValueError(f"the expression gives more than {MOST_RESULT} characters")
    return result


@lru_cache(maxsize=1)
def _context() -> Any:
    from cel import Context
    from cel.stdlib import add_stdlib_to_context

    context = Context()
    add_stdlib_to_context(context)
    return context


def _as_text(found: object) -> str:
    match found:
        case None:
            return ""
        case bool():
            return "true" if found else "false"
        case str() | int() | float():
            return str(found)
    raise ValueError("the expression gives neither a text nor a number")
