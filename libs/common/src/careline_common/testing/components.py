"""Where the real programs are that tests run against, and what happens when one is missing."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest

INSTALLED = {"rabbitmq": "/usr/lib/rabbitmq/bin/rabbitmq-server", "sipp": "sipp"}
"""Installed programs that will do where the unpacked ones cannot be had."""


@dataclass(frozen=True, slots=True)
class Component:
    """A program and the folder under which its package is unpacked (`/` for an installed one)."""

    name: str
    prefix: Path

    def library_path(self) -> str:
        """Where its own libraries are."""
        folders = sorted(self.prefix.glob("usr/lib/*-linux-gnu"))
        return ":".join(str(folder) for folder in folders)


def missing(name: str, reason: str) -> NoReturn:
    """Skips the test with a line that names the component; under CI that is a failure."""
    line = f"unavailable: {name}: {reason}"
    if os.environ.get("CI", "").lower() in {"1", "true", "yes"}:
        pytest.fail(line, pytrace=False)
    pytest.skip(line)


@cache
def require(name: str, project: Path) -> Component:
    """The component, fetched now if it is not there yet. What is there is looked for once a process."""
    base = Path(os.environ.get("CARELINE_COMPONENTS", project / ".cache" / "components"))
    script = project / "scripts" / "components.sh"
    if script.exists():
        subprocess.run([script, name], check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    if (base / name / ".careline").exists():
        return Component(name, base / name)
    if name in INSTALLED and shutil.which(INSTALLED[name]):
        return Component(name, Path("/"))
    reason = base / f"{name}.unavailable"
    missing(name, reason.read_text().strip() if reason.exists() else f"not in {base}")
