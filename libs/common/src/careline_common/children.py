"""Child processes that never outlive us.

A child started here leads its own session, so Ctrl-C in a terminal reaches only us and we stop the
children in order. When we die without a chance to do that, the kernel signals them (Linux).
"""

import asyncio
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_EXEC = Path(__file__).with_name("_exec_child.py")


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a child runs as."""

    uid: int
    gid: int


def unprivileged_account() -> Account | None:
    """The account for programs that refuse to run as root; None when we are not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    return Account(65534, 65534)


def command_line(
    command: Sequence[str | Path],
    *,
    account: Account | None = None,
    dying: signal.Signals = signal.SIGTERM,
) -> list[str]:
    """`command`, wrapped so that it gets the signal `dying` when the process that starts it dies.

    The kernel watches the *thread* that starts the child: start children from one that lives as
    long as they should.
    """
    uid, gid = (account.uid, account.gid) if account else (-1, -1)
    wrapper = [sys.executable, "-I", "-S", str(_EXEC)]
    settings = [str(os.getpid()), str(int(dying)), str(uid), str(gid)]
    return [*wrapper, *settings, *(str(part) for part in command)]


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str],
    account: Account | None = None,
    dying: signal.Signals = signal.SIGTERM,
    cwd: Path | None = None,
) -> "subprocess.Popen[bytes]":
    """Starts `command` with its output appended to `log`."""
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - the commands are our own
            command_line(command, account=account, dying=dying),
            env=dict(env),
            cwd=cwd or Path("/"),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


async def exited(process: "subprocess.Popen[bytes]", patience_s: float) -> bool:
    """Waits until a child has gone; False when it is still there after `patience_s`."""
    deadline = time.monotonic() + patience_s
    while process.poll() is None:
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.01)
    return True


async def stop_child(
    process: "subprocess.Popen[bytes]", signals: Sequence[tuple[signal.Signals, float]]
) -> None:
    """Stops a child: each signal in turn with the seconds to wait for it."""
    for number, patience_s in signals:
        if process.poll() is not None:
            return
        process.send_signal(number)
        if await exited(process, patience_s):
            return


def command_of(pid: int) -> str:
    """The command line of a live process; empty when it is gone or a zombie."""
    if Path("/proc/self").exists():
        try:
            return (
                Path(f"/proc/{pid}/cmdline")
                .read_bytes()
                .replace(b"\0", b" ")
                .decode(errors="replace")
            )
        except OSError:
            return ""
    shown = subprocess.run(  # noqa: S603
        ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return shown.stdout.strip()


def stop_stranger(pid: int, *, mark: str, signals: Sequence[tuple[signal.Signals, float]]) -> bool:
    """Stops a process that is not our child, if its command line shows `mark`.

    `signals` are sent one after the other, each with the seconds to wait for it. Returns whether
    such a process was there. The mark keeps us from stopping whoever has that number by now.
    """
    if mark not in command_of(pid):
        return False
    for number, patience_s in signals:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return True
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            if mark not in command_of(pid):
                return True
            time.sleep(0.02)
    return True
