"""`careline apply FILE`: to a running standalone, to a stopped one, or to services by their URLs."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

from careline import roster
from careline.applying import Target, apply
from careline.configuration import read
from careline.datadir import CannotError, DataDir

DEADLINE_S = 60


async def apply_file(
    file: Path, *, dry_run: bool, data: DataDir, urls: Sequence[str], token: str | None
) -> None:
    document = read(file)
    async with targets_of(data, urls, token) as (targets, client):
        counts = await apply(document, targets, client, dry_run=dry_run)
    console = Console(stderr=True)
    if dry_run:
        console.print(f"{file}: fine; nothing applied")
        return
    table = Table("section", "created", "updated", "unchanged")
    for section, count in sorted(counts.items()):
        table.add_row(section, *(str(count[key]) for key in ("created", "updated", "unchanged")))
    console.print(table)


@contextlib.asynccontextmanager
async def targets_of(
    data: DataDir, urls: Sequence[str], token: str | None
) -> AsyncIterator[tuple[list[Target], httpx.AsyncClient]]:
    """The services at these addresses; without any, those of the standalone over `data`, which is
    started for this when it does not run."""
    if urls:
        if token is None:
            raise CannotError("--url needs --token: an admin's token for that service")
        async with _client(token) as client:
            yield [Target(name=url, base=url.rstrip("/")) for url in urls], client
        return
    token = data.issuer().token(subject="careline-command", roles=["admin"], ttl_s=600)
    standalone = data.running()
    if standalone is not None:
        async with _client(token) as client:
            yield _all(standalone.url), client
        return
    async with _stopped(data, token) as client:
        yield _all("http://standalone"), client


def _all(base: str) -> list[Target]:
    return [Target(name=name, base=f"{base}/{name}") for name in roster.NAMES]


def _client(token: str, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        headers={"Authorization": f"Bearer {token}"}, timeout=DEADLINE_S, transport=transport
    )


@contextlib.asynccontextmanager
async def _stopped(data: DataDir, token: str) -> AsyncIterator[httpx.AsyncClient]:
    """Starts the standalone just for this, without a port."""
    from careline.logfile import logging_to_file
    from careline.standalone import put_together

    data.create()
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(logging_to_file(data))
        whole = await stack.enter_async_context(put_together(data, "http://standalone"))
        await stack.enter_async_context(whole.working())
        await whole.wait_ready()
        async with _client(token, httpx.ASGITransport(whole.app)) as client:
            yield client
