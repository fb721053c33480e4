"""What the fakes have in common on the command line."""

import argparse
import asyncio
import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from careline_router.fakes.http_server import (
    Cut,
    Desk,
    FakeServer,
    Fault,
    Garbage,
    Handler,
    Hang,
    Reply,
    Slow,
)
from careline_router.fakes.login import CLIENT_ID, CLIENT_SECRET, PATH, BehindLogin, Login

FAULTS = """\
faults, one --fault for each request from the first on; '*503' is for all requests after those:
  429:30        that status, with Retry-After: 30        503    that status alone
  slow:2        the answer two seconds late              hang   no answer at all
  cut:40        40 bytes of the answer, then the end     garbage   bytes that are no HTTP
  ok            the true answer
"""
LOGIN_HELP = (
    f"ask for a token of its own login in place of a fixed one: token_url …{PATH},"
    f" client_id {CLIENT_ID}, client_secret {CLIENT_SECRET!r}"
).replace("%", "%%")


def read_fault(text: str) -> Fault:
    """A fault as written on the command line; raises ValueError."""
    kind, _, value = text.partition(":")
    match kind:
        case "ok":
            return Slow(0)
        case "hang":
            return Hang()
        case "garbage":
            return Garbage()
        case "slow":
            return Slow(float(value))
        case "cut":
            return Cut(int(value))
        case _:
            return Reply(status=int(kind), headers={"Retry-After": value} if value else {})


def parser(
    name: str, what: str, examples: str, *, of_people: bool = True, with_login: bool = False
) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog=f"python -m careline_router.fakes.{name}",
        description=what,
        epilog=f"{FAULTS}\nexamples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--host", default="127.0.0.1")
    made.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    if of_people:
        made.add_argument("--people", type=Path, help="a JSON file with the people to know")
    if with_login:
        made.add_argument("--login", action="store_true", help=LOGIN_HELP)
        made.add_argument(
            "--login-fault", action="append", default=[], help="the same for the login"
        )
    else:
        made.set_defaults(login=False)
    made.add_argument("--fault", action="append", default=[], help="see below; may be repeated")
    return made


def people(options: argparse.Namespace, usual: Any) -> Any:
    """What `--people` has, or the usual ones."""
    if options.people is None:
        return usual
    return json.loads(options.people.read_text(encoding="utf-8"))


def misbehave(desk: Desk, faults: Sequence[str]) -> None:
    """Puts the faults of the command line into the desk's script; raises ValueError."""
    for text in faults:
        if text.startswith("*"):
            desk.always = read_fault(text[1:])
        else:
            desk.next(read_fault(text))


def run(
    handler: Handler, faults: Sequence[tuple[Desk, Sequence[str]]], options: argparse.Namespace
) -> int:
    """Serves until Ctrl-C, `ready URL` first, behind a login if that was asked; 2 for faults that are none."""
    login = Login()
    if options.login:
        handler = BehindLogin(handler, login)
        faults = [*faults, (login.desk, options.login_fault)]
    try:
        for desk, texts in faults:
            misbehave(desk, texts)
    except ValueError as error:
        sys.stderr.write(f"not a fault: {error}\n")
        return 2
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(handler, options))
    return 0


async def _serve(handler: Handler, options: argparse.Namespace) -> None:
    async with FakeServer(handler, host=options.host, port=options.port) as server:
        sys.stdout.write(f"ready {server.url}\n")
        sys.stdout.flush()
        await server.serve_forever()
