"""What `careline bench ingest` runs: files made up, a private PostgreSQL, our reader and dlt, each in a process."""

import asyncio
import json
import os
import shutil
import sys
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg

from careline.datadir import CannotError
from careline_common.db.migrate import upgrade

DLT = ("dlt[postgres]==1.31.0", "pandas==3.1.1")
"""The peer and what its CSV reader needs; not among Careline's own dependencies."""
HEADER = ("external_id", "phone", "text", "registered_at", "name", "kind")
NAMES = ("Иванов Иван Иванович", "Смирнова Анна Сергеевна", "Ким Олег", "Гусейнова Лейла Рашидовна")
KINDS = ("Жалоба", "Консультация", "Благодарность", "Заявление")
TEXTS = (
    "Не выдали лекарство по рецепту {n}, просят прийти завтра",
    "Отказали в записи к врачу; очередь на {n} дней вперёд",
    "Спасибо бригаде скорой помощи номер {n}",
    "Где узнать, к какой поликлинике прикреплён полис № {n}?",
)
PATIENCE_S = 3600.0


def rows(number: int) -> Iterator[tuple[str, ...]]:
    """Rows as an insurer's daily file has them; the same every time."""
    for n in range(number):
        yield (
            f"МО-{n:07}",
            f"8{9_000_000_000 + n * 7919 % 999_999_999}",
            TEXTS[n % len(TEXTS)].format(n=n),
            f"{1 + n % 28:02}.{1 + n // 28 % 9:02}.2026 {n % 24:02}:{n // 24 % 60:02}",
            NAMES[n % len(NAMES)],
            KINDS[n % len(KINDS)],
        )


def write_csv(path: Path, number: int) -> None:
    """`;`, cp1251: what most insurers send."""
    with path.open("w", encoding="cp1251", newline="") as file:
        file.write(";".join(HEADER) + "\r\n")
        for row in rows(number):
            quoted = (f'"{cell}"' if ";" in cell else cell for cell in row)
            file.write(";".join(quoted) + "\r\n")


def write_xlsx(path: Path, number: int) -> None:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Лист1")
    sheet.append(["Журнал обращений"])
    sheet.append(HEADER)
    for row in rows(number):
        sheet.append(row)
    book.save(path)


def touched(path: Path) -> Path:
    """The same rows in other bytes: a blank line more, so that every row has to be looked at."""
    other = path.with_stem(f"{path.stem}-again")
    shutil.copyfile(path, other)
    with other.open("ab") as file:
        file.write(b"\r\n")
    return other


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one process has told of one file."""

    per_s: float
    peak_mb: float = 0.0


class Contenders:
    """Each run has a database of its own in one server, so that none works in another's dirt."""

    def __init__(self, admin: asyncpg.Connection, url: str, folder: Path, dlt: Path) -> None:
        self._admin = admin
        self._url = url
        self._folder = folder
        self._dlt = dlt
        self._numbers = count(1)

    async def database(self) -> str:
        """The URL of a new one, with ingest's tables."""
        name = f"bench_{next(self._numbers)}"
        await self._admin.execute(f"CREATE DATABASE {name}")
        url = self._url.replace("/careline?", f"/{name}?")
        await upgrade(url, package="careline_ingest", schema="ingest")
        return url

    async def ours(self, url: str, file: Path, form: str, expected: dict[str, int]) -> Told:
        """Rows/s of a file; raises `CannotError` when not every row went where it should."""
        told = await _run(
            [sys.executable, "-m", "careline.bench.ingest_child", url,
             str(self._folder / "spool"), str(file), form]
        )  # fmt: skip
        got = {name: told["rows"][name] for name in expected}
        if told["status"] != "done" or got != expected:
            raise CannotError(f"ingest read {told['rows']}, not {expected}: {told['error']}")
        return Told(per_s=told["rows"]["read"] / told["seconds"], peak_mb=told["peak_mb"])

    async def dlt(self, url: str, file: Path, expected: int) -> Told:
        script = Path(__file__).with_name("ingest_dlt.py")
        work = self._folder / f"dlt-{url.partition('/bench_')[2].partition('?')[0]}"
        told = await _run(
            [str(self._dlt), str(script), url, str(file.parent), file.name, str(work)]
        )
        if told["rows"] != expected or told["kept"] != expected:
            raise CannotError(f"dlt read {told['rows']} rows and kept {told['kept']}")
        return Told(per_s=expected / told["seconds"])

    async def recorded(self, url: str) -> tuple[int, int]:
        """Records, and events about them, that a database has."""
        connection = await asyncpg.connect(url)
        try:
            row = await connection.fetchrow(
                "SELECT (SELECT count(*) FROM ingest.record), (SELECT count(*) FROM ingest.outbox"
                " WHERE type = 'careline.feed.record_received.v1')"
            )
            assert row is not None
            return row[0], row[1]
        finally:
            await connection.close()


async def _run(command: list[str]) -> dict[str, Any]:
    """The JSON object that a process ends with."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            out, complaints = await process.communicate()
    except BaseException:
        process.kill()
        raise
    lines = out.decode().strip().splitlines()
    if process.returncode != 0 or not lines:
        raise CannotError(f"a contender failed: {complaints.decode(errors='replace')[-2000:]}")
    told: dict[str, Any] = json.loads(lines[-1])
    return told


async def dlt_environment(cache: Path) -> Path:
    """The Python of an environment that has dlt; made once, kept in the cache. Raises `CannotError`."""
    folder = cache / "bench-dlt"
    python, stamp = folder / "bin" / "python", folder / "careline.stamp"
    if stamp.is_file() and stamp.read_text() == "\n".join(DLT):
        return python
    await asyncio.to_thread(venv.create, folder, with_pip=True, clear=True)
    process = await asyncio.create_subprocess_exec(
        str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *DLT,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, complaints = await process.communicate()
    if process.returncode != 0:
        last = complaints.decode(errors="replace").strip().splitlines()[-1:]
        raise CannotError(f"dlt, the peer, cannot be installed (is an index reachable?): {last}")
    stamp.write_text("\n".join(DLT))
    return python
