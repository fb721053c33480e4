"""`careline ingest backfill`: large feeds sent or fetched piece by piece, with rows, rate and time left.

Everything is known again: a backfill that broke off is simply started anew, and what was taken before
is unchanged.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from careline.datadir import CannotError, DataDir

POLL_S = 0.5
BLOCK_BYTES = 1 << 20
SNIFFED_BYTES = 1 << 12
ANSWER_S = 3600.0
"""A part of the past is fetched before it is answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A file, or a part of the past from `begin` to before `end`."""

    file: Path | None = None
    begin: datetime | None = None
    end: datetime | None = None

    @property
    def name(self) -> str:
        return self.file.name if self.file is not None else f"{self.begin:%Y-%m-%d}"

    @property
    def weight(self) -> int:
        """What it is of the whole: bytes of files, else one piece is as much as another."""
        return self.file.stat().st_size if self.file is not None else 1


@dataclass(slots=True)
class Totals:
    rows: dict[str, int] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    known: int = 0
    """Pieces that had come before with the very same bytes: nothing was read."""

    def add(self, run: dict[str, Any]) -> None:
        for name, count in run["rows"].items():
            self.rows[name] = self.rows.get(name, 0) + count
        if run["status"] == "failed":
            self.failed.append(f"{run['file'] or run['source']}: {run['error']}")


def pieces(
    files: Sequence[Path], begin: datetime | None, end: datetime | None, step: timedelta
) -> list[Piece]:
    """The files, or the past cut into steps; raises `CannotError`."""
    if files and (begin or end):
        raise CannotError("give files, or --from and --to, not both")
    if files:
        missing = [str(file) for file in files if not file.is_file()]
        if missing:
            raise CannotError(f"no such file: {missing[0]}")
        return [Piece(file=file) for file in files]
    if begin is None or end is None or begin >= end:
        raise CannotError("give files to send, or --from and a later --to to fetch")
    return list(_steps(begin, end, step))


async def backfill(
    source: str,
    todo: Sequence[Piece],
    *,
    data: DataDir,
    url: str | None,
    token: str | None,
) -> None:
    """Sends or fetches every piece; raises `CannotError` when one could not be read."""
    totals, console = Totals(), Console(stderr=True)
    async with _client(data, url, token) as client:
        with Shown(console, source, todo, totals) as shown:
            for piece in todo:
                await shown.begin(piece)
                begun = await _begin(client, source, piece)
                totals.known += begun["unchanged"]
                for run in begun["runs"] if not begun["unchanged"] else ():
                    totals.add(await _ended(client, run, shown))
                shown.end()
    counts = ", ".join(f"{name} {count}" for name, count in totals.rows.items()) or "nothing came"
    known = f"; {totals.known} known before" if totals.known else ""
    console.print(f"{source}: {counts}{known}")
    if totals.failed:
        more = f" (and {len(totals.failed) - 1} more)" if len(totals.failed) > 1 else ""
        raise CannotError(f"{totals.failed[0]}{more}; see the runs of the source")


class Shown:
    """What stands on the terminal meanwhile: rows, rate, time left."""

    def __init__(
        self, console: Console, source: str, todo: Sequence[Piece], totals: Totals
    ) -> None:
        columns = (
            TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
            TextColumn("{task.fields[rows]:,} rows, {task.fields[rate]:,.0f}/s,"),
            TimeRemainingColumn(), TextColumn("left"),
        )  # fmt: skip
        self._source = source
        self._totals = totals
        self._progress = Progress(*columns, console=console)
        total = sum(piece.weight for piece in todo)
        self._bar = self._progress.add_task(source, total=total, rows=0, rate=0.0)
        self._done = self._weight = 0
        self._rows: int | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    async def begin(self, piece: Piece) -> None:
        self._weight = piece.weight
        self._rows = None if piece.file is None else await asyncio.to_thread(rows_in, piece.file)
        self._progress.update(self._bar, description=f"{self._source} {piece.name}")

    def read(self, rows: int) -> None:
        """So many rows of the piece have been read."""
        all_rows = self._totals.rows.get("read", 0) + rows
        elapsed = self._progress.tasks[0].elapsed or 0.0
        share = min(1.0, rows / self._rows) if self._rows else 0.0
        self._progress.update(
            self._bar,
            completed=self._done + share * self._weight,
            rows=all_rows,
            rate=all_rows / max(elapsed, 0.001),
        )

    def end(self) -> None:
        self._done += self._weight
        self._progress.update(self._bar, completed=self._done)


def rows_in(file: Path) -> int | None:
    """About how many rows a file has, by its lines; None where lines say nothing of rows, as in ZIP, sheets,
    JSON and XML."""
    with file.open("rb") as stream:
        head = stream.read(SNIFFED_BYTES)
        if b"\0" in head or head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"[", b"<")):
            return None
        lines = head.count(b"\n")
        while block := stream.read(BLOCK_BYTES):
            lines += block.count(b"\n")
    return lines or None


def _steps(begin: datetime, end: datetime, step: timedelta) -> Iterator[Piece]:
    while begin < end:
        yield Piece(begin=begin, end=min(begin + step, end))
        begin += step


async def _begin(client: httpx.AsyncClient, source: str, piece: Piece) -> dict[str, Any]:
    """What ingest says to a piece: its `runs`, and whether it is `unchanged`."""
    path = f"v1/sources/{quote(source, safe='')}"
    try:
        if piece.file is not None:
            name = f"attachment; filename*=UTF-8''{quote(piece.file.name, safe='')}"
            headers = {"Content-Disposition": name}
            answer = await client.post(
                f"{path}/files", content=_blocks(piece.file), headers=headers
            )
        else:
            assert piece.begin is not None
            assert piece.end is not None
            span = {"from": _written(piece.begin), "to": _written(piece.end)}
            answer = await client.post(f"{path}/backfill", json=span)
    except httpx.HTTPError as error:
        raise CannotError(f"ingest does not answer: {error or type(error).__name__}") from error
    if not answer.is_success:
        raise CannotError(_problem(answer))
    begun: dict[str, Any] = answer.json()
    return begun


async def _ended(client: httpx.AsyncClient, run_id: str, shown: Shown) -> dict[str, Any]:
    """The run at its end; shows how far it is meanwhile."""
    while True:
        answer = await client.get(f"v1/runs/{run_id}")
        if not answer.is_success:
            raise CannotError(_problem(answer))
        run: dict[str, Any] = answer.json()
        shown.read(run["rows"]["read"])
        if run["status"] != "running":
            return run
        await asyncio.sleep(POLL_S)


async def _blocks(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as stream:
        while block := await asyncio.to_thread(stream.read, BLOCK_BYTES):
            yield block


def _problem(answer: httpx.Response) -> str:
    try:
        return f"ingest says: {answer.json()['detail']}"
    except (ValueError, KeyError, TypeError):
        return f"ingest answers {answer.status_code}"


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


@contextlib.asynccontextmanager
async def _client(
    data: DataDir, url: str | None, token: str | None
) -> AsyncIterator[httpx.AsyncClient]:
    if url is None:
        standalone = data.running()
        if standalone is None:
            raise CannotError("no standalone runs here: start it, or give --url and --token")
        url = f"{standalone.url}/ingest"
        token = data.issuer().token(subject="careline-backfill", roles=["admin"], ttl_s=86400)
    if token is None:
        raise CannotError("--url needs --token: an admin's token for ingest")
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(
        base_url=f"{url.rstrip('/')}/", headers=headers, timeout=ANSWER_S
    ) as client:
        yield client
