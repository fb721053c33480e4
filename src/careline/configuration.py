"""Reads a configuration file and remembers where each value stood, so that errors can say so.

A secret may be given as `NAME_file` (a relative path counts from the document's folder) or `NAME_env`
(a variable of this command, else of the service), so that it need not stand in the document.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from careline_common.config.marked import Finding, MarkedReader, Marks, UnreadableError, located

VERSION = 1


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
    marks: Marks

    def finding(self, path: str, reason: str) -> Finding:
        """Locates an error: at its own place, or at the nearest thing around it."""
        return Finding(*located(self.marks, path), path, reason)


@dataclass(slots=True)
class _Reader(MarkedReader):
    environment: Mapping[str, str] = field(default_factory=dict)

    def named(self, key: str, value: Any, path: str) -> tuple[str, Any]:
        """`password_env: V` is `password` when V is set here; else the service looks for V itself."""
        name = key.removesuffix("_env")
        if name == key or value not in self.environment:
            return key, value
        self.marks[path.removesuffix("_env")] = self.marks[path]
        return name, self.environment[value]


def read(file: Path, environment: Mapping[str, str] = os.environ) -> Document:
    """Reads a configuration file; raises `ConfigurationError` with everything that is wrong."""
    reader = _Reader(environment=environment)
    try:
        sections = reader.read(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            file, [Finding(1, 1, "(file)", error.strerror or "unreadable")]
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(file, [Finding(1, 1, "(file)", "is not UTF-8")]) from error
    except UnreadableError as error:
        found = error.finding
        raise ConfigurationError(
            file, [Finding(found.line, found.column, found.path or "(file)", found.reason)]
        ) from error
    if not isinstance(sections, dict):
        raise ConfigurationError(file, [Finding(1, 1, "(file)", "must be a mapping of sections")])
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
        raise ConfigurationError(file, [_placed(each) for each in reader.findings])
    from careline_common.config.secrets import with_absolute_files

    return Document(file, with_absolute_files(sections, file.resolve().parent), reader.marks)


def _placed(finding: Finding) -> Finding:
    path = finding.path or "(file)"
    return Finding(finding.line, finding.column, path, finding.reason)
