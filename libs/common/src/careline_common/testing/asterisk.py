"""A private Asterisk that runs the configuration we ship in deploy/asterisk.

Only addresses, ports and passwords are replaced, so that what is tested is what a centre gets.
Agents' phones have fixed addresses (`phone_port`) instead of registering: sipp plays them, and the
people behind the trunk (`trunk_port`).
"""

import asyncio
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from careline_common.children import exited, spawn, stop_child
from careline_common.testing.components import Component
from careline_common.testing.ports import Ports

START_PATIENCE_S = 60.0
RTP_PORTS = 60
AGENTS = ("a1", "a2", "a3", "a4")
STOP_SIGNALS = ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0))
EMPTY_FILES = [
    "acl",
    "ccss",
    "cel",
    "cdr_custom",
    "cel_custom",
    "cli",
    "cli_aliases",
    "cli_permissions",
    "codecs",
    "dnsmgr",
    "features",
    "manager",
    "pjproject",
    "queuerules",
    "res_curl",
    "sorcery",
    "stasis",
    "udptl",
    "websocket_client",
]
MAIN = """\
[directories]
astetcdir => {folder}/etc
astmoddir => {library}/asterisk/modules
astvarlibdir => {folder}/var
astdbdir => {folder}/var
astkeydir => {folder}/var
astdatadir => {prefix}/usr/share/asterisk
astagidir => {prefix}/usr/share/asterisk/agi-bin
astspooldir => {folder}/spool
astrundir => {folder}/run
astlogdir => {folder}/log
astcachedir => {folder}/cache
[options]
systemname = careline-test
nocolor = yes
dontwarn = yes
"""
SITE = """\
[to-{there}](site)
aors = to-{there}
auth = to-{there}
outbound_auth = to-{there}
from_user = to-{here}
[to-{there}]
type = aor
contact = sip:127.0.0.1:{port}
qualify_frequency = 1
[to-{there}]
type = auth
auth_type = digest
username = sites
password = {password}
"""

_CHANNEL_STATS = re.compile(
    r"\s*(?:\S+\s+)?(?P<endpoint>\S+)-[0-9a-f]{8}\s+[\d:]+\s+\S+"
    r"\s+(?P<received>\d+)\s+\d+\s+\d+\s+[\d.]+\s+(?P<sent>\d+)"
)


class AsteriskError(Exception):
    """Asterisk does not start or refuses a command; the message has what it said."""


class Asterisk:
    """One Asterisk on 127.0.0.1, which tests may kill and start again."""

    ari_user = "careline"

    def __init__(
        self,
        component: Component,
        shipped: Path,
        folder: Path,
        ports: Ports,
        agents: Sequence[str] = AGENTS,
    ) -> None:
        self._component = component
        self._folder = folder
        self.ari_password = secrets.token_hex(12)
        self.sip_port = ports.take()
        self.http_port = ports.take()
        self.phone_port = {agent: ports.take() for agent in agents}
        self.trunk_port = ports.take()
        self._rtp = ports.take_range(RTP_PORTS)
        self._process: subprocess.Popen[bytes] | None = None
        self.token_file = folder / "careline.token"
        for name in ("etc", "var/keys", "spool/recording", "run", "log/cdr-csv", "cache"):
            (folder / name).mkdir(parents=True)
        self._render(shipped, folder / "etc")

    @property
    def ari_url(self) -> str:
        """The base of ARI, as `pbxs: [{url: …}]` wants it."""
        return f"http://127.0.0.1:{self.http_port}/ari"

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def log(self) -> str:
        """What it has written so far: warnings and errors, and the console."""
        files = (self._folder / "log" / "messages.log", self._folder / "output.log")
        return "\n".join(file.read_text(errors="replace") for file in files if file.exists())

    async def start(self) -> None:
        """Starts and returns when it is fully booted (0.3 s on a free machine)."""
        etc = self._folder / "etc" / "asterisk.conf"
        self._process = spawn(
            [*self._program, "-f", "-C", etc],
            log=self._folder / "output.log",
            env={"PATH": "/usr/bin:/bin", "HOME": str(self._folder), "LC_ALL": "C.UTF-8"},
            dying=signal.SIGKILL,
        )
        deadline = time.monotonic() + START_PATIENCE_S
        while not await self._booted():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AsteriskError(f"Asterisk does not start: {self.log[-2000:]}")
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """Stops it in order; calls end."""
        if self._process:
            await stop_child(self._process, STOP_SIGNALS)

    async def kill(self) -> None:
        """Kills it, as a power cut would."""
        assert self._process is not None
        self._process.kill()
        await exited(self._process, 5.0)

    async def cli(self, command: str) -> str:
        """Runs a console command and returns what it prints."""
        etc = self._folder / "etc" / "asterisk.conf"
        process = await asyncio.create_subprocess_exec(
            *self._program, "-C", str(etc), "-rx", command,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate()
        if process.returncode != 0:
            raise AsteriskError(f"{command}: {output.decode(errors='replace').strip()}")
        return output.decode(errors="replace")

    async def set_global(self, name: str, value: str) -> None:
        """Sets a global variable of the dialplan, as if it stood in extensions.conf."""
        await self.cli(f"dialplan set global {name} {value}")

    async def lose_silent_phones_after(self, seconds: int) -> None:
        """An agent's phone, or another site, from which no sound comes for so long has dropped out; as if it stood in pjsip.conf."""
        file = self._folder / "etc" / "pjsip.conf"
        file.write_text(re.sub(r"rtp_timeout = \d+", f"rtp_timeout = {seconds}", file.read_text()))
        await self.cli("module reload res_pjsip.so")

    async def leads_to(self, other: "Asterisk", *, here: str, there: str, password: str) -> None:
        """From now on `PJSIP/PHONE@to-THERE` rings a phone that stands at the other one: pjsip_sites.conf, filled in."""
        text = SITE.format(here=here, there=there, port=other.sip_port, password=password)
        (self._folder / "etc" / "pjsip_sites.conf").write_text(text)
        await self.cli("module reload res_pjsip.so")

    async def ask_by_curl(self, *, url: str, pbx: str, token: str) -> None:
        """Calls that arrive from now on take the CURL form against the router at `url`."""
        self.token_file.write_text(f"{token}\n")
        for name, value in (("URL", url), ("PBX", pbx), ("FORM", "curl")):
            await self.set_global(f"CARELINE_{name}", value)

    async def channels(self) -> int:
        """How many channels there are now."""
        shown = await self.cli("core show channels count")
        return int(shown.split(" active channel")[0].rsplit("\n", 1)[-1])

    async def sound(self) -> dict[str, tuple[int, int]]:
        """RTP packets a channel has received and sent so far, by the endpoint's name."""
        counted: dict[str, tuple[int, int]] = {}
        for line in (await self.cli("pjsip show channelstats")).splitlines():
            found = _CHANNEL_STATS.match(line)
            if found:
                counted[found["endpoint"]] = (int(found["received"]), int(found["sent"]))
        return counted

    @property
    def _library(self) -> Path:
        return next(self._component.prefix.glob("usr/lib/*-linux-gnu"))

    @property
    def _program(self) -> list[str]:
        library = self._library
        asterisk = self._component.prefix / "usr/sbin/asterisk"
        return [str(library / "loader"), "--library-path", str(library), str(asterisk)]

    async def _booted(self) -> bool:
        if not (self._folder / "run" / "asterisk.ctl").exists():
            return False
        try:
            return "fully booted" in await self.cli("core waitfullybooted")
        except AsteriskError:
            return False

    def _render(self, shipped: Path, etc: Path) -> None:
        for file in shipped.glob("*.conf"):
            shutil.copy(file, etc)
        for name in EMPTY_FILES:
            (etc / f"{name}.conf").touch()
        main = MAIN.format(
            folder=self._folder, library=self._library, prefix=self._component.prefix
        )
        (etc / "asterisk.conf").write_text(main)
        sounds = self._component.prefix / "usr/share/asterisk/sounds/en"
        for name, old, new in (
            ("pjsip.conf", "bind = 0.0.0.0:5060", f"bind = 127.0.0.1:{self.sip_port}"),
            ("pjsip.conf", "sip:127.0.0.1:5070", f"sip:127.0.0.1:{self.trunk_port}"),
            ("http.conf", "bindport = 8088", f"bindport = {self.http_port}"),
            ("ari.conf", "password = change-me", f"password = {self.ari_password}"),
            ("rtp.conf", "rtpstart = 10000", f"rtpstart = {self._rtp}"),
            ("rtp.conf", "rtpend = 20000", f"rtpend = {self._rtp + RTP_PORTS - 1}"),
            ("musiconhold.conf", "/usr/share/asterisk/moh", str(sounds / "letters")),
            ("extensions.conf", "/etc/asterisk/careline.token", str(self.token_file)),
        ):
            _replace(etc / name, old, new)
        phones = [
            f"[{agent}](agent)\naors = {agent}\nmedia_address = 127.0.0.1\n"
            f"[{agent}]\ntype = aor\ncontact = sip:{agent}@127.0.0.1:{port}\n"
            for agent, port in self.phone_port.items()
        ]
        (etc / "pjsip_agents.conf").write_text("\n".join(phones))
        members = [f"member => PJSIP/{agent}\n" for agent in self.phone_port]
        (etc / "queues_members.conf").write_text("".join(members))


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    if text.count(old) != 1:
        raise AsteriskError(
            f"{file.name} has {text.count(old)} times {old!r}: adapt testing/asterisk.py"
        )
    file.write_text(text.replace(old, new))


@asynccontextmanager
async def private_asterisk(
    component: Component,
    shipped: Path,
    folder: Path,
    ports: Ports,
    agents: Sequence[str] = AGENTS,
) -> AsyncIterator[Asterisk]:
    """Runs an Asterisk whose files are under `folder`, with the phones of these agents."""
    asterisk = Asterisk(component, shipped, folder, ports, agents)
    try:
        await asterisk.start()
        yield asterisk
    finally:
        await asterisk.stop()
