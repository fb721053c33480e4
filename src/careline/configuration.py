"""Reads a configuration file and remembers where each value stood, so that errors can say so.

YAML 1.2's idea of plain values is used (`no` is a language, `21:00` a text, a date stays a text);
JSON is a subset. A secret may be given as `NAME_file` (a relative path counts from the document's folder)
or `NAME_env` (a variable of this command, else of the service), so that it need not stand in the document.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

VERSION = 1


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong in a configuration file; lines and columns count from 1."""

    line: int
    column: int
    path: str
    reason: str

    def text(self, file: Path) -> str:
        return f"{file}:{self.line}:{self.column} {self.path}: {self.reason}"


class ConfigurationError(Exception):
    """The file cannot be applied as it is; `findings` say where and why."""

    def __init__(self, file: Path, findings: list[Finding]) -> None:
        self.file = file
        self.findings = findings
        super().__init__("\n".join(finding.text(file) for finding in findings))


@dataclass(frozen=True, slots=True)
class Document:
    """A configuration file as read: `sections` without the version, `marks` by path."""

    file: Path
    sections: Mapping[str, Any]
    marks: Mapping[str, tuple[int, int]]

    def finding(self, path: str, reason: str) -> Finding:
        """Locates an error: at its own place, or at the nearest thing around it."""
        place = path
        while place and place not in self.marks:
            place = re.sub(r"(\.[^.\[\]]*|\[\d+\]|^[^.\[\]]+)$", "", place)
        line, column = self.marks.get(place, (1, 1))
        return Finding(line, column, path, reason)


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


class _Reader:
    """Turns YAML nodes into plain values; notes marks and findings on the way."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.marks: dict[str, tuple[int, int]] = {}
        self.findings: list[Finding] = []

    def find(self, node: yaml.Node, path: str, reason: str) -> None:
        mark = node.start_mark
        self.findings.append(Finding(mark.line + 1, mark.column + 1, path or "(file)", reason))

    def value(self, node: yaml.Node, path: str, loader: _Loader) -> Any:
        self.marks.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path, loader)
        if isinstance(node, yaml.SequenceNode):
            return [
                self.value(item, f"{path}[{index}]", loader)
                for index, item in enumerate(node.value)
            ]
        return loader.construct_object(node, deep=True)

    def mapping(self, node: yaml.MappingNode, path: str, loader: _Loader) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.find(key_node, path, "a key must be a plain word")
                continue
            key = str(key_node.value)
            here = f"{path}.{key}" if path else key
            value = self.value(value_node, here, loader)
            name, value = self.outside(key, value, here)
            if name in result:
                self.find(key_node, here, "stands here twice")
            result[name] = value
        return result

    def outside(self, key: str, value: Any, path: str) -> tuple[str, Any]:
        """`password_env: V` is `password` when V is set here; else the service looks for V itself."""
        name = key.removesuffix("_env")
        if name == key or value not in self.environment:
            return key, value
        self.marks[path.removesuffix("_env")] = self.marks[path]
        return name, self.environment[value]


def read(file: Path, environment: Mapping[str, str] = os.environ) -> Document:
    """Reads a configuration file; raises `ConfigurationError` with everything that is wrong."""
    reader = _Reader(environment)
    loader: _Loader | None = None
    try:
        loader = _Loader(file.read_text(encoding="utf-8"))
        node = loader.get_single_node()
    except OSError as error:
        raise ConfigurationError(
            file, [Finding(1, 1, "(file)", error.strerror or "unreadable")]
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(file, [Finding(1, 1, "(file)", "is not UTF-8")]) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        reason = error.problem or "is not YAML"
        raise ConfigurationError(file, [Finding(line, column, "(file)", reason)]) from error
    except yaml.YAMLError as error:
        raise ConfigurationError(
            file, [Finding(1, 1, "(file)", str(error).splitlines()[0])]
        ) from error
    if not isinstance(node, yaml.MappingNode):
        raise ConfigurationError(file, [Finding(1, 1, "(file)", "must be a mapping of sections")])
    assert loader is not None
    sections = reader.value(node, "", loader)
    version = sections.pop("careline", None)
    if version != VERSION:
        line, column = reader.marks.get("careline", (1, 1))
        reason = (
            f"must be {VERSION}"
            if version is not None
            else f"is missing: write `careline: {VERSION}`"
        )
        reader.findings.append(Finding(line, column, "careline", reason))
    if reader.findings:
        raise ConfigurationError(file, reader.findings)
    from careline_common.config.secrets import with_absolute_files

    return Document(file, with_absolute_files(sections, file.resolve().parent), reader.marks)
