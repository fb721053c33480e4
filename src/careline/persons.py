"""`careline person export|erase`: one person over all services, each asked at its public API."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx

from careline.apply_command import targets_of
from careline.applying import Target
from careline.datadir import CannotError, DataDir
from careline_common.phones import parse_phone

What = Literal["export", "erase"]


async def person(
    what: What, phone: str, *, data: DataDir, urls: Sequence[str], token: str | None
) -> None:
    """Prints what each service says, as one JSON object by service.

    Every service is asked, also when another cannot be reached: what is done is done, and the rest is
    said in one line. A repeat does what is left. Raises `CannotError`.
    """
    try:
        number = parse_phone(phone, None)
    except ValueError as error:
        raise CannotError(f"--phone: {error}; write it as +79031234567") from error
    said: dict[str, Any] = {}
    failed: dict[str, str] = {}
    async with targets_of(data, urls, token) as (targets, client):
        for target in targets:
            try:
                said[_name(target)] = await _asked(client, target, what, number)
            except CannotError as error:
                failed[_name(target)] = str(error)
    sys.stdout.write(
        json.dumps({"phone": number, "services": said}, ensure_ascii=False, indent=1) + "\n"
    )
    if what == "erase":
        _tell_kept(said)
    if failed:
        shown = "; ".join(f"{name}: {reason}" for name, reason in failed.items())
        raise CannotError(f"not done everywhere, so do it again: {shown}")


async def _asked(
    client: httpx.AsyncClient, target: Target, what: What, number: str
) -> Mapping[str, Any]:
    try:
        answer = await client.post(f"{target.base}/v1/persons/{what}", json={"phone": number})
    except httpx.HTTPError as error:
        raise CannotError(f"cannot be reached ({type(error).__name__})") from error
    if answer.status_code != httpx.codes.OK:
        raise CannotError(f"answered {answer.status_code}: {_detail(answer)}")
    told: Mapping[str, Any] = answer.json()
    return told


def _detail(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
        return str(problem.get("detail") or problem.get("title"))
    except (ValueError, AttributeError):
        return "no reason given; is this a service of Careline?"


def _name(target: Target) -> str:
    """`surveys` of `https://careline.example/surveys`; a host of its own stands for itself."""
    address = urlsplit(target.base)
    return address.path.rstrip("/").rpartition("/")[2] or address.netloc


def _tell_kept(said: Mapping[str, Any]) -> None:
    for name, told in said.items():
        for kept in told.get("kept", ()):
            until = f", until {kept['until']}" if kept.get("until") else ""
            sys.stderr.write(f"{name} keeps {kept['what']}: {kept['why']}{until}\n")
