"""OData `$filter` as far as look-ups go, and strict about it as the real service.

    or    = and *( "or" and )
    and   = unary *( "and" unary )
    unary = "not" unary / "(" or ")" / column ( "eq" / "ne" ) literal
    literal: 'text' with '' for ', an integer, true, false, null

(OData 4.01 part 2, 5.1.1; ABNF construction rules.) Words are case-sensitive, as in Dataverse.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

Predicate = Callable[[Mapping[str, Any]], bool]

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+)|(?P<word>\w+)|(?P<mark>[()]))"
)
_LITERALS: Mapping[str, Any] = {"true": True, "false": False, "null": None}
_KEYWORDS = frozenset({"and", "or", "not", "eq", "ne", *_LITERALS})


class FilterError(ValueError):
    """The filter is malformed or names a column that is not there; the text says where."""


def compile_filter(text: str, columns: Collection[str]) -> Predicate:
    """The filter as a predicate over rows; raises `FilterError`. Texts match without case."""
    parser = _Parser(_tokens(text), frozenset(columns))
    predicate = parser.either()
    parser.end()
    return predicate


def _tokens(text: str) -> list[tuple[str, str, int]]:
    """Kind, text and place of each token."""
    found: list[tuple[str, str, int]] = []
    place = 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None:
            raise FilterError(f"Syntax error: character is not valid at position {place}.")
        kind = str(match.lastgroup)
        found.append((kind, match[kind], match.start(kind)))
        place = match.end()
        if kind != "mark" and text[place : place + 1] not in {"", " ", ")"}:
            raise FilterError(f"Syntax error at position {place}.")
    return found


class _Parser:
    def __init__(self, tokens: list[tuple[str, str, int]], columns: frozenset[str]) -> None:
        self._tokens = tokens
        self._columns = columns
        self._next = 0

    def either(self) -> Predicate:
        options = [self._both()]
        while self._took("word", "or"):
            options.append(self._both())
        return options[0] if len(options) == 1 else lambda row: any(each(row) for each in options)

    def _both(self) -> Predicate:
        parts = [self._one()]
        while self._took("word", "and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda row: all(each(row) for each in parts)

    def _one(self) -> Predicate:
        if self._took("word", "not"):
            inner = self._one()
            return lambda row: not inner(row)
        if self._took("mark", "("):
            inner = self.either()
            if not self._took("mark", ")"):
                raise self._wrong("')' expected")
            return inner
        return self._comparison()

    def _comparison(self) -> Predicate:
        column = self._take("word")
        if column in _KEYWORDS:
            raise self._wrong("a property expected")
        if column not in self._columns:
            raise FilterError(
                f"Could not find a property named '{column}' on type 'Microsoft.Dynamics.CRM.contact'."
            )
        operator = self._take("word")
        if operator not in {"eq", "ne"}:
            raise self._wrong(f"operator '{operator}' is not supported")
        value = _folded(self._literal())
        if operator == "eq":
            return lambda row: _folded(row.get(column)) == value
        return lambda row: _folded(row.get(column)) != value

    def _literal(self) -> Any:
        kind, text, _ = self._peek()
        self._next += 1
        if kind == "text":
            return text[1:-1].replace("''", "'")
        if kind == "number":
            return int(text)
        if text in _LITERALS:
            return _LITERALS[text]
        self._next -= 1
        raise self._wrong("a literal expected")

    def _peek(self) -> tuple[str, str, int]:
        return self._tokens[self._next] if self._next < len(self._tokens) else ("end", "", -1)

    def _took(self, kind: str, text: str) -> bool:
        if self._peek()[:2] != (kind, text):
            return False
        self._next += 1
        return True

    def _take(self, kind: str) -> str:
        found, text, _ = self._peek()
        if found != kind:
            raise self._wrong(f"{kind} expected")
        self._next += 1
        return text

    def end(self) -> None:
        if self._next < len(self._tokens):
            raise self._wrong("the end expected")

    def _wrong(self, what: str) -> FilterError:
        place = self._peek()[2]
        where = "the end" if place < 0 else f"position {place}"
        return FilterError(f"Syntax error at {where}: {what}.")


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else (type(value), value)
