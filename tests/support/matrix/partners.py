"""The partners outside, each a process of its own whose record outlives kill -9: an SMSC and an
insurer's SFTP server."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from careline_common.children import command_line, exited
from careline_common.testing.waiting import eventually

HOST = "127.0.0.1"
NUMBER = "1420"
PATIENCE_S = 60.0


class Partner:
    """One process at one port. `reached_at` is the port by which Careline reaches it."""

    def __init__(
        self, module: str, arguments: Sequence[str | Path], folder: Path, port: int
    ) -> None:
        folder.mkdir()
        self.port = self.reached_at = port
        self.folder = folder
        self._command = [sys.executable, "-u", "-m", module, "--port", str(port), *arguments]
        self._log = folder / "output.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.lives = 0
        """How often it was started."""

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def said(self) -> str:
        """Its standard output."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    async def start(self) -> None:
        begun = len(self.said)
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                command_line(self._command, dying=signal.SIGKILL),
                env=dict(os.environ),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        await eventually(lambda: "\n" in self.said[begun:], what=self._command[3])
        self.lives += 1

    async def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process.kill()
            await exited(self._process, 5.0)

    def _tell(self, command: dict[str, Any]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write((json.dumps(command) + "\n").encode())
        self._process.stdin.flush()


class Carrier(Partner):
    """The SMSC. What it has to deliver is delivered even after its own death, as by an SMSC with a
    disk: the coroutine that asks for it is the disk."""

    def __init__(self, folder: Path, port: int) -> None:
        self._record = folder / "record.jsonl"
        arguments = [
            "--record", self._record, "--set", "receipts=none", "--set", "redeliver_after_s=0.2",
        ]  # fmt: skip
        super().__init__("careline_surveys.fakes.smsc", arguments, folder, port)

    def configuration(self) -> dict[str, Any]:
        """Its entry in `sms`."""
        return {
            "id": "s1", "kind": "smpp", "host": HOST, "port": self.reached_at, "source": NUMBER,
            "system_id": "careline", "password": "secret",
        }  # fmt: skip

    def messages(self, phone: str | None = None) -> list[dict[str, Any]]:
        """Every message it has ever taken, to one number or to all: `{to, message_id, …}`."""
        taken = [
            {"to": f"+{one['to'].lstrip('+')}", "message_id": one["message_id"]}
            for one in self._saw("submit_sm")
        ]
        return [one for one in taken if phone in (None, one["to"])]

    async def tell_receipt(self, phone: str, message_id: str) -> None:
        """Tells that a message has come; returns when surveys has acknowledged it."""
        text = (
            f"id:{message_id} sub:001 dlvrd:001 submit date:2611240800 done date:2611240801"
            " stat:DELIVRD err:000 text:"
        )
        tlvs = {"001e": (message_id.encode() + b"\0").hex(), "0427": "02"}
        await self._deliver(phone, text, esm_class=4, tlvs=tlvs)

    async def tell_reply(self, phone: str, text: str) -> None:
        """A patient's reply; returns when surveys has acknowledged it."""
        await self._deliver(phone, text)

    async def _deliver(self, phone: str, text: str, **more: Any) -> None:
        sender = phone.lstrip("+")
        before = self._delivered(sender)
        command = {"deliver": {"from": sender, "to": NUMBER, "hex": text.encode().hex(), **more}}
        while self._delivered(sender) == before:
            life = self.lives
            self._tell(command)
            await eventually(
                lambda life=life: self._delivered(sender) > before or self.lives > life,
                within_s=PATIENCE_S,
                what="surveys to acknowledge what the SMSC delivers",
            )

    def _delivered(self, sender: str) -> int:
        return sum(one["to"] == sender and one["status"] == 0 for one in self._saw("delivered"))

    def _saw(self, event: str) -> list[dict[str, Any]]:
        if not self._record.exists():
            return []
        # what follows the last line's end is being written, or was when the process was killed
        lines = self._record.read_text(encoding="utf-8").split("\n")[:-1]
        entries = [json.loads(line) for line in lines if line.endswith("}")]
        return [entry for entry in entries if entry["event"] == event]


class Insurer(Partner):
    """The insurer's SFTP server over a folder with `in` and `answers`."""

    def __init__(self, folder: Path, port: int) -> None:
        self._files = folder / "files"
        arguments = ["--folder", self._files, "--host-key", folder / "host.key"]
        super().__init__("careline_ingest.fakes.sftp", arguments, folder, port)
        for name in ("in", "answers"):
            (self._files / name).mkdir(parents=True)

    def configuration(self) -> dict[str, Any]:
        """What says in a source how it is fetched."""
        told = dict(line.split(": ", 1) for line in self.said.splitlines()[-4:])
        return {
            "kind": "sftp", "url": f"sftp://{HOST}:{self.reached_at}/in", "user": told["user"],
            "password": told["password"], "host_key": told["host_key"], "answers": "/answers",
            "settle_s": 0.1, "every_s": 0.5, "timeout_s": 5,
        }  # fmt: skip

    async def start(self) -> None:
        await super().start()
        await eventually(lambda: self.said.count("host_key: ") > self.lives - 1, what="its key")

    def put(self, name: str, content: bytes) -> None:
        """The insurer puts a file there, whole or not at all."""
        part = self._files / "in" / f".{name}"
        part.write_bytes(content)
        part.rename(self._files / "in" / name)

    def answers(self) -> dict[str, dict[str, Any]]:
        """The answers that lie there whole, by name."""
        return {
            path.name: json.loads(path.read_text(encoding="utf-8"))
            for path in (self._files / "answers").glob("*.flk.json")
            if not path.name.startswith(".")
        }
