"""SIP phones played by sipp: callers and agents with sound in both directions.

A phone writes what happens to it (`calling ringing answered keyed ended refused cancelled`, with the SIP Call-ID;
before `ringing` also `called` and `shown`, with the number dialled and the caller's) into a log that the
test waits on. The test ends a call, or answers one, by sending its phone an INFO, and has it press a key by a MESSAGE.
"""

import asyncio
import socket
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

from careline_common.children import spawn
from careline_common.testing.asterisk import Asterisk
from careline_common.testing.components import Component
from careline_common.testing.ports import Ports

TONE = (b"\x9a" * 9 + b"\x1a" * 9) * 444  # a second of 444 Hz in µ-law
RTP_PORTS = 8
PATIENCE_S = 20.0
KEY_S = 0.3

Behaviour = Literal["answer", "busy", "reject", "ring", "unallocated", "congested"]
REFUSALS = {
    "busy": "486 Busy Here",
    "reject": "603 Decline",
    "unallocated": "404 Not Found",
    "congested": "503 Service Unavailable",
}


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened to a phone; of `called` and `shown` the second word is a number."""

    what: str
    call_id: str


class Phone:
    """One sipp process at one port."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, folder: Path) -> None:
        self._process = process
        self._port = port
        self._folder = folder

    @property
    def happenings(self) -> list[Happening]:
        """Everything so far, in order."""
        log = self._folder / "happenings.log"
        if not log.exists():
            return []
        words = (line.split() for line in log.read_text(errors="replace").splitlines())
        return [Happening(*pair) for pair in words if len(pair) == 2]

    async def waits_for(self, what: str, *, times: int = 1, patience_s: float = PATIENCE_S) -> str:
        """Waits until `what` has happened so many times; returns the Call-ID of the last."""
        deadline = time.monotonic() + patience_s
        while True:
            calls = [one.call_id for one in self.happenings if one.what == what]
            if len(calls) >= times:
                return calls[times - 1]
            if time.monotonic() > deadline:
                raise AssertionError(f"no {what!r} after {patience_s} s: {self.report()}")
            await asyncio.sleep(0.02)

    async def hangs_up(self) -> None:
        """Ends its latest call: BYE in a talk, CANCEL before it. Returns when the call has ended."""
        call_id = self._order()
        deadline = time.monotonic() + PATIENCE_S
        over = {Happening(what, call_id) for what in ("ended", "refused")}
        while not over & set(self.happenings):
            if time.monotonic() > deadline:
                raise AssertionError(f"the call does not end: {self.report()}")
            await asyncio.sleep(0.02)

    async def presses(self, key: str) -> None:
        """Presses one key in its talk, as a telephone tells it by SIP INFO."""
        before = sum(one.what == "keyed" for one in self.happenings)
        self._order("MESSAGE", f"Signal={key}\r\n")
        await self.waits_for("keyed", times=before + 1)
        await asyncio.sleep(KEY_S)  # Asterisk drops a key that comes while the last one sounds

    async def answers(self) -> None:
        """Takes the call that rings; for a phone that would `ring` on."""
        self._order()
        await self.waits_for("answered")

    def _order(self, method: str = "INFO", body: str = "") -> str:
        """Has sipp go on with its latest call; gives that call's id."""
        calls = [one.call_id for one in self.happenings if one.what not in {"called", "shown"}]
        assert calls, "this phone has no call"
        order = (
            f"{method} sip:phone@127.0.0.1 SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK-{time.monotonic_ns()}\r\n"
            f"From: <sip:test@127.0.0.1>;tag=test\r\nTo: <sip:phone@127.0.0.1>\r\n"
            f"Call-ID: {calls[-1]}\r\nCSeq: 1 {method}\r\nMax-Forwards: 1\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        )
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(order.encode(), ("127.0.0.1", self._port))
        return calls[-1]

    def report(self) -> str:
        """What happened and what sipp complained about."""
        errors = self._folder / "errors.log"
        complaint = errors.read_text(errors="replace")[-2000:] if errors.exists() else ""
        return f"{self.happenings} {complaint}"

    def close(self) -> None:
        """Pulls the plug; no BYE is sent."""
        self._process.kill()
        self._process.wait()


class Phones:
    """Makes phones around one Asterisk."""

    def __init__(
        self, component: Component, asterisk: Asterisk, folder: Path, ports: Ports
    ) -> None:
        self._component = component
        self._asterisk = asterisk
        self._folder = folder
        self._ports = ports
        self._phones: list[Phone] = []
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tone.ulaw").write_bytes(TONE)

    async def call(self, line: str, *, number: str = "+79161234567") -> Phone:
        """Someone at `number` dials `line`; returns as soon as the call is on its way."""
        port = self._ports.take()
        target = f"127.0.0.1:{self._asterisk.sip_port}"
        phone = self._start(
            "caller", {}, port,
            [target, "-s", line, "-key", "number", number, "-m", "1", "-l", "1"],
        )  # fmt: skip
        await phone.waits_for("calling")
        return phone

    async def agent(
        self, name: str, behaviour: Behaviour = "answer", *, ring_s: float = 0.2
    ) -> Phone:
        """The phone of an agent, for any number of calls; `ring` lets it ring until it is cancelled."""
        return await self._called(self._asterisk.phone_port[name], behaviour, ring_s)

    async def person(self, behaviour: Behaviour = "answer", *, ring_s: float = 0.2) -> Phone:
        """Whoever is called over the trunk, at any number; else as the phone of an agent."""
        return await self._called(self._asterisk.trunk_port, behaviour, ring_s)

    async def _called(self, port: int, behaviour: Behaviour, ring_s: float) -> Phone:
        replacements = {
            "@RING_MS@": str(600_000 if behaviour == "ring" else int(ring_s * 1000)),
            "@THEN@": "refuse" if behaviour in REFUSALS else "answer",
            "@REFUSAL@": REFUSALS.get(behaviour, "480 Temporarily Unavailable"),
        }
        phone = self._start("agent", replacements, port, [])
        await self._listens(phone, port)
        return phone

    def close(self) -> None:
        """Takes all phones away."""
        for phone in self._phones:
            phone.close()

    def _start(
        self, scenario: str, replacements: dict[str, str], port: int, arguments: list[str]
    ) -> Phone:
        folder = self._folder / f"{scenario}-{len(self._phones) + 1}"
        folder.mkdir()
        text = (files("careline_common.testing") / "scenarios" / f"{scenario}.xml").read_text()
        for mark, value in {**replacements, "@TONE@": str(self._folder / "tone.ulaw")}.items():
            text = text.replace(mark, value)
        (folder / "scenario.xml").write_text(text)
        rtp = self._ports.take_range(RTP_PORTS)
        command: list[str | Path] = [
            self._program, "-sf", folder / "scenario.xml", "-i", "127.0.0.1", "-p", str(port),
            "-mi", "127.0.0.1", "-mp", str(rtp),
            "-trace_logs", "-log_file", folder / "happenings.log",
            "-trace_err", "-error_file", folder / "errors.log", "-nostdin", "-cp", str(self._ports.take()),
            *arguments,
        ]  # fmt: skip
        environment = {
            "PATH": "/usr/bin:/bin", "TERM": "dumb", "LD_LIBRARY_PATH": self._component.library_path(),
        }  # fmt: skip
        process = spawn(command, log=folder / "screen.log", env=environment, cwd=folder)
        phone = Phone(process, port, folder)
        self._phones.append(phone)
        return phone

    @property
    def _program(self) -> Path:
        return self._component.prefix / "usr/bin/sipp"

    async def _listens(self, phone: Phone, port: int) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not _is_open(port):
            if time.monotonic() > deadline:
                raise AssertionError(f"the phone does not start: {phone.report()}")
            await asyncio.sleep(0.02)


def _is_open(port: int) -> bool:
    """Whether somebody listens on UDP `port`. Read, never tried: a probe that binds takes the port
    from the very phone it waits for."""
    wanted = f":{port:04X}"
    table = Path("/proc/net/udp").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(wanted) for line in table)


@asynccontextmanager
async def phones_around(
    asterisk: Asterisk, component: Component, folder: Path, ports: Ports
) -> AsyncIterator[Phones]:
    """Phones that are all taken away at the end."""
    phones = Phones(component, asterisk, folder, ports)
    try:
        yield phones
    finally:
        phones.close()
