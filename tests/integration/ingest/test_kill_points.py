"""No ingest ever survives its first commit: a day of a partner's feed comes out exact all the same."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import proofs
import pytest
from feed_day import plan
from feed_day.checker import Kept, differences
from feed_day.killing import Deaths, kill_throughout
from feed_day.lives import POINTS, Life
from feed_day.outside import Journal, Outside, partner
from feed_day.plan import Day

from careline_common.clock import SystemClock
from careline_common.sealed import KeyRing
from careline_ingest.adapters.archive import Archive

if TYPE_CHECKING:
    from conftest import Start

pytestmark = [pytest.mark.integration, pytest.mark.timeout(3600 if proofs.proving() else 180)]

SMALL = 80
LONG_AGO_S = 7200


async def test_a_kill_on_both_sides_of_every_commit_loses_nothing_and_doubles_nothing(
    start: "Start", database_url: str, tmp_path: Path
) -> None:
    rows = proofs.budget(SMALL)
    day = plan.day(rows, told=1 if rows == SMALL else 15)
    record, scene = Outside(), Scene(tmp_path, database_url, day)
    async with partner(record) as web:
        async with start() as ingest:
            given = {"insurers": [{"id": plan.INSURER}]}
            assert (await ingest.http.put("/v1/config", json=given)).status_code == 200
            await ingest.source(plan.SOURCE, **scene.source(web.url("news")))
        async with Journal(database_url, record, day.told).listening():
            scene.file_comes()
            life = scene.life(40 if rows == SMALL else 2000)
            deaths = await kill_throughout(life, scene.is_done, scene.is_tidy, tmp_path / "log")
    assert differences(day, record, await scene.kept()) == []
    batches = -(-rows // life.batch_rows)
    _check_deaths(deaths, batches)
    proofs.record("ingest_kill_points", _figures(day, record, deaths, batches))


def _check_deaths(deaths: Deaths, batches: int) -> None:
    """A process died on both sides of every commit there was, of every kind."""
    for point in POINTS:
        assert deaths[point]["before"] == deaths[point]["after"] > 0, (point, deaths)
    assert deaths["batch"]["after"] == batches
    for once in ("taken", "ended", "answered", "sealed"):
        assert deaths[once]["after"] == 1


def _figures(day: Day, record: Outside, deaths: Deaths, batches: int) -> Mapping[str, object]:
    again = sum(record.times.values()) - len(record.times)
    return {
        "rows": day.counts["read"],
        "batches": batches,
        "kills": sum(sum(sides.values()) for sides in deaths.values()),
        "deaths": {point: dict(sides) for point, sides in deaths.items()},
        "events": len(record.events),
        "deliveries_again": again,
        "news": {"told": len({key for key, _ in record.news}), "posted": len(record.news)},
        "counts": day.counts,
        "differences": 0,
    }


class Scene:
    """The folders and the database of one source, looked at past the service."""

    def __init__(self, folder: Path, url: str, day: Day) -> None:
        self._url = url
        self._day = day
        self._drop, self._answers = folder / "drop", folder / "answers"
        self._spool, self._keys = folder / "spool", folder / "keys.json"
        self._deaths = folder / "deaths"
        for each in (self._drop, self._answers):
            each.mkdir()
        KeyRing.rotated(None).save(self._keys)

    def source(self, news: str) -> dict[str, Any]:
        return plan.source(str(self._drop), str(self._answers), news)

    def file_comes(self) -> None:
        coming = self._drop / f".{plan.FILE}"
        coming.write_bytes(self._day.content)
        coming.rename(self._drop / plan.FILE)

    def life(self, batch_rows: int) -> Life:
        return Life(
            url=self._url,
            folder=str(self._spool),
            keys=str(self._keys),
            deaths=str(self._deaths),
            batch_rows=batch_rows,
            alone_bytes=1 << 30,
        )

    async def is_done(self) -> bool:
        """Nothing is left to read, to hand over, to hear, to answer, to tell or to sweep away."""
        (row,) = await self._query(
            "SELECT (SELECT count(*) FROM ingest.run WHERE status = 'done') AS ended,"
            " (SELECT count(*) FROM ingest.outbox WHERE published_at IS NULL) AS to_hand_over,"
            " (SELECT count(*) FROM bus.delivery) AS to_hear,"
            " (SELECT count(*) FROM ingest.answer WHERE delivered = 0) AS to_answer,"
            " (SELECT count(*) FROM ingest.notice WHERE state = 'delivered') AS told"
        )
        is_old = SystemClock().now().timestamp() - LONG_AGO_S / 2
        swept = all(at > is_old for at in self._files().values())
        return swept and tuple(row) == (1, 0, 0, 0, 2 * len(self._day.told))

    def is_tidy(self) -> bool:
        """Nothing lies in the spool. What does is made old, so that the next life archives or deletes
        what a dead one could not."""
        lying = self._files()
        for path, at in lying.items():
            os.utime(path, (at - LONG_AGO_S, at - LONG_AGO_S))
        return not lying

    def _files(self) -> dict[Path, float]:
        """What lies in the spool, and since when; it may go while it is looked at."""
        found: dict[Path, float] = {}
        for path in self._spool.iterdir():
            with suppress(FileNotFoundError):
                if path.is_file():
                    found[path] = path.stat().st_mtime
        return found

    async def kept(self) -> Kept:
        archive = Archive(self._spool / "archive", self._keys)
        runs = await self._query("SELECT * FROM ingest.run")
        return Kept(
            runs=runs,
            records=[
                tuple(row)
                for row in await self._query(
                    "SELECT external_id, version, fields->>'phone', fields->>'text' FROM ingest.record"
                    " JOIN ingest.record_content ON record_id = id"
                )
            ],
            refused=[row["row"] for row in await self._query("SELECT row FROM ingest.quarantine")],
            answers=[path.read_bytes() for path in self._answers.glob("*.json")],
            protocols=[path.read_bytes() for path in self._answers.glob("*.xml")],
            archived=[b"".join(archive.read(run["id"])) for run in runs if archive.has(run["id"])],
            ledger=[
                tuple(row)
                for row in await self._query(
                    "SELECT external_id, version, event, state FROM ingest.notice"
                )
            ],
            leftovers=[path.name for path in (*self._files(), *self._answers.glob(".*"))],
        )

    async def _query(self, statement: str, *values: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self._url)
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()
