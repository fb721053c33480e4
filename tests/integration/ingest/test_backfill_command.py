"""`careline ingest backfill`: files sent and the past fetched, piece by piece, and safe to start anew."""

import asyncio
import io
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from rich.console import Console

from careline.backfilling import Piece, Shown, Totals, backfill, pieces, rows_in
from careline.datadir import CannotError, DataDir
from careline_common.testing.waiting import eventually
from careline_ingest.fakes.portal import MAP, FakePortal, PortalList, item

if TYPE_CHECKING:
    from conftest import Ingest

pytestmark = pytest.mark.integration

DAY = timedelta(days=1)
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
GOOD = "A-{};89161234567;Нет лекарства;01.03.2026 09:30"


@asynccontextmanager
async def served(ingest: "Ingest", tmp_path: Path) -> AsyncIterator[dict[str, Any]]:
    """What the command needs to reach this ingest over HTTP."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(ingest.service.app, log_config=None, lifespan="off"))
        task = asyncio.create_task(server.serve(sockets=[held]))
        await eventually(lambda: server.started)
        token = ingest.token("admin")["Authorization"].removeprefix("Bearer ")
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        yield {"url": url, "token": token, "data": DataDir.choose(tmp_path)}
        server.should_exit = True
        await task


async def test_files_are_sent_one_after_the_other_and_a_second_time_change_nothing(
    ingest: "Ingest", tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [tmp_path / f"{number}.csv" for number in range(2)]
    for number, file in enumerate(files):
        file.write_bytes(ingest.sheet(*(GOOD.format(number * 10 + row) for row in range(5))))
    async with served(ingest, tmp_path) as reach:
        for said in ("read 10, created 10", "nothing came; 2 known before"):
            await backfill("ins7-daily", pieces(files, None, None, DAY), **reach)
            assert said in capsys.readouterr().err
        bad = tmp_path / "bad.csv"
        bad.write_bytes(b"\xff\xfe\x00")
        with pytest.raises(CannotError, match=r"bad\.csv"):
            await backfill("ins7-daily", [Piece(file=bad)], **reach)
        with pytest.raises(CannotError, match="there is no source"):
            await backfill("none", [Piece(file=files[0])], **reach)
    assert len(await ingest.records()) == 10


async def test_the_past_is_fetched_a_step_at_a_time(ingest: "Ingest", tmp_path: Path) -> None:
    items = [item(n, minute=n * 30) for n in range(40)]
    async with FakePortal(PortalList(mode="since", items=items)) as portal:
        await ingest.source("list", **portal.settings(), map=MAP, schedule="0 0 29 2 *")
        todo = pieces([], BEGIN, BEGIN + timedelta(hours=10), timedelta(hours=4))
        assert [(piece.begin, piece.end) for piece in todo] == [
            (BEGIN + timedelta(hours=h), BEGIN + timedelta(hours=min(h + 4, 10))) for h in (0, 4, 8)
        ]
        async with served(ingest, tmp_path) as reach:
            await backfill("list", todo, **reach)
    assert set(await ingest.records()) == {f"P-{n}" for n in range(20)}


async def test_rows_rate_and_time_left_of_one_large_file_are_shown(tmp_path: Path) -> None:
    file = tmp_path / "year.csv"
    file.write_bytes(b"id;text\n" + b"1;a\n" * 1000)
    console = Console(width=120, file=io.StringIO(), force_terminal=True)
    with Shown(console, "ins7", [Piece(file=file), Piece(file=file)], Totals()) as shown:
        await shown.begin(Piece(file=file))
        shown.read(501)  # of 1001 lines, in the first of two files
    said = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console.file.getvalue())
    assert re.search(r"ins7 year\.csv .* 25% 501 rows, [0-9,]+/s, .* left", said)


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"id;text\n1;a\n2;b\n", 3),
        ("id\n1\n".encode("utf-16"), None),
        (b"PK\x03\x04\0\0\n", None),
        (b"\xef\xbb\xbf [\n{}]", None),
        (b"<a>\n</a>", None),
        (b"", None),
    ],
)
def test_rows_are_guessed_by_lines_where_lines_are_rows(
    tmp_path: Path, content: bytes, rows: int | None
) -> None:
    (tmp_path / "file").write_bytes(content)
    assert rows_in(tmp_path / "file") == rows


def test_what_cannot_be_done_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    for files, begin, end in (
        ([tmp_path / "none.csv"], None, None),
        ([tmp_path], BEGIN, None),
        ([], BEGIN, BEGIN),
        ([], None, None),
    ):
        with pytest.raises(CannotError):
            pieces(files, begin, end, DAY)
