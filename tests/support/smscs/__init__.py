"""Three SMSCs as processes, told what to do and asked what they saw in the same words."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from careline_common.children import command_line
from careline_common.testing.components import missing, require
from careline_common.testing.waiting import eventually

HERE = Path(__file__).parent
KINDS = ("fake", "smpp34", "node")


class SmscProcess:
    """One SMSC at one port; stopped and started again it goes on with its record."""

    def __init__(
        self, command: Sequence[str | Path], *, port: int, folder: Path, environment: dict[str, str]
    ) -> None:
        self.port = port
        self._command = command
        self._environment = environment
        self._record = folder / "record.jsonl"
        self._log = folder / "output.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def entry(self) -> dict[str, Any]:
        """Its entry of the section `sms`."""
        return {
            "id": "s1", "kind": "smpp", "host": "127.0.0.1", "port": self.port, "source": "1420",
            "system_id": "careline", "password": "secret",
        }  # fmt: skip

    async def start(self) -> None:
        begun = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                command_line(self._command, dying=signal.SIGKILL),
                env={**os.environ, **self._environment},
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        await eventually(lambda: "ready" in self._log.read_text()[begun:], what="the SMSC")

    def tell(self, **command: Any) -> None:
        """Gives it a command, such as next=["throttle"]."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write((json.dumps(command) + "\n").encode())
        self._process.stdin.flush()

    def saw(self, event: str = "submit_sm") -> list[dict[str, Any]]:
        """What it has in its record, oldest first."""
        if not self._record.exists():
            return []
        lines = self._record.read_text().splitlines()
        entries: list[dict[str, Any]] = [json.loads(line) for line in lines]
        return [entry for entry in entries if entry["event"] == event]

    async def sees(self, count: int, event: str = "submit_sm") -> list[dict[str, Any]]:
        """The record once there are so many."""
        await eventually(lambda: len(self.saw(event)) >= count, what=f"{count} {event}")
        return self.saw(event)

    def kill(self) -> None:
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process.kill()
            self._process.wait()
            self._process = None


def smsc_process(kind: str, *, port: int, folder: Path, project: Path) -> SmscProcess:
    """An SMSC of this kind, not started yet."""
    record = folder / "record.jsonl"
    environment: dict[str, str] = {"PYTHONUNBUFFERED": "1"}
    command: list[str | Path] = [sys.executable]
    if kind == "fake":
        command += ["-m", "careline_surveys.fakes.smsc", "--port", str(port), "--record", record]
    elif kind == "smpp34":
        command += [HERE / "smpp34_server.py", str(port), record]
    else:
        component = require("node-smpp", project)
        node = shutil.which("node") or str(component.prefix / "usr/bin/node")
        if not Path(node).exists():
            missing("node-smpp", "no node")
        command = [node, HERE / "server.js", str(port), record]
        environment["SMPP_MODULE"] = str(component.prefix / "node_modules/smpp")
        environment["LD_LIBRARY_PATH"] = component.library_path()
    return SmscProcess(command, port=port, folder=folder, environment=environment)
