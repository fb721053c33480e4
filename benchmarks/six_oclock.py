"""Six in the morning: fifty insurers send a year each, and callers are put through meanwhile.

    python -m benchmarks.six_oclock > benchmarks/results/six_oclock.json

Careline runs as in production, each service a process of its own beside one PostgreSQL and one RabbitMQ, all on this
one machine (`--form standalone`: all in one process). A dialplan asks for the way of a call so many times a second;
its answers are timed while nothing else happens and while fifty sources send and are read under
`CARELINE_INGEST_ROWS_PER_S`, in turns, each time anew. Exit 1 when the 99th percentile of the busy rounds is more
than 1.5 times that of the idle ones.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import platform
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from benchmarks.six_oclock_forms import Careline, services, standalone

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
            "/v1/pbx/pbx1/route", json={**call, "line": "+74950000001"}, headers=headers
        )
        taken.append((time.perf_counter() - began) * 1000)
        if not answer.is_success:
            refused.append(answer.status_code)
            return
        hang_up = {"call_id": call["call_id"]}
        await http.post("/v1/pbx/pbx1/route/hangup", json=hang_up, headers=headers)

    begin = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, begin + number / rate - time.perf_counter()))
            group.create_task(ask(number))
    return taken


YEARS: list[bytes] = []
"""Of the process that sends: made before anything is measured, since insurers have machines of their own."""


def begin_sending(rows: int) -> None:
    """For the same reason the process that sends stands back for all others."""
    os.nice(19)
    YEARS.extend(a_year(insurer, rows) for insurer in range(INSURERS))


def send(ingest: str, admin: Mapping[str, str]) -> None:
    """Every insurer his year, one after the other; in a process of its own, so that the clock of the
    calls does not wait for it."""
    with httpx.Client(base_url=ingest, timeout=60) as http:
        for insurer, year in enumerate(YEARS):
            answer = http.post(
                f"/v1/sources/ins{insurer}-daily/files",
                content=year,
                headers={**admin, "Content-Disposition": 'attachment; filename="year.csv"'},
            )
            answer.raise_for_status()


async def progress(ingest: str, admin: Mapping[str, str]) -> tuple[int, int]:
    """Rows read so far, and how many files are still being read."""
    read, running, cursor = 0, 0, None
    async with httpx.AsyncClient(base_url=ingest, timeout=60, headers=admin) as http:
        while True:
            params = {"limit": "200"} | ({"cursor": cursor} if cursor else {})
            page = (await http.get("/v1/runs", params=params)).json()
            read += sum(run["rows"]["read"] for run in page["items"])
            running += sum(run["status"] == "running" for run in page["items"])
            cursor = page["next"]
            if cursor is None:
                return read, running


async def journalled(tickets: str) -> int:
    """Records that the journal has taken."""
    async with httpx.AsyncClient(base_url=tickets, timeout=60) as http:
        lines = (await http.get("/metrics")).text.splitlines()
    taken = "careline_events_consumed_total{"
    return sum(
        int(float(line.rpartition(" ")[2]))
        for line in lines
        if line.startswith(taken) and "tickets.feed-records" in line and '"done"' in line
    )


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


@dataclass(slots=True)
class Measured:
    """Milliseconds of answers, and what was done meanwhile a second, by round."""

    idle: list[list[float]] = field(default_factory=list)
    busy: list[list[float]] = field(default_factory=list)
    rows_per_s: list[float] = field(default_factory=list)
    journalled_per_s: list[float] = field(default_factory=list)
    cpu_shares: list[dict[str, float]] = field(default_factory=list)
    """Of one processor, by process, while it was busy."""
    refused: list[int] = field(default_factory=list)
    """Status codes of calls that the router could not take."""


async def measure(form: Careline, given: argparse.Namespace, measured: Measured) -> None:
    """One round: first nothing else happens, then every insurer sends a year."""
    admin, pbx = form.token("admin", "bench"), form.token("pbx", "pbx1", "pbx1")
    loop = asyncio.get_running_loop()
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        1, mp_context=spawning, initializer=begin_sending, initargs=(given.rows,)
    ) as sender:
        await loop.run_in_executor(sender, os.getpid)  # it has started
        async with httpx.AsyncClient(base_url=form.urls["router"], timeout=60) as http:
            ask = partial(answers, http, pbx, rate=given.rate, refused=measured.refused)
            await ask(name="warm", seconds=5)
            measured.idle.append(await ask(name="idle", seconds=given.seconds))
            began, before = time.perf_counter(), form.cpu_s()
            sent = loop.run_in_executor(sender, send, form.urls["ingest"], admin)
            measured.busy.append(await ask(name="busy", seconds=given.seconds))
            seconds, after = time.perf_counter() - began, form.cpu_s()
            taken = await journalled(form.urls["tickets"])
            await sent
    read, running = await progress(form.urls["ingest"], admin)
    if running < INSURERS:
        raise SystemExit("files were read before the round was over: give more --rows")
    measured.rows_per_s.append(round(read / seconds, 1))
    measured.journalled_per_s.append(round(taken / seconds, 1))
    measured.cpu_shares.append({k: round((after[k] - before[k]) / seconds, 2) for k in after})


def report(given: argparse.Namespace, measured: Measured) -> dict[str, Any]:
    rounds = {"idle": measured.idle, "busy": measured.busy}
    shown = {
        name: {
            f"p{share}_ms": round(percentile([ms for each in parts for ms in each], share / 100), 2)
            for share in (50, 99)
        }
        for name, parts in rounds.items()
    }
    return {
        "name": "six_oclock",
        "form": given.form,
        "insurers": INSURERS,
        "rows_each": given.rows,
        "calls_per_s": given.rate,
        "calls": {name: sum(map(len, parts)) for name, parts in rounds.items()},
        "limit_rows_per_s": given.rows_per_s,
        "rows_per_s": measured.rows_per_s,
        "journalled_per_s": measured.journalled_per_s,
        **shown,
        "ratio_p99": round(shown["busy"]["p99_ms"] / shown["idle"]["p99_ms"], 2),
        "most_ratio": MOST_RATIO,
        "each_round_p99_ms": {
            name: [round(percentile(part, 0.99), 2) for part in parts]
            for name, parts in rounds.items()
        },
        "cpu_shares": measured.cpu_shares,
        "refused": len(measured.refused),
        "rounds": len(measured.busy),
        "runs": 1,
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version()},
    }


async def all_rounds(given: argparse.Namespace, measured: Measured) -> None:
    settings = {"CARELINE_INGEST_ROWS_PER_S": str(given.rows_per_s)}
    form = standalone if given.form == "standalone" else partial(services, nice=given.nice)
    for _ in range(given.rounds):
        with tempfile.TemporaryDirectory() as name:
            async with form(Path(name), settings) as running:
                await running.apply(config(), Path(name))
                await measure(running, given, measured)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.six_oclock")
    parser.add_argument("--form", choices=["services", "standalone"], default="services")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=30, help="of each half of a round")
    parser.add_argument("--rate", type=float, default=10, help="calls a second")
    parser.add_argument("--rows", type=int, default=22_000, help="of each insurer: sixty a day")
    parser.add_argument("--rows-per-s", type=float, default=8, help="the limit")
    parser.add_argument("--nice", type=int, default=10, help="of all services but the router")
    given, measured = parser.parse_args(), Measured()
    asyncio.run(all_rounds(given, measured))
    result = report(given, measured)
    sys.stdout.write(json.dumps(result, indent=1) + "\n")
    return 0 if result["ratio_p99"] <= MOST_RATIO and not result["refused"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
