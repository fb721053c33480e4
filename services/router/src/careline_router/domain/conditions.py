"""What can be seen in the text of a condition: its words, its parts, what it looks at.

Conditions are written in a part of CEL that has no comments, no raw strings and no strings of several
lines, so that what is read here is what is compiled.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

MOST_CHARACTERS = 1000
MACROS = frozenset({"map", "filter", "all", "exists", "exists_one"})
"""Loops of CEL: nested, they can block for seconds."""

_TOKEN = re.compile(
    r"(?P<text>'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\")"
    r"|(?P<number>\d+\.\d+(?:[eE][+-]?\d+)?|\d+u?)"
    r"|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>&&|\|\||[=!<>]=|[-+*/%<>!?:.,()\[\]{}])"
)
_SPACE = re.compile(r"[ \t\r\n]*")
LISTS: frozenset[tuple[str, ...]] = frozenset({("crm", "needs")})
"""Paths that lead to lists of words."""
_COMPARISONS = frozenset({"==", "!=", "<", ">", "<=", ">=", "in"})

Kind = Literal["text", "number", "name", "sign"]
Path = tuple[str, ...]
"""`crm.payer` as its words."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a condition; `start` and `end` are where it stands in the text."""

    kind: Kind
    text: str
    start: int
    end: int

    @property
    def literal(self) -> Any:
        """The value of a text or a number."""
        if self.kind == "text":
            return re.sub(r"\\(.)", r"\1", self.text[1:-1])
        return float(self.text) if "." in self.text else int(self.text.rstrip("u"))


def tokens(text: str) -> list[Token]:
    """The words of a condition; raises ValueError that names the column of what is none."""
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"a condition has at most {MOST_CHARACTERS} characters")
    found: list[Token] = []
    at = _after_space(text, 0)
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"not a condition: {text[at]!r} in column {at + 1}")
        kind: Kind = match.lastgroup  # type: ignore[assignment]
        token = Token(kind, match[0], at, match.end())
        if found and not _may_follow(found[-1], token):
            raise ValueError(f"not a condition: {token.text[:20]} in column {at + 1}")
        found.append(token)
        at = _after_space(text, match.end())
    for before, name, after in zip(found, found[1:], found[2:], strict=False):
        if before.text == "." and name.text in MACROS and after.text == "(":
            raise ValueError(f"the macro {name.text} is not allowed in a condition")
    return found


def _after_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return at if space is None else space.end()


def _may_follow(before: Token, token: Token) -> bool:
    """No comment, and no text that has a prefix or three quotes: these would be read otherwise by CEL."""
    if token.kind == "text":
        return before.kind == "sign" or before.text == "in"
    if token.text == "/":
        return before.text != "/"
    return True


def parts(text: str) -> list[str]:
    """What `&&` or `||` joins on the outside of a condition; the condition itself when nothing does.

    Of mixed ones `||` binds less, as in CEL.
    """
    words = tokens(text)
    for joint in ("||", "&&"):
        cuts = [word for word, depth in _depths(words) if depth == 0 and word.text == joint]
        if cuts and not any(word.text == "?" for word, depth in _depths(words) if depth == 0):
            bounds = [0, *(at for cut in cuts for at in (cut.start, cut.end)), len(text)]
            pairs = zip(bounds[::2], bounds[1::2], strict=True)
            return [text[start:end].strip() for start, end in pairs]
    return [text.strip()]


def _depths(words: Sequence[Token]) -> Iterator[tuple[Token, int]]:
    depth = 0
    for word in words:
        if word.text in {"(", "[", "{"}:
            depth += 1
        elif word.text in {")", "]", "}"}:
            depth -= 1
        yield word, depth


@dataclass(frozen=True, slots=True)
class Sight:
    """What a condition looks at: its paths, each with the literals it is compared with.

    `is_plain` tells that it only compares paths with literals, so that whether it can hold is decided
    by trying those literals, and one value beside them.
    """

    literals: dict[Path, list[Any]]
    is_plain: bool


def sight(text: str) -> Sight:
    """What a condition looks at."""
    words = tokens(text)
    literals: dict[Path, list[Any]] = {}
    is_plain = True
    at = 0
    while at < len(words):
        word = words[at]
        if word.kind == "name" and word.text not in {"true", "false", "null", "in", "has"}:
            path, after = _path(words, at)
            called = after < len(words) and words[after].text == "("
            found, compared = _compared(words, at, after, path)
            literals.setdefault(path[:-1] if called else path, []).extend(found)
            is_plain = is_plain and not called and compared
            at = after
        else:
            is_plain = is_plain and word.text not in {"+", "-", "*", "/", "%", "?", "{", "null"}
            at += 1
    return Sight({path: found for path, found in literals.items() if path}, is_plain)


def _path(words: Sequence[Token], at: int) -> tuple[Path, int]:
    """The path that begins at a word, and where it ends: `crm.payer`, `load['a-1'].ready`."""
    path: list[str] = [words[at].text]
    at += 1
    while at + 1 < len(words):
        if words[at].text == "." and words[at + 1].kind == "name":
            path.append(words[at + 1].text)
            at += 2
        elif _is_key(words, at):
            path.append(words[at + 1].literal)
            at += 3
        else:
            break
    return tuple(path), at


def _is_key(words: Sequence[Token], at: int) -> bool:
    return (
        at + 2 < len(words)
        and words[at].text == "["
        and words[at + 1].kind == "text"
        and words[at + 2].text == "]"
    )


def _compared(words: Sequence[Token], start: int, after: int, path: Path) -> tuple[list[Any], bool]:
    """The literals that stand beside a path, and whether it is used as plainly as that."""
    behind = words[after].text if after < len(words) else ""
    before = words[start - 1].text if start else ""
    if behind in _COMPARISONS:
        return _literals(words, after + 1)
    if before in _COMPARISONS:
        beside = words[start - 2]
        if beside.kind in {"text", "number"}:
            return [beside.literal], before != "in" or path in LISTS
        return _words_before(words, start - 2, before)
    # alone it is a truth, or it is in `has(…)`
    return [], behind in {"", "&&", "||", ")"} and before in {"", "&&", "||", "(", "!"}


def _literals(words: Sequence[Token], at: int) -> tuple[list[Any], bool]:
    if at < len(words) and words[at].kind in {"text", "number"}:
        return [words[at].literal], True
    if at < len(words) and words[at].text in {"true", "false"}:
        return [words[at].text == "true"], True
    if at < len(words) and words[at].text == "[":
        found: list[Any] = []
        for word in words[at + 1 :]:
            if word.text == "]":
                return found, True
            if word.kind in {"text", "number"}:
                found.append(word.literal)
            elif word.text != ",":
                break
    return [], False


def _words_before(words: Sequence[Token], at: int, sign: str) -> tuple[list[Any], bool]:
    """A truth on the left: `true == crm.vip`."""
    if sign in {"==", "!="} and words[at].text in {"true", "false"}:
        return [words[at].text == "true"], True
    return [], False
