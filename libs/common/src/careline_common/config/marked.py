"""YAML that remembers where each value stood, so that errors can say so.

YAML 1.2's idea of plain values is used (`no` is a language, `21:00` a text, a date stays a text);
JSON is a subset. What refers to itself, is nested bottomlessly or grows by references is refused.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

MOST_VALUES = 500_000
"""A configuration with every agent of a large centre has fewer; a bomb of references has more."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong in a document; lines and columns count from 1."""

    line: int
    column: int
    path: str
    reason: str

    def text(self, file: Path) -> str:
        return f"{file}:{self.line}:{self.column} {self.path}: {self.reason}"


class UnreadableError(Exception):
    """The text is no YAML; `finding` says where and why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.reason)
        self.finding = finding


Marks = dict[str, tuple[int, int]]


def located(marks: Marks, path: str) -> tuple[int, int]:
    """Line and column of a path: its own, or of the nearest thing around it."""
    place = path
    while place and place not in marks:
        place = re.sub(r"(\.[^.\[\]]*|\[\d+\]|^[^.\[\]]+)$", "", place)
    return marks.get(place, (1, 1))


class _Loader(yaml.SafeLoader):
    """SafeLoader without YAML 1.1's surprises."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|false|False)$", "tTfF"),
    ("int", r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789"),
    ("float", r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$", "-+0123456789."),
    ("null", r"^(?:~|null|Null|)$", ["~", "n", "N", ""]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


@dataclass(slots=True)
class MarkedReader:
    """Turns YAML into plain values; notes marks and findings on the way."""

    marks: Marks = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    _values: int = 0

    def read(self, text: str) -> Any:
        """The document; raises `UnreadableError` for what is no YAML at all."""
        try:
            loader = _Loader(text)
            node = loader.get_single_node()
            return None if node is None else self._value(node, "", loader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            reason = error.problem or "is not YAML"
            raise UnreadableError(Finding(line, column, "", reason)) from error
        except yaml.YAMLError as error:
            raise UnreadableError(Finding(1, 1, "", str(error).splitlines()[0])) from error
        except RecursionError as error:
            raise UnreadableError(Finding(1, 1, "", "nested too deeply")) from error
        except ValueError as error:
            raise UnreadableError(Finding(1, 1, "", "a number is too long")) from error

    def named(self, key: str, value: Any, path: str) -> tuple[str, Any]:
        """A key and its value as they are to stand; for readers that look elsewhere for some."""
        return key, value

    def _find(self, node: yaml.Node, path: str, reason: str) -> None:
        mark = node.start_mark
        self.findings.append(Finding(mark.line + 1, mark.column + 1, path, reason))

    def _value(self, node: yaml.Node, path: str, loader: _Loader) -> Any:
        self._values += 1
        if self._values > MOST_VALUES:
            mark = node.start_mark
            raise UnreadableError(Finding(mark.line + 1, mark.column + 1, path, "too many values"))
        self.marks.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, loader)
        if isinstance(node, yaml.SequenceNode):
            return [
                self._value(item, f"{path}[{index}]", loader)
                for index, item in enumerate(node.value)
            ]
        return loader.construct_object(node, deep=True)

    def _mapping(self, node: yaml.MappingNode, path: str, loader: _Loader) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._find(key_node, path, "a key must be a plain word")
                continue
            key = str(key_node.value)
            here = f"{path}.{key}" if path else key
            name, value = self.named(key, self._value(value_node, here, loader), here)
            if name in result:
                self._find(key_node, here, "stands here twice")
            result[name] = value
        return result
