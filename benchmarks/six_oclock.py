"""Six in the morning: fifty insurers send a year each, and callers are put through meanwhile.

    python -m benchmarks.six_oclock > benchmarks/results/six_oclock.json

One standalone Careline, so that everything shares one process, one database and one machine. A dialplan
asks for the way of a call so many times a second; its answers are timed while nothing else happens and
while fifty sources are being read under `CARELINE_INGEST_ROWS_PER_S`, in turns, each time anew. Exit 1 when the 99th
percentile of the busy rounds is more than 1.5 times that of the idle ones.
"""

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx

INSURERS = 50
MOST_RATIO = 1.5
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"  # noqa: S105 - of a floor that lives for a minute
HEADER = "Номер обращения;Телефон;Текст;Дата"
CAREMAP = {
    "external_id": "Номер обращения",
    "phone": "Телефон",
    "text": "Текст",
    "registered_at": "Дата",
}


def config() -> dict[str, Any]:
    insurers = [f"ins{number}" for number in range(INSURERS)]
    return {
        "careline": 1,
        "skills": ["adult"],
        "queues": [
            {"id": "adult", "target_s": 20, "max_wait_s": 600, "offer_timeout_s": 15,
             "ring_timeout_s": 20, "wrap_up_s": 30}
        ],
        "flows": [{"id": "main", "default": {"queue": "adult", "skills": {"adult": 1}}}],
        "lines": [{"number": "+74950000001", "flow": "main", "language": "ru"}],
        "pbxs": [{"id": "pbx1", "kind": "webhook", "secret": SECRET}],
        "insurers": [{"id": name} for name in insurers],
        "sources": [
            {"id": f"{name}-daily", "kind": "push", "insurer": name, "encodings": ["utf-8"],
             "delimiter": ";", "map": CAREMAP}
            for name in insurers
        ],
    }  # fmt: skip


def a_year(insurer: int, rows: int) -> bytes:
    lines = [
        f"{insurer}-{row};+7916{row:07};Не выдали лекарство {row};{1 + row % 28:02}.02.2026"
        for row in range(rows)
    ]
    return "\n".join([HEADER, *lines, ""]).encode()


@contextmanager
def careline(folder: Path, rows_per_s: float) -> Iterator[str]:
    """A standalone of its own; gives its address."""
    environment = {**os.environ, "CARELINE_INGEST_ROWS_PER_S": str(rows_per_s)}
    environment["CARELINE_INGEST_BATCH_ROWS"] = "20"
    command = [sys.executable, "-m", "careline", "up", "--port", "0", "--data", str(folder)]
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log)  # noqa: S603 - our own
        try:
            assert child.stdout is not None
            for line in child.stdout:
                if line.startswith(b"ready "):
                    yield line.split()[1].decode()
                    return
            raise SystemExit(f"careline did not start: {(folder / 'log').read_text()[-2000:]}")
        finally:
            child.terminate()
            child.wait(30)


def token(folder: Path, *options: str) -> dict[str, str]:
    command = [sys.executable, "-m", "careline", "token", *options, "--data", str(folder)]
    said = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own
    return {"Authorization": f"Bearer {said.stdout.strip()}"}


async def answers(
    http: httpx.AsyncClient,
    headers: dict[str, str],
    *,
    name: str,
    rate: float,
    seconds: float,
    refused: list[int],
) -> list[float]:
    """Milliseconds of each answer to a dialplan, at a rate that nothing slows down."""
    taken: list[float] = []

    async def ask(number: int) -> None:
        call = {"call_id": f"{name}-{number}", "caller": f"+7905{number:07}", "wait": 0}
        began = time.perf_counter()
        answer = await http.post(
            "/router/v1/pbx/pbx1/route", json={**call, "line": "+74950000001"}, headers=headers
        )
        taken.append((time.perf_counter() - began) * 1000)
        if not answer.is_success:
            refused.append(answer.status_code)
            return
        hang_up = {"call_id": call["call_id"]}
        await http.post("/router/v1/pbx/pbx1/route/hangup", json=hang_up, headers=headers)

    begin = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, begin + number / rate - time.perf_counter()))
            group.create_task(ask(number))
    return taken


async def send(http: httpx.AsyncClient, admin: dict[str, str], rows: int) -> None:
    for insurer in range(INSURERS):
        answer = await http.post(
            f"/ingest/v1/sources/ins{insurer}-daily/files",
            content=a_year(insurer, rows),
            headers={**admin, "Content-Disposition": 'attachment; filename="year.csv"'},
        )
        answer.raise_for_status()


async def progress(http: httpx.AsyncClient, admin: dict[str, str]) -> tuple[int, bool]:
    """Rows read so far, and whether any source is still being read."""
    read, running, cursor = 0, False, None
    while True:
        params = {"limit": "200"} | ({"cursor": cursor} if cursor else {})
        page = (await http.get("/ingest/v1/runs", params=params, headers=admin)).json()
        read += sum(run["rows"]["read"] for run in page["items"])
        running = running or any(run["status"] == "running" for run in page["items"])
        cursor = page["next"]
        if cursor is None:
            return read, running


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


@dataclass(slots=True)
class Measured:
    """Milliseconds of answers, and rows a second while they were busy."""

    idle: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    rows_per_s: list[float] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    """Status codes of calls that the router could not take."""


async def measure(url: str, folder: Path, given: argparse.Namespace, measured: Measured) -> None:
    """One round: first nothing else happens, then every insurer has sent a year."""
    admin = token(folder, "--role", "admin", "--subject", "bench")
    pbx = token(folder, "--role", "pbx", "--subject", "pbx1", "--pbx", "pbx1")
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        ask = partial(answers, http, pbx, rate=given.rate, refused=measured.refused)
        await ask(name="warm", seconds=5)
        measured.idle += await ask(name="idle", seconds=given.seconds)
        await send(http, admin, given.rows)
        before, began = (await progress(http, admin))[0], time.perf_counter()
        measured.busy += await ask(name="busy", seconds=given.seconds)
        after, running = await progress(http, admin)
        if not running:
            raise SystemExit("the files were read before the round was over: give more --rows")
        measured.rows_per_s.append((after - before) / (time.perf_counter() - began))


def report(given: argparse.Namespace, measured: Measured) -> dict[str, Any]:
    times = {"idle": measured.idle, "busy": measured.busy}
    taken = measured.rows_per_s
    shown = {
        name: {"p50_ms": round(percentile(ms, 0.5), 2), "p99_ms": round(percentile(ms, 0.99), 2)}
        for name, ms in times.items()
    }
    return {
        "insurers": INSURERS,
        "rows_each": given.rows,
        "calls_per_s": given.rate,
        "calls": {name: len(ms) for name, ms in times.items()},
        "limit_rows_per_s": given.rows_per_s,
        "rows_per_s": round(sum(taken) / len(taken), 1),
        **shown,
        "ratio_p99": round(shown["busy"]["p99_ms"] / shown["idle"]["p99_ms"], 2),
        "most_ratio": MOST_RATIO,
        "refused": len(measured.refused),
        "rounds": given.rounds,
        "runs": 1,
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version()},
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.six_oclock")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=30, help="of each half of a round")
    parser.add_argument("--rate", type=float, default=10, help="calls a second")
    parser.add_argument("--rows", type=int, default=22_000, help="of each insurer: sixty a day")
    parser.add_argument("--rows-per-s", type=float, default=50, help="the limit")
    given = parser.parse_args()
    measured = Measured()
    for _ in range(given.rounds):
        with tempfile.TemporaryDirectory() as name, careline(Path(name), given.rows_per_s) as url:
            document = Path(name) / "floor.yaml"
            document.write_text(json.dumps(config()))
            command = [sys.executable, "-m", "careline", "apply", str(document), "--data", name]
            subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own
            asyncio.run(measure(url, Path(name), given, measured))
    result = report(given, measured)
    sys.stdout.write(json.dumps(result, indent=1) + "\n")
    return 0 if result["ratio_p99"] <= MOST_RATIO and not result["refused"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
